/* delivery/router: recipients become copies, one per next hop, and those that go nowhere. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/router.h"
#include "tests/delivery/view_fixture.h"

enum { LEAVES_MAX = 16 };

static struct net *net;
static struct view *view;
static struct routed *routed;

static int begin(void **state)
{
	(void)state;
	net = net_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	routed_free(routed);
	routed = NULL;
	view_unref(view);
	view = NULL;
	net_free(net);
	return 0;
}

static void mailbox_server(const char *name, const char *site)
{
	net_add(net, "Server", talloc_asprintf(net->ctx, "cn=%s,cn=Servers", name), "Role", "mailbox",
		"SiteDN", net_dn(net, "Sites", site), "Fqdn",
		talloc_asprintf(net->ctx, "%s.example.com", name), "MailboxDelivery",
		"lmtp://127.0.0.1:24", NULL);
}

/* Routes what ADDRESSES (separated by spaces) resolve to, as the hub of site A. */
static void route(const char *addresses)
{
	const struct resolved *leaves[LEAVES_MAX];
	struct resolve_query query = { .authenticated = true };
	char *list = talloc_strdup(net->ctx, addresses), *save = NULL;
	uint32_t n = 0;

	net_build(net);
	view = view_of(net, "HTA1");
	for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct resolution *r;
		struct err err;

		assert_int_equal(resolve_recipient(net->ctx, view->viewpoint, &net->recipients, &query,
						   word, &r, &err), 0);
		leaves[n++] = &r->items[0];
	}
	routed = router_route(view, leaves, NULL, n, 1000, SNAP_NONE);
}

/* "kind hop connector: 0 2 | …" in the order of the answer, which is sorted by key. */
static const char *copies(void)
{
	static char text[2000];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < routed->count; i++) {
		const struct queue_destination *d = &routed->destinations[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s%s%s:", i > 0 ? " | " : "",
					queue_kind_name(d->key.kind), d->key.next_hop,
					d->key.connector[0] != '\0' ? " " : "", d->key.connector);
		for (uint32_t j = 0; j < d->count; j++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %u", d->recipients[j]);
	}
	return text;
}

static void test_recipients_of_one_mailbox_server_are_one_copy(void **state)
{
	(void)state;
	net_sites(net, "A");
	mailbox_server("MBX1", "A");
	mailbox_server("MBX2", "A");
	net_person(net, "ann@example.com", "MBX1");
	net_person(net, "bob@example.com", "MBX2");
	net_person(net, "cid@example.com", "MBX1");
	route("ann@example.com bob@example.com cid@example.com");
	assert_string_equal(copies(), "mailbox MBX1: 0 2 | mailbox MBX2: 1");
}

static void test_paths_that_begin_alike_are_one_copy_to_the_fork(void **state)
{
	static const char *const sites[] = { "B", "C", "D" };

	(void)state;
	/* A ─ B ─ C
	 *      └─ D */
	net_sites(net, "A B C D");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_link(net, "B-D 10");
	for (size_t i = 0; i < WP_COUNT(sites); i++)
		mailbox_server(talloc_asprintf(net->ctx, "MBX%s", sites[i]), sites[i]);
	net_person(net, "cid@example.com", "MBXC");
	net_person(net, "dan@example.com", "MBXD");
	route("cid@example.com dan@example.com");
	assert_string_equal(copies(), "relay-site B: 0 1");
}

static void test_a_single_recipient_goes_straight(void **state)
{
	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	mailbox_server("MBXC", "C");
	net_person(net, "cid@example.com", "MBXC");
	route("cid@example.com");
	assert_string_equal(copies(), "relay-site C: 0");
}

static void test_paths_that_part_at_once_are_two_copies(void **state)
{
	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "A-C 10");
	mailbox_server("MBXB", "B");
	mailbox_server("MBXC", "C");
	net_person(net, "bob@example.com", "MBXB");
	net_person(net, "cid@example.com", "MBXC");
	route("cid@example.com bob@example.com");
	assert_string_equal(copies(), "relay-site B: 1 | relay-site C: 0");
}

static void test_domains_of_a_dns_connector_have_queues_of_their_own(void **state)
{
	(void)state;
	net_sites(net, "A");
	net_connector(net, "Out", "HTA1", "*");
	route("x@one.example y@two.example z@one.example");
	assert_string_equal(copies(), "dns-connector one.example Out: 0 2 | dns-connector two.example Out: 1");
}

static void test_smart_hosts_share_the_queue_of_their_connector(void **state)
{
	struct entry *out;

	(void)state;
	net_sites(net, "A");
	out = net_connector(net, "Out", "HTA1", "*");
	net_set(out, "DnsRouting", "FALSE");
	net_set(out, "SmartHost", "[192.0.2.1]");
	route("x@one.example y@two.example");
	assert_string_equal(copies(), "smart-host  Out: 0 1");
}

static void test_the_unreachable_wait_by_reason_and_the_others_go(void **state)
{
	(void)state;
	net_sites(net, "A B");
	mailbox_server("MBXA", "A");
	mailbox_server("MBXB", "B"); /* no link leads there */
	net_person(net, "ann@example.com", "MBXA");
	net_person(net, "bob@example.com", "MBXB");
	route("ann@example.com bob@example.com");
	assert_int_equal(routed->count, 2);
	assert_int_equal(routed->destinations[0].key.kind, QUEUE_MAILBOX);
	assert_int_equal(routed->destinations[1].key.kind, QUEUE_UNREACHABLE);
	assert_int_not_equal(routed->destinations[1].key.next_hop[0], '\0');
}

static void test_the_unknown_fail_with_a_status_and_the_others_go(void **state)
{
	(void)state;
	net_sites(net, "A");
	mailbox_server("MBXA", "A");
	net_person(net, "ann@example.com", "MBXA");
	route("nobody@example.com ann@example.com");
	assert_string_equal(copies(), "mailbox MBXA: 1");
	assert_int_equal(routed->failure_count, 1);
	assert_int_equal(routed->failures[0].recipient, 0);
	assert_int_equal(routed->failures[0].outcome->class, OUTCOME_FAILED);
	assert_string_equal(routed->failures[0].outcome->status, "5.1.1");
}

static void test_nobody_is_routed_to_nowhere(void **state)
{
	(void)state;
	net_sites(net, "A");
	route("");
	assert_int_equal(routed->count + routed->failure_count + routed->discarded_count, 0);
}

int main(void)
{
#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		NET_TEST(test_recipients_of_one_mailbox_server_are_one_copy),
		NET_TEST(test_paths_that_begin_alike_are_one_copy_to_the_fork),
		NET_TEST(test_a_single_recipient_goes_straight),
		NET_TEST(test_paths_that_part_at_once_are_two_copies),
		NET_TEST(test_domains_of_a_dns_connector_have_queues_of_their_own),
		NET_TEST(test_smart_hosts_share_the_queue_of_their_connector),
		NET_TEST(test_the_unreachable_wait_by_reason_and_the_others_go),
		NET_TEST(test_the_unknown_fail_with_a_status_and_the_others_go),
		NET_TEST(test_nobody_is_routed_to_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
