/* How one message is split at a server: forks, ways, the limit of one copy. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/copies.h"
#include "topology/leaves.h"

enum { RECIPIENTS_MAX = 64 };

static const char *name_of_site(struct net *net, uint32_t site)
{
	return site != SNAP_NONE ? snap_str(&net->snap, snap_site(&net->snap, site)->name) : "-";
}

/* "outcome next/fork: 0 2 | …; lost 1" for a message from FROM to RECIPIENTS (by spaces). */
static const char *split(struct net *net, const char *from, const char *recipients)
{
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, from));
	struct resolution *resolutions[RECIPIENTS_MAX];
	struct resolve_query query = { .authenticated = true };
	char *list = talloc_strdup(net->ctx, recipients), *save = NULL;
	char *text = talloc_strdup(net->ctx, "");
	struct leaves leaves;
	struct copies *copies;
	uint32_t n = 0;

	for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct err err;

		assert_int_equal(resolve_recipient(net->ctx, vp, &net->recipients, &query, word,
						   &resolutions[n++], &err), 0);
	}
	leaves_flatten(net->ctx, resolutions, n, &leaves);
	copies = copies_new(vp, leaves.list, leaves.count, 1000, SNAP_NONE);
	for (uint32_t i = 0; i < copies->count; i++) {
		const struct copy *c = &copies->list[i];

		text = talloc_asprintf_append(text, "%s%s %s/%s:", i > 0 ? " | " : "",
					      route_outcome_name(c->decision.outcome),
					      name_of_site(net, c->decision.next_stop),
					      name_of_site(net, c->fork));
		for (uint32_t j = 0; j < c->count; j++)
			text = talloc_asprintf_append(text, " %u", c->items[j]);
	}
	for (uint32_t i = 0; i < copies->n_lost; i++)
		text = talloc_asprintf_append(text, "; lost %u", copies->lost[i]);
	copies_free(copies);
	viewpoint_free(vp);
	return text;
}

static struct net *network(const char *sites, const char *links)
{
	struct net *net = net_new();
	char *list = talloc_strdup(net->ctx, links), *save = NULL;

	net_sites(net, sites);
	for (char *link = strtok_r(list, ",", &save); link; link = strtok_r(NULL, ",", &save))
		net_link(net, link);
	return net;
}

#define MAIL(site) "ht" site "1@example.com "

static void test_a_copy_goes_to_the_last_common_site(void **state)
{
	struct net *net = network("A B C D E F", "A-B 10,B-C 10,C-D 10,C-E 10,A-F 10");

	(void)state;
	net_build(net);
	assert_string_equal(split(net, "HTA1", MAIL("d") MAIL("e") MAIL("f") MAIL("a")),
			    "mailbox -/-: 3 | relay-site C/C: 0 1 | relay-site F/F: 2");
	/* One recipient goes straight, two in one site share a copy. */
	assert_string_equal(split(net, "HTA1", MAIL("d")), "relay-site D/D: 0");
	net_person(net, "more@example.com", "HTD1");
	net_build(net);
	assert_string_equal(split(net, "HTA1", MAIL("d") "more@example.com"), "relay-site D/D: 0 1");
	net_free(net);
}

static void test_a_hub_site_before_the_fork_comes_first(void **state)
{
	struct net *net = network("A B C D E", "A-B 10,B-C 10,C-D 10,C-E 10");

	(void)state;
	net_set(net_find(net, "cn=B,cn=Sites"), "HubSite", "TRUE");
	net_build(net);
	assert_string_equal(split(net, "HTA1", MAIL("d") MAIL("e")), "relay-site B/C: 0 1");
	net_free(net);
}

/*
 * A ─ B ─ C ─ D     B, where F parts, has no active hub or takes no mail; C, where D and E part,
 *     F   E         takes their copy.
 */
static void test_a_fork_that_takes_no_copy_leaves_it_to_the_next(void **state)
{
	static const char *const faults[][3] = {
		{ "cn=HTB1,cn=Servers", "ServerState", "disabled" },
		{ "cn=HTB1,cn=Servers", "ServerState", "draining" },
		{ "cn=B,cn=Sites", "InboundMail", "FALSE" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(faults); i++) {
		struct net *net = network("A B C D E F", "A-B 10,B-C 10,C-D 10,C-E 10,B-F 10");

		net_build(net);
		assert_string_equal(split(net, "HTA1", MAIL("d") MAIL("e") MAIL("f")),
				    "relay-site B/B: 0 1 2");
		net_set(net_find(net, faults[i][0]), faults[i][1], faults[i][2]);
		net_build(net);
		assert_string_equal(split(net, "HTA1", MAIL("d") MAIL("e") MAIL("f")),
				    "relay-site C/C: 0 1 | relay-site F/F: 2");
		net_free(net);
	}
}

static void test_what_shares_a_stop_travels_together_whatever_lies_behind(void **state)
{
	struct net *net = network("A B C D", "A-B 10,B-C 10,B-D 10");

	(void)state;
	net_set(net_find(net, "cn=B,cn=Sites"), "HubSite", "TRUE");
	net_connector(net, "Net", "HTD1", "*");
	net_build(net);
	assert_string_equal(split(net, "HTA1", MAIL("c") "u@f.com"), "relay-site B/B: 0 1");
	net_free(net);
}

static void test_f08_each_connector_has_its_copy(void **state)
{
	struct net *net = network("A", "");

	(void)state;
	net_connector(net, "F", "HTA1", "fabrikam.com");
	net_connector(net, "Star", "HTA1", "*");
	net_set(net_find(net, "cn=Star"), "SmartHost", "relay.example.com");
	net_set(net_connector(net, "Dns", "HTA1", "*.net"), "MaxMessageSize", "1000");
	net_build(net);
	/* Smart hosts take all domains in one copy, the DNS sends each domain elsewhere. */
	assert_string_equal(split(net, "HTA1", "a@fabrikam.com b@x.org c@y.org d@1.net e@2.net f@1.net"),
			    "connector -/-: 3 5 | connector -/-: 4 | connector -/-: 0 | "
			    "connector -/-: 1 2");
	net_free(net);
}

static void test_f07_no_copy_has_more_recipients_than_the_limit(void **state)
{
	struct net *net = network("A B", "A-B 10");
	char *to = talloc_strdup(net->ctx, "");

	(void)state;
	net_set(net_find(net, "cn=Waypost"), "ExpansionLimit", "2");
	for (int i = 0; i < 5; i++) {
		char *mail = talloc_asprintf(net->ctx, "p%d@example.com", i);

		net_person(net, mail, "HTB1");
		to = talloc_asprintf_append(to, "%s ", mail);
	}
	net_build(net);
	assert_string_equal(split(net, "HTA1", to),
			    "relay-site B/B: 0 1 | relay-site B/B: 2 3 | relay-site B/B: 4");
	net_free(net);
}

static void test_an_address_that_comes_twice_is_one_recipient(void **state)
{
	struct net *net = network("A B", "A-B 10");

	(void)state;
	net_build(net);
	assert_string_equal(split(net, "HTA1", MAIL("b") "HTB1@EXAMPLE.com nobody@example.com"),
			    "relay-site B/B: 0; lost 1");
	net_free(net);
}

static void test_what_is_unreachable_waits_by_its_reason(void **state)
{
	struct net *net = network("A B C", "");

	(void)state;
	net_build(net);
	assert_string_equal(split(net, "HTA1", MAIL("b") "u@f.com " MAIL("c") MAIL("a")),
			    "mailbox -/-: 3 | unreachable -/-: 1 | unreachable -/-: 0 2");
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_copy_goes_to_the_last_common_site),
		cmocka_unit_test(test_a_hub_site_before_the_fork_comes_first),
		cmocka_unit_test(test_a_fork_that_takes_no_copy_leaves_it_to_the_next),
		cmocka_unit_test(test_what_shares_a_stop_travels_together_whatever_lies_behind),
		cmocka_unit_test(test_f08_each_connector_has_its_copy),
		cmocka_unit_test(test_f07_no_copy_has_more_recipients_than_the_limit),
		cmocka_unit_test(test_an_address_that_comes_twice_is_one_recipient),
		cmocka_unit_test(test_what_is_unreachable_waits_by_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
