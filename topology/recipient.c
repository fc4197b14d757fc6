/*
 * Recipients as compact records: see recipient.h. Pure.
 *
 * A record: format octet, flags, UUID, size limit, three counts (little-endian), then texts with
 * their NUL: primary, home DN key, mail host, forward, the addresses, member DNs, member
 * addresses. The last octet is a NUL, so no text can run out of the record.
 */
#include "topology/recipient.h"

#include <string.h>

#include "common/compiler.h"
#include "common/dn.h"
#include "common/mailaddr.h"
#include "common/names.h"

enum {
	RECIPIENT_FORMAT = 1,
	HEAD_SIZE = 1 + 4 + 16 + 8 + 3 * 4,
	FIXED_TEXTS = 4,
	RECIPIENT_USUAL = 512,
};

static const char *const address_attributes[] = { "mail", "mailLocalAddress",
						  "mailAlternateAddress", "proxyAddresses" };
static const char *const forward_attributes[] = { "mailRoutingAddress", "targetAddress" };
static const char *const member_attributes[] = { "member", "uniqueMember" };
static const char *const member_address_attributes[] = { "rfc822MailMember",
							 "mgrpRFC822MailMember" };
static const struct {
	const char *name;
	size_t len;
} group_classes[] = {
#define CLASS(name) { name, sizeof(name) - 1 }
	CLASS("groupOfNames"), CLASS("groupOfUniqueNames"), CLASS("groupOfMembers"), CLASS("group"),
	CLASS("mailGroup"), CLASS("nisMailAlias"), CLASS("rfc822MailGroup"), CLASS("inetMailGroup"),
#undef CLASS
};

const char *const *recipient_attributes(void)
{
	static const char *const names[] = {
		"objectClass", "mail", "mailLocalAddress", "mailAlternateAddress", "proxyAddresses",
		"mailRoutingAddress", "targetAddress", "mailHost", "member", "uniqueMember",
		"rfc822MailMember", "mgrpRFC822MailMember", "waypostHomeServer",
		"waypostRequireAuth", "waypostMaxMessageSize", NULL
	};

	return names;
}

const char *recipient_next(const char *text)
{
	return text + strlen(text) + 1;
}

static bool is_group_class(const struct entry_value *class)
{
	for (size_t i = 0; i < WP_COUNT(group_classes); i++)
		if (group_classes[i].len == class->len &&
		    ascii_equal_n(group_classes[i].name, class->data, class->len))
			return true;
	return false;
}

static bool is_group(const struct entry *entry)
{
	const struct entry_attribute *classes = entry_find(entry, "objectClass");

	for (size_t i = 0; classes != NULL && i < classes->n_values; i++)
		if (is_group_class(&classes->values[i]))
			return true;
	return false;
}

bool recipient_is(const struct entry *entry)
{
	for (size_t i = 0; i < WP_COUNT(address_attributes); i++) {
		const struct entry_attribute *found = entry_find(entry, address_attributes[i]);

		if (found != NULL && found->n_values > 0)
			return true;
	}
	return is_group(entry);
}

static void put_u32(uint8_t *at, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(n >> (8 * i));
}

static void add_text(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static bool has_nul(const struct entry_value *value)
{
	return memchr(value->data, '\0', value->len) != NULL;
}

/* Whether the texts behind FROM already hold TEXT. */
static bool holds_text(const struct buf *texts, size_t from, const char *text)
{
	for (size_t at = from; at < texts->len; at += strlen(texts->data + at) + 1)
		if (strcmp(texts->data + at, text) == 0)
			return true;
	return false;
}

static uint32_t add_folded(struct buf *out, size_t from, const struct entry_value *value,
			   unsigned *bad)
{
	struct mailaddr addr;

	if (mailaddr_parse(value->data, value->len, &addr) != MAILADDR_OK) {
		(*bad)++;
		return 0;
	}
	if (holds_text(out, from, addr.folded))
		return 0;
	add_text(out, addr.folded);
	return 1;
}

/* Each is compared with those before it, here and whenever the entry changes, so that somebody who
 * may write his own addresses could hold up everybody. */
static uint32_t add_addresses(const struct entry *entry, struct buf *out, unsigned *bad)
{
	size_t from = out->len;
	uint32_t n = 0;

	for (size_t i = 0; i < WP_COUNT(address_attributes); i++) {
		const struct entry_attribute *found = entry_find(entry, address_attributes[i]);

		for (size_t v = 0; found != NULL && v < found->n_values; v++) {
			if (n < RECIPIENT_ADDRESSES_MAX)
				n += add_folded(out, from, &found->values[v], bad);
			else
				(*bad)++;
		}
	}
	return n;
}

/* The proxy address whose type is in capitals, else the first value of the first attribute. */
static const char *primary_of(const struct entry *entry)
{
	const struct entry_attribute *proxies = entry_find(entry, "proxyAddresses");

	for (size_t v = 0; proxies != NULL && v < proxies->n_values; v++)
		if (strncmp(proxies->values[v].data, "SMTP:", 5) == 0)
			return proxies->values[v].data + 5;
	for (size_t i = 0; i < WP_COUNT(address_attributes); i++) {
		const char *text = entry_text(entry, address_attributes[i]);

		if (text != NULL)
			return ascii_equal_n(text, "smtp:", 5) ? text + 5 : text;
	}
	return "";
}

static const char *forward_of(const struct entry *entry)
{
	for (size_t i = 0; i < WP_COUNT(forward_attributes); i++) {
		const char *text = entry_text(entry, forward_attributes[i]);

		if (text != NULL && *text != '\0')
			return ascii_equal_n(text, "smtp:", 5) ? text + 5 : text;
	}
	return "";
}

/* The key of a legacy name into OUT; false if the entry has none, or no valid one. */
static bool add_home_name(const struct entry *entry, struct buf *out)
{
	const char *name = entry_text(entry, "waypostHomeName");
	char *key = name != NULL && *name == '/' ? name_key(NULL, name, strlen(name)) : NULL;
	bool found = key != NULL;

	if (found)
		add_text(out, key);
	talloc_free(key);
	return found;
}

static void add_home(const struct entry *entry, struct buf *out)
{
	const char *home = entry_text(entry, "waypostHomeServer");
	const char *host = entry_text(entry, "mailHost");
	char name[MAILADDR_DOMAIN_MAX + 1];
	char *key = home != NULL ? dn_key(NULL, home) : NULL;

	/* A home that is no DN is a home that is unknown, not an absent one. */
	add_text(out, key != NULL ? key : home != NULL ? "?" : "");
	talloc_free(key);
	if (add_home_name(entry, out))
		return;
	if (host != NULL && mailaddr_domain(host, strlen(host), name, sizeof(name)) > 0)
		host = name;
	add_text(out, host != NULL ? host : "");
}

/* An entry that is forwarded to comes before an address. *BY_DN_R: it is the key of a DN. */
static void add_forward(const struct entry *entry, struct buf *out, bool *by_dn_r)
{
	const char *dn = entry_text(entry, "waypostForwardDN");
	char *key = dn != NULL ? dn_key(NULL, dn) : NULL;

	*by_dn_r = key != NULL && *key != '\0';
	add_text(out, *by_dn_r ? key : forward_of(entry));
	talloc_free(key);
}

static uint32_t add_members(const struct entry *entry, struct buf *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < WP_COUNT(member_attributes); i++) {
		const struct entry_attribute *found = entry_find(entry, member_attributes[i]);

		for (size_t v = 0; found != NULL && v < found->n_values; v++) {
			char *key = dn_key(NULL, found->values[v].data);

			if (key != NULL && *key != '\0') {
				add_text(out, key);
				n++;
			}
			talloc_free(key);
		}
	}
	return n;
}

static uint32_t add_member_addresses(const struct entry *entry, struct buf *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < WP_COUNT(member_address_attributes); i++) {
		const struct entry_attribute *found =
			entry_find(entry, member_address_attributes[i]);

		for (size_t v = 0; found != NULL && v < found->n_values; v++) {
			if (found->values[v].len == 0 || has_nul(&found->values[v]))
				continue;
			add_text(out, found->values[v].data);
			n++;
		}
	}
	return n;
}

static uint32_t flags_of(const struct entry *entry, bool has_members)
{
	const char *inside = entry_text(entry, "waypostRequireAuth");
	const char *both = entry_text(entry, "waypostDeliverAndRedirect");
	uint32_t flags = 0;

	if (is_group(entry) || has_members)
		flags |= RECIPIENT_GROUP;
	if (inside != NULL && ascii_equal(inside, "TRUE"))
		flags |= RECIPIENT_REQUIRE_AUTH;
	if (both != NULL && ascii_equal(both, "TRUE"))
		flags |= RECIPIENT_DELIVER_AND_REDIRECT;
	if (entry_text(entry, "mailHost") != NULL && entry_text(entry, "mailRoutingAddress") != NULL)
		flags |= RECIPIENT_ROUTE_HOST;
	return flags;
}

static uint64_t size_limit_of(const struct entry *entry)
{
	const char *text = entry_text(entry, "waypostMaxMessageSize");
	uint64_t size;

	return text != NULL && parse_u64(text, strlen(text), INT64_MAX, &size) ? size : 0;
}

static bool is_bool(const struct entry_value *value)
{
	return ascii_equal(value->data, "TRUE") || ascii_equal(value->data, "FALSE");
}

static bool is_size(const struct entry_value *value)
{
	uint64_t size;

	return parse_u64(value->data, value->len, INT64_MAX, &size);
}

static bool is_dn(const struct entry_value *value)
{
	return !has_nul(value) && dn_is_valid(value->data);
}

static bool is_legacy_name(const struct entry_value *value)
{
	return value->data[0] == '/' && name_is_printable(value->data, value->len);
}

const char *recipient_bad_value(const struct entry *entry, const struct entry_value **value_r)
{
	static const struct {
		const char *attribute;
		bool (*fits)(const struct entry_value *value);
	} rows[] = {
		{ "waypostHomeServer", is_dn },
		{ "waypostRequireAuth", is_bool },
		{ "waypostForwardDN", is_dn },
		{ "waypostDeliverAndRedirect", is_bool },
		{ "waypostHomeName", is_legacy_name },
		{ "waypostMaxMessageSize", is_size },
	};

	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		const struct entry_attribute *found = entry_find(entry, rows[i].attribute);

		if (found == NULL || found->n_values == 0 || rows[i].fits(&found->values[0]))
			continue;
		*value_r = &found->values[0];
		return rows[i].attribute;
	}
	return NULL;
}

bool recipient_encode(const struct entry *entry, struct buf *out, unsigned *bad_r)
{
	uint8_t head[HEAD_SIZE] = { RECIPIENT_FORMAT };
	size_t at = out->len;
	uint32_t n_members, n_member_addresses;
	uint64_t max_size = size_limit_of(entry);
	unsigned bad = 0;
	bool by_dn;

	if (bad_r != NULL)
		*bad_r = 0;
	if (!recipient_is(entry))
		return false;
	buf_reserve(out, RECIPIENT_USUAL);
	buf_add(out, head, sizeof(head)); /* filled in last */
	add_text(out, primary_of(entry));
	add_home(entry, out);
	add_forward(entry, out, &by_dn);
	put_u32(head + 29, add_addresses(entry, out, &bad));
	n_members = add_members(entry, out);
	n_member_addresses = add_member_addresses(entry, out);

	put_u32(head + 1, flags_of(entry, n_members + n_member_addresses > 0) |
				  (by_dn ? RECIPIENT_FORWARD_DN : 0));
	memcpy(head + 5, entry->uuid.bytes, sizeof(entry->uuid.bytes));
	put_u32(head + 21, (uint32_t)max_size);
	put_u32(head + 25, (uint32_t)(max_size >> 32));
	put_u32(head + 33, n_members);
	put_u32(head + 37, n_member_addresses);
	memcpy(out->data + at, head, sizeof(head));
	if (bad_r != NULL)
		*bad_r = bad;
	return true;
}

static uint32_t get_u32(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static const char *skip_texts(const char *at, const char *end, uint64_t count)
{
	for (; count > 0 && at < end; count--)
		at = recipient_next(at);
	return count == 0 ? at : NULL;
}

static struct recipient_texts take_texts(const char **at, uint32_t count)
{
	struct recipient_texts texts = { *at, count };

	for (uint32_t i = 0; i < count; i++)
		*at = recipient_next(*at);
	return texts;
}

int recipient_decode(const void *data, size_t len, struct recipient *r, struct err *err)
{
	const unsigned char *head = data;
	const char *at = (const char *)data + HEAD_SIZE, *end = (const char *)data + len;
	uint32_t counts[3];
	uint64_t total = FIXED_TEXTS;

	if (len <= HEAD_SIZE || head[0] != RECIPIENT_FORMAT || end[-1] != '\0')
		return err_set(err, ERR_STORE, 0, "the record of a recipient is damaged");
	for (int i = 0; i < 3; i++) {
		counts[i] = get_u32(head + 29 + 4 * i);
		total += counts[i];
	}
	if (skip_texts(at, end, total) != end)
		return err_set(err, ERR_STORE, 0, "the record of a recipient is damaged");
	r->flags = get_u32(head + 1);
	memcpy(r->uuid.bytes, head + 5, sizeof(r->uuid.bytes));
	r->max_size = get_u32(head + 21) | (uint64_t)get_u32(head + 25) << 32;
	r->primary = at;
	r->home_dn = recipient_next(r->primary);
	r->mail_host = recipient_next(r->home_dn);
	r->forward = recipient_next(r->mail_host);
	at = recipient_next(r->forward);
	r->addresses = take_texts(&at, counts[0]);
	r->member_dns = take_texts(&at, counts[1]);
	r->member_addresses = take_texts(&at, counts[2]);
	return 0;
}
