/* topology/route, route_json: the contract of `waypost route`, field by field. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "tests/topology/net.h"
#include "topology/implicit.h"
#include "topology/route.h"

/* A–B–C–D–E in a row, hub site B, connector Internet at D: the example of the document. */
static struct net *row_of_five(void)
{
	struct net *net = net_new();

	net_sites(net, "A B C D E");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_link(net, "C-D 10");
	net_link(net, "D-E 10");
	net_set(net_find(net, "cn=B,cn=Sites"), "HubSite", "TRUE");
	net_connector(net, "Internet", "HTD1", "*;5");
	net_build(net);
	return net;
}

static void test_the_example_of_the_document_is_answered_to_the_letter(void **state)
{
	struct net *net = row_of_five();

	(void)state;
	assert_string_equal(net_route(net, "HTA1", "hte1@example.com", 1000),
		"{\"from\":\"HTA1\",\"recipient\":\"hte1@example.com\",\"outcome\":\"relay-site\","
		"\"site\":\"E\",\"next_stop\":\"B\",\"path\":[\"A\",\"B\",\"C\",\"D\",\"E\"],"
		"\"stops\":[\"B\",\"E\"],\"servers\":[\"HTB1\"],\"backoff\":[],\"cost\":40,\"hops\":4}");
	assert_string_equal(net_route(net, "HTA1", "u@f.com", 0),
		"{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"connector\":\"Internet\","
		"\"total_cost\":35,\"address_space\":\"*;5\",\"outcome\":\"relay-site\",\"site\":\"D\","
		"\"next_stop\":\"B\",\"path\":[\"A\",\"B\",\"C\",\"D\"],\"stops\":[\"B\",\"D\"],"
		"\"servers\":[\"HTB1\"],\"backoff\":[],\"cost\":30,\"hops\":3}");
	assert_string_equal(net_route(net, "HTD1", "u@f.com", 0),
		"{\"from\":\"HTD1\",\"recipient\":\"u@f.com\",\"connector\":\"Internet\","
		"\"total_cost\":5,\"address_space\":\"*;5\",\"outcome\":\"connector\"}");
	assert_string_equal(net_route(net, "HTE1", "hte1@example.com", 0),
		"{\"from\":\"HTE1\",\"recipient\":\"hte1@example.com\",\"outcome\":\"mailbox\","
		"\"server\":\"HTE1\"}");
	net_free(net);
}

static void test_s01_every_link_of_the_path_limits_the_size(void **state)
{
	struct net *net = net_new();

	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_set(net_link(net, "B-C 10"), "MaxMessageSize", "10000000");
	net_link(net, "A-C 100"); /* S02: not taken although it would let it pass */
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 15000000),
			       "\"outcome\":\"rejected\",\"status\":\"5.3.4\",\"reason\":\"link-size\""));
	assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 9000000),
			       "\"path\":[\"A\",\"B\",\"C\"]"));
	assert_non_null(strstr(net_route(net, "HTA1", "htb1@example.com", 15000000), "relay-site"));
	/* S03: the narrower of two links. */
	net_set(net_find(net, "cn=A-B"), "MaxMessageSize", "20000000");
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 15000000), "link-size"));
	net_free(net);
}

static void test_size_aware_routing_takes_the_wider_path(void **state)
{
	struct net *net = net_new();

	(void)state;
	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_set(net_link(net, "B-C 10"), "MaxMessageSize", "1000");
	net_set(net_link(net, "A-C 100"), "MaxMessageSize", "2000");
	net_connector(net, "Net", "HTC1", "*");
	net_set(net_find(net, "cn=Waypost"), "SizeAwareRouting", "TRUE");
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 1000),
			       "\"path\":[\"A\",\"B\",\"C\"]"));
	assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 1001),
			       "\"path\":[\"A\",\"C\"]"));
	assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 2001), "link-size"));
	assert_non_null(strstr(net_route(net, "HTA1", "u@f.com", 1001), "\"total_cost\":101"));
	assert_non_null(strstr(net_route(net, "HTA1", "u@f.com", 2001), "link-size"));
	net_free(net);
}

static void test_candidates_are_the_active_hubs_by_name(void **state)
{
	struct net *net = row_of_five();

	(void)state;
	net_hub(net, "htb0", "B");
	net_set(net_hub(net, "HTB2", "B"), "ServerState", "draining");
	net_add(net, "Server", "cn=MBXB,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "B"), NULL);
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "hte1@example.com", 0),
			       "\"servers\":[\"htb0\",\"HTB1\"]"));
	net_free(net);
}

static void test_explaining_names_the_step_that_removed_each_connector(void **state)
{
	struct net *net = row_of_five();
	json_t *query, *answer;
	char *text;

	(void)state;
	net_connector(net, "Dear", "HTE1", "*;5");
	net_set(net_connector(net, "Small", "HTA1", "f.com"), "MaxMessageSize", "10");
	net_build(net);
	query = json_loads("{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"size\":11}", 0, NULL);
	answer = route_desk_answer(net->desk, query, true);
	text = json_dumps(json_object_get(json_object_get(answer, "explain"), "connectors"), JSON_COMPACT);
	assert_non_null(strstr(text, "{\"connector\":\"Dear\",\"removed_by_step\":6,"));
	assert_non_null(strstr(text, "{\"connector\":\"Internet\",\"why\":\"selected\","));
	assert_non_null(strstr(text, "{\"connector\":\"Small\",\"removed_by_step\":2,"));
	free(text);
	json_decref(answer);
	json_decref(query);
	net_free(net);
}

static void test_the_text_form_reads_like_a_sentence(void **state)
{
	struct net *net = row_of_five();
	struct buf out = { NULL, 0, 0 };
	json_t *query = json_loads("{\"from\":\"HTA1\",\"recipient\":\"u@f.com\"}", 0, NULL);
	json_t *answer = route_desk_answer(net->desk, query, false);

	(void)state;
	route_answer_text(answer, &out);
	assert_string_equal(out.data, "u@f.com\n"
				      "  is relayed to site D, next stop B, by HTB1\n"
				      "  connector Internet for *;5, total cost 35\n"
				      "  path     A > B > C > D (cost 30, 3 hops)\n"
				      "  stops    B, D\n");
	buf_free(&out);
	json_decref(answer);
	json_decref(query);
	net_free(net);
}

/* Name, kind and what tells it, one a line. */
static const char *implicit_of(struct net *net, const char *server)
{
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, server));
	struct implicit_connector *list;
	uint32_t n = implicit_list(net->ctx, vp, &list);
	char *text = talloc_strdup(net->ctx, "");

	for (uint32_t i = 0; i < n; i++)
		text = talloc_asprintf_append(text, "%s%s %llu %s|%s|%s %u\n",
					      list[i].reachable ? "" : "!", list[i].name,
					      (unsigned long long)list[i].cost,
					      net_join(net, list[i].path, list[i].n_path),
					      net_join(net, list[i].stops, list[i].n_stops),
					      net_join(net, list[i].backoff, list[i].n_backoff),
					      list[i].n_servers);
	viewpoint_free(vp);
	return text;
}

static void test_implicit_connectors_are_listed_with_their_way(void **state)
{
	struct net *net = row_of_five();

	(void)state;
	net_hub(net, "HTA2", "A");
	net_add(net, "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "SiteDN",
		net_dn(net, "Sites", "A"), NULL);
	net_add(net, "Server", "cn=MBXA,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "A"), NULL);
	net_set(net_find(net, "cn=HTD1"), "ServerState", "disabled");
	net_set(net_find(net, "cn=E,cn=Sites"), "InboundMail", "FALSE");
	net_build(net);
	assert_string_equal(implicit_of(net, "HTA1"),
			    "Implicit to B 10 A>B|B| 1\n"
			    "Implicit to C 20 A>B>C|B>C| 1\n"
			    "!Implicit to E 40 A>B>C>D>E|B>E| 1\n"
			    "Implicit within A 0 || 1\n"
			    "Implicit to edge EDGE1 0 || 1\n"
			    "Mailbox MBXA 0 || 1\n");
	net_free(net);
}

/* --- One viewpoint, several threads --- */

enum { THREADS = 4 };

struct reader {
	const struct viewpoint *vp;
	const struct recipient_source *source;
	unsigned relayed;
};

static void *read_viewpoint(void *arg)
{
	struct reader *reader = arg;
	const struct resolve_query query = { .authenticated = true };

	for (int i = 0; i < 200; i++) {
		struct resolution *resolution;
		struct route_decision decision;

		if (resolve_recipient(NULL, reader->vp, reader->source, &query,
				      i % 2 ? "u@f.com" : "hte1@example.com", &resolution, NULL) < 0)
			return NULL;
		route_decide(reader->vp, &resolution->items[0], 0, &decision);
		reader->relayed += decision.outcome == ROUTE_RELAY_SITE;
		talloc_free(resolution);
	}
	return NULL;
}

static void test_threads_may_share_a_viewpoint(void **state)
{
	struct net *net = row_of_five();
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, "HTA1"));
	struct reader readers[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		readers[i] = (struct reader){ vp, &net->recipients, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, read_viewpoint, &readers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(readers[i].relayed, 200);
	}
	viewpoint_free(vp);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_the_document_is_answered_to_the_letter),
		cmocka_unit_test(test_s01_every_link_of_the_path_limits_the_size),
		cmocka_unit_test(test_size_aware_routing_takes_the_wider_path),
		cmocka_unit_test(test_candidates_are_the_active_hubs_by_name),
		cmocka_unit_test(test_explaining_names_the_step_that_removed_each_connector),
		cmocka_unit_test(test_the_text_form_reads_like_a_sentence),
		cmocka_unit_test(test_implicit_connectors_are_listed_with_their_way),
		cmocka_unit_test(test_threads_may_share_a_viewpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
