/* delivery/receive: which receive connector serves a client, and what it allows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/receive.h"
#include "tests/delivery/view_fixture.h"

static struct net *net;
static struct view *view;

static int begin(void **state)
{
	(void)state;
	net = net_new();
	net_sites(net, "A");
	return 0;
}

static int end(void **state)
{
	(void)state;
	view_unref(view);
	view = NULL;
	net_free(net);
	return 0;
}

static void see(void)
{
	net_build(net);
	view = view_of(net, "HTA1");
}

static struct entry *connector(const char *name, const char *binding, const char *range)
{
	return net_add(net, "ReceiveConnector",
		       talloc_asprintf(net->ctx, "cn=%s,cn=HTA1,cn=Servers", name), "Binding", binding,
		       "RemoteRange", range, NULL);
}

static const char *chosen(const char *binding, const char *peer)
{
	static struct receive_rules rules;
	struct ipaddr address;

	assert_true(ipaddr_parse(peer, strlen(peer), &address));
	return receive_choose(view, binding, &address, &rules) ? rules.name : "none";
}

static void test_bindings_are_addresses_with_ports(void **state)
{
	static const struct { const char *text; int family; } rows[] = {
		{ "192.0.2.1:25", AF_INET },   { "0.0.0.0:65535", AF_INET },
		{ "[::]:25", AF_INET6 },       { "[2001:db8::1]:587", AF_INET6 },
		{ "192.0.2.1", AF_UNSPEC },    { "192.0.2.1:", AF_UNSPEC },
		{ "192.0.2.1:x", AF_UNSPEC },  { "192.0.2.1:65536", AF_UNSPEC },
		{ "192.0.2.1:-1", AF_UNSPEC }, { "hub.example.com:25", AF_UNSPEC },
		{ ":25", AF_UNSPEC },          { "[]:25", AF_UNSPEC },
		{ "", AF_UNSPEC },             { "[192.0.2.999]:25", AF_UNSPEC },
	};
	struct sockaddr_storage address;
	char huge[300];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		bool is_good = receive_binding_parse(rows[i].text, &address);

		assert_int_equal(is_good, rows[i].family != AF_UNSPEC);
		if (is_good)
			assert_int_equal(address.ss_family, rows[i].family);
	}
	memset(huge, '1', sizeof(huge));
	memcpy(huge + sizeof(huge) - 4, ":25", 4);
	assert_false(receive_binding_parse(huge, &address));
}

static void test_the_most_specific_range_of_the_binding_wins(void **state)
{
	(void)state;
	connector("All", "127.0.0.1:25", "0.0.0.0/0");
	connector("Net", "127.0.0.1:25", "10.0.0.0/8");
	connector("Host", "127.0.0.1:25", "10.1.2.3");
	connector("Other", "127.0.0.1:587", "10.1.2.0/24");
	see();
	assert_string_equal(chosen("127.0.0.1:25", "192.0.2.7"), "All");
	assert_string_equal(chosen("127.0.0.1:25", "10.9.9.9"), "Net");
	assert_string_equal(chosen("127.0.0.1:25", "10.1.2.3"), "Host");
	assert_string_equal(chosen("127.0.0.1:587", "10.1.2.3"), "Other");
}

static void test_a_client_in_no_range_is_served_by_none(void **state)
{
	(void)state;
	connector("Net", "127.0.0.1:25", "10.0.0.0/8");
	net_set(connector("Off", "127.0.0.1:25", "192.0.2.0/24"), "Enabled", "FALSE");
	see();
	assert_string_equal(chosen("127.0.0.1:25", "10.0.0.1"), "Net");
	assert_string_equal(chosen("127.0.0.1:25", "192.0.2.1"), "none");
	assert_string_equal(chosen("127.0.0.1:25", "2001:db8::1"), "none");
	assert_string_equal(chosen("127.0.0.1:26", "10.0.0.1"), "none");
}

static void collect(void *arg, const char *binding)
{
	char *text = arg;

	strcat(strcat(text, binding), " ");
}

static void test_disabled_connectors_are_not_listened_on(void **state)
{
	char bindings[200] = "";

	(void)state;
	connector("On", "127.0.0.1:25", "0.0.0.0/0");
	net_set(connector("Off", "127.0.0.1:26", "0.0.0.0/0"), "Enabled", "FALSE");
	see();
	receive_each_binding(view, collect, bindings);
	assert_string_equal(bindings, "127.0.0.1:25 ");
}

static void test_without_connectors_there_is_a_default_one(void **state)
{
	char bindings[200] = "";
	struct receive_rules rules;
	struct ipaddr peer;

	(void)state;
	see();
	receive_each_binding(view, collect, bindings);
	assert_string_equal(bindings, "0.0.0.0:25 [::]:25 ");
	assert_true(ipaddr_parse("192.0.2.1", 9, &peer));
	assert_true(receive_choose(view, "0.0.0.0:25", &peer, &rules));
	assert_string_equal(rules.name, "Default");
	assert_int_equal(rules.index, SNAP_NONE);
	assert_int_equal(rules.permit, PERMIT_ANONYMOUS | PERMIT_SERVERS);
	assert_false(rules.is_external);
	assert_int_equal(rules.config.limits.recipients, 200);
	assert_true((rules.config.extensions & SMTP_EXT_STARTTLS) != 0);
}

static void test_the_default_one_listens_on_the_servers_addresses(void **state)
{
	struct entry *server;
	char bindings[200] = "";

	(void)state;
	server = net_find(net, "cn=HTA1,");
	net_set(server, "Address", "127.0.0.5");
	net_set(server, "Address", "2001:db8::5");
	net_set(server, "SmtpPort", "2525");
	see();
	receive_each_binding(view, collect, bindings);
	assert_non_null(strstr(bindings, "127.0.0.5:2525 "));
	assert_non_null(strstr(bindings, "[2001:db8::5]:2525 "));
}

static void test_trust_lifts_the_limits_of_strangers(void **state)
{
	struct receive_rules rules;
	struct ipaddr peer;
	struct entry *own;

	(void)state;
	net_set(connector("Open", "127.0.0.1:25", "0.0.0.0/0"), "PermissionGroup", "anonymous");
	own = connector("Own", "127.0.0.1:26", "0.0.0.0/0");
	net_set(own, "AuthMechanism", "externallySecured");
	net_set(own, "PermissionGroup", "servers");
	net_set(own, "MaxMessageSize", "12345");
	see();
	assert_true(ipaddr_parse("192.0.2.1", 9, &peer));
	assert_true(receive_choose(view, "127.0.0.1:25", &peer, &rules));
	assert_int_equal(rules.config.limits.recipients, 200);
	assert_int_equal(rules.config.limits.tarpit_ms, 5000);
	receive_trust(&rules);
	assert_int_equal(rules.config.limits.recipients, 5000);
	assert_int_equal(rules.config.limits.tarpit_ms, 0);
	assert_int_equal(rules.config.limits.connection_ms, 0);
	assert_true(receive_choose(view, "127.0.0.1:26", &peer, &rules));
	assert_true(rules.is_external);
	assert_int_equal(rules.config.limits.recipients, 5000);
	assert_int_equal(rules.config.limits.message_bytes, 12345);
	assert_int_equal(rules.permit, PERMIT_SERVERS);
}

static struct receive_rules rules_for(const char *server, const char *binding)
{
	struct receive_rules rules;
	struct ipaddr peer;

	view_unref(view);
	view = view_of(net, server);
	assert_true(ipaddr_parse("192.0.2.1", 9, &peer));
	assert_true(receive_choose(view, binding, &peer, &rules));
	return rules;
}

static struct entry *add_edge(const char *name)
{
	return net_add(net, "Server", talloc_asprintf(net->ctx, "cn=%s,cn=Servers", name), "Role",
		       "edge", NULL);
}

/* delivery.md §3: the built-in connector and one without settings have the same limits. */
static void test_the_defaults_of_hub_and_edge(void **state)
{
	static const struct { const char *server, *binding; uint64_t connection, inactivity; } rows[] = {
		{ "HTA1", "127.0.0.1:25", 600000, 300000 }, { "HTA2", "0.0.0.0:25", 600000, 300000 },
		{ "EDGE1", "127.0.0.1:26", 300000, 60000 }, { "EDGE2", "0.0.0.0:25", 300000, 60000 },
	};

	(void)state;
	net_hub(net, "HTA2", "A");
	add_edge("EDGE1");
	add_edge("EDGE2");
	connector("Hub", "127.0.0.1:25", "0.0.0.0/0");
	net_add(net, "ReceiveConnector", "cn=Edge,cn=EDGE1,cn=Servers", "Binding", "127.0.0.1:26", NULL);
	net_build(net);
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct receive_rules rules = rules_for(rows[i].server, rows[i].binding);
		const struct server_limits *l = &rules.config.limits;

		assert_int_equal(l->connection_ms, rows[i].connection);
		assert_int_equal(l->inactivity_ms, rows[i].inactivity);
		assert_int_equal(l->errors, 5);
		assert_int_equal(l->tarpit_ms, 5000);
		assert_int_equal(l->recipients, 200);
		assert_int_equal(l->header_bytes, 262144);
		assert_int_equal(l->hops, 100);
		assert_int_equal(l->message_bytes, 36700160);
		assert_int_equal(rules.admission.connections, 5000);
		assert_int_equal(rules.admission.per_source, 20);
		assert_int_equal(rules.admission.per_minute, 0);
		receive_trust(&rules);
		assert_int_equal(l->recipients, 5000);
		assert_int_equal(rules.admission.per_source, 0);
	}
}

static void test_every_setting_reaches_the_session(void **state)
{
	static const char *const settings[][2] = {
		{ "ConnectionTimeout", "11" },  { "InactivityTimeout", "12" },
		{ "MaxProtocolErrors", "13" },  { "TarpitInterval", "14" },
		{ "MaxRecipients", "200" },     { "MaxHeaderSize", "2000" },
		{ "MaxHops", "17" },            { "MaxMessageSize", "18000" },
		{ "MaxConnections", "19" },     { "MaxConnectionsPerSource", "21" },
		{ "MessageRate", "22" },
	};
	struct receive_rules rules;
	const struct server_limits *l = &rules.config.limits;
	struct entry *entry = connector("In", "127.0.0.1:25", "0.0.0.0/0");

	(void)state;
	for (size_t i = 0; i < WP_COUNT(settings); i++)
		net_set(entry, settings[i][0], settings[i][1]);
	net_build(net);
	rules = rules_for("HTA1", "127.0.0.1:25");
	assert_int_equal(l->connection_ms, 11000);
	assert_int_equal(l->inactivity_ms, 12000);
	assert_int_equal(l->errors, 13);
	assert_int_equal(l->tarpit_ms, 14000);
	assert_int_equal(l->recipients, 200);
	assert_int_equal(l->header_bytes, 2000);
	assert_int_equal(l->hops, 17);
	assert_int_equal(l->message_bytes, 18000);
	assert_int_equal(rules.admission.connections, 19);
	assert_int_equal(rules.admission.per_source, 21);
	assert_int_equal(rules.admission.per_minute, 22);
	/* A proven server has no limits of strangers; a number of recipients that is written holds. */
	receive_trust(&rules);
	assert_int_equal(l->recipients, 200);
	assert_int_equal(rules.admission.connections, 19);
	assert_int_equal(rules.admission.per_source, 0);
	assert_int_equal(rules.admission.per_minute, 0);
}

static void test_figures_of_an_externally_secured_connector_are_for_its_clients(void **state)
{
	struct receive_rules rules;
	struct entry *entry = connector("Own", "127.0.0.1:25", "0.0.0.0/0");

	(void)state;
	net_set(entry, "AuthMechanism", "externallySecured");
	net_set(entry, "PermissionGroup", "servers");
	net_build(net);
	rules = rules_for("HTA1", "127.0.0.1:25");
	assert_int_equal(rules.admission.per_source, 0);
	assert_int_equal(rules.admission.connections, 5000);
	view_unref(view);
	view = NULL;
	net_set(entry, "MaxConnectionsPerSource", "3");
	net_set(entry, "MessageRate", "4");
	net_build(net);
	rules = rules_for("HTA1", "127.0.0.1:25");
	assert_int_equal(rules.admission.per_source, 3);
	assert_int_equal(rules.admission.per_minute, 4);
}

static bool is_own(const char *text)
{
	struct ipaddr address;

	assert_true(ipaddr_parse(text, strlen(text), &address));
	return view_is_own_address(view, &address);
}

static void test_addresses_of_all_own_servers_are_known(void **state)
{
	(void)state;
	see();
	assert_false(is_own("192.0.2.1"));
	view_unref(view);
	view = NULL;
	net_set(net_find(net, "cn=HTA1,"), "Address", "192.0.2.9");
	net_set(net_find(net, "cn=HTA1,"), "Address", "2001:db8::9");
	net_set(net_hub(net, "HTA2", "A"), "Address", "192.0.2.1");
	net_add(net, "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "Fqdn", "edge1.example.com",
		"SiteDN", net_dn(net, "Sites", "A"), "Address", "198.51.100.7", NULL);
	see();
	assert_true(is_own("192.0.2.9"));
	assert_true(is_own("192.0.2.1"));
	assert_true(is_own("2001:db8::9"));
	assert_true(is_own("198.51.100.7"));
	assert_false(is_own("192.0.2.2"));
	assert_false(is_own("2001:db8::8"));
}

static void test_strangers_reach_accepted_domains_only(void **state)
{
	(void)state;
	net_add(net, "AcceptedDomain", "cn=inside,cn=Accepted Domains", "Domain", "inside.test", NULL);
	see();
	assert_true(receive_is_inside(view->snap, "postmaster"));
	assert_true(receive_is_inside(view->snap, "u@inside.test"));
	assert_true(receive_is_inside(view->snap, "IMCEASMTP-u+40inside+2Etest@inside.test"));
	assert_false(receive_is_inside(view->snap, "u@outside.test"));
	assert_false(receive_is_inside(view->snap, "\"u@inside.test\"@outside.test"));
	assert_false(receive_is_inside(view->snap, "u@[192.0.2.1]"));
	assert_false(receive_is_inside(view->snap, "IMCEASMTP-u+40outside+2Etest@inside.test"));
	assert_false(receive_is_inside(view->snap, "IMCEAFAX-123@inside.test"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bindings_are_addresses_with_ports),
#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
		NET_TEST(test_the_most_specific_range_of_the_binding_wins),
		NET_TEST(test_a_client_in_no_range_is_served_by_none),
		NET_TEST(test_disabled_connectors_are_not_listened_on),
		NET_TEST(test_without_connectors_there_is_a_default_one),
		NET_TEST(test_the_default_one_listens_on_the_servers_addresses),
		NET_TEST(test_strangers_reach_accepted_domains_only),
		NET_TEST(test_trust_lifts_the_limits_of_strangers),
		NET_TEST(test_the_defaults_of_hub_and_edge),
		NET_TEST(test_every_setting_reaches_the_session),
		NET_TEST(test_figures_of_an_externally_secured_connector_are_for_its_clients),
		NET_TEST(test_addresses_of_all_own_servers_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
