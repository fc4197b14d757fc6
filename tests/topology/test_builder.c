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
#include "topology/attrs.h"
#include "topology/load.h"
#include "topology/snapshot_private.h"

#define HASH "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* ---- an image in words ---- */

static const char *record_at(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	return (const char *)snap->sections[section].at + (size_t)i * snap_record_size(section);
}

/* Every record with a name begins with it, but for its sizes. */
static size_t name_offset(enum snap_section_id section)
{
	size_t n;
	const struct attr_class *classes = attr_classes(&n);

	for (size_t c = 0; c < n; c++)
		for (size_t u = 0; classes[c].section == section && u < classes[c].n_uses; u++)
			if (classes[c].uses[u].field == FIELD_NAME)
				return classes[c].uses[u].offset;
	fail_msg("section %d has no name", section);
	return 0;
}

static const char *name_of(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	snap_text name;

	if (i == SNAP_NONE)
		return "-";
	memcpy(&name, record_at(snap, section, i) + name_offset(section), sizeof(name));
	return snap_str(snap, name);
}

static void dump_list(struct buf *out, const struct snapshot *snap, const char *what,
		      struct snap_list list, int section)
{
	buf_printf(out, " %s=", what);
	for (uint32_t i = 0; i < list.count; i++) {
		uint32_t word = snap_word(snap, list, i);

		buf_printf(out, "%s,", section < 0 ? snap_str(snap, word) :
						     name_of(snap, (enum snap_section_id)section, word));
	}
}

static void dump_field(struct buf *out, const struct snapshot *snap, const struct attr_use *use,
		       const char *record)
{
	const void *field = record + use->offset;
	const uint32_t *words = field;

	switch (use->field) {
	case FIELD_NONE:
	case FIELD_PASS:
		break;
	case FIELD_NAME:
		buf_printf(out, " %s|%s|%s", snap_str(snap, words[0]), snap_str(snap, words[1]),
			   snap_str(snap, words[2]));
		break;
	case FIELD_U64:
		buf_printf(out, " %s=%llu", use->attribute, *(const unsigned long long *)field);
		break;
	case FIELD_BOOL:
	case FIELD_WORD:
		buf_printf(out, " %s=%u", use->attribute, *(const uint8_t *)field);
		break;
	case FIELD_REF:
		buf_printf(out, " %s=%s", use->attribute, name_of(snap, use->target, *words));
		break;
	case FIELD_REFS:
		dump_list(out, snap, use->attribute, *(const struct snap_list *)field, (int)use->target);
		break;
	case FIELD_TEXTS:
	case FIELD_ADDRESSES:
	case FIELD_HASHES:
		dump_list(out, snap, use->attribute, *(const struct snap_list *)field, -1);
		break;
	case FIELD_TEXT:
	case FIELD_DN_KEY:
	case FIELD_HOST:
		buf_printf(out, " %s=%s", use->attribute, snap_str(snap, *words));
		break;
	default:
		buf_printf(out, " %s=%u", use->attribute, *words);
	}
}

static void dump_derived(struct buf *out, const struct snapshot *snap, enum snap_section_id section,
			 uint32_t i)
{
	if (section == SNAP_SITES) {
		const struct snap_site *site = snap_site(snap, i);

		dump_list(out, snap, "links", site->links, SNAP_LINKS);
		dump_list(out, snap, "hubs", site->hubs, SNAP_SERVERS);
		dump_list(out, snap, "mailboxes", site->mailboxes, SNAP_SERVERS);
		dump_list(out, snap, "edges", site->edges, SNAP_EDGES);
		buf_printf(out, " active=%u", site->has_active_hub);
	} else if (section == SNAP_SERVERS) {
		dump_list(out, snap, "receive", snap_server(snap, i)->receive, SNAP_RECEIVE);
		buf_printf(out, " key=%s", snap_str(snap, snap_server(snap, i)->peer.dn_key));
	} else if (section == SNAP_CONNECTORS) {
		const struct snap_connector *connector = snap_connector(snap, i);

		dump_list(out, snap, "servers", connector->servers, SNAP_SERVERS);
		dump_list(out, snap, "sources", connector->edges, SNAP_EDGES);
		for (uint32_t s = 0; s < connector->spaces.count; s++) {
			const struct snap_space *space = snap_space(snap, connector->spaces.first + s);

			buf_printf(out, " space=%s/%s/%u/%s", snap_str(snap, space->text),
				   snap_str(snap, space->type), space->cost,
				   name_of(snap, SNAP_CONNECTORS, space->connector));
		}
	} else if (section == SNAP_RECEIVE) {
		buf_printf(out, " of=%s to=%s",
			   name_of(snap, SNAP_SERVERS, snap_receive(snap, i)->server),
			   name_of(snap, SNAP_CONNECTORS, snap_receive(snap, i)->linked_connector));
	}
}

static void dump_records(struct buf *out, const struct snapshot *snap,
			 const struct attr_class *class)
{
	for (uint32_t i = 0; i < snap_count(snap, class->section); i++) {
		if (class->section == SNAP_CONNECTORS &&
		    snap_connector(snap, i)->kind != class->kind)
			continue;
		buf_printf(out, "%s", class->name);
		for (size_t u = 0; u < class->n_uses; u++)
			dump_field(out, snap, &class->uses[u], record_at(snap, class->section, i));
		dump_derived(out, snap, class->section, i);
		buf_addc(out, '\n');
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Nodes are ordered by where their texts lie, which is nothing to compare. */
static void dump_nodes(struct buf *out, const struct snapshot *snap)
{
	uint32_t n = snap_count(snap, SNAP_NODES);
	TALLOC_CTX *ctx = talloc_new(NULL);
	char **lines = talloc_array(ctx, char *, n + 1);

	for (uint32_t i = 0; i < n; i++) {
		const struct snap_node *node = snap_node(snap, i);

		lines[i] = talloc_asprintf(ctx, "node %u %s %s found=%d:", node->kind,
					   snap_str(snap, node->type), snap_str(snap, node->text),
					   snap_find_node(snap, (enum snap_node_kind)node->kind,
							  snap_str(snap, node->type),
							  snap_str(snap, node->text)) == i);
		for (uint32_t k = 0; k < node->items.count; k++)
			lines[i] = talloc_asprintf_append(lines[i], " %x",
							  snap_word(snap, node->items, k));
	}
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s\n", lines[i]);
	talloc_free(ctx);
}

static void dump(struct buf *out, const struct snapshot *snap)
{
	size_t n;
	const struct attr_class *classes = attr_classes(&n);

	buf_clear(out);
	for (size_t c = 0; c < n; c++)
		if (classes[c].section != SNAP_SECTIONS)
			dump_records(out, snap, &classes[c]);
	dump_nodes(out, snap);
	for (uint32_t i = 0; i < snap_count(snap, SNAP_DIAGS); i++) {
		const struct snap_diag *d = snap_diag(snap, i);

		buf_printf(out, "diag %u %s %s %s\n", d->row, snap_str(snap, d->dn),
			   snap_str(snap, d->attribute), snap_str(snap, d->value));
	}
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SERVERS); i++) {
		const struct snap_peer *peer = &snap_server(snap, i)->peer;

		assert_int_equal(snapshot_find_server(snap, snap_str(snap, peer->name)), i);
		assert_int_equal(snapshot_find_server_dn(snap, snap_str(snap, peer->dn_key)), i);
	}
}

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

/* One round: some changes, and the mended image against a new one. */
static bool compare_once(struct net *net, struct snapshot_builder *builder, struct buf *image)
{
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct buf fresh = { 0 }, is = { 0 }, should_be = { 0 };
	struct snapshot snap;
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
	assert_int_equal(snapshot_open(&snap, image->data, image->len, NULL), 0);
	assert_int_equal(snapshot_number(&snap), 7);
	dump(&is, &snap);
	assert_int_equal(snapshot_build(&source, NULL, 7, &fresh, NULL), 0);
	assert_int_equal(snapshot_open(&snap, fresh.data, fresh.len, NULL), 0);
	dump(&should_be, &snap);
	assert_string_equal(is.data, should_be.data);
	buf_free(&fresh);
	buf_free(&is);
	buf_free(&should_be);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mended_image_means_what_a_new_one_means),
		cmocka_unit_test(test_a_change_that_says_nothing_gives_the_same_image),
		cmocka_unit_test(test_what_is_not_local_asks_for_a_build),
		cmocka_unit_test(test_an_entry_that_was_not_there_asks_for_a_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
