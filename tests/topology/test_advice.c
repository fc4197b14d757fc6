/* topology/advice: each check speaks up where it should, and nowhere else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/advice.h"

/* "id: detail" a line. */
static struct buf said;
static unsigned progress_calls, progress_total;

static void on_finding(void *arg, const struct advice_finding *finding)
{
	(void)arg;
	assert_true(*finding->detail != '\0');
	assert_ptr_equal(advice_find_row(finding->row->id), finding->row);
	buf_printf(&said, "%s: %s\n", finding->row->id, finding->detail);
}

static void on_progress(void *arg, uint32_t done, uint32_t total)
{
	(void)arg;
	assert_int_equal(done, ++progress_calls);
	progress_total = total;
}

static const struct advice_sink sink = { on_finding, on_progress, NULL };

static void listen(void)
{
	buf_clear(&said);
	buf_adds(&said, "");
	progress_calls = 0;
}

static void ask(struct net *net)
{
	net_build(net);
	listen();
	advice_model(&net->snap, true, &sink);
}

static void ask_of_people(struct net *net)
{
	struct err err;

	net_build(net);
	listen();
	assert_int_equal(advice_people(&net->snap, &net->recipients, recipient_memory_each, &sink, &err),
			 0);
}

static void assert_says(const char *line)
{
	if (strstr(said.data, line) == NULL)
		fail_msg("not said: %s\nbut:\n%s", line, said.data);
}

static void assert_silent(const char *id)
{
	char *line = talloc_asprintf(NULL, "%s: ", id);

	if (strstr(said.data, line) != NULL)
		fail_msg("%s was said:\n%s", id, said.data);
	talloc_free(line);
}

/* Sites by spaces, links by commas. */
static struct net *network(const char *sites, const char *links)
{
	struct net *net = net_new();
	char *copy = talloc_strdup(net->ctx, links), *rest = copy, *part;

	net_sites(net, sites);
	while ((part = strsep(&rest, ",")) != NULL)
		net_link(net, part);
	return net;
}

static struct entry *empty_site(struct net *net, const char *name)
{
	return net_add(net, "Site", talloc_asprintf(net->ctx, "cn=%s,cn=Sites", name), NULL);
}

/* ---- paths ---- */

static void test_a_hub_site_on_nobodys_path_is_said(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10");

	(void)state;
	net_set(net_find(net, "cn=A,cn=Sites"), "HubSite", "TRUE");
	net_set(net_find(net, "cn=B,cn=Sites"), "HubSite", "TRUE");
	ask(net);
	assert_says("hub-site-unused: A\n");
	assert_null(strstr(said.data, "hub-site-unused: B"));
	assert_says("single-hub: B: on 2 paths, the first from A to C\n");
	net_hub(net, "HTB2", "B");
	ask(net);
	assert_silent("single-hub");
	net_free(net);
}

static void test_a_hub_site_where_nothing_can_stop_is_said(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10");

	(void)state;
	net_set(net_find(net, "cn=B,cn=Sites"), "HubSite", "TRUE");
	net_set(net_find(net, "cn=HTB1,"), "ServerState", "draining");
	ask(net);
	assert_says("hub-site-without-hub: B: no active hub\n");
	assert_silent("hub-site-unused");
	net_free(net);
}

/* The documented case: E has no servers and wins by its name. */
static void test_an_empty_site_that_wins_a_tie_is_said(void **state)
{
	struct net *net = network("A X Z", "A-X 10,X-Z 10");

	(void)state;
	empty_site(net, "E");
	net_link(net, "A-E 10");
	net_link(net, "E-Z 10");
	ask(net);
	assert_says("empty-site-wins: E, not X, from A to Z (2 such paths)\n");
	net_set(net_find(net, "cn=A-E,"), "MailCost", "11");
	ask(net);
	assert_silent("empty-site-wins");
	net_free(net);
}

/* Behind the tie lies the destination; the rival is a member of a link of many. */
static void test_a_tie_counts_for_all_that_lies_behind_it(void **state)
{
	struct net *net = network("A X Y Z", "A-X 10,X-Y-E 10,Y-Z 10");

	(void)state;
	empty_site(net, "E");
	net_link(net, "A-E 10");
	ask(net);
	assert_says("empty-site-wins: E, not X, from A to Y (4 such paths)\n");
	net_free(net);
}

static void test_links_that_carry_nothing_or_little_are_said(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10,A-C 50");

	(void)state;
	net_set(net_find(net, "cn=A-B,"), "MaxMessageSize", "65536");
	ask(net);
	assert_says("link-unused: A-C: cost 50, joins 2 sites\n");
	assert_null(strstr(said.data, "link-unused: A-B"));
	assert_says("link-narrow: A-B: at most 65536 octets\n");
	/* With size-aware routing the dear link is the way of large messages. */
	net_set(net_find(net, "cn=Waypost,"), "SizeAwareRouting", "TRUE");
	ask(net);
	assert_silent("link-unused");
	assert_silent("link-narrow");
	net_free(net);
}

static void test_progress_counts_the_sites(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10");

	(void)state;
	ask(net);
	assert_int_equal(progress_calls, 3);
	assert_int_equal(progress_total, 3);
	listen();
	advice_model(&net->snap, false, &sink);
	assert_int_equal(progress_calls, 0);
	net_free(net);
}

/* ---- the graph ---- */

static void test_sites_apart_are_said_once_for_each_part(void **state)
{
	struct net *net = network("A B C D E F G", "A-B 10,B-C 10,D-E 10,F-G 10");

	(void)state;
	ask(net);
	assert_says("sites-apart: D, …: 2 sites with hubs, without a path to 5 others\n");
	assert_says("sites-apart: F, …: 2 sites with hubs, without a path to 5 others\n");
	assert_null(strstr(said.data, "sites-apart: A"));
	net_free(net);
}

static void test_what_holds_a_network_together_is_said(void **state)
{
	/* A ring of A, B, C; D hangs at C; E and F share a link with D. */
	struct net *net = network("A B C D E F", "A-B 1,B-C 1,C-A 1,C-D 1,D-E-F 1");

	(void)state;
	ask(net);
	assert_says("single-site: C: without it 2 sites");
	assert_says("single-site: D: without it 2 sites");
	assert_says("single-link: C-D: without it 3 sites with hubs (D, …) are cut off from 3 others\n");
	assert_says("single-link: D-E-F: without it 2 sites");
	assert_null(strstr(said.data, "single-link: A-B"));
	assert_null(strstr(said.data, "single-site: A"));
	net_free(net);
}

/* Parts of the network that one vertex leaves, by trying; sites 0 … n, then links. */
struct brute {
	const struct snapshot *snap;
	bool gone[64];
	bool seen[64];
	uint32_t n_sites;
};

static uint32_t flood(struct brute *b, uint32_t v)
{
	struct snap_list list = v < b->n_sites ? snap_site(b->snap, v)->links :
						 snap_link(b->snap, v - b->n_sites)->sites;
	uint32_t served = v < b->n_sites && snap_site(b->snap, v)->has_active_hub;

	b->seen[v] = true;
	for (uint32_t i = 0; i < list.count; i++) {
		uint32_t to = snap_word(b->snap, list, i) + (v < b->n_sites ? b->n_sites : 0);

		if (!b->seen[to] && !b->gone[to])
			served += flood(b, to);
	}
	return served;
}

static uint32_t parts(const struct snapshot *snap, uint32_t without)
{
	struct brute b = { .snap = snap, .n_sites = snap_count(snap, SNAP_SITES) };
	uint32_t n = 0;

	if (without != SNAP_NONE)
		b.gone[without] = true;
	for (uint32_t v = 0; v < b.n_sites; v++)
		if (!b.gone[v] && !b.seen[v])
			n += flood(&b, v) > 0;
	return n;
}

static void assert_single(const struct snapshot *snap, uint32_t v)
{
	uint32_t n_sites = snap_count(snap, SNAP_SITES);
	bool is_site = v < n_sites, want;
	char line[64];

	/* A site that is a part of its own takes that part with it. */
	want = parts(snap, v) > parts(snap, SNAP_NONE);
	snprintf(line, sizeof(line), "single-%s: %s: ", is_site ? "site" : "link",
		 snap_str(snap, is_site ? snap_site(snap, v)->name :
					  snap_link(snap, v - n_sites)->name));
	if ((strstr(said.data, line) != NULL) != want)
		fail_msg("%sexpected: %s\n%s", want ? "" : "not ", line, said.data);
}

static struct net *random_network(unsigned *seed)
{
	struct net *net = net_new();
	char name[32];

	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "%c", 'A' + i);
		if (rand_r(seed) % 4 > 0)
			net_site(net, name);
		else
			empty_site(net, name);
	}
	for (int i = 0, n = 5 + rand_r(seed) % 6; i < n; i++) {
		struct entry *link;

		snprintf(name, sizeof(name), "cn=L%d,cn=Site Links", i);
		link = net_add(net, "SiteLink", name, "Cost", "1", NULL);
		for (int m = 0, members = 2 + rand_r(seed) % 2; m < members; m++) {
			snprintf(name, sizeof(name), "%c", 'A' + rand_r(seed) % 9);
			net_set(link, "LinkedSite", net_dn(net, "Sites", name));
		}
	}
	return net;
}

static int rounds(int few, int many)
{
	return getenv("WP_FULL") != NULL ? many : few;
}

static void test_random_networks_agree_with_taking_each_site_and_link_away(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < rounds(100, 3000); round++) {
		struct net *net = random_network(&seed);

		ask(net);
		for (uint32_t v = 0; v < snap_count(&net->snap, SNAP_SITES) +
					  snap_count(&net->snap, SNAP_LINKS); v++)
			assert_single(&net->snap, v);
		net_free(net);
	}
}

/* ---- objects ---- */

static void test_sites_that_cannot_serve_their_servers_are_said(void **state)
{
	struct net *net = network("A B", "A-B 10");

	(void)state;
	net_add(net, "Server", "cn=MBX,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "A"), NULL);
	net_set(net_find(net, "cn=A,cn=Sites"), "InboundMail", "FALSE");
	ask(net);
	assert_says("site-closed: A: mailbox servers 1\n");
	assert_silent("site-without-hub");
	net_set(net_find(net, "cn=HTA1,"), "ServerState", "disabled");
	ask(net);
	assert_says("site-without-hub: A: mailbox servers 1, edges 0, hubs 1 and none active\n");
	net_free(net);
}

static void test_edges_without_certificate_or_use_are_said(void **state)
{
	struct net *net = network("A B", "A-B 10");
	struct entry *edge = net_add(net, "EdgeSubscription", "cn=E1,cn=Edge Subscriptions", "SiteDN",
				     net_dn(net, "Sites", "A"), "Fqdn", "e1.example.com", NULL);

	(void)state;
	ask(net);
	assert_says("edge-without-certificate: E1\n");
	assert_says("edge-unused: E1\n");
	net_set(edge, "CertificateHash",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	net_set(net_connector(net, "Out", "HTA1", "*;5"), "Enabled", "FALSE");
	net_add(net, "SendConnector", "cn=Internet,cn=Send Connectors", "AddressSpace", "*;1",
		"SourceServer", net_dn(net, "Edge Subscriptions", "E1"), NULL);
	ask(net);
	assert_silent("edge-without-certificate");
	assert_silent("edge-unused");
	net_free(net);
}

static void test_what_hangs_on_one_source_or_smart_host_is_said(void **state)
{
	struct net *net = network("A B", "A-B 10");
	struct entry *all = net_connector(net, "All", "HTA1", "smtp:*;5");

	(void)state;
	net_set(all, "SmartHost", "relay.example.net");
	net_set(net_connector(net, "Some", "HTA1", "*.example.net"), "SmartHost", "x.example.net");
	ask(net);
	assert_says("single-source: All\n");
	assert_says("single-smarthost: All: relay.example.net\n");
	assert_null(strstr(said.data, "Some"));
	net_set(all, "SourceServer", net_dn(net, "Servers", "HTB1"));
	net_set(all, "SmartHost", "relay2.example.net");
	ask(net);
	assert_silent("single-source");
	assert_silent("single-smarthost");
	net_set(net_find(net, "cn=HTB1,"), "ServerState", "draining");
	ask(net);
	assert_says("single-source: All\n");
	net_free(net);
}

static void test_passwords_in_clear_are_said(void **state)
{
	struct net *net = network("A B", "A-B 10");
	struct entry *out = net_connector(net, "Out", "HTA1", "*;5");

	(void)state;
	net_set(out, "SmartHost", "relay.example.net");
	net_set(out, "SmartHostAuth", "basic");
	net_add(net, "ReceiveConnector", "cn=Clients,cn=HTA1,cn=Servers", "AuthMechanism", "basic",
		"Binding", "0.0.0.0:587", NULL);
	ask(net);
	assert_says("password-in-clear: Out signs in at its smart hosts\n");
	assert_says("password-in-clear: Clients of HTA1 lets clients sign in\n");
	net_set(out, "RequireTls", "TRUE");
	net_set(net_find(net, "cn=Clients,"), "RequireTls", "TRUE");
	ask(net);
	assert_silent("password-in-clear");
	net_free(net);
}

/* ---- domains ---- */

static void add_domain(struct net *net, const char *domain, const char *type)
{
	net_add(net, "AcceptedDomain", talloc_asprintf(net->ctx, "cn=%s,cn=Accepted Domains",
						       domain + (*domain == '*' ? 2 : 0)),
		"Domain", domain, "DomainType", type, NULL);
}

static void test_relay_domains_that_nobody_takes_are_said(void **state)
{
	struct net *net = network("A B", "A-B 10");

	(void)state;
	add_domain(net, "lists.example.com", "internalRelay");
	add_domain(net, "*.ext.example.com", "externalRelay");
	ask(net);
	assert_says("relay-domain-no-connector: lists.example.com (internal relay)\n");
	assert_says("relay-domain-no-connector: *.ext.example.com (external relay)\n");
	/* A connector for the domain itself does not take what is below it. */
	net_connector(net, "Ext", "HTA1", "ext.example.com");
	net_connector(net, "All", "HTA1", "*");
	ask(net);
	assert_silent("relay-domain-no-connector");
	assert_says("relay-domain-by-dns: lists.example.com (internal relay)\n");
	assert_says("relay-domain-by-dns: *.ext.example.com (external relay)\n");
	net_connector(net, "Below", "HTA1", "*.example.com");
	ask(net);
	assert_silent("relay-domain-by-dns");
	/* A disabled one takes nothing. */
	net_set(net_find(net, "cn=Below,"), "Enabled", "FALSE");
	ask(net);
	assert_says("relay-domain-by-dns: lists.example.com (internal relay)\n");
	net_free(net);
}

static void test_missing_domains_are_said(void **state)
{
	struct net *net = net_empty();

	(void)state;
	net_add(net, "Organization", NET_SUFFIX, NULL);
	ask(net);
	assert_says("no-accepted-domain: the organisation has none\n");
	add_domain(net, "example.com", "authoritative");
	ask(net);
	assert_silent("no-accepted-domain");
	assert_says("no-default-domain: none of 1 domains\n");
	net_set(net_find(net, "cn=example.com,"), "DefaultDomain", "TRUE");
	ask(net);
	assert_silent("no-default-domain");
	net_free(net);
}

/* ---- address spaces ---- */

static void test_a_space_that_is_always_beaten_is_said(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10");
	struct entry *dear;

	(void)state;
	net_connector(net, "Cheap", "HTA1", "*;1");
	dear = net_connector(net, "Dear", "HTA1", "*;5");
	net_connector(net, "Far", "HTC1", "*;1");
	net_connector(net, "Only", "HTA1", "*.x.com;90");
	ask(net);
	assert_says("space-never-used: *;5 of Dear: Cheap has it too and is better, seen from A\n");
	assert_null(strstr(said.data, "of Far"));
	assert_null(strstr(said.data, "of Only"));
	/* What Cheap is too narrow for, Dear takes. */
	net_set(net_find(net, "cn=Cheap,"), "MaxMessageSize", "1000000");
	net_set(net_find(net, "cn=Far,"), "MaxMessageSize", "1000000");
	ask(net);
	assert_silent("space-never-used");
	net_set(dear, "MaxMessageSize", "1000000");
	ask(net);
	assert_says("space-never-used: *;5 of Dear");
	net_free(net);
}

static void test_equal_connectors_are_said(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10");

	(void)state;
	net_connector(net, "East", "HTA1", "*;1");
	net_connector(net, "West", "HTC1", "*;1");
	ask(net);
	assert_says("name-decides: *;1 goes by East, not by West, seen from B\n");
	assert_silent("name-decides-always");
	net_connector(net, "Twin", "HTA1", "*;1");
	ask(net);
	assert_says("name-decides-always: *;1 goes by East, not by Twin, seen from A\n");
	/* One of the same site wins on its own server. */
	net_hub(net, "HTA2", "A");
	net_connector(net, "Second", "HTA2", "*;1");
	ask(net);
	assert_null(strstr(said.data, "name-decides-always: *;1 goes by East, not by Second"));
	assert_says("name-decides: *;1 goes by East, not by Second");
	assert_silent("space-never-used");
	net_free(net);
}

static void test_scoped_spaces_are_said(void **state)
{
	struct net *net = network("A B C", "A-B 10,B-C 10");

	(void)state;
	net_set(net_connector(net, "Here", "HTA1", "*.x.com"), "Scoped", "TRUE");
	ask(net);
	assert_says("scope-no-way: *.x.com of Here: seen from 1 of 3 sites with hubs, not from B\n");
	net_set(net_connector(net, "There", "HTB1", "*.com"), "Scoped", "TRUE");
	ask(net);
	assert_says("scope-no-way: *.x.com of Here: seen from 1 of 3 sites with hubs, not from C\n");
	net_connector(net, "All", "HTA1", "*");
	ask(net);
	assert_silent("scope-no-way");
	assert_says("scope-other-way: *.x.com of Here: seen from 1 of 3 sites with hubs, not from B\n");
	net_set(net_find(net, "cn=Here,"), "SourceServer", net_dn(net, "Servers", "HTB1"));
	net_set(net_find(net, "cn=Here,"), "SourceServer", net_dn(net, "Servers", "HTC1"));
	ask(net);
	assert_null(strstr(said.data, "of Here"));
	net_free(net);
}

/* Whether a connector takes a message of any size from any server. */
static bool takes_something(struct net *net, const char *name)
{
	static const uint64_t sizes[] = { 1, 600000, 1200000, 5000000 };
	char from[8];

	for (int site = 0; site < 4; site++)
		for (size_t i = 0; i < WP_COUNT(sizes); i++)
			for (int hub = 1; hub <= 2; hub++) {
				snprintf(from, sizeof(from), "HT%c%d", 'A' + site, hub);
				if (snapshot_find_server(&net->snap, from) != SNAP_NONE &&
				    strcmp(net_select(net, from, "u@f.com", sizes[i]), name) == 0)
					return true;
			}
	return false;
}

static struct net *random_connectors(unsigned *seed)
{
	struct net *net = network("A B C D", "A-B 2,B-C 2,C-D 2,A-D 3");
	char name[8], source[16], space[8];

	net_hub(net, "HTA2", "A");
	for (int i = 0; i < 5; i++) {
		struct entry *connector;

		snprintf(name, sizeof(name), "C%d", i);
		snprintf(source, sizeof(source), "HT%c1", 'A' + rand_r(seed) % 4);
		if (rand_r(seed) % 4 == 0)
			strcpy(source, "HTA2");
		snprintf(space, sizeof(space), "*;%d", 1 + rand_r(seed) % 3);
		connector = net_connector(net, name, source, space);
		if (rand_r(seed) % 3 == 0)
			net_set(connector, "Scoped", "TRUE");
		if (rand_r(seed) % 3 > 0)
			net_set(connector, "MaxMessageSize", rand_r(seed) % 2 ? "500000" : "1000000");
		else
			net_set(connector, "MaxMessageSize", "0");
	}
	return net;
}

static void test_random_connectors_agree_with_routing_from_every_server(void **state)
{
	unsigned seed = 3;
	int useless = 0;

	(void)state;
	for (int round = 0; round < rounds(60, 2000); round++) {
		struct net *net = random_connectors(&seed);

		ask(net);
		for (int i = 0; i < 5; i++) {
			char name[8], never[32], by_name[32];
			bool is_said;

			snprintf(name, sizeof(name), "C%d", i);
			snprintf(never, sizeof(never), " of C%d: ", i);
			snprintf(by_name, sizeof(by_name), ", not by C%d, ", i);
			is_said = false;
			for (const char *at = said.data; at != NULL && *at != '\0';) {
				size_t len = strcspn(at, "\n");
				char *line = talloc_strndup(net->ctx, at, len);

				if ((strncmp(line, "space-never-used: ", 18) == 0 && strstr(line, never)) ||
				    (strncmp(line, "name-decides-always: ", 21) == 0 &&
				     strstr(line, by_name)))
					is_said = true;
				at += len + (at[len] == '\n');
			}
			if (is_said == takes_something(net, name))
				fail_msg("round %d: %s %s\n%s", round, name,
					 is_said ? "takes something" : "takes nothing", said.data);
			useless += is_said;
		}
		net_free(net);
	}
	assert_true(useless > 0);
}

/* ---- recipients ---- */

static void test_recipients_that_get_nothing_are_counted(void **state)
{
	struct net *net = network("A B", "A-B 10");
	char address[64];

	(void)state;
	for (int i = 0; i < 7; i++) {
		snprintf(address, sizeof(address), "lost%d@example.com", i);
		net_person(net, address, i % 2 == 0 ? NULL : "NOBODY");
	}
	net_set(net_person(net, "x@example.com", NULL), "mailRoutingAddress", "y@example.com");
	net_set(net_person(net, "y@example.com", NULL), "mailRoutingAddress", "z@example.com");
	net_set(net_person(net, "z@example.com", NULL), "mailRoutingAddress", "x@example.com");
	net_person(net, "twin@example.com", "HTA1");
	net_set(net_person(net, "other@example.com", "HTB1"), "mailLocalAddress", "twin@example.com");
	net_add(net, "groupOfNames", "cn=none,ou=People,dc=example,dc=com", "mail",
		"none@example.com", NULL);
	ask_of_people(net);
	assert_says("recipient-without-home: 7: lost0@example.com, lost1@example.com, "
		    "lost2@example.com, lost3@example.com, lost4@example.com, …\n");
	assert_says("recipient-loop: 3: x@example.com, y@example.com, z@example.com\n");
	assert_says("duplicate-address: 1: twin@example.com\n");
	assert_says("empty-group: 1: none@example.com\n");
	assert_says("no-postmaster: postmaster@example.com\n");
	net_free(net);
}

static void test_recipients_that_are_well_are_not_said(void **state)
{
	struct net *net = network("A B", "A-B 10");

	(void)state;
	net_person(net, "postmaster@example.com", "HTA1");
	net_person(net, "by.default@example.com", NULL);
	net_set(net_find(net, "cn=Waypost,"), "DefaultHomeServer", net_dn(net, "Servers", "HTB1"));
	ask_of_people(net);
	assert_string_equal(said.data, "");
	net_free(net);
}

/* ---- the table ---- */

static void test_ids_are_unique_over_both_tables(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ADVICE_COUNT; i++) {
		assert_ptr_equal(advice_find_row(advice_row(i)->id), advice_row(i));
		assert_true(*advice_row(i)->text != '\0' && *advice_row(i)->action != '\0');
	}
	for (uint32_t i = 0; i < DIAG_COUNT; i++)
		assert_ptr_equal(advice_find_row(diag_row(i)->id), diag_row(i));
	assert_null(advice_find_row("no-such-finding"));
}

static void test_an_empty_directory_is_looked_at(void **state)
{
	struct net *net = net_empty();

	(void)state;
	ask(net);
	assert_says("no-accepted-domain: ");
	ask_of_people(net);
	assert_string_equal(said.data, "");
	net_free(net);
}

static int free_said(void **state)
{
	(void)state;
	buf_free(&said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hub_site_on_nobodys_path_is_said),
		cmocka_unit_test(test_a_hub_site_where_nothing_can_stop_is_said),
		cmocka_unit_test(test_an_empty_site_that_wins_a_tie_is_said),
		cmocka_unit_test(test_a_tie_counts_for_all_that_lies_behind_it),
		cmocka_unit_test(test_links_that_carry_nothing_or_little_are_said),
		cmocka_unit_test(test_progress_counts_the_sites),
		cmocka_unit_test(test_sites_apart_are_said_once_for_each_part),
		cmocka_unit_test(test_what_holds_a_network_together_is_said),
		cmocka_unit_test(test_random_networks_agree_with_taking_each_site_and_link_away),
		cmocka_unit_test(test_sites_that_cannot_serve_their_servers_are_said),
		cmocka_unit_test(test_edges_without_certificate_or_use_are_said),
		cmocka_unit_test(test_what_hangs_on_one_source_or_smart_host_is_said),
		cmocka_unit_test(test_passwords_in_clear_are_said),
		cmocka_unit_test(test_relay_domains_that_nobody_takes_are_said),
		cmocka_unit_test(test_missing_domains_are_said),
		cmocka_unit_test(test_a_space_that_is_always_beaten_is_said),
		cmocka_unit_test(test_equal_connectors_are_said),
		cmocka_unit_test(test_scoped_spaces_are_said),
		cmocka_unit_test(test_random_connectors_agree_with_routing_from_every_server),
		cmocka_unit_test(test_recipients_that_get_nothing_are_counted),
		cmocka_unit_test(test_recipients_that_are_well_are_not_said),
		cmocka_unit_test(test_ids_are_unique_over_both_tables),
		cmocka_unit_test(test_an_empty_directory_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, free_said);
}
