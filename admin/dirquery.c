/* One question to a directory. */
#include "admin/dirquery.h"

#include <string.h>
#include <sys/time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "ldapsync/dirconn.h"

enum { NO_FD = -1, PAGE_ENTRIES = 500 };

/* A search on its way. */
struct flight {
	LDAP *ld;
	int id;
	uint64_t deadline;
};

static int result_code(LDAP *ld)
{
	int code = LDAP_OTHER;

	ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
	return code == LDAP_SUCCESS ? LDAP_OTHER : code;
}

static int start(struct flight *flight, LDAP *ld, const struct dirquery *query)
{
	LDAPControl *controls[] = { query->control, NULL };
	unsigned limit_ms = query->limit_ms > 0 ? query->limit_ms : DIRCONN_ANSWER_MS;

	*flight = (struct flight){ .ld = ld, .deadline = clock_mono_ms() + limit_ms };
	return ldap_search_ext(ld, query->base, query->scope,
			       query->filter != NULL ? query->filter : "(objectClass=*)",
			       (char **)(uintptr_t)query->attributes, 0,
			       query->control != NULL ? controls : NULL, NULL, NULL,
			       query->size_limit, &flight->id);
}

/* The next message, or null and a code. */
static LDAPMessage *next(const struct flight *flight, int *code_r)
{
	for (;;) {
		struct timeval none = { 0, 0 };
		LDAPMessage *message = NULL;
		int rc = ldap_result(flight->ld, flight->id, LDAP_MSG_ONE, &none, &message);
		uint64_t now = clock_mono_ms();

		*code_r = rc < 0 ? result_code(flight->ld) : LDAP_TIMEOUT;
		if (rc != 0)
			return message;
		if (now >= flight->deadline)
			return NULL;
		dirconn_wait(flight->ld, NO_FD, (int)(flight->deadline - now));
	}
}

/* Of a question that was given up nothing more is wanted. */
static void give_up(const struct flight *flight)
{
	ldap_abandon_ext(flight->ld, flight->id, NULL, NULL);
}

/* ---- entries ---- */

static void take_uuid(struct entry *entry)
{
	const char *text = entry_text(entry, "entryUUID");
	const struct entry_attribute *guid = entry_find(entry, "objectGUID");

	if (text != NULL && !entry_uuid_parse(text, strlen(text), &entry->uuid))
		entry->uuid = (struct entry_uuid){ { 0 } };
	if (guid != NULL && guid->values[0].len == sizeof(entry->uuid.bytes))
		memcpy(entry->uuid.bytes, guid->values[0].data, sizeof(entry->uuid.bytes));
}

static struct entry *take_entry(LDAP *ld, TALLOC_CTX *ctx, LDAPMessage *message)
{
	char *dn = ldap_get_dn(ld, message), *name;
	struct entry *entry = entry_new(ctx, dn != NULL ? dn : "");
	BerElement *at = NULL;

	ldap_memfree(dn);
	for (name = ldap_first_attribute(ld, message, &at); name != NULL;
	     name = ldap_next_attribute(ld, message, at)) {
		struct berval **values = ldap_get_values_len(ld, message, name);

		for (int i = 0; values != NULL && values[i] != NULL; i++)
			entry_add(entry, name, values[i]->bv_val, values[i]->bv_len);
		ldap_value_free_len(values);
		ldap_memfree(name);
	}
	ber_free(at, 0);
	take_uuid(entry);
	return entry;
}

static int free_controls(struct dirreply *reply)
{
	ldap_controls_free(reply->controls);
	return 0;
}

static void take_result(LDAP *ld, LDAPMessage *message, struct dirreply *reply)
{
	char *text = NULL;
	int rc = ldap_parse_result(ld, message, &reply->code, NULL, &text, NULL,
				   &reply->controls, 0);

	if (rc != LDAP_SUCCESS)
		reply->code = rc;
	if (text != NULL)
		reply->text = talloc_strdup(reply, text);
	ldap_memfree(text);
}

struct dirreply *dirquery(LDAP *ld, TALLOC_CTX *ctx, const struct dirquery *query)
{
	struct dirreply *reply = talloc_zero(ctx, struct dirreply);
	struct flight flight;
	LDAPMessage *message;
	bool is_over = false;

	reply->text = "";
	talloc_set_destructor(reply, free_controls);
	reply->code = start(&flight, ld, query);
	if (reply->code != LDAP_SUCCESS)
		return reply;
	while (!is_over && (message = next(&flight, &reply->code)) != NULL) {
		int type = ldap_msgtype(message);

		is_over = type == LDAP_RES_SEARCH_RESULT;
		if (type == LDAP_RES_SEARCH_ENTRY)
			entry_list_add(reply, &reply->entries, take_entry(ld, reply, message));
		else if (is_over)
			take_result(ld, message, reply);
		ldap_msgfree(message);
	}
	if (!is_over && reply->code == LDAP_TIMEOUT)
		give_up(&flight);
	return reply;
}

int dirquery_count(LDAP *ld, const struct dirquery *query, size_t most, size_t *count_r)
{
	struct flight flight;
	LDAPMessage *message;
	int code = start(&flight, ld, query), rc;
	bool is_over = false;

	*count_r = 0;
	if (code != LDAP_SUCCESS)
		return code;
	while (!is_over && *count_r < most && (message = next(&flight, &code)) != NULL) {
		int type = ldap_msgtype(message);

		*count_r += type == LDAP_RES_SEARCH_ENTRY;
		is_over = type == LDAP_RES_SEARCH_RESULT;
		if (is_over) {
			rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, NULL, 0);
			code = rc != LDAP_SUCCESS ? rc : code;
		}
		ldap_msgfree(message);
	}
	if (!is_over)
		give_up(&flight);
	return is_over || *count_r < most ? code : LDAP_SUCCESS;
}

/* The cookie of the next page into COOKIE, empty after the last one. The code. */
static int take_cookie(LDAP *ld, const struct dirreply *reply, struct berval *cookie)
{
	LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, reply->controls, NULL);
	int estimate;

	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){ 0, NULL };
	if (reply->code != LDAP_SUCCESS || page == NULL)
		return reply->code;
	return ldap_parse_pageresponse_control(ld, page, &estimate, cookie);
}

int dirquery_pages(LDAP *ld, const struct dirquery *query,
		   bool (*on_entry)(void *arg, const struct entry *entry), void *arg)
{
	struct berval cookie = { 0, NULL };
	struct dirquery page = *query;
	bool goes_on = true;
	int code;

	do {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct dirreply *reply;

		code = ldap_create_page_control(ld, PAGE_ENTRIES, &cookie, 0, &page.control);
		if (code == LDAP_SUCCESS) {
			reply = dirquery(ld, ctx, &page);
			for (size_t i = 0; i < reply->entries.count && goes_on; i++)
				goes_on = on_entry(arg, reply->entries.items[i]);
			code = take_cookie(ld, reply, &cookie);
		}
		ldap_control_free(page.control);
		talloc_free(ctx);
	} while (code == LDAP_SUCCESS && cookie.bv_len > 0 && goes_on);
	ber_memfree(cookie.bv_val);
	return code;
}

struct entry *dirquery_entry(LDAP *ld, TALLOC_CTX *ctx, const char *dn,
			     const char *const *attributes, int *code_r)
{
	const struct dirquery query = { .base = dn,
					.scope = LDAP_SCOPE_BASE,
					.attributes = attributes };
	struct dirreply *reply = dirquery(ld, ctx, &query);

	if (code_r != NULL)
		*code_r = reply->code;
	return reply->entries.count > 0 ? reply->entries.items[0] : NULL;
}

/* ---- other operations ---- */

int dirquery_extended(LDAP *ld, TALLOC_CTX *ctx, const char *oid, const char **answer_r)
{
	struct flight flight = { .ld = ld, .deadline = clock_mono_ms() + DIRCONN_ANSWER_MS };
	LDAPMessage *message;
	struct berval *data = NULL;
	int code = ldap_extended_operation(ld, oid, NULL, NULL, NULL, &flight.id), rc;

	*answer_r = NULL;
	if (code != LDAP_SUCCESS)
		return code;
	message = next(&flight, &code);
	if (message == NULL)
		return code;
	rc = ldap_parse_extended_result(ld, message, NULL, &data, 0);
	if (rc == LDAP_SUCCESS)
		rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, NULL, 0);
	ldap_msgfree(message);
	if (data != NULL)
		*answer_r = talloc_strndup(ctx, data->bv_val, data->bv_len);
	ber_bvfree(data);
	return rc != LDAP_SUCCESS ? rc : code;
}

char *dirquery_escape(TALLOC_CTX *ctx, const char *value)
{
	struct berval plain = { strlen(value), (char *)(uintptr_t)value },
		      escaped = { 0, NULL };
	char *text;

	ldap_bv2escaped_filter_value(&plain, &escaped);
	text = talloc_strdup(ctx, escaped.bv_val != NULL ? escaped.bv_val : "");
	ber_memfree(escaped.bv_val);
	return text;
}
