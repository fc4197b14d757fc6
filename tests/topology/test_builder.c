/*
 * topology/load: an image mended after changes means what a freshly built one means. Random
 * changes of random entries, valid and not; both images are written out in words and compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/topology/net.h"
#include "tests/topology/snapshot_dump.h"
#include "topology/load.h"

#define HASH "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* ---- random changes ---- */

static uint64_t random_state;

static unsigned dice(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

/* Attributes and values, fit or not; one is taken for an entry whatever its class is. */
static const struct {
	const char *attribute, *values[8];
} changes[] = {
	{ "Cost", { "1", "20", "0", "x", "100000" } },
	{ "MailCost", { "1", "7", "-3", "", NULL } },
	{ "HubSite", { "TRUE", "FALSE", "perhaps" } },
	{ "InboundMail", { "TRUE", "FALSE", "" } },
	{ "MaxMessageSize", { "0", "10000", "9999999999999999999999", "ten" } },
	{ "ServerState", { "active", "draining", "disabled", "tired" } },
	{ "Role", { "hub", "mailbox", "edge", "king" } },
	{ "LinkedSite", { "cn=A,cn=Sites," NET_SUFFIX, "cn=B,cn=Sites," NET_SUFFIX,
			  "cn=C,cn=Sites," NET_SUFFIX, "cn=none,cn=Sites," NET_SUFFIX } },
	{ "SiteDN", { "cn=A,cn=Sites," NET_SUFFIX, "cn=B,cn=Sites," NET_SUFFIX, "cn=none",
		      "no DN" } },
	{ "Address", { "10.1.0.9", "10.1.2.9", "2001:db8::9", "nowhere" } },
	{ "Fqdn", { "hta1.example.com", "new.example.com", "bad..name" } },
	{ "CertificateHash", { HASH "0", HASH "1", "sha256:no" } },
	{ "SmtpPort", { "2525", "0", "70000" } },
	{ "MailboxDelivery", { "lmtp://127.0.0.1:24", "lmtp://other:24" } },
	{ "AddressSpace", { "*;5", "*;7", "*.example.net", "FAX:*", "example.org;3", "*bad", "x;200" } },
	{ "SourceServer", { "cn=HTA1,cn=Servers," NET_SUFFIX, "cn=HTB1,cn=Servers," NET_SUFFIX,
			    "cn=EDGE1,cn=Edge Subscriptions," NET_SUFFIX, "cn=nobody" } },
	{ "SmartHost", { "relay.example.net", "[192.0.2.1]" } },
	{ "Enabled", { "TRUE", "FALSE" } },
	{ "Scoped", { "TRUE", "FALSE" } },
	{ "DnsRouting", { "TRUE", "FALSE" } },
	{ "LinkedReceiveConnector", { "cn=Default,cn=HTA1,cn=Servers," NET_SUFFIX } },
	{ "Domain", { "example.com", "*.example.com", "other.example", "*" } },
	{ "DomainType", { "authoritative", "internalRelay" } },
	{ "DefaultDomain", { "TRUE", "FALSE" } },
	{ "Binding", { "[::]:25", "0.0.0.0:25" } },
	{ "RemoteRange", { "0.0.0.0/0", "192.168.1.0/24", "odd" } },
};

/* The entry without the attribute, and then often with one or two values of it. */
static struct entry *changed_entry(TALLOC_CTX *ctx, const struct entry *entry, size_t row)
{
	struct entry *copy = entry_new(ctx, entry->dn);
	char *name = talloc_asprintf(ctx, "waypost%s", changes[row].attribute);
	size_t n = 0;

	copy->uuid = entry->uuid;
	for (size_t a = 0; a < entry->n_attributes; a++)
		for (size_t v = 0; v < entry->attributes[a].n_values; v++)
			if (!ascii_equal(entry->attributes[a].name, name))
				entry_add(copy, entry->attributes[a].name,
					  entry->attributes[a].values[v].data,
					  entry->attributes[a].values[v].len);
	while (n < 8 && changes[row].values[n] != NULL)
		n++;
	for (unsigned k = dice(3); k > 0; k--)
		entry_add_text(copy, name, changes[row].values[dice((unsigned)n)]);
	return copy;
}

static struct net *start_network(void)
{
	struct net *net = net_new();

	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_set(net_find(net, "cn=HTA1,cn=Servers"), "CertificateHash", HASH "0");
	net_add(net, "Server", "cn=MBX,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "C"), NULL);
	net_add(net, "Subnet", "cn=10.1.0.0/16,cn=Subnets", "SiteDN", net_dn(net, "Sites", "A"), NULL);
	net_add(net, "Subnet", "cn=10.1.2.0/24,cn=Subnets", "SiteDN", net_dn(net, "Sites", "B"), NULL);
	net_add(net, "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "SiteDN",
		net_dn(net, "Sites", "A"), NULL);
	net_add(net, "ReceiveConnector", "cn=Default,cn=HTA1,cn=Servers", "Binding", "[::]:25", NULL);
	net_add(net, "AcceptedDomain", "cn=sub,cn=Accepted Domains", "Domain", "*.example.com",
		"DomainType", "internalRelay", NULL);
	net_connector(net, "Internet", "HTB1", "*;5");
	net_connector(net, "Partner", "HTA1", "*.example.net;2");
	return net;
}

static void assert_means_a_new_one(struct net *net, const struct buf *image)
{
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct buf fresh = { 0 }, is = { 0 }, should_be = { 0 };
	struct snapshot snap;

	assert_int_equal(snapshot_open(&snap, image->data, image->len, NULL), 0);
	assert_int_equal(snapshot_number(&snap), 7);
	snapshot_dump(&is, &snap);
	assert_int_equal(snapshot_build(&source, NULL, 7, &fresh, NULL), 0);
	assert_int_equal(snapshot_open(&snap, fresh.data, fresh.len, NULL), 0);
	snapshot_dump(&should_be, &snap);
	assert_string_equal(is.data, should_be.data);
	buf_free(&fresh);
	buf_free(&is);
	buf_free(&should_be);
}

/* One round: some changes, and the mended image against a new one. */
static bool compare_once(struct net *net, struct snapshot_builder *builder, struct buf *image)
{
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	bool mended = true;

	for (unsigned k = 1 + dice(2); k > 0; k--) {
		size_t at = dice((unsigned)net->entries.count);

		net->entries.items[at] = changed_entry(net->ctx, net->entries.items[at],
						       dice(WP_COUNT(changes)));
		if (snapshot_wants_entry(net->entries.items[at]))
			mended = mended && snapshot_builder_change(builder, net->entries.items[at]);
	}
	if (mended)
		snapshot_builder_mend(builder, 7, image);
	else
		assert_int_equal(snapshot_builder_build(builder, &source, NULL, 7, image, NULL), 0);
	assert_means_a_new_one(net, image);
	return mended;
}

static void test_a_mended_image_means_what_a_new_one_means(void **state)
{
	int rounds = getenv("WP_FULL") != NULL ? 2000 : 100, n_mended = 0;

	(void)state;
	for (int round = 0; round < rounds; round++) {
		struct net *net = start_network();
		struct snapshot_source source = snapshot_source_of_list(&net->entries);
		struct snapshot_builder *builder = snapshot_builder_new();
		struct buf image = { 0 };

		random_state = (uint64_t)round;
		assert_int_equal(snapshot_builder_build(builder, &source, NULL, 1, &image, NULL), 0);
		for (int step = 0; step < 30; step++)
			n_mended += compare_once(net, builder, &image);
		snapshot_builder_free(&builder);
		buf_free(&image);
		net_free(net);
	}
	/* Changes of no consequence to the entry's class are among them. */
	assert_true(n_mended > rounds * 30 / 4);
	assert_true(n_mended < rounds * 30);
}

/* The entry at DN with one attribute set, taken into BUILDER. */
static bool change(struct net *net, struct snapshot_builder *builder, const char *dn,
		   const char *attribute, const char *value)
{
	struct entry *entry = net_find(net, dn);

	net_set(entry, attribute, value);
	return snapshot_builder_change(builder, entry);
}

static void test_what_is_not_local_asks_for_a_build(void **state)
{
	static const struct {
		const char *dn, *attribute, *value;
		bool local;
	} rows[] = {
		{ "cn=A,cn=Sites", "HubSite", "TRUE", true },
		{ "cn=HTB1,cn=Servers", "ServerState", "draining", true },
		{ "cn=Internet,cn=Send Connectors", "Scoped", "TRUE", true },
		{ "cn=Internet,cn=Send Connectors", "AddressSpace", "x.example", false },
		{ "cn=HTB1,cn=Servers", "CertificateHash", HASH "7", false },
		{ "cn=MBX,cn=Servers", "Role", "hub", false },
		{ "cn=sub,cn=Accepted Domains", "DefaultDomain", "TRUE", false },
		{ "cn=EDGE1,cn=Edge Subscriptions", "Enabled", "FALSE", false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct net *net = start_network();
		struct snapshot_source source = snapshot_source_of_list(&net->entries);
		struct snapshot_builder *builder = snapshot_builder_new();
		struct buf image = { 0 };

		assert_false(snapshot_builder_change(builder, net->entries.items[0]));
		assert_int_equal(snapshot_builder_build(builder, &source, NULL, 1, &image, NULL), 0);
		assert_int_equal(change(net, builder, rows[i].dn, rows[i].attribute, rows[i].value),
				 rows[i].local);
		/* After a refusal nothing more is taken. */
		if (!rows[i].local)
			assert_false(change(net, builder, "cn=A,cn=Sites", "HubSite", "TRUE"));
		snapshot_builder_free(&builder);
		buf_free(&image);
		net_free(net);
	}
}

static void test_an_entry_that_was_not_there_asks_for_a_build(void **state)
{
	struct net *net = start_network();
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct snapshot_builder *builder = snapshot_builder_new();
	struct buf image = { 0 };

	(void)state;
	assert_int_equal(snapshot_builder_build(builder, &source, NULL, 1, &image, NULL), 0);
	assert_false(snapshot_builder_change(
		builder, net_add(net, "Site", "cn=New,cn=Sites", "HubSite", "TRUE", NULL)));
	snapshot_builder_free(&builder);
	buf_free(&image);
	net_free(net);
}

/* So that nobody is told of a new snapshot. */
static void test_a_change_that_says_nothing_gives_the_same_image(void **state)
{
	static const char *const dns[] = { "cn=A,cn=Sites", "cn=A-B,cn=Site Links",
					   "cn=HTA1,cn=Servers", "cn=Internet,cn=Send Connectors" };
	struct net *net = start_network();
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct snapshot_builder *builder = snapshot_builder_new();
	struct buf image = { 0 };
	struct snapshot snap;
	uint64_t hash;

	(void)state;
	net_set(net_find(net, "cn=HTA1,cn=Servers"), "Address", "10.1.0.9");
	net_set(net_find(net, "cn=Internet"), "SmartHost", "relay.example.net");
	assert_int_equal(snapshot_builder_build(builder, &source, NULL, 1, &image, NULL), 0);
	assert_int_equal(snapshot_open(&snap, image.data, image.len, NULL), 0);
	hash = snapshot_hash(&snap);
	for (size_t i = 0; i < WP_COUNT(dns); i++) {
		entry_add_text(net_find(net, dns[i]), "userCertificate", "nothing to us");
		assert_true(snapshot_builder_change(builder, net_find(net, dns[i])));
		snapshot_builder_mend(builder, 2, &image);
		assert_int_equal(snapshot_open(&snap, image.data, image.len, NULL), 0);
		assert_int_equal(snapshot_hash(&snap), hash);
	}
	snapshot_builder_free(&builder);
	buf_free(&image);
	net_free(net);
}

/* Takes ENTRY as it is now and compares, whether that is mended or asks for a build. */
static void take_and_compare(struct net *net, struct snapshot_builder *builder,
			     const struct entry *entry)
{
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct buf image = { 0 };

	if (snapshot_builder_change(builder, entry))
		snapshot_builder_mend(builder, 7, &image);
	else
		assert_int_equal(snapshot_builder_build(builder, &source, NULL, 7, &image, NULL), 0);
	assert_means_a_new_one(net, &image);
	buf_free(&image);
}

/* One change of ENTRY, which is of NET: MAKE makes it. Frees NET. */
static void check_change(struct net *net, struct entry *entry,
			 void (*make)(struct net *net, struct entry *entry))
{
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct snapshot_builder *builder = snapshot_builder_new();
	struct buf image = { 0 };

	assert_int_equal(snapshot_builder_build(builder, &source, NULL, 1, &image, NULL), 0);
	make(net, entry);
	take_and_compare(net, builder, entry);
	snapshot_builder_free(&builder);
	buf_free(&image);
	net_free(net);
}

static void make_mailbox_server(struct net *net, struct entry *entry)
{
	(void)net;
	net_set(entry, "Role", "mailbox");
}

/* Whether receive connectors get the defaults of an edge hangs on every role of their server. */
static void test_receive_connectors_follow_the_roles_of_their_server(void **state)
{
	struct net *net = start_network();
	struct entry *server = net_add(net, "Server", "cn=EDGE2,cn=Servers", "Role", "edge", "SiteDN",
				       net_dn(net, "Sites", "A"), NULL);

	(void)state;
	net_add(net, "ReceiveConnector", "cn=Default,cn=EDGE2,cn=Servers", "Binding", "[::]:25", NULL);
	check_change(net, server, make_mailbox_server);
}

static void spell_anew(struct net *net, struct entry *entry)
{
	entry->dn = talloc_asprintf(net->ctx, "CN=%s", entry->dn + 3);
}

/* Notes of later stages have the DN too. */
static void test_a_dn_spelt_anew_is_so_in_every_note(void **state)
{
	struct net *net = start_network();

	(void)state;
	check_change(net, net_add(net, "Server", "cn=TWO,cn=Servers", "Fqdn", "hta1.example.com",
				     "SiteDN", net_dn(net, "Sites", "A"), NULL), spell_anew);
}

static void turn_off(struct net *net, struct entry *entry)
{
	(void)net;
	net_set(entry, "InboundMail", "FALSE");
}

/* Two directories can have an entry of one DN; the second one's change is not the first one's. */
static void test_a_rival_at_the_same_dn_is_not_taken_for_the_other(void **state)
{
	struct net *net = start_network();

	(void)state;
	check_change(net, net_add(net, "Site", "cn=a,cn=Sites", NULL), turn_off);
}

/* Notes of such an entry have no DN, so they could not be taken back. */
static void test_an_entry_below_a_dn_that_is_no_text(void **state)
{
	struct net *net = start_network();

	(void)state;
	check_change(net, net_add(net, "Site", "cn=Odd,ou=x\x80y", "HubSite", "perhaps", NULL),
			turn_off);
}

/* However little the changes say, what they leave behind comes to an end. */
static void test_many_changes_end_in_a_build(void **state)
{
	struct net *net = start_network();
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct snapshot_builder *builder = snapshot_builder_new();
	struct buf image = { 0 };
	int n = 0;

	(void)state;
	assert_int_equal(snapshot_builder_build(builder, &source, NULL, 1, &image, NULL), 0);
	while (n < 100000 && snapshot_builder_change(builder, net_find(net, "cn=HTB1,cn=Servers")))
		n++;
	assert_in_range(n, 1000, 50000);
	snapshot_builder_free(&builder);
	buf_free(&image);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mended_image_means_what_a_new_one_means),
		cmocka_unit_test(test_a_change_that_says_nothing_gives_the_same_image),
		cmocka_unit_test(test_what_is_not_local_asks_for_a_build),
		cmocka_unit_test(test_an_entry_that_was_not_there_asks_for_a_build),
		cmocka_unit_test(test_receive_connectors_follow_the_roles_of_their_server),
		cmocka_unit_test(test_a_dn_spelt_anew_is_so_in_every_note),
		cmocka_unit_test(test_a_rival_at_the_same_dn_is_not_taken_for_the_other),
		cmocka_unit_test(test_an_entry_below_a_dn_that_is_no_text),
		cmocka_unit_test(test_many_changes_end_in_a_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
