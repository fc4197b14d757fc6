/* libldap for the tools. */
#include "admin/dirclient.h"

#include <lber.h>
#include <ldap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "admin/dirquery.h"
#include "common/buf.h"

enum { NETWORK_TIMEOUT_S = 10, SEARCH_TIMEOUT_S = 30, PAGE_ENTRIES = 1000 };

struct dirclient {
	LDAP *ld;
	const char *uri;
};

static int ldap_failed(const struct dirclient *d, int code, const char *what, struct err *e)
{
	char *more = NULL;
	bool is_denied = code == LDAP_INSUFFICIENT_ACCESS || code == LDAP_INVALID_CREDENTIALS ||
			 code == LDAP_INAPPROPRIATE_AUTH || code == LDAP_STRONG_AUTH_REQUIRED;

	if (d->ld != NULL)
		ldap_get_option(d->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	err_set(e, is_denied ? ERR_PERMISSION : ERR_DIRECTORY, code, "%s: %s: %s%s%.200s", d->uri, what,
		ldap_err2string(code), more != NULL && more[0] != '\0' ? ": " : "",
		more != NULL ? more : "");
	ldap_memfree(more);
	if (is_denied)
		return err_remedy(e, "sign in as one who may: -D DN with -W or -y FILE, or --external");
	return -1;
}

/* ---- connection ---- */

static void set_options(LDAP *ld, const struct host_directory *directory)
{
	const struct timeval network = { .tv_sec = NETWORK_TIMEOUT_S };
	const struct {
		int option;
		const char *value;
	} files[] = {
		{ LDAP_OPT_X_TLS_CACERTFILE, directory->tls_ca },
		{ LDAP_OPT_X_TLS_CERTFILE, directory->tls_cert },
		{ LDAP_OPT_X_TLS_KEYFILE, directory->tls_key },
	};
	int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;

	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &network);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &network);
	ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	for (size_t i = 0; i < WP_COUNT(files); i++)
		if (files[i].value != NULL)
			ldap_set_option(ld, files[i].option, files[i].value);
	ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
}

static int sign_in(struct dirclient *d, const struct dirclient_bind *bind, struct err *e)
{
	char *password = mem_strdup(bind->bind_dn != NULL && bind->password != NULL ? bind->password : "");
	struct berval credentials = { strlen(password), password };
	bool is_external = bind->external && bind->bind_dn == NULL;
	int rc = ldap_sasl_bind_s(d->ld, bind->bind_dn, is_external ? "EXTERNAL" : LDAP_SASL_SIMPLE,
				  &credentials, NULL, NULL, NULL);

	explicit_bzero(password, strlen(password));
	free(password);
	return rc == LDAP_SUCCESS ? 0 : ldap_failed(d, rc, "sign-in", e);
}

static int refuse_cleartext(const char *uri, struct err *e)
{
	err_set(e, ERR_USAGE, 0, "the password would go to %s in clear", uri);
	return err_remedy(e, "add --starttls (or starttls = true in the host file), or use ldaps:// or ldapi://");
}

static int open_one(struct dirclient *d, const struct host_directory *directory,
		    const struct host_uri *uri, const struct dirclient_bind *bind, struct err *e)
{
	bool is_plain = uri->scheme == HOST_LDAP;
	int rc;

	d->uri = uri->text;
	if (uri->scheme != HOST_LDAP && uri->scheme != HOST_LDAPS && uri->scheme != HOST_LDAPI)
		return err_set(e, ERR_DIRECTORY, 0, "%s cannot be written to", uri->text);
	if (is_plain && !directory->starttls && !directory->cleartext && bind->bind_dn != NULL)
		return refuse_cleartext(uri->text, e);
	rc = ldap_initialize(&d->ld, uri->text);
	if (rc != LDAP_SUCCESS)
		return ldap_failed(d, rc, "address", e);
	set_options(d->ld, directory);
	if (is_plain && directory->starttls) {
		rc = ldap_start_tls_s(d->ld, NULL, NULL);
		if (rc != LDAP_SUCCESS)
			return ldap_failed(d, rc, "StartTLS", e);
	}
	return sign_in(d, bind, e);
}

static void hang_up(struct dirclient *d)
{
	if (d->ld != NULL)
		ldap_unbind_ext_s(d->ld, NULL, NULL);
	d->ld = NULL;
}

int dirclient_open(const struct host_directory *directory, const struct dirclient_bind *bind,
		  struct dirclient **dir_r, struct err *e)
{
	struct dirclient *d = mem_zero(1, sizeof(*d));

	for (size_t i = 0; i < directory->n_uris; i++) {
		if (open_one(d, directory, &directory->uris[i], bind, e) == 0) {
			*dir_r = d;
			return 0;
		}
		hang_up(d);
		if (e->domain != ERR_DIRECTORY) /* the next address would say the same */
			break;
	}
	free(d);
	return -1;
}

struct dirclient *dirclient_of(LDAP *ld, const char *uri)
{
	struct dirclient *d = mem_zero(1, sizeof(*d));

	*d = (struct dirclient){ ld, uri };
	return d;
}

void dirclient_close(struct dirclient **dir)
{
	if (*dir == NULL)
		return;
	hang_up(*dir);
	free(*dir);
	*dir = NULL;
}

/* ---- reading ---- */

static struct entry *take_entry(struct dirclient *d, TALLOC_CTX *ctx, LDAPMessage *message)
{
	char *dn = ldap_get_dn(d->ld, message), *name;
	struct entry *entry = entry_new(ctx, dn != NULL ? dn : "");
	BerElement *at = NULL;

	ldap_memfree(dn);
	for (name = ldap_first_attribute(d->ld, message, &at); name != NULL;
	     name = ldap_next_attribute(d->ld, message, at)) {
		struct berval **values = ldap_get_values_len(d->ld, message, name);

		for (int i = 0; values != NULL && values[i] != NULL; i++)
			entry_add(entry, name, values[i]->bv_val, values[i]->bv_len);
		ldap_value_free_len(values);
		ldap_memfree(name);
	}
	ber_free(at, 0);
	return entry;
}

/* (&(objectClass=waypostServer)(ATTRIBUTE=VALUE)), the value escaped. */
static char *server_filter(TALLOC_CTX *ctx, const char *attribute, const char *value)
{
	return talloc_asprintf(ctx, "(&(objectClass=waypostServer)(%s=%s))", attribute,
			       dirquery_escape(ctx, value));
}

int dirclient_find_server(struct dirclient *d, TALLOC_CTX *ctx, const char *base, const char *name,
			 const char *fqdn, struct entry **entry_r, struct err *e)
{
	const char *const attributes[] = { "cn", PUBLISH_HASH, PUBLISH_CERTIFICATE, NULL };
	char *filter = server_filter(ctx, name != NULL ? "cn" : "waypostFqdn", name != NULL ? name : fqdn);
	struct timeval limit = { .tv_sec = SEARCH_TIMEOUT_S };
	LDAPMessage *found = NULL;
	int n, rc = ldap_search_ext_s(d->ld, base, LDAP_SCOPE_SUBTREE, filter,
				      (char **)(uintptr_t)attributes, 0, NULL, NULL, &limit, 2, &found);

	if (rc != LDAP_SUCCESS && rc != LDAP_SIZELIMIT_EXCEEDED) {
		ldap_msgfree(found);
		return ldap_failed(d, rc, base, e);
	}
	n = ldap_count_entries(d->ld, found);
	if (n == 1)
		*entry_r = take_entry(d, ctx, ldap_first_entry(d->ld, found));
	ldap_msgfree(found);
	if (n == 1)
		return 0;
	err_set(e, ERR_NOT_FOUND, 0, "%s below %s: %s", name != NULL ? name : fqdn, base,
		n == 0 ? "there is no such server" : "there are several");
	return err_remedy(e, "add the server, or correct server = \"…\" in the host file");
}

static void take_uuid(struct entry *entry)
{
	const char *text = entry_text(entry, "entryUUID");

	if (text != NULL && !entry_uuid_parse(text, strlen(text), &entry->uuid))
		entry->uuid = (struct entry_uuid){ { 0 } };
}

/* The cookie of the next page into COOKIE; empty after the last one. */
static int take_page(struct dirclient *d, LDAPMessage *found, struct berval *cookie)
{
	LDAPControl **controls = NULL, *page;
	int code = LDAP_SUCCESS, rc, estimate;

	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){ 0, NULL };
	rc = ldap_parse_result(d->ld, found, &code, NULL, NULL, NULL, &controls, 0);
	if (rc == LDAP_SUCCESS && code != LDAP_SUCCESS)
		rc = code;
	page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	if (rc == LDAP_SUCCESS && page != NULL)
		rc = ldap_parse_pageresponse_control(d->ld, page, &estimate, cookie);
	ldap_controls_free(controls);
	return rc;
}

static int read_page(struct dirclient *d, TALLOC_CTX *ctx, const char *base, struct entry_list *list,
		     struct berval *cookie)
{
	const char *const attributes[] = { "*", "entryUUID", NULL };
	struct timeval limit = { .tv_sec = SEARCH_TIMEOUT_S };
	LDAPControl *controls[2] = { NULL, NULL };
	LDAPMessage *found = NULL;
	int rc = ldap_create_page_control(d->ld, PAGE_ENTRIES, cookie, 0, &controls[0]);

	if (rc == LDAP_SUCCESS)
		rc = ldap_search_ext_s(d->ld, base, LDAP_SCOPE_SUBTREE, "(objectClass=*)",
				       (char **)(uintptr_t)attributes, 0, controls, NULL, &limit, 0,
				       &found);
	for (LDAPMessage *m = ldap_first_entry(d->ld, found); rc == LDAP_SUCCESS && m != NULL;
	     m = ldap_next_entry(d->ld, m)) {
		struct entry *entry = take_entry(d, ctx, m);

		take_uuid(entry);
		entry_list_add(ctx, list, entry);
	}
	if (rc == LDAP_SUCCESS)
		rc = take_page(d, found, cookie);
	ldap_msgfree(found);
	ldap_control_free(controls[0]);
	return rc;
}

int dirclient_read(struct dirclient *d, TALLOC_CTX *ctx, const char *base, struct entry_list *list,
		   struct err *e)
{
	struct berval cookie = { 0, NULL };
	int rc;

	do
		rc = read_page(d, ctx, base, list, &cookie);
	while (rc == LDAP_SUCCESS && cookie.bv_len > 0);
	ber_memfree(cookie.bv_val);
	return rc == LDAP_SUCCESS ? 0 : ldap_failed(d, rc, base, e);
}

/* ---- writing ---- */

/* Values that are to be added, under CTX. */
static struct berval **take_values(TALLOC_CTX *ctx, const struct entry_attribute *attribute)
{
	struct berval *values = talloc_array(ctx, struct berval, attribute->n_values);
	struct berval **list = talloc_zero_array(ctx, struct berval *, attribute->n_values + 1);

	for (size_t i = 0; i < attribute->n_values; i++) {
		values[i] = (struct berval){ attribute->values[i].len,
					     (char *)(uintptr_t)attribute->values[i].data };
		list[i] = &values[i];
	}
	return list;
}

int dirclient_add(struct dirclient *d, const struct entry *entry, struct err *e)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	LDAPMod *mods = talloc_zero_array(ctx, LDAPMod, entry->n_attributes + 1);
	LDAPMod **list = talloc_zero_array(ctx, LDAPMod *, entry->n_attributes + 1);
	int rc;

	for (size_t i = 0; i < entry->n_attributes; i++) {
		mods[i].mod_op = LDAP_MOD_ADD | LDAP_MOD_BVALUES;
		mods[i].mod_type = talloc_strdup(ctx, entry->attributes[i].name);
		mods[i].mod_bvalues = take_values(ctx, &entry->attributes[i]);
		list[i] = &mods[i];
	}
	rc = ldap_add_ext_s(d->ld, entry->dn, list, NULL, NULL);
	talloc_free(ctx);
	return rc == LDAP_SUCCESS ? 0 : ldap_failed(d, rc, entry->dn, e);
}

int dirclient_apply(struct dirclient *d, const struct publish_plan *plan, struct err *e)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	LDAPMod *mods = talloc_zero_array(ctx, LDAPMod, plan->n + 1);
	LDAPMod **list = talloc_zero_array(ctx, LDAPMod *, plan->n + 1);
	int rc;

	for (size_t i = 0; i < plan->n; i++) {
		const struct publish_change *change = &plan->changes[i];
		struct berval *value = talloc(ctx, struct berval);
		struct berval **values = talloc_zero_array(ctx, struct berval *, 2);

		*value = (struct berval){ change->value.len, (char *)(uintptr_t)change->value.data };
		values[0] = value;
		mods[i].mod_op = (change->is_add ? LDAP_MOD_ADD : LDAP_MOD_DELETE) | LDAP_MOD_BVALUES;
		mods[i].mod_type = talloc_strdup(ctx, change->attribute);
		mods[i].mod_bvalues = values;
		list[i] = &mods[i];
	}
	rc = plan->n > 0 ? ldap_modify_ext_s(d->ld, plan->dn, list, NULL, NULL) : LDAP_SUCCESS;
	talloc_free(ctx);
	return rc == LDAP_SUCCESS ? 0 : ldap_failed(d, rc, plan->dn, e);
}
