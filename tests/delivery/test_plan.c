/* delivery/plan: from a queue's key to the hosts to try, in order, and what they have to prove. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/plan.h"
#include "tests/delivery/view_fixture.h"

#define HASH "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_HASH "sha256:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct net *net;
static struct view *view;
static struct plan *plan;

static int begin(void **state)
{
	(void)state;
	net = net_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	plan_unref(plan);
	plan = NULL;
	view_unref(view);
	view = NULL;
	net_free(net);
	return 0;
}

static void see(const char *server)
{
	net_build(net);
	view = view_of(net, server);
}

static void make(enum queue_kind kind, const char *next_hop, const char *connector, unsigned rotation)
{
	struct queue_key key = { .kind = kind };

	snprintf(key.next_hop, sizeof(key.next_hop), "%s", next_hop);
	snprintf(key.connector, sizeof(key.connector), "%s", connector);
	plan_unref(plan);
	plan = plan_new(view, &key, rotation);
}

/* "name:port name:port", or "-" and the reason. */
static const char *targets(void)
{
	static char text[2000];
	size_t len = 0;

	text[0] = '\0';
	if (plan->target_count == 0)
		snprintf(text, sizeof(text), "- %s", plan->why);
	for (unsigned i = 0; i < plan->target_count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%u", len > 0 ? " " : "",
					plan->targets[i].name, (unsigned)plan->targets[i].hop.port);
	return text;
}

static struct entry *send_connector(const char *name)
{
	return net_add(net, "SendConnector",
		       talloc_asprintf(net->ctx, "cn=%s,cn=Send Connectors", name), "AddressSpace", "*",
		       "SourceServer", net_dn(net, "Servers", "HTA1"), NULL);
}

/* --- mailbox servers ------------------------------------------------------------------------ */

static void mailbox(const char *url)
{
	net_add(net, "Server", "cn=MBX,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "A"), "Fqdn", "mbx.example.com", NULL);
	if (url != NULL)
		net_set(net_find(net, "cn=MBX,"), "MailboxDelivery", url);
	see("HTA1");
	make(QUEUE_MAILBOX, "MBX", "", 0);
	assert_true(plan->is_mailbox);
}

static void test_a_mailbox_server_by_lmtp(void **state)
{
	(void)state;
	net_sites(net, "A");
	mailbox("lmtp://mbx.example.com:2424");
	assert_string_equal(targets(), "mbx.example.com:2424");
	assert_true(plan->is_lmtp);
	assert_int_equal(plan->targets[0].hop.kind, MX_HOST);
}

static void test_a_mailbox_server_by_smtp_at_its_standard_port(void **state)
{
	(void)state;
	net_sites(net, "A");
	mailbox("smtp://mbx.example.com");
	assert_string_equal(targets(), "mbx.example.com:25");
	assert_false(plan->is_lmtp);
}

static void test_a_mailbox_server_by_a_local_socket(void **state)
{
	(void)state;
	net_sites(net, "A");
	mailbox("lmtp+unix:///run/dovecot/lmtp");
	assert_int_equal(plan->target_count, 1);
	assert_string_equal(plan->targets[0].unix_path, "/run/dovecot/lmtp");
	assert_true(plan->is_lmtp);
}

static void test_a_mailbox_server_without_a_way_says_so(void **state)
{
	(void)state;
	net_sites(net, "A");
	mailbox(NULL);
	assert_int_equal(plan->target_count, 0);
	assert_non_null(strstr(plan->why, "waypostMailboxDelivery"));
}

/* --- send connectors ------------------------------------------------------------------------ */

static void test_smart_hosts_are_rotated(void **state)
{
	struct entry *out;

	(void)state;
	net_sites(net, "A");
	out = send_connector("Out");
	net_set(out, "DnsRouting", "FALSE");
	net_set(out, "SmartHost", "[192.0.2.1]");
	net_set(out, "SmartHost", "relay.example.net:2525");
	net_set(out, "SmartHost", "[192.0.2.3]:26");
	see("HTA1");
	make(QUEUE_SMART_HOST, "", "Out", 0);
	assert_string_equal(targets(), "192.0.2.1:25 relay.example.net:2525 192.0.2.3:26");
	assert_int_equal(plan->targets[0].rules.tls, PLAN_TLS_OPPORTUNISTIC);
	make(QUEUE_SMART_HOST, "", "Out", 1);
	assert_string_equal(targets(), "relay.example.net:2525 192.0.2.3:26 192.0.2.1:25");
	make(QUEUE_SMART_HOST, "", "Out", 5);
	assert_string_equal(targets(), "192.0.2.3:26 192.0.2.1:25 relay.example.net:2525");
}

static void test_a_dns_connector_goes_to_the_domain(void **state)
{
	(void)state;
	net_sites(net, "A");
	send_connector("Out");
	see("HTA1");
	make(QUEUE_DNS_CONNECTOR, "far.example", "Out", 0);
	assert_string_equal(targets(), "far.example:25");
	assert_int_equal(plan->targets[0].hop.kind, MX_DOMAIN);
}

static void test_a_connector_that_is_gone_is_named(void **state)
{
	(void)state;
	net_sites(net, "A");
	see("HTA1");
	make(QUEUE_SMART_HOST, "", "Out", 0);
	assert_string_equal(targets(), "- the connector is no longer in the directory");
}

static void test_tls_levels_are_what_the_connector_asks_for(void **state)
{
	static const struct { const char *name, *value; enum plan_tls tls; } rows[] = {
		{ "RequireTls", "TRUE", PLAN_TLS_ENCRYPTION },
		{ "IgnoreStartTls", "TRUE", PLAN_TLS_NONE },
		{ "TlsAuthLevel", "certificateValidation", PLAN_TLS_CERTIFICATE },
		{ "TlsAuthLevel", "domainValidation", PLAN_TLS_DOMAIN },
		{ "TlsAuthLevel", "encryptionOnly", PLAN_TLS_ENCRYPTION },
	};

	(void)state;
	net_sites(net, "A");
	for (size_t i = 0; i < WP_COUNT(rows); i++)
		net_set(send_connector(talloc_asprintf(net->ctx, "C%zu", i)), rows[i].name,
			rows[i].value);
	see("HTA1");
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		make(QUEUE_DNS_CONNECTOR, "far.example", talloc_asprintf(net->ctx, "C%zu", i), 0);
		assert_int_equal(plan->targets[0].rules.tls, rows[i].tls);
	}
}

/* --- own servers ---------------------------------------------------------------------------- */

static void publish(const char *server, const char *address)
{
	struct entry *entry = net_find(net, talloc_asprintf(net->ctx, "cn=%s,", server));

	net_set(entry, "CertificateHash", HASH);
	if (address != NULL)
		net_set(entry, "Address", address);
}

static void test_a_site_is_reached_by_its_hubs_then_those_nearer(void **state)
{
	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	publish("HTB1", "127.0.2.1");
	publish("HTC1", "127.0.3.1");
	see("HTA1");
	make(QUEUE_RELAY_SITE, "C", "", 0);
	assert_int_equal(plan->target_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(plan->targets[i].rules.is_own);
		assert_int_equal(plan->targets[i].rules.tls, PLAN_TLS_PINNED);
	}
	assert_int_equal(plan->targets[0].hash_count, 1);
	assert_int_equal(plan->targets[0].hashes[0][1], 0x11);
	/* Called by name also where the address is literal: the pin goes with the server. */
	assert_string_equal(targets(), "htc1.example.com:25 htb1.example.com:25");
}

static void test_hubs_of_a_site_take_turns(void **state)
{
	(void)state;
	net_sites(net, "A B");
	net_hub(net, "HTB2", "B");
	net_link(net, "A-B 10");
	publish("HTB1", "127.0.2.1");
	publish("HTB2", "127.0.2.2");
	see("HTA1");
	make(QUEUE_RELAY_SITE, "B", "", 0);
	assert_string_equal(targets(), "htb1.example.com:25 htb2.example.com:25");
	make(QUEUE_RELAY_SITE, "B", "", 1);
	assert_string_equal(targets(), "htb2.example.com:25 htb1.example.com:25");
}

/* Each edge is reached by an implicit connector of its own (routing rules §6). */
static void test_edges_are_reached_by_their_implicit_connectors(void **state)
{
	struct entry *out;

	(void)state;
	net_sites(net, "A");
	for (int i = 1; i <= 2; i++)
		net_add(net, "EdgeSubscription",
			talloc_asprintf(net->ctx, "cn=EDGE%d,cn=Edge Subscriptions", i), "SiteDN",
			net_dn(net, "Sites", "A"), "Fqdn",
			talloc_asprintf(net->ctx, "edge%d.example.com", i), "CertificateHash", HASH,
			NULL);
	out = net_add(net, "SendConnector", "cn=Out,cn=Send Connectors", "AddressSpace", "*",
		      "SourceServer", net_dn(net, "Edge Subscriptions", "EDGE1"), NULL);
	see("HTA1");
	make(QUEUE_RELAY_EDGE, "", "Out", 0);
	assert_string_equal(targets(), "edge1.example.com:25");
	assert_string_equal(plan->targets[0].connector, "Implicit to edge EDGE1");
	assert_string_equal(plan->connector, "Implicit to edge EDGE1");
	assert_string_equal(plan->display, "EDGE1");
	view_unref(view);
	net_set(out, "SourceServer", net_dn(net, "Edge Subscriptions", "EDGE2"));
	see("HTA1");
	make(QUEUE_RELAY_EDGE, "", "Out", 1);
	assert_string_equal(targets(), "edge2.example.com:25 edge1.example.com:25");
	assert_string_equal(plan->targets[0].connector, "Implicit to edge EDGE2");
	assert_string_equal(plan->targets[1].connector, "Implicit to edge EDGE1");
	/* What tools show does not turn with the connections. */
	assert_string_equal(plan->connector, "Implicit to edge EDGE1, Implicit to edge EDGE2");
	assert_string_equal(plan->display, "EDGE1, EDGE2");
}

static void test_sources_of_the_site_are_reached_within_it(void **state)
{
	(void)state;
	net_sites(net, "A");
	net_hub(net, "HTA2", "A");
	publish("HTA2", NULL);
	net_add(net, "SendConnector", "cn=Out,cn=Send Connectors", "AddressSpace", "*",
		"SourceServer", net_dn(net, "Servers", "HTA2"), NULL);
	see("HTA1");
	make(QUEUE_RELAY_SERVER, "", "Out", 0);
	assert_string_equal(targets(), "hta2.example.com:25");
	assert_string_equal(plan->targets[0].connector, "Implicit within A");
	assert_string_equal(plan->connector, "Implicit within A");
	assert_string_equal(plan->display, "HTA2");
}

static void test_a_peer_without_a_certificate_is_left_out_and_named(void **state)
{
	(void)state;
	net_sites(net, "A B");
	net_hub(net, "HTB2", "B");
	net_link(net, "A-B 10");
	see("HTA1");
	make(QUEUE_RELAY_SITE, "B", "", 0);
	assert_int_equal(plan->target_count, 0);
	assert_non_null(strstr(plan->why, "HTB"));
	assert_non_null(strstr(plan->why, "publish-certificate"));
	view_unref(view);
	publish("HTB2", NULL);
	see("HTA1");
	make(QUEUE_RELAY_SITE, "B", "", 0);
	assert_int_equal(plan->target_count, 1);
	assert_int_equal(plan->targets[0].hash_count, 1);
}

/* `--` among other smart hosts: each is spoken to by its own rules. */
static void test_inside_hubs_are_own_servers_and_their_neighbours_are_not(void **state)
{
	(void)state;
	net_sites(net, "A");
	publish("HTA1", NULL);
	net_add(net, "Server", "cn=EDGE1,cn=Servers", "Role", "edge", "SiteDN",
		net_dn(net, "Sites", "A"), "Fqdn", "edge1.example.com", NULL);
	net_add(net, "SendConnector", "cn=In,cn=Send Connectors", "AddressSpace", "--",
		"SourceServer", net_dn(net, "Servers", "EDGE1"), "DnsRouting", "FALSE", "SmartHost",
		"[192.0.2.1]", "SmartHost", "--", "SmartHost", "[192.0.2.3]", "IgnoreStartTls",
		"TRUE", "ForceHelo", "TRUE", "TlsDomain", "relay.example.net", NULL);
	see("EDGE1");
	for (unsigned rotation = 0; rotation < 3; rotation++) {
		unsigned own = 0;

		make(QUEUE_SMART_HOST, "", "In", rotation);
		assert_int_equal(plan->target_count, 3);
		for (unsigned i = 0; i < 3; i++) {
			const struct plan_rules *rules = &plan->targets[i].rules;
			bool is_hub = strcmp(plan->targets[i].name, "hta1.example.com") == 0;

			own += is_hub;
			assert_int_equal(rules->is_own, is_hub);
			assert_int_equal(rules->tls, is_hub ? PLAN_TLS_PINNED : PLAN_TLS_NONE);
			assert_int_equal(rules->force_helo, !is_hub);
			assert_string_equal(rules->tls_domain, is_hub ? "" : "relay.example.net");
			assert_int_equal(plan->targets[i].hash_count, is_hub);
		}
		assert_int_equal(own, 1);
	}
}

/* --- after a change of the view -------------------------------------------------------------- */

/* Makes the plan of KEY again after VALUE was set; where the old target INDEX is in it now. */
static int place_after(struct entry *entry, const char *attribute, const char *value,
		       unsigned index)
{
	struct plan *old = plan_new(view, &(struct queue_key){ .kind = QUEUE_SMART_HOST, .connector = "Out" }, 0);
	int place;

	net_set(entry, attribute, value);
	view_unref(view);
	see("HTA1");
	make(QUEUE_SMART_HOST, "", "Out", 1);
	place = plan_find_target(plan, old, index);
	plan_unref(old);
	return place;
}

static void test_a_connection_goes_on_where_nothing_of_it_has_changed(void **state)
{
	static const struct { const char *attribute, *value; int place; } rows[] = {
		{ "SmartHost", "[192.0.2.9]", 0 }, /* one more; the plan is rotated */
		{ "MaxMessageSize", "1000", 0 },
		{ "IgnoreStartTls", "TRUE", 0 }, /* opportunistic TLS is more than none */
		{ "RequireTls", "TRUE", -1 },
		{ "Port", "26", -1 },
		{ "Fqdn", "other.example.com", -1 },
		{ "ForceHelo", "TRUE", -1 },
	};

	(void)state;
	net_sites(net, "A");
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct net *before = net;
		struct entry *out;

		net = net_new();
		net_sites(net, "A");
		out = send_connector("Out");
		net_set(out, "DnsRouting", "FALSE");
		net_set(out, "SmartHost", "[192.0.2.1]");
		net_set(out, "SmartHost", "relay.example.net");
		see("HTA1");
		assert_int_equal(place_after(out, rows[i].attribute, rows[i].value, 1), rows[i].place);
		view_unref(view);
		view = NULL;
		net_free(before);
	}
}

static void test_a_connection_to_a_host_that_is_no_longer_named_ends(void **state)
{
	struct plan *old;
	struct entry *out;

	(void)state;
	net_sites(net, "A");
	out = send_connector("Out");
	net_set(out, "DnsRouting", "FALSE");
	net_set(out, "SmartHost", "[192.0.2.1]");
	net_set(send_connector("New"), "DnsRouting", "FALSE");
	net_set(net_find(net, "cn=New,"), "SmartHost", "[192.0.2.2]");
	see("HTA1");
	make(QUEUE_SMART_HOST, "", "Out", 0);
	old = plan_ref(plan);
	assert_int_equal(plan_find_target(plan, old, 0), 0);
	make(QUEUE_SMART_HOST, "", "New", 0);
	assert_int_equal(plan_find_target(plan, old, 0), -1);
	make(QUEUE_SMART_HOST, "", "Gone", 0);
	assert_int_equal(plan_find_target(plan, old, 0), -1);
	plan_unref(old);
}

static void test_a_pin_is_compared_with_what_the_directory_has_now(void **state)
{
	uint8_t hash[TLS_HASH_SIZE];

	(void)state;
	net_sites(net, "A B");
	net_link(net, "A-B 10");
	publish("HTB1", NULL);
	net_set(net_find(net, "cn=HTB1,"), "CertificateHash", OTHER_HASH);
	see("HTA1");
	make(QUEUE_RELAY_SITE, "B", "", 0);
	assert_true(tls_hash_parse(HASH, hash) && plan_is_pinned(&plan->targets[0], hash));
	assert_true(tls_hash_parse(OTHER_HASH, hash) && plan_is_pinned(&plan->targets[0], hash));
	hash[0] ^= 1;
	assert_false(plan_is_pinned(&plan->targets[0], hash));
}

static void test_the_own_bindings_are_known_for_the_cut_off(void **state)
{
	(void)state;
	net_sites(net, "A");
	net_add(net, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers", "Binding", "127.0.0.1:2525",
		"RemoteRange", "0.0.0.0/0", NULL);
	send_connector("Out");
	see("HTA1");
	make(QUEUE_DNS_CONNECTOR, "far.example", "Out", 0);
	assert_int_equal(plan->self.binding_count, 1);
	assert_int_equal(plan->self.bindings[0].port, 2525);
	assert_int_equal(plan->self.name_count, 1);
	assert_string_equal(plan->self.names[0], "HTA1");
}

static void test_what_holds_no_mail_for_a_host_has_no_targets(void **state)
{
	(void)state;
	net_sites(net, "A");
	see("HTA1");
	make(QUEUE_UNREACHABLE, "no-route", "", 0);
	assert_string_equal(targets(), "- no-route");
	make(QUEUE_RELAY_SITE, "Atlantis", "", 0);
	assert_string_equal(targets(), "- the site is no longer in the directory");
}

int main(void)
{
#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		NET_TEST(test_a_mailbox_server_by_lmtp),
		NET_TEST(test_a_mailbox_server_by_smtp_at_its_standard_port),
		NET_TEST(test_a_mailbox_server_by_a_local_socket),
		NET_TEST(test_a_mailbox_server_without_a_way_says_so),
		NET_TEST(test_smart_hosts_are_rotated),
		NET_TEST(test_a_dns_connector_goes_to_the_domain),
		NET_TEST(test_a_connector_that_is_gone_is_named),
		NET_TEST(test_tls_levels_are_what_the_connector_asks_for),
		NET_TEST(test_a_site_is_reached_by_its_hubs_then_those_nearer),
		NET_TEST(test_hubs_of_a_site_take_turns),
		NET_TEST(test_edges_are_reached_by_their_implicit_connectors),
		NET_TEST(test_sources_of_the_site_are_reached_within_it),
		NET_TEST(test_a_peer_without_a_certificate_is_left_out_and_named),
		NET_TEST(test_inside_hubs_are_own_servers_and_their_neighbours_are_not),
		NET_TEST(test_a_connection_goes_on_where_nothing_of_it_has_changed),
		NET_TEST(test_a_connection_to_a_host_that_is_no_longer_named_ends),
		NET_TEST(test_a_pin_is_compared_with_what_the_directory_has_now),
		NET_TEST(test_the_own_bindings_are_known_for_the_cut_off),
		NET_TEST(test_what_holds_no_mail_for_a_host_has_no_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
