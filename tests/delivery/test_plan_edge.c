/* E05: the smart host "--" of an edge's way in is all hubs that its directory shows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/plan.h"
#include "tests/delivery/view_fixture.h"

/* "name name" for the way in of EDGE1, or the reason there is none. */
static const char *way_in(struct net *net, unsigned rotation)
{
	struct queue_key key = { .kind = QUEUE_SMART_HOST, .connector = "In" };
	char *text = talloc_strdup(net->ctx, "");
	struct view *view;
	struct plan *plan;

	net_build(net);
	view = view_of(net, "EDGE1");
	plan = plan_new(view, &key, rotation);
	for (unsigned i = 0; i < plan->target_count; i++)
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? " " : "", plan->targets[i].name);
	if (plan->target_count == 0)
		text = talloc_strdup(net->ctx, plan->why);
	plan_unref(plan);
	view_unref(view);
	return text;
}

static void hub(struct net *net, const char *name, char digit)
{
	char hash[80];

	snprintf(hash, sizeof(hash), "sha256:%064d", 0);
	hash[70] = digit;
	net_add(net, "Server", talloc_asprintf(net->ctx, "cn=%s,cn=Servers", name), "Role", "hub", "Fqdn",
		talloc_asprintf(net->ctx, "%s.example.com", name), "CertificateHash", hash, NULL);
}

static void test_a_new_hub_is_a_smart_host_of_the_way_in(void **state)
{
	struct net *net = net_new();

	(void)state;
	net_add(net, "Server", "cn=EDGE1,cn=Servers", "Role", "edge", NULL);
	net_add(net, "SendConnector", "cn=In,cn=Send Connectors", "AddressSpace", "--", "SmartHost", "--",
		"SourceServer", net_dn(net, "Servers", "EDGE1"), NULL);
	assert_string_equal(way_in(net, 0), "the directory of this edge shows no active hub");
	hub(net, "HUB1", '1');
	assert_string_equal(way_in(net, 0), "hub1.example.com");
	hub(net, "HUB2", '2');
	assert_string_equal(way_in(net, 0), "hub1.example.com hub2.example.com");
	assert_string_equal(way_in(net, 1), "hub2.example.com hub1.example.com");
	net_set(net_find(net, "cn=HUB1,cn=Servers"), "ServerState", "draining");
	assert_string_equal(way_in(net, 0), "hub2.example.com");
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_hub_is_a_smart_host_of_the_way_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
