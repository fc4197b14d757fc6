/* topology/route, route_json: the contract of `waypost route`, field by field. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/topology/net.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_the_document_is_answered_to_the_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
