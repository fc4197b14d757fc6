/* topology/recipient: which entries are recipients, what a record holds, and damaged records. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/recipient_overlay.h"

static void record_of(const struct entry *entry, struct buf *record, struct recipient *view)
{
	assert_true(recipient_encode(entry, record, NULL));
	assert_int_equal(recipient_decode(record->data, record->len, view, NULL), 0);
}

static const char *texts(TALLOC_CTX *ctx, struct recipient_texts list)
{
	char *text = talloc_strdup(ctx, "");
	const char *at = list.first;

	for (uint32_t i = 0; i < list.count; i++, at = recipient_next(at))
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? " " : "", at);
	return text;
}

static void test_an_address_or_the_class_of_a_group_makes_a_recipient(void **state)
{
	static const struct {
		const char *class, *attribute;
		bool is;
	} table[] = {
		{ "inetOrgPerson", "mail", true },        { "inetOrgPerson", "proxyAddresses", true },
		{ "inetOrgPerson", "mailLocalAddress", true }, { "inetOrgPerson", "telephoneNumber", false },
		{ "groupOfNames", "member", true },       { "groupOfUniqueNames", "cn", true },
		{ "gROUP", "cn", true },                  { "organizationalUnit", "cn", false },
	};
	struct net *net = net_empty();

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct entry *entry = net_add(net, table[i].class, "cn=x,dc=com", table[i].attribute,
					      "a@b.com", NULL);
		struct buf record = { NULL, 0, 0 };

		assert_int_equal(recipient_is(entry), table[i].is);
		assert_int_equal(recipient_encode(entry, &record, NULL), table[i].is);
		assert_int_equal(record.len > 0, table[i].is);
		buf_free(&record);
	}
	net_free(net);
}

static void test_a_record_holds_what_routing_needs(void **state)
{
	struct net *net = net_empty();
	struct buf record = { NULL, 0, 0 };
	struct recipient view;
	struct entry *entry = net_add(net, "inetOrgPerson", "cn=x,dc=com", "mail", "Joe@B.com",
		"proxyAddresses", "smtp:joe@b.com", "proxyAddresses", "SMTP:Joe.Doe@b.com",
		"proxyAddresses", "X400:C=de", "proxyAddresses", "smtp:not an address",
		"HomeServer", "CN=H1, DC=com", "mailHost", "H1.B.com", "mailRoutingAddress",
		"smtp:joe@inner.b.com", "MaxMessageSize", "1000", "RequireAuth", "true", NULL);
	unsigned bad;

	(void)state;
	assert_true(recipient_encode(entry, &record, &bad));
	assert_int_equal(bad, 1);
	assert_int_equal(recipient_decode(record.data, record.len, &view, NULL), 0);
	assert_true(entry_uuid_equal(&view.uuid, &entry->uuid));
	assert_string_equal(view.primary, "Joe.Doe@b.com");
	assert_string_equal(texts(net->ctx, view.addresses), "joe@b.com joe.doe@b.com X400:c=de");
	assert_string_equal(view.home_dn, "cn=h1,dc=com");
	assert_string_equal(view.mail_host, "h1.b.com");
	assert_string_equal(view.forward, "joe@inner.b.com");
	assert_int_equal(view.max_size, 1000);
	assert_int_equal(view.flags, RECIPIENT_REQUIRE_AUTH | RECIPIENT_ROUTE_HOST);
	buf_free(&record);
	net_free(net);
}

static void test_a_group_keeps_members_by_dn_and_by_address(void **state)
{
	struct net *net = net_empty();
	struct buf record = { NULL, 0, 0 };
	struct recipient view;
	struct entry *entry = net_add(net, "groupOfNames", "cn=g,dc=com", "member", "CN=Ann,dc=com",
		"uniqueMember", "cn=bob,dc=com", "member", "no dn", "rfc822MailMember", "u@f.com", NULL);

	(void)state;
	record_of(entry, &record, &view);
	assert_int_equal(view.flags, RECIPIENT_GROUP);
	assert_string_equal(texts(net->ctx, view.member_dns), "cn=ann,dc=com cn=bob,dc=com");
	assert_string_equal(texts(net->ctx, view.member_addresses), "u@f.com");
	assert_string_equal(view.primary, "");
	buf_free(&record);
	net_free(net);
}

static void test_addresses_behind_the_limit_are_left_out(void **state)
{
	struct net *net = net_empty();
	struct buf record = { NULL, 0, 0 };
	struct recipient view;
	struct entry *entry = net_add(net, "inetOrgPerson", "cn=x,dc=com", NULL);
	unsigned bad;

	(void)state;
	for (unsigned i = 0; i < RECIPIENT_ADDRESSES_MAX + 7; i++)
		entry_add_text(entry, "mail", talloc_asprintf(net->ctx, "a%u@b.com", i));
	assert_true(recipient_encode(entry, &record, &bad));
	assert_int_equal(bad, 7);
	assert_int_equal(recipient_decode(record.data, record.len, &view, NULL), 0);
	assert_int_equal(view.addresses.count, RECIPIENT_ADDRESSES_MAX);
	buf_free(&record);
	net_free(net);
}

static void test_a_home_that_is_no_dn_is_unknown_not_absent(void **state)
{
	struct net *net = net_empty();
	struct buf record = { NULL, 0, 0 };
	struct recipient view;

	(void)state;
	record_of(net_add(net, "inetOrgPerson", "cn=x,dc=com", "mail", "a@b.com", "HomeServer", "??", NULL),
		  &record, &view);
	assert_string_not_equal(view.home_dn, "");
	buf_free(&record);
	net_free(net);
}

static void test_values_that_do_not_fit_are_named(void **state)
{
	static const char *const rows[][3] = {
		{ "HomeServer", "??", "waypostHomeServer" },
		{ "HomeServer", "cn=a,dc=b", NULL },
		{ "RequireAuth", "perhaps", "waypostRequireAuth" },
		{ "RequireAuth", "true", NULL },
		{ "MaxMessageSize", "10 MB", "waypostMaxMessageSize" },
		{ "MaxMessageSize", "-1", "waypostMaxMessageSize" },
		{ "MaxMessageSize", "99999999999999999999", "waypostMaxMessageSize" },
		{ "MaxMessageSize", "0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct net *net = net_empty();
		const struct entry_value *value = NULL;
		const char *named = recipient_bad_value(
			net_add(net, "inetOrgPerson", "cn=x,dc=com", "mail", "a@b.com", rows[i][0],
				rows[i][1], NULL), &value);

		assert_int_equal(named != NULL, rows[i][2] != NULL);
		if (named != NULL) {
			assert_string_equal(named, rows[i][2]);
			assert_string_equal(value->data, rows[i][1]);
		}
		net_free(net);
	}
}

/* Every cut and every changed octet: an error or a view that stays inside. */
static void test_damaged_records_are_refused_or_harmless(void **state)
{
	struct net *net = net_empty();
	struct buf record = { NULL, 0, 0 };
	struct recipient view;

	(void)state;
	record_of(net_add(net, "groupOfNames", "cn=g,dc=com", "mail", "g@b.com", "member", "cn=a,dc=com",
			  "member", "cn=b,dc=com", NULL), &record, &view);
	for (size_t len = 0; len < record.len; len++) {
		char *copy = mem_alloc(len);

		memcpy(copy, record.data, len);
		assert_int_equal(recipient_decode(copy, len, &view, NULL), -1);
		free(copy);
	}
	for (size_t i = 0; i < record.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			char *copy = mem_alloc(record.len);

			memcpy(copy, record.data, record.len);
			copy[i] = (char)(copy[i] ^ (1 << bit));
			if (recipient_decode(copy, record.len, &view, NULL) == 0) {
				texts(net->ctx, view.addresses);
				texts(net->ctx, view.member_dns);
				texts(net->ctx, view.member_addresses);
			}
			free(copy);
		}
	buf_free(&record);
	net_free(net);
}

static void test_memory_finds_all_bearers_of_an_address(void **state)
{
	struct net *net = net_empty();
	struct recipient list[4];

	(void)state;
	net_person(net, "a@b.com", NULL);
	net_set(net_person(net, "b@b.com", NULL), "mailLocalAddress", "A@B.com");
	net_build(net);
	assert_int_equal(recipient_memory_count(net->memory), 2);
	assert_int_equal(net->recipients.by_address(net->memory, "a@b.com", list, 4, NULL), 2);
	assert_int_equal(net->recipients.by_address(net->memory, "a@b.com", list, 1, NULL), 1);
	assert_int_equal(net->recipients.by_address(net->memory, "c@b.com", list, 4, NULL), 0);
	assert_int_equal(net->recipients.by_dn(net->memory, "cn=b@b.com,ou=people,dc=example,dc=com",
					       list, NULL), 1);
	assert_string_equal(list[0].primary, "b@b.com");
	assert_int_equal(net->recipients.by_dn(net->memory, "cn=x", list, NULL), 0);
	net_free(net);
}

static bool add_address(void *arg, const struct recipient *recipient)
{
	char **text = arg;

	*text = talloc_asprintf_append(*text, "%s ", recipient->addresses.first);
	return strcmp(recipient->addresses.first, "stop@b.com") != 0;
}

static void test_memory_hands_out_every_recipient_until_it_is_stopped(void **state)
{
	struct net *net = net_empty();
	char *text = talloc_strdup(net->ctx, "");

	(void)state;
	net_person(net, "a@b.com", NULL);
	net_person(net, "stop@b.com", NULL);
	net_person(net, "c@b.com", NULL);
	net_build(net);
	assert_int_equal(recipient_memory_each(net->memory, add_address, &text, NULL), 0);
	assert_string_equal(text, "a@b.com stop@b.com ");
	net_free(net);
}

static void test_an_overlay_hides_and_adds(void **state)
{
	struct net *net = net_empty(), *more = net_empty();
	struct recipient_overlay *overlay;
	struct recipient_source source;
	struct recipient list[4];
	char *text = talloc_strdup(net->ctx, "");

	(void)state;
	net_person(net, "a@b.com", NULL);
	net_person(net, "gone@b.com", NULL);
	net_build(net);
	overlay = recipient_overlay_new(net->ctx, &net->recipients, recipient_memory_each);
	assert_true(recipient_overlay_is_empty(overlay));
	recipient_overlay_hide(overlay, &net_find(net, "cn=gone")->uuid);
	recipient_overlay_hide(overlay, &net_find(net, "cn=gone")->uuid);
	net_set(net_person(more, "new@b.com", NULL), "proxyAddresses", "a@b.com");
	recipient_overlay_add_list(overlay, &more->entries);
	assert_false(recipient_overlay_is_empty(overlay));
	source = recipient_overlay_source(overlay);
	assert_int_equal(source.by_address(source.ctx, "a@b.com", list, 4, NULL), 2);
	assert_int_equal(source.by_address(source.ctx, "a@b.com", list, 1, NULL), 1);
	assert_int_equal(source.by_address(source.ctx, "gone@b.com", list, 4, NULL), 0);
	assert_int_equal(source.by_address(source.ctx, "new@b.com", list, 4, NULL), 1);
	assert_int_equal(source.by_dn(source.ctx, "cn=a@b.com,ou=people,dc=example,dc=com", list, NULL), 1);
	assert_int_equal(source.by_dn(source.ctx, "cn=gone@b.com,ou=people,dc=example,dc=com", list, NULL),
			 0);
	assert_int_equal(source.by_dn(source.ctx, "cn=new@b.com,ou=people,dc=example,dc=com", list, NULL), 1);
	assert_int_equal(recipient_overlay_each(source.ctx, add_address, &text, NULL), 0);
	assert_string_equal(text, "a@b.com new@b.com ");
	net_free(more);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_or_the_class_of_a_group_makes_a_recipient),
		cmocka_unit_test(test_a_record_holds_what_routing_needs),
		cmocka_unit_test(test_a_group_keeps_members_by_dn_and_by_address),
		cmocka_unit_test(test_addresses_behind_the_limit_are_left_out),
		cmocka_unit_test(test_a_home_that_is_no_dn_is_unknown_not_absent),
		cmocka_unit_test(test_values_that_do_not_fit_are_named),
		cmocka_unit_test(test_damaged_records_are_refused_or_harmless),
		cmocka_unit_test(test_memory_finds_all_bearers_of_an_address),
		cmocka_unit_test(test_memory_hands_out_every_recipient_until_it_is_stopped),
		cmocka_unit_test(test_an_overlay_hides_and_adds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
