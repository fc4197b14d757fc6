/* topology/select: the numbered steps, one after the other and against each other. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/select.h"

/* Site A with the hubs HTA1, HTA2, HTA3 and site B with HTB1, joined at COST. */
static struct net *two_sites(const char *cost)
{
	struct net *net = net_new();

	net_sites(net, "A B");
	net_hub(net, "HTA2", "A");
	net_hub(net, "HTA3", "A");
	net_link(net, talloc_asprintf(net->ctx, "A-B %s", cost));
	return net;
}

struct select_case {
	const char *id;
	const char *connectors[4][3]; /* name, source, space */
	const char *from, *recipient, *winner;
};

static void test_worked_examples_of_connector_selection(void **state)
{
	static const struct select_case table[] = {
		{ "C01", { { "All", "HTA1", "*" }, { "Sub", "HTA1", "*.contoso.com" },
			   { "Exact", "HTA1", "marketing.contoso.com" } },
		  "HTA1", "julia@marketing.contoso.com", "Exact" },
		{ "C01 without Exact", { { "All", "HTA1", "*" }, { "Sub", "HTA1", "*.contoso.com" } },
		  "HTA1", "julia@marketing.contoso.com", "Sub" },
		{ "C01 without both", { { "All", "HTA1", "*" } }, "HTA1", "j@contoso.com", "All" },
		{ "C02 specificity beats cost",
		  { { "Cheap", "HTA1", "*;1" }, { "Sub", "HTA1", "*.contoso.com;100" } },
		  "HTA1", "u@x.contoso.com", "Sub" },
		{ "C03", { { "S1", "HTA2", "*.contoso.com;10" }, { "S2", "HTA3", "*.contoso.com;1" } },
		  "HTA1", "u@x.contoso.com", "S2" },
		{ "C04 path and space cost add up",
		  { { "Local", "HTA1", "*;20" }, { "Remote", "HTB1", "*;5" } },
		  "HTA1", "u@f.com", "Remote" },
		{ "C05 proximity", { { "Local", "HTA2", "*;20" }, { "ARemote", "HTB1", "*;10" } },
		  "HTA1", "u@f.com", "Local" },
		{ "C06 the local server", { { "Aaa", "HTA2", "*;10" }, { "Zzz", "HTA1", "*;10" } },
		  "HTA1", "u@f.com", "Zzz" },
		{ "C07 name", { { "Beta", "HTA2", "*;10" }, { "Alpha", "HTA3", "*;10" } },
		  "HTA1", "u@f.com", "Alpha" },
		{ "C09 a domain has no subdomains", { { "C", "HTA1", "contoso.com" } },
		  "HTA1", "u@mail.contoso.com", "no-matching-connector" },
		{ "C10 a suffix holds its domain", { { "C", "HTA1", "*.contoso.com" } },
		  "HTA1", "u@contoso.com", "C" },
		{ "C10 whole labels only", { { "C", "HTA1", "*.contoso.com" } },
		  "HTA1", "u@notcontoso.com", "no-matching-connector" },
		{ "C11", { { "Com", "HTA1", "*.com" }, { "Cont", "HTA1", "*.contoso.com" },
			   { "Star", "HTA1", "*" } }, "HTA1", "u@contoso.com", "Cont" },
		{ "C11", { { "Com", "HTA1", "*.com" }, { "Cont", "HTA1", "*.contoso.com" },
			   { "Star", "HTA1", "*" } }, "HTA1", "u@fabrikam.com", "Com" },
		{ "C11", { { "Com", "HTA1", "*.com" }, { "Cont", "HTA1", "*.contoso.com" },
			   { "Star", "HTA1", "*" } }, "HTA1", "u@x.org", "Star" },
		{ "C14", { { "Star", "HTA1", "*" } }, "HTA1", "FAX:12345", "no-connector-for-type" },
		{ "C23 type and case", { { "C", "HTA1", "smtp:Contoso.COM;1" } },
		  "HTA1", "u@contoso.com", "C" },
		{ "IDN", { { "C", "HTA1", "*.xn--bcher-kva.example" }, { "Star", "HTA1", "*" } },
		  "HTA1", "u@B\xc3\xbc" "cher.example", "C" },
		{ "literal", { { "L", "HTA1", "[192.0.2.1]" }, { "N", "HTA1", "[192.0.2.0/24]" },
			       { "Star", "HTA1", "*" } }, "HTA1", "u@[192.0.2.1]", "L" },
		{ "longest prefix", { { "Wide", "HTA1", "[192.0.0.0/16];1" },
				      { "N", "HTA1", "[192.0.2.0/24];100" }, { "Star", "HTA1", "*" } },
		  "HTA1", "u@[192.0.2.9]", "N" },
		{ "IPv6 prefix", { { "N", "HTA1", "[2001:db8::/32]" }, { "Star", "HTA1", "*" } },
		  "HTA1", "u@[IPv6:2001:db8::9]", "N" },
		{ "no prefix", { { "N", "HTA1", "[192.0.2.0/24]" }, { "Star", "HTA1", "*" } },
		  "HTA1", "u@[198.51.100.1]", "Star" },
		{ "-- is nothing on a hub", { { "In", "HTA1", "--" }, { "Star", "HTA1", "*" } },
		  "HTA1", "u@f.com", "Star" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = two_sites("10");

		for (int c = 0; c < 4 && table[i].connectors[c][0] != NULL; c++)
			net_connector(net, table[i].connectors[c][0], table[i].connectors[c][1],
				      table[i].connectors[c][2]);
		net_build(net);
		assert_string_equal(net_select(net, table[i].from, table[i].recipient, 0),
				    table[i].winner);
		net_free(net);
	}
}

static void test_c08_size_is_a_filter_before_the_space(void **state)
{
	struct net *net = two_sites("10");

	(void)state;
	net_set(net_connector(net, "Fab", "HTA1", "fabrikam.com"), "MaxMessageSize", "10000000");
	net_set(net_connector(net, "Net", "HTA1", "*"), "MaxMessageSize", "35000000");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@fabrikam.com", 9000000), "Fab");
	assert_string_equal(net_select(net, "HTA1", "u@fabrikam.com", 10000000), "Fab");
	assert_string_equal(net_select(net, "HTA1", "u@fabrikam.com", 10000001), "Net");
	assert_string_equal(net_select(net, "HTA1", "u@fabrikam.com", 40000000), "connector-size");
	assert_non_null(strstr(net_route(net, "HTA1", "u@fabrikam.com", 40000000),
			       "\"outcome\":\"rejected\",\"status\":\"5.3.4\""));
	net_free(net);
}

static void test_c12_a_disabled_connector_is_not_in_routing(void **state)
{
	struct net *net = two_sites("10");

	(void)state;
	net_set(net_connector(net, "Off", "HTA1", "contoso.com"), "Enabled", "FALSE");
	net_connector(net, "Star", "HTA1", "*;50");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@contoso.com", 0), "Star");
	net_free(net);
}

static void test_c13_a_scoped_connector_is_for_its_own_site(void **state)
{
	struct net *net = two_sites("10");

	(void)state;
	net_set(net_connector(net, "ScB", "HTB1", "*;1"), "Scoped", "TRUE");
	net_connector(net, "GlobA", "HTA1", "*;90");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "GlobA");
	assert_string_equal(net_select(net, "HTB1", "u@f.com", 0), "ScB");
	net_set(net_find(net, "cn=GlobA"), "Enabled", "FALSE");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "no-matching-connector");
	net_free(net);
}

/* An edge subscribed to site A and its connector; source is the subscription. */
static struct net *subscribed(const char *cost)
{
	struct net *net = two_sites(cost);

	net_add(net, "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "SiteDN",
		net_dn(net, "Sites", "A"), "Fqdn", "edge1.example.com", NULL);
	net_add(net, "SendConnector", "cn=EdgeSync - A to Internet,cn=Send Connectors",
		"AddressSpace", "*;100", "SourceServer", net_dn(net, "Edge Subscriptions", "EDGE1"), NULL);
	net_connector(net, "Breakout", "HTB1", "*;1");
	net_build(net);
	return net;
}

static void test_c16_an_edge_counts_as_a_source_in_its_site(void **state)
{
	struct net *net = subscribed("50");

	(void)state;
	assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "Breakout");
	net_free(net);
	net = subscribed("120");
	assert_string_equal(net_route(net, "HTA1", "u@f.com", 0),
		"{\"from\":\"HTA1\",\"recipient\":\"u@f.com\","
		"\"connector\":\"EdgeSync - A to Internet\",\"total_cost\":100,"
		"\"address_space\":\"*;100\",\"outcome\":\"relay-server\",\"servers\":[\"EDGE1\"]}");
	/* From another site it goes to the hubs of the subscribed one. */
	net_set(net_find(net, "cn=Breakout"), "Enabled", "FALSE");
	net_build(net);
	assert_string_equal(net_route(net, "HTB1", "u@f.com", 0),
		"{\"from\":\"HTB1\",\"recipient\":\"u@f.com\","
		"\"connector\":\"EdgeSync - A to Internet\",\"total_cost\":220,"
		"\"address_space\":\"*;100\",\"outcome\":\"relay-site\",\"site\":\"A\",\"next_stop\":\"A\","
		"\"path\":[\"B\",\"A\"],\"stops\":[\"A\"],\"servers\":[\"HTA1\",\"HTA2\",\"HTA3\"],"
		"\"backoff\":[],\"cost\":120,\"hops\":1}");
	net_free(net);
}

static void test_c18_fewest_hops_decide_among_remote_sources(void **state)
{
	struct net *net = net_new();

	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_connector(net, "X", "HTC1", "*;1");
	net_connector(net, "Y", "HTB1", "*;11");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "Y");
	net_free(net);
}

static void test_a_connector_without_a_route_is_not_used(void **state)
{
	static const char *const spoil[][3] = {
		{ "cn=HTB1,cn=Servers", "ServerState", "draining" },
		{ "cn=B,cn=Sites", "InboundMail", "FALSE" },
		{ "cn=A-B,cn=Site Links", NULL, NULL }, /* C17: no path at all */
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(spoil); i++) {
		struct net *net = two_sites("10");
		struct entry *entry = net_find(net, spoil[i][0]);

		net_connector(net, "InB", "HTB1", "contoso.com;1");
		net_connector(net, "Star", "HTA1", "*;10");
		if (spoil[i][1] != NULL)
			net_set(entry, spoil[i][1], spoil[i][2]);
		else
			entry->dn = "cn=gone,dc=elsewhere";
		net_build(net);
		assert_string_equal(net_select(net, "HTA1", "u@contoso.com", 0), "Star");
		/* In site B itself the connector still works, unless its server is out. */
		assert_string_equal(net_select(net, "HTB1", "u@contoso.com", 0), "InB");
		net_free(net);
	}
}

static void test_the_nearest_of_several_source_sites_counts(void **state)
{
	struct net *net = net_new();
	struct entry *both;

	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 30");
	net_link(net, "A-C 10");
	both = net_connector(net, "Both", "HTB1", "*;1");
	net_set(both, "SourceServer", net_dn(net, "Servers", "HTC1"));
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "u@f.com", 0), "\"total_cost\":11,"));
	assert_non_null(strstr(net_route(net, "HTA1", "u@f.com", 0), "\"site\":\"C\""));
	assert_non_null(strstr(net_route(net, "HTB1", "u@f.com", 0), "\"outcome\":\"connector\""));
	net_free(net);
}

static void test_a_draining_server_still_executes_its_own_connectors(void **state)
{
	struct net *net = two_sites("10");

	(void)state;
	net_connector(net, "Net", "HTA2", "*");
	net_set(net_find(net, "cn=HTA2"), "ServerState", "draining");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "no-matching-connector");
	assert_non_null(strstr(net_route(net, "HTA2", "u@f.com", 0), "\"outcome\":\"connector\""));
	net_free(net);
}

static void test_links_too_narrow_for_the_winner_reject_and_name_no_connector(void **state)
{
	struct net *net = two_sites("10");

	(void)state;
	net_set(net_find(net, "cn=A-B"), "MaxMessageSize", "1000");
	net_connector(net, "Remote", "HTB1", "*;1");
	net_connector(net, "Dear", "HTA1", "*;90");
	net_build(net);
	assert_string_equal(net_select(net, "HTA1", "u@f.com", 1000), "Remote");
	assert_string_equal(net_route(net, "HTA1", "u@f.com", 1001),
			    "{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"outcome\":\"rejected\","
			    "\"status\":\"5.3.4\",\"reason\":\"link-size\"}");
	net_free(net);
}

/* --- Edges --- */

static struct net *edge_directory(void)
{
	struct net *net = net_empty();

	net_add(net, "Organization", NET_SUFFIX, NULL);
	net_add(net, "Server", "cn=EDGE1,cn=Servers", "Role", "edge", NULL);
	net_add(net, "AcceptedDomain", "cn=a,cn=Accepted Domains", "Domain", "contoso.com",
		"RecipientLookup", "FALSE", NULL);
	net_add(net, "AcceptedDomain", "cn=b,cn=Accepted Domains", "Domain", "*.fab.com", "DomainType",
		"internalRelay", NULL);
	net_add(net, "AcceptedDomain", "cn=c,cn=Accepted Domains", "Domain", "ext.com", "DomainType",
		"externalRelay", NULL);
	net_add(net, "SendConnector", "cn=Inbound,cn=Send Connectors", "AddressSpace", "--;1",
		"SmartHost", "hub1.example.com", "SourceServer", net_dn(net, "Servers", "EDGE1"), NULL);
	net_add(net, "SendConnector", "cn=Internet,cn=Send Connectors", "AddressSpace", "*;1",
		"SourceServer", net_dn(net, "Servers", "EDGE1"), NULL);
	net_build(net);
	return net;
}

static void test_e04_dashes_on_an_edge_are_the_domains_inside(void **state)
{
	struct net *net = edge_directory();

	(void)state;
	assert_string_equal(net_select(net, "EDGE1", "u@contoso.com", 0), "Inbound");
	assert_string_equal(net_select(net, "EDGE1", "u@x.fab.com", 0), "Inbound");
	assert_string_equal(net_select(net, "EDGE1", "u@ext.com", 0), "Internet");
	assert_string_equal(net_select(net, "EDGE1", "u@x.contoso.com", 0), "Internet");
	assert_string_equal(net_route(net, "EDGE1", "u@contoso.com", 0),
		"{\"from\":\"EDGE1\",\"recipient\":\"u@contoso.com\",\"connector\":\"Inbound\","
		"\"total_cost\":1,\"address_space\":\"--;1\",\"outcome\":\"connector\"}");
	/* Each domain has its own specificity: an exact space of another connector ties on cost. */
	net_add(net, "SendConnector", "cn=Special,cn=Send Connectors", "AddressSpace", "x.fab.com;50",
		"SourceServer", net_dn(net, "Servers", "EDGE1"), NULL);
	net_build(net);
	assert_string_equal(net_select(net, "EDGE1", "u@x.fab.com", 0), "Special");
	net_free(net);
}

static void test_a_subscribed_edge_can_be_asked_from_inside(void **state)
{
	struct net *net = subscribed("50");

	(void)state;
	assert_non_null(strstr(net_route(net, "EDGE1", "u@f.com", 0),
			       "\"connector\":\"EdgeSync - A to Internet\",\"total_cost\":100,"
			       "\"address_space\":\"*;100\",\"outcome\":\"connector\""));
	net_free(net);
}

/* --- Linked and foreign connectors --- */

static void test_step_0_mail_of_a_linked_receive_connector_takes_its_connector(void **state)
{
	struct net *net = two_sites("10");
	struct entry *linked = net_connector(net, "Out", "HTB1", "nowhere.example");

	(void)state;
	net_add(net, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers", "MaxMessageSize", "50", NULL);
	net_set(linked, "LinkedReceiveConnector",
		"cn=In,cn=HTA1,cn=Servers," NET_SUFFIX);
	net_build(net);
	assert_non_null(strstr(net_ask(net, "{\"from\":\"HTA1\",\"recipient\":\"hta1@example.com\","
					    "\"receive_connector\":\"hta1/in\"}"),
			       "\"connector\":\"Out\",\"total_cost\":10,\"outcome\":\"relay-site\""));
	assert_non_null(strstr(net_ask(net, "{\"from\":\"HTA1\",\"recipient\":\"hta1@example.com\","
					    "\"receive_connector\":\"HTA1/In\",\"size\":51}"),
			       "receive-connector-size"));
	net_set(linked, "Enabled", "FALSE");
	net_build(net);
	assert_non_null(strstr(net_ask(net, "{\"from\":\"HTA1\",\"recipient\":\"hta1@example.com\","
					    "\"receive_connector\":\"HTA1/In\"}"),
			       "\"outcome\":\"unreachable\",\"reason\":\"linked-connector\""));
	net_free(net);
}

static void test_c15_a_foreign_connector_takes_its_type(void **state)
{
	struct net *net = two_sites("10");

	(void)state;
	net_add(net, "ForeignConnector", "cn=Fax,cn=Send Connectors", "AddressSpace", "FAX:*;1",
		"SourceServer", net_dn(net, "Servers", "HTA2"), "DropDirectory", "/srv/fax", NULL);
	net_connector(net, "Net", "HTA1", "*");
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "FAX:12345", 0),
			       "\"outcome\":\"relay-server\",\"servers\":[\"HTA2\"]"));
	assert_non_null(strstr(net_route(net, "HTA2", "fax:12345", 0),
			       "\"connector\":\"Fax\",\"total_cost\":1,\"address_space\":\"FAX:*;1\","
			       "\"outcome\":\"connector\""));
	assert_non_null(strstr(net_route(net, "HTA2", "IMCEAFAX-12345@example.com", 0),
			       "\"resolved\":\"FAX:12345\""));
	net_free(net);
}

/* --- The quick way against the plain way --- */

static const char *const spaces[] = { "*", "*;3", "*.com;2", "*.f.com", "f.com;4", "x.f.com", "*.x.f.com;2",
				      "[192.0.2.0/24]", "[192.0.2.1];3", "--", "g.org;5", "*.org" };
static const char *const domains[] = { "f.com", "x.f.com", "y.x.f.com", "com", "g.org", "h.org",
				       "example.com", "[192.0.2.1]", "[192.0.2.7]", "[198.51.100.1]" };

static void add_random_connector(struct net *net, int i, unsigned *seed)
{
	static const char *const servers[] = { "HTA1", "HTA2", "HTB1", "HTC1", "HTD1" };
	struct entry *connector = net_connector(net, talloc_asprintf(net->ctx, "C%d", i),
						servers[rand_r(seed) % WP_COUNT(servers)],
						spaces[rand_r(seed) % WP_COUNT(spaces)]);

	net_set(connector, "AddressSpace", spaces[rand_r(seed) % WP_COUNT(spaces)]);
	if (rand_r(seed) % 3 == 0)
		net_set(connector, "SourceServer",
			net_dn(net, "Servers", servers[rand_r(seed) % WP_COUNT(servers)]));
	if (rand_r(seed) % 4 == 0)
		net_set(connector, "Scoped", "TRUE");
	if (rand_r(seed) % 5 == 0)
		net_set(connector, "Enabled", "FALSE");
	if (rand_r(seed) % 3 == 0)
		net_set(connector, "MaxMessageSize", "100");
}

static void compare_ways(const struct viewpoint *vp, const char *domain, uint64_t size)
{
	uint32_t n = snap_count(viewpoint_snapshot(vp), SNAP_CONNECTORS), winner = SNAP_NONE;
	struct select_verdict verdicts[16];
	const struct candidate *chosen = NULL;
	enum select_result result = select_connector(vp, 0, "SMTP", domain, size, &chosen);
	bool too_large = false;

	select_explain(vp, 0, "SMTP", domain, size, verdicts);
	for (uint32_t i = 0; i < n; i++)
		if (verdicts[i].step == SELECTED)
			winner = i;
	if (result == SELECT_FOUND) {
		assert_int_equal(chosen->connector, winner);
		assert_int_equal(chosen->total, verdicts[winner].total);
		return;
	}
	assert_int_equal(winner, SNAP_NONE);
	select_explain(vp, 0, "SMTP", domain, 0, verdicts);
	for (uint32_t i = 0; i < n; i++)
		too_large |= verdicts[i].step == SELECTED;
	assert_int_equal(result, too_large ? SELECT_TOO_LARGE : SELECT_NONE);
}

static void test_the_index_and_the_eight_steps_agree_on_random_connectors(void **state)
{
	int rounds = getenv("WP_FULL") != NULL ? 10000 : 400;
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < rounds; round++) {
		struct net *net = two_sites("2");

		net_sites(net, "C D");
		net_link(net, "B-C 1");
		if (rand_r(&seed) % 2 == 0)
			net_link(net, "A-D 3");
		for (int i = 0; i < 12; i++)
			add_random_connector(net, i, &seed);
		net_build(net);
		for (uint32_t server = 0; server < snap_count(&net->snap, SNAP_SERVERS); server++) {
			struct viewpoint *vp = viewpoint_new(&net->snap, server);

			for (size_t d = 0; d < WP_COUNT(domains); d++) {
				compare_ways(vp, domains[d], 10);
				compare_ways(vp, domains[d], 1000);
			}
			viewpoint_free(vp);
		}
		net_free(net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worked_examples_of_connector_selection),
		cmocka_unit_test(test_c08_size_is_a_filter_before_the_space),
		cmocka_unit_test(test_c12_a_disabled_connector_is_not_in_routing),
		cmocka_unit_test(test_c13_a_scoped_connector_is_for_its_own_site),
		cmocka_unit_test(test_c16_an_edge_counts_as_a_source_in_its_site),
		cmocka_unit_test(test_c18_fewest_hops_decide_among_remote_sources),
		cmocka_unit_test(test_a_connector_without_a_route_is_not_used),
		cmocka_unit_test(test_the_nearest_of_several_source_sites_counts),
		cmocka_unit_test(test_a_draining_server_still_executes_its_own_connectors),
		cmocka_unit_test(test_links_too_narrow_for_the_winner_reject_and_name_no_connector),
		cmocka_unit_test(test_e04_dashes_on_an_edge_are_the_domains_inside),
		cmocka_unit_test(test_a_subscribed_edge_can_be_asked_from_inside),
		cmocka_unit_test(test_step_0_mail_of_a_linked_receive_connector_takes_its_connector),
		cmocka_unit_test(test_c15_a_foreign_connector_takes_its_type),
		cmocka_unit_test(test_the_index_and_the_eight_steps_agree_on_random_connectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
