/* topology/load: every kind of bad entry becomes its diagnostic, and the rest works. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/attrs.h"
#include "topology/diag.h"
#include "topology/load.h"

/* A healthy row A–B–C with the Internet connector at C. */
static struct net *healthy(void)
{
	struct net *net = net_new();

	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_connector(net, "Internet", "HTC1", "*;5");
	return net;
}

/* The one diagnostic with ID, shown as "attribute=value", or "none" or "several". */
static const char *the_diagnostic(struct net *net, const char *id)
{
	const char *found = "none";

	for (uint32_t i = 0; i < snap_count(&net->snap, SNAP_DIAGS); i++) {
		const struct snap_diag *diag = snap_diag(&net->snap, i);

		if (strcmp(diag_row(diag->row)->id, id) != 0)
			continue;
		if (strcmp(found, "none") != 0)
			return "several";
		found = talloc_asprintf(net->ctx, "%s=%s", snap_str(&net->snap, diag->attribute),
					snap_str(&net->snap, diag->value));
	}
	return found;
}

struct spoil {
	const char *dn, *attribute, *value; /* added to the healthy network */
	const char *id, *shown;
};

static void test_a_bad_value_is_noted_and_everything_else_routes_on(void **state)
{
	static const struct spoil table[] = {
		{ "cn=A-B", "LinkedSite", "cn=Nowhere,cn=Sites," NET_SUFFIX, "unknown-site",
		  "waypostLinkedSite=cn=Nowhere,cn=Sites," NET_SUFFIX },
		{ "cn=A-B", "LinkedSite", "garbage", "unknown-site", "waypostLinkedSite=garbage" },
		{ "cn=A-B", "MailCost", "none", "bad-value", "waypostMailCost=none" },
		{ "cn=A-B", "MaxMessageSize", "12x", "bad-value", "waypostMaxMessageSize=12x" },
		{ "cn=B,cn=Sites", "HubSite", "maybe", "bad-value", "waypostHubSite=maybe" },
		{ "cn=HTB1", "Address", "300.1.1.1", "bad-value", "waypostAddress=300.1.1.1" },
		{ "cn=HTB1", "CertificateHash", "sha256:xy", "bad-value", "waypostCertificateHash=sha256:xy" },
		{ "cn=HTB1", "SmtpPort", "70000", "out-of-range", "waypostSmtpPort=70000" },
		{ "cn=HTB1", "SmtpPort", "-1", "out-of-range", "waypostSmtpPort=-1" },
		{ "cn=HTB1", "Role", "queen", "bad-value", "waypostRole=queen" },
		{ "cn=HTB1", "ServerState", "asleep", "bad-value", "waypostServerState=asleep" },
		{ "cn=HTB1", "SiteDN", "cn=C,cn=Sites," NET_SUFFIX, "several-values",
		  "waypostSiteDN=cn=B,cn=Sites," NET_SUFFIX },
		{ "cn=Internet", "AddressSpace", "*contoso.com", "bad-address-space",
		  "waypostAddressSpace=*contoso.com" },
		{ "cn=Internet", "AddressSpace", "a.com;0", "bad-space-cost", "waypostAddressSpace=a.com;0" },
		{ "cn=Internet", "AddressSpace", "a.com;101", "bad-space-cost",
		  "waypostAddressSpace=a.com;101" },
		{ "cn=Internet", "AddressSpace", "X400:*", "space-needs-smarthost",
		  "waypostAddressSpace=X400:*" },
		{ "cn=Internet", "SourceServer", "cn=Gone,cn=Servers," NET_SUFFIX, "unknown-reference",
		  "waypostSourceServer=cn=Gone,cn=Servers," NET_SUFFIX },
		{ "cn=Internet", "MaxMessageSize", "99999999999999999999999", "out-of-range",
		  "waypostMaxMessageSize=99999999999999999999999" },
		{ "cn=Internet", "TlsAuthLevel", "strong", "bad-value", "waypostTlsAuthLevel=strong" },
		{ "cn=Internet", "ErrorPolicy", "angry", "bad-value", "waypostErrorPolicy=angry" },
		{ "cn=example.com,cn=Acc", "DomainType", "mine", "bad-value", "waypostDomainType=mine" },
		{ "cn=Waypost", "DefaultHomeServer", "cn=x,dc=y", "unknown-reference",
		  "waypostDefaultHomeServer=cn=x,dc=y" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = healthy();

		net_set(net_find(net, table[i].dn), table[i].attribute, table[i].value);
		net_build(net);
		assert_string_equal(the_diagnostic(net, table[i].id), table[i].shown);
		assert_string_equal(net_path(net, "A", "C"), "A>B>C 20/2");
		assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "Internet");
		net_free(net);
	}
}

static void test_costs_outside_their_range_are_clamped(void **state)
{
	static const char *const table[][2] = {
		{ "0", "A>B 1/1" }, { "-7", "A>B 1/1" }, { "100000", "A>B 99999/1" },
		{ "18446744073709551616", "A>B 99999/1" }, { "99999", "A>B 99999/1" },
		{ "cheap", "A>B 100/1" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = net_new();

		net_sites(net, "A B");
		net_link(net, talloc_asprintf(net->ctx, "A-B %s", table[i][0]));
		net_build(net);
		assert_string_equal(net_path(net, "A", "B"), table[i][1]);
		assert_int_equal(net_diagnostics(net, "out-of-range") + net_diagnostics(net, "bad-value"),
				 strcmp(table[i][0], "99999") != 0);
		net_free(net);
	}
}

/* Entries that are wrong as a whole: the entry is ignored, the rest works. */
static void test_a_bad_entry_is_noted_and_ignored(void **state)
{
	static const struct {
		const char *class, *dn, *attribute, *value, *id;
	} table[] = {
		{ "Site", "cn=Bad\\zz,dc=com", NULL, NULL, "bad-dn" },
		{ "Site", "cn=A,cn=Other", NULL, NULL, "duplicate-name" },
		{ "Server", "cn=HTA1,cn=Z", NULL, NULL, "duplicate-name" },
		{ "Organization", "cn=Second", NULL, NULL, "several-organizations" },
		{ "Subnet", "cn=10.1.0.1/16,cn=Subnets", "SiteDN", "cn=A,cn=Sites," NET_SUFFIX, "bad-subnet" },
		{ "Subnet", "cn=ten,cn=Subnets", "SiteDN", "cn=A,cn=Sites," NET_SUFFIX, "bad-subnet" },
		{ "Subnet", "cn=10.0.0.0/8,cn=Subnets", NULL, NULL, "missing-attribute" },
		{ "Subnet", "cn=10.0.0.0/8,cn=Subnets", "SiteDN", "cn=Z,cn=Sites," NET_SUFFIX, "unknown-site" },
		{ "AcceptedDomain", "cn=none,cn=Accepted Domains", NULL, NULL, "missing-attribute" },
		{ "AcceptedDomain", "cn=bad,cn=Accepted Domains", "Domain", "a..b", "bad-domain" },
		{ "AcceptedDomain", "cn=zwei,cn=Accepted Domains", "Domain", "EXAMPLE.com", "duplicate-domain" },
		{ "RemoteDomain", "cn=bad,cn=Remote Domains", "Domain", "*x", "bad-domain" },
		{ "ReceiveConnector", "cn=lost,cn=Receive", NULL, NULL, "receive-without-server" },
		{ "SendConnector", "cn=none,cn=Send Connectors", "AddressSpace", "a.com", "connector-no-source" },
		{ "SendConnector", "cn=none,cn=Send Connectors", "SourceServer",
		  "cn=HTA1,cn=Servers," NET_SUFFIX, "connector-no-space" },
		{ "SiteLink", "cn=lonely,cn=Site Links", "LinkedSite", "cn=A,cn=Sites," NET_SUFFIX,
		  "link-without-sites" },
		{ "Server", "cn=homeless,cn=Servers", "Role", "hub", "server-without-site" },
		{ "Server", "cn=mbx,cn=Servers", "Role", "mailbox", "home-not-deliverable" },
		{ "Server", "cn=twin,cn=Servers", "Fqdn", "hta1.example.com", "duplicate-fqdn" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = healthy();
		struct entry *entry = net_add(net, table[i].class, table[i].dn, NULL);

		if (table[i].attribute != NULL)
			net_set(entry, table[i].attribute, table[i].value);
		net_build(net);
		assert_int_equal(net_diagnostics(net, table[i].id), 1);
		assert_string_equal(net_path(net, "A", "C"), "A>B>C 20/2");
		assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "Internet");
		net_free(net);
	}
}

/* In an edge's own directory there are no sites; elsewhere a hub without one is a finding. */
static void test_a_hub_needs_no_site_in_the_directory_of_an_edge(void **state)
{
	static const char *const roles[] = { "edge", "hub" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(roles); i++) {
		struct net *net = net_new();

		net_add(net, "Server", "cn=HUB1,cn=Servers", "Role", "hub", NULL);
		net_add(net, "Server", "cn=EDGE1,cn=Servers", "Role", roles[i], NULL);
		net_build(net);
		assert_int_equal(net_diagnostics(net, "server-without-site"), 2 * i);
		net_free(net);
	}
}

static void test_sources_of_two_kinds_lose_the_edges(void **state)
{
	struct net *net = healthy();

	(void)state;
	net_add(net, "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "SiteDN",
		net_dn(net, "Sites", "A"), NULL);
	net_set(net_find(net, "cn=Internet"), "SourceServer", net_dn(net, "Edge Subscriptions", "EDGE1"));
	net_build(net);
	assert_int_equal(net_diagnostics(net, "mixed-sources"), 1);
	assert_int_equal(snap_connector(&net->snap, 0)->edges.count, 0);
	assert_int_equal(snap_connector(&net->snap, 0)->servers.count, 1);
	net_free(net);
}

static const struct snap_connector *connector_with(struct net *net, const char *dns, const char *host)
{
	struct entry *entry = net_find(net, "cn=Internet");

	if (dns != NULL)
		net_set(entry, "DnsRouting", dns);
	if (host != NULL)
		net_set(entry, "SmartHost", host);
	net_build(net);
	return snap_connector(&net->snap, 0);
}

static void test_smart_hosts_and_dns_routing_exclude_each_other(void **state)
{
	static const struct {
		const char *dns, *host, *id;
		bool routes_by_dns;
	} table[] = {
		{ NULL, NULL, NULL, true },
		{ NULL, "relay.example.net", NULL, false },
		{ "FALSE", "relay.example.net", NULL, false },
		{ "TRUE", "relay.example.net", "smarthost-wins", false },
		{ "TRUE", NULL, NULL, true },
		{ "FALSE", NULL, "no-smarthost", false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = healthy();

		assert_int_equal(connector_with(net, table[i].dns, table[i].host)->dns_routing,
				 table[i].routes_by_dns);
		assert_int_equal(net_diagnostics(net, "smarthost-wins") +
				 net_diagnostics(net, "no-smarthost"), table[i].id != NULL);
		if (table[i].id != NULL)
			assert_int_equal(net_diagnostics(net, table[i].id), 1);
		net_free(net);
	}
}

static void test_ranges_of_which_none_is_valid_admit_nobody(void **state)
{
	struct net *net = healthy();

	(void)state;
	net_add(net, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers", "RemoteRange", "everyone", NULL);
	net_build(net);
	assert_false(snap_receive(&net->snap, 0)->enabled);
	net_free(net);
}

/* The next hop is not where the administrator meant: neither may its mail go by DNS. */
static void test_malformed_smart_hosts_are_told_of_and_ignored(void **state)
{
	static const char *const bad[] = { "[1.2.3", "host:99999", "host:0", ":25", "a b", "[]", "host:" };
	static const char *const good[] = { "host", "host:2525", "[192.0.2.1]", "[192.0.2.1]:26",
					    "[IPv6:2001:db8::1]:25", "2001:db8::1", "[host]", "--" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad) + WP_COUNT(good); i++) {
		bool is_good = i >= WP_COUNT(bad);
		const char *text = is_good ? good[i - WP_COUNT(bad)] : bad[i];
		struct net *net = healthy();
		const struct snap_connector *connector = connector_with(net, NULL, text);

		assert_int_equal(net_diagnostics(net, "bad-value"), !is_good);
		assert_int_equal(net_diagnostics(net, "no-smarthost"), !is_good);
		assert_int_equal(connector->smart_hosts.count, is_good);
		assert_false(connector->dns_routing);
		assert_true(connector->enabled);
		net_free(net);
	}
}

static void test_malformed_bindings_are_told_of_and_ignored(void **state)
{
	static const struct {
		const char *first, *second;
		uint32_t count;
	} table[] = {
		{ "127.33.1.1:99999", NULL, 0 },
		{ "nonsense", NULL, 0 },
		{ "[::", NULL, 0 },
		{ "127.0.0.1", NULL, 0 },
		{ "host:25", NULL, 0 },
		{ "nonsense", "[::]:25", 1 },
		{ "0.0.0.0:25", "[2001:db8::1]:2525", 2 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = healthy();
		const struct snap_receive *receive;

		net_add(net, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers", "Binding", table[i].first,
			table[i].second != NULL ? "Binding" : NULL, table[i].second, NULL);
		net_build(net);
		receive = snap_receive(&net->snap, 0);
		assert_int_equal(receive->bindings.count, table[i].count);
		assert_int_equal(receive->enabled, table[i].count > 0);
		assert_int_equal(net_diagnostics(net, "bad-value"),
				 1 + (table[i].second != NULL) - table[i].count);
		net_free(net);
	}
}

static void test_design_warnings_about_receive_connectors(void **state)
{
	static const struct {
		const char *range, *auth;
		bool open;
	} table[] = {
		{ "10.0.0.0/8", "externallySecured", false },
		{ "192.0.2.0/24", "externallySecured", true },
		{ "0.0.0.0/0", "tls", false },
		{ NULL, "externallySecured", true },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = healthy();
		struct entry *in = net_add(net, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers",
					   "AuthMechanism", table[i].auth, NULL);

		if (table[i].range != NULL)
			net_set(in, "RemoteRange", table[i].range);
		net_build(net);
		assert_int_equal(net_diagnostics(net, "open-relay"), table[i].open);
		net_free(net);
	}
}

static void test_r02_ranges_of_one_binding_may_only_nest(void **state)
{
	static const struct {
		const char *second;
		bool crosses;
	} table[] = {
		{ "192.168.1.100-192.168.1.200", true }, { "192.168.1.64-192.168.1.100", false },
		{ "192.168.0.0/16", false }, { "10.0.0.0/8", false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = healthy();

		net_add(net, "ReceiveConnector", "cn=One,cn=HTA1,cn=Servers", "Binding", "0.0.0.0:25",
			"RemoteRange", "192.168.1.0-192.168.1.128", NULL);
		net_add(net, "ReceiveConnector", "cn=Two,cn=HTA1,cn=Servers", "Binding", "0.0.0.0:25",
			"RemoteRange", table[i].second, NULL);
		net_build(net);
		assert_int_equal(net_diagnostics(net, "range-overlap"), table[i].crosses);
		net_free(net);
	}
}

static void test_an_organisation_without_a_way_out_is_told(void **state)
{
	struct net *net = healthy();

	(void)state;
	net_build(net);
	assert_int_equal(net_diagnostics(net, "no-internet-connector"), 0);
	net_set(net_find(net, "cn=Internet"), "Enabled", "FALSE");
	net_build(net);
	assert_int_equal(net_diagnostics(net, "no-internet-connector"), 1);
	net_free(net);
}

static void test_p16_a_server_without_a_site_is_placed_by_its_subnet(void **state)
{
	struct net *net = healthy();
	struct entry *server = net_add(net, "Server", "cn=NEW,cn=Servers", "Role", "hub", "Address",
				       "192.168.3.1", NULL);

	(void)state;
	net_add(net, "Subnet", "cn=192.168.0.0/16,cn=Subnets", "SiteDN", net_dn(net, "Sites", "A"), NULL);
	net_add(net, "Subnet", "cn=192.168.3.0/24,cn=Subnets", "SiteDN", net_dn(net, "Sites", "B"), NULL);
	net_build(net);
	assert_int_equal(snap_server(&net->snap, snapshot_find_server(&net->snap, "NEW"))->peer.site,
			 net_site_index(net, "B"));
	net_set(server, "SiteDN", net_dn(net, "Sites", "C"));
	net_build(net);
	assert_int_equal(snap_server(&net->snap, snapshot_find_server(&net->snap, "NEW"))->peer.site,
			 net_site_index(net, "C"));
	net_free(net);
}

static void test_absent_attributes_mean_their_defaults(void **state)
{
	struct net *net = healthy();
	const struct snap_connector *connector;
	const struct snap_server *server;

	(void)state;
	net_add(net, "Server", "cn=EDGE,cn=Servers", "Role", "edge", NULL);
	net_build(net);
	connector = snap_connector(&net->snap, 0);
	assert_int_equal(connector->max_message_size, 36700160);
	assert_int_equal(connector->inactivity_timeout, 600);
	assert_int_equal(connector->dane, POLICY_OPPORTUNISTIC);
	assert_int_equal(connector->error_policy, ERROR_POLICY_DEFAULT);
	assert_int_equal(connector->linked_receive, SNAP_NONE);
	server = snap_server(&net->snap, snapshot_find_server(&net->snap, "HTA1"));
	assert_int_equal(server->transient_retry_interval, 300);
	assert_int_equal(server->peer.smtp_port, 25);
	server = snap_server(&net->snap, snapshot_find_server(&net->snap, "EDGE"));
	assert_int_equal(server->transient_retry_interval, 600);
	assert_int_equal(server->connection_failure_retry_interval, 1800);
	assert_string_equal(snap_str(&net->snap, snap_org(&net->snap)->postmaster),
			    "postmaster@example.com");
	assert_int_equal(snap_org(&net->snap)->expansion_limit, 1000);
	net_free(net);
}

static void test_only_entries_below_the_base_count(void **state)
{
	struct net *net = healthy();
	struct snapshot_source source = snapshot_source_of_list(&net->entries);

	(void)state;
	net_add(net, "Site", "cn=Outside,ou=elsewhere,dc=example,dc=com", NULL);
	net_build(net);
	assert_int_equal(snapshot_find_site(&net->snap, "Outside"), SNAP_NONE);
	assert_int_equal(snapshot_build(&source, "dc=example,dc=com", 1, &net->image, NULL), 0);
	assert_int_equal(snapshot_open(&net->snap, net->image.data, net->image.len, NULL), 0);
	assert_int_not_equal(snapshot_find_site(&net->snap, "Outside"), SNAP_NONE);
	net_free(net);
}

/* AD's sites lie beside the services, of which the organisation is one. */
static void test_an_organisation_in_a_forest_speaks_for_all_its_configuration(void **state)
{
	static const char *const bases[] = {
		NULL, "CN=Configuration,DC=example,DC=com",
		"CN=Waypost,CN=Services,CN=Configuration,DC=example,DC=com"
	};
	struct net *net = net_empty();
	struct snapshot_source source = snapshot_source_of_list(&net->entries);

	(void)state;
	net_add(net, "Organization", "CN=Waypost,CN=Services,CN=Configuration,DC=example,dc=com",
		NULL);
	net_add(net, "Site", "CN=Lyon,CN=Sites,CN=Configuration,DC=example,dc=com", NULL);
	net_add(net, "Site", "CN=Outside,DC=example,dc=com", NULL);
	net_add(net, "Organization", "CN=Second,CN=Services,CN=Configuration,DC=example,dc=com",
		NULL);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		assert_int_equal(snapshot_build(&source, bases[i], 1, &net->image, NULL), 0);
		assert_int_equal(snapshot_open(&net->snap, net->image.data, net->image.len, NULL),
				 0);
		assert_int_not_equal(snapshot_find_site(&net->snap, "Lyon"), SNAP_NONE);
		assert_int_equal(snapshot_find_site(&net->snap, "Outside"), SNAP_NONE);
		assert_int_equal(net_diagnostics(net, "several-organizations"), 1);
	}
	net_free(net);
}

static void test_an_empty_directory_is_a_snapshot_with_a_diagnostic(void **state)
{
	struct net *net = net_empty();

	(void)state;
	net_build(net);
	assert_int_equal(net_diagnostics(net, "no-organization"), 1);
	assert_int_equal(snap_org(&net->snap)->expansion_limit, 1000);
	net_free(net);
}

/* The table itself: names, numbers and uses have to fit each other. */
static void test_the_table_of_attributes_is_consistent(void **state)
{
	size_t n_types, n_classes;
	const struct attr_type *types = attr_types(&n_types);
	const struct attr_class *classes = attr_classes(&n_classes);

	(void)state;
	for (size_t i = 0; i < n_types; i++)
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(types[i].name, types[j].name);
			assert_true(types[i].number == 0 || types[i].number != types[j].number);
		}
	for (size_t c = 0; c < n_classes; c++) {
		assert_int_equal(classes[c].number, c + 1);
		for (size_t u = 0; u < classes[c].n_uses; u++) {
			const struct attr_use *use = &classes[c].uses[u];
			const struct attr_type *type = attr_find_type(use->attribute);

			assert_non_null(type);
			assert_true(use->field != FIELD_TEXTS || type->multi);
			assert_true(use->field != FIELD_BOOL || type->syntax == ATTR_BOOLEAN);
			assert_true((use->field != FIELD_WORD && use->field != FIELD_FLAGS) ||
				    use->words != NULL);
			assert_true(use->field == FIELD_NONE || classes[c].section != SNAP_SECTIONS);
		}
	}
	for (size_t i = 0; i < n_types; i++) {
		bool used = false;

		for (size_t c = 0; c < n_classes; c++)
			for (size_t u = 0; u < classes[c].n_uses; u++)
				used |= strcmp(classes[c].uses[u].attribute, types[i].name) == 0;
		assert_true(used);
	}
}

/* Two servers of one name: the receive connector of the one that lost it is the other's. */
static void test_a_receive_connector_follows_its_server_s_name(void **state)
{
	struct net *net = net_new();
	const struct snap_receive *receive;

	(void)state;
	net_site(net, "A");
	net_add(net, "Server", "cn=HTA1,cn=zz", "Role", "hub", NULL);
	net_add(net, "ReceiveConnector", "cn=In,cn=HTA1,cn=zz", "Binding", "127.0.0.1:25", NULL);
	net_build(net);
	assert_int_equal(net_diagnostics(net, "duplicate-name"), 1);
	assert_int_equal(snap_count(&net->snap, SNAP_RECEIVE), 1);
	receive = snap_receive(&net->snap, 0);
	assert_int_equal(receive->server, snapshot_find_server(&net->snap, "HTA1"));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bad_value_is_noted_and_everything_else_routes_on),
		cmocka_unit_test(test_costs_outside_their_range_are_clamped),
		cmocka_unit_test(test_a_bad_entry_is_noted_and_ignored),
		cmocka_unit_test(test_a_hub_needs_no_site_in_the_directory_of_an_edge),
		cmocka_unit_test(test_sources_of_two_kinds_lose_the_edges),
		cmocka_unit_test(test_smart_hosts_and_dns_routing_exclude_each_other),
		cmocka_unit_test(test_ranges_of_which_none_is_valid_admit_nobody),
		cmocka_unit_test(test_malformed_smart_hosts_are_told_of_and_ignored),
		cmocka_unit_test(test_malformed_bindings_are_told_of_and_ignored),
		cmocka_unit_test(test_design_warnings_about_receive_connectors),
		cmocka_unit_test(test_r02_ranges_of_one_binding_may_only_nest),
		cmocka_unit_test(test_an_organisation_without_a_way_out_is_told),
		cmocka_unit_test(test_p16_a_server_without_a_site_is_placed_by_its_subnet),
		cmocka_unit_test(test_absent_attributes_mean_their_defaults),
		cmocka_unit_test(test_only_entries_below_the_base_count),
		cmocka_unit_test(test_an_organisation_in_a_forest_speaks_for_all_its_configuration),
		cmocka_unit_test(test_an_empty_directory_is_a_snapshot_with_a_diagnostic),
		cmocka_unit_test(test_the_table_of_attributes_is_consistent),
		cmocka_unit_test(test_a_receive_connector_follows_its_server_s_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
