/* topology/paths, viewpoint: least-cost paths, tie-breaks, stops, backoff, fan-out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"

/* Builds a network from sites and links, both separated: sites by spaces, links by commas. */
static struct net *network(const char *sites, const char *links)
{
	struct net *net = net_new();
	char *copy = talloc_strdup(net->ctx, links), *rest = copy, *part;

	net_sites(net, sites);
	while ((part = strsep(&rest, ",")) != NULL)
		net_link(net, part);
	return net;
}

/* LINKS without a site link of that name become a network; path FROM → TO. */
struct path_case {
	const char *id, *sites, *links, *from, *to, *path;
};

static void test_worked_examples_of_least_cost_paths(void **state)
{
	static const struct path_case table[] = {
		{ "P01 links are transitive", "A B C", "A-B 10,B-C 10", "A", "C", "A>B>C 20/2" },
		{ "P02 a link is a full mesh", "A B C D", "A-B-C-D 100", "A", "D", "A>D 100/1" },
		{ "P03 costs add up", "A B C D", "A-B 10,A-C 10,A-D 10", "B", "C", "B>A>C 20/2" },
		{ "P04 cost before hops", "A B C", "A-B 10,B-C 10,A-C 30", "A", "C", "A>B>C 20/2" },
		{ "P05 fewest hops", "A B C", "A-B 10,B-C 10,A-C 20", "A", "C", "A>C 20/1" },
		{ "P06 name", "A B C D", "A-B 10,B-D 10,A-C 10,C-D 10", "A", "D", "A>B>D 20/2" },
		{ "P06 back", "A B C D", "A-B 10,B-D 10,A-C 10,C-D 10", "D", "A", "D>B>A 20/2" },
		{ "P07 the name before", "S B C X T", "S-B 10,S-C 10,B-X 10,C-X 10,X-T 10", "S", "T",
		  "S>B>X>T 30/3" },
		{ "P08 names compare from the destination", "S A Z Y C T",
		  "S-A 10,A-Z 10,Z-T 10,S-Y 10,Y-C 10,C-T 10", "S", "T", "S>Y>C>T 30/3" },
		{ "P09 before", "A B C D", "A-C 10,C-D 10,A-B 10,B-D 15", "A", "D", "A>C>D 20/2" },
		{ "P14 two halves", "A B C D", "A-B 10,C-D 10", "A", "D", "" },
		{ "to itself", "A B", "A-B 10", "A", "A", "A 0/0" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = network(table[i].sites, table[i].links);

		net_build(net);
		assert_string_equal(net_path(net, table[i].from, table[i].to), table[i].path);
		net_free(net);
	}
}

static void test_p09_mail_cost_replaces_the_cost_of_a_link(void **state)
{
	struct net *net = network("A B C D", "A-C 10,C-D 10,A-B 10,B-D 15");

	(void)state;
	net_set(net_find(net, "cn=C-D,cn=Site Links"), "MailCost", "50");
	net_build(net);
	assert_string_equal(net_path(net, "A", "D"), "A>B>D 25/2");
	assert_string_equal(net_path(net, "C", "D"), "C>A>B>D 35/3");
	assert_string_equal(net_backoff(net, "A", "D"), "B");
	net_free(net);
}

static struct net *parallel_links(const char *l1[4], const char *l2[4])
{
	struct net *net = net_new();
	const char **links[2] = { l1, l2 };

	net_sites(net, "A B");
	for (int i = 0; i < 2; i++) {
		struct entry *link = net_add(net, "SiteLink",
					     talloc_asprintf(net->ctx, "cn=%s,cn=Site Links", links[i][0]),
					     "Cost", links[i][1], "LinkedSite", net_dn(net, "Sites", "A"),
					     "LinkedSite", net_dn(net, "Sites", "B"), NULL);

		if (links[i][2] != NULL)
			net_set(link, "MailCost", links[i][2]);
		if (links[i][3] != NULL)
			net_set(link, "MaxMessageSize", links[i][3]);
	}
	net_build(net);
	return net;
}

static void test_of_parallel_links_cost_then_size_then_name_decide(void **state)
{
	static const struct {
		const char *l1[4], *l2[4]; /* name, cost, mail cost, size */
		const char *winner;
	} table[] = {
		{ { "L1", "100" }, { "L2", "50" }, "L2" },              /* P10 */
		{ { "L1", "5", "200" }, { "L2", "100" }, "L2" },        /* P11 */
		{ { "L1", "10", NULL, "1000" }, { "L2", "10", NULL, "2000" }, "L2" },
		{ { "L1", "10", NULL, "1000" }, { "L2", "10" }, "L2" }, /* absent: unlimited */
		{ { "L1", "10", NULL, "0" }, { "L2", "10", NULL, "2000" }, "L1" },
		{ { "Lb", "10" }, { "La", "10" }, "La" },
		{ { "L1", "10", NULL, "1000" }, { "L2", "20" }, "L1" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = parallel_links((const char **)(uintptr_t)table[i].l1,
						 (const char **)(uintptr_t)table[i].l2);
		struct viewpoint *vp = viewpoint_new(&net->snap,
						     snapshot_find_server(&net->snap, "HTA1"));
		const struct viewpoint_hop *hop = viewpoint_hop(vp, 0, net_site_index(net, "B"));

		assert_string_equal(snap_str(&net->snap, snap_link(&net->snap, hop->link)->name),
				    table[i].winner);
		viewpoint_free(vp);
		net_free(net);
	}
}

static void test_p12_sites_without_servers_take_part(void **state)
{
	struct net *net = net_new();

	(void)state;
	net_sites(net, "HQ EU US");
	net_add(net, "Site", "cn=Default,cn=Sites", NULL);
	net_link(net, "HQ-Default-EU 10");
	net_link(net, "Default-EU-US 10");
	net_build(net);
	assert_string_equal(net_path(net, "HQ", "US"), "HQ>Default>US 20/2");
	/* Nothing in the intermediate site can hold the mail, and EU is not tried. */
	assert_string_equal(net_backoff(net, "HQ", "US"), "");
	net_set(net_link(net, "HQ-EU 20"), "MailCost", "1"); /* P13 */
	net_set(net_link(net, "EU-US 20"), "MailCost", "1");
	net_build(net);
	assert_string_equal(net_path(net, "HQ", "US"), "HQ>EU>US 2/2");
	net_free(net);
}

struct stop_case {
	const char *id, *sites, *links, *hubs, *from, *to, *stops;
};

static void test_worked_examples_of_hub_sites(void **state)
{
	static const struct stop_case table[] = {
		{ "H01", "A B C D E", "A-B 10,B-C 10,C-D 10,D-E 10", "C", "A", "E", "C>E" },
		{ "H02", "A B D", "A-B 10,B-D 10,A-D 50", "B", "A", "D", "B>D" },
		{ "H03 off the path", "A B D", "A-B 10,B-D 10,A-D 10", "B", "A", "D", "D" },
		{ "H04", "A B D", "A-B 10,B-D 10,A-D 100", "B", "A", "D", "B>D" },
		{ "H05", "A B C D E", "A-B 10,B-C 10,C-D 10,D-E 10", "B D", "A", "E", "B>D>E" },
		{ "H06", "A B C D", "A-B 10,B-D 10,A-C 10,C-D 10", "C", "A", "D", "D" },
		{ "H07 the ends", "A B C", "A-B 10,B-C 10", "A C", "A", "C", "C" },
		{ "H08", "A B C D", "A-B 10,A-C 10,A-D 10", "A", "B", "C", "A>C" },
		{ "H09 from a stop", "A B C D E", "A-B 10,B-C 10,C-D 10,D-E 10", "B D", "B", "E", "D>E" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = network(table[i].sites, table[i].links);

		for (const char *hub = table[i].hubs; *hub != '\0'; hub++)
			if (*hub != ' ')
				net_set(net_find(net, talloc_asprintf(net->ctx, "cn=%c,cn=Sites", *hub)),
					"HubSite", "TRUE");
		net_build(net);
		assert_string_equal(net_stops(net, table[i].from, table[i].to), table[i].stops);
		net_free(net);
	}
}

static void test_a_hub_site_without_an_active_hub_is_no_stop(void **state)
{
	static const char *const spoil[][3] = {
		{ "cn=HTC1,cn=Servers", "ServerState", "draining" },
		{ "cn=HTC1,cn=Servers", "ServerState", "disabled" },
		{ "cn=C,cn=Sites", "InboundMail", "FALSE" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(spoil); i++) {
		struct net *net = network("A B C D E", "A-B 10,B-C 10,C-D 10,D-E 10");

		net_set(net_find(net, "cn=C,cn=Sites"), "HubSite", "TRUE");
		net_set(net_find(net, spoil[i][0]), spoil[i][1], spoil[i][2]);
		net_build(net);
		assert_string_equal(net_stops(net, "A", "E"), "E");
		assert_string_equal(net_backoff(net, "A", "E"), "D>B");
		net_free(net);
	}
}

static void test_worked_examples_of_backoff(void **state)
{
	static const struct stop_case table[] = {
		{ "B01", "A B C", "A-B 10,B-C 10", "", "A", "C", "B" },
		{ "B02", "A B C D E", "A-B 10,B-C 10,C-D 10,D-E 10", "", "A", "E", "D>C>B" },
		{ "B05 no alternative path", "A B C D", "A-B 10,B-D 10,A-C 15,C-D 15", "", "A", "D", "B" },
		{ "B06", "A B", "A-B 10", "", "A", "B", "" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = network(table[i].sites, table[i].links);

		net_build(net);
		assert_string_equal(net_backoff(net, table[i].from, table[i].to), table[i].stops);
		net_free(net);
	}
}

static void test_names_tie_by_folding_not_by_bytes(void **state)
{
	/* "b" before "C" although 'C' < 'b' as octets. */
	struct net *net = network("A b C D", "A-b 10,b-D 10,A-C 10,C-D 10");

	(void)state;
	net_build(net);
	assert_string_equal(net_path(net, "A", "D"), "A>b>D 20/2");
	net_free(net);
}

static const char *fanout(struct net *net, const char *from, const char *const *to, uint32_t n)
{
	uint32_t sites[8], next[8];
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, from));

	for (uint32_t i = 0; i < n; i++)
		sites[i] = net_site_index(net, to[i]);
	viewpoint_fanout(vp, 0, sites, n, next);
	viewpoint_free(vp);
	return net_join(net, next, n);
}

static void test_worked_examples_of_delayed_fanout(void **state)
{
	static const struct {
		const char *id, *sites, *links, *hub, *to[2], *next;
	} table[] = {
		{ "F01", "A B D E", "A-B 10,B-D 10,B-E 10", NULL, { "D", "E" }, "B>B" },
		{ "F02", "A B C", "A-B 10,A-C 10", NULL, { "B", "C" }, "B>C" },
		{ "F03", "A B C", "A-B 10,B-C 10", NULL, { "B", "C" }, "B>B" },
		{ "F04", "A B C D E", "A-B 10,B-C 10,C-D 10,C-E 10", NULL, { "D", "E" }, "C>C" },
		{ "F05", "A B C D E", "A-B 10,B-C 10,C-D 10,C-E 10", "cn=B,cn=Sites", { "D", "E" }, "B>B" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct net *net = network(table[i].sites, table[i].links);

		if (table[i].hub != NULL)
			net_set(net_find(net, table[i].hub), "HubSite", "TRUE");
		net_build(net);
		assert_string_equal(fanout(net, "HTA1", table[i].to, 2), table[i].next);
		net_free(net);
	}
}

static void test_fanout_of_three_shares_what_all_share(void **state)
{
	struct net *net = network("A B C D E F", "A-B 10,B-C 10,C-D 10,C-E 10,A-F 10");
	static const char *const to[] = { "D", "E", "F", "D", "B" };

	(void)state;
	net_build(net);
	assert_string_equal(fanout(net, "HTA1", to, 4), "C>C>F>C");
	assert_string_equal(fanout(net, "HTA1", to, 5), "B>B>F>B>B");
	assert_string_equal(fanout(net, "HTA1", to, 1), "D");
	net_free(net);
}

static void test_no_copy_waits_at_a_fork_without_an_active_hub(void **state)
{
	struct net *net = network("A B D E", "A-B 10,B-D 10,B-E 10");

	(void)state;
	net_set(net_find(net, "cn=HTB1,cn=Servers"), "ServerState", "disabled");
	net_build(net);
	assert_string_equal(fanout(net, "HTA1", (const char *const[]){ "D", "E" }, 2), "D>E");
	net_free(net);
}

/* The fork without a hub is passed over; those who go on together from there still share a copy. */
static void test_parts_behind_a_fork_without_a_hub_share_their_own_fork(void **state)
{
	struct net *net = network("A B C D E F", "A-B 10,B-C 10,C-D 10,C-E 10,B-F 10");

	(void)state;
	net_set(net_find(net, "cn=HTB1,cn=Servers"), "ServerState", "disabled");
	net_build(net);
	assert_string_equal(fanout(net, "HTA1", (const char *const[]){ "D", "E", "F" }, 3), "C>C>F");
	net_free(net);
}

/* --- Against all simple paths of small random networks --- */

enum { RANDOM_SITES = 6 };

struct reference {
	const struct snapshot *snap;
	uint32_t to;
	uint32_t path[RANDOM_SITES], best[RANDOM_SITES];
	uint32_t n_best;
	uint64_t best_cost;
};

/* The cheapest link between two sites, 0 if there is none. */
static uint64_t direct_cost(const struct snapshot *snap, uint32_t a, uint32_t b)
{
	uint64_t best = 0;

	for (uint32_t l = 0; l < snap_count(snap, SNAP_LINKS); l++) {
		const struct snap_link *link = snap_link(snap, l);
		bool has_a = false, has_b = false;

		for (uint32_t i = 0; i < link->sites.count; i++) {
			has_a |= snap_word(snap, link->sites, i) == a;
			has_b |= snap_word(snap, link->sites, i) == b;
		}
		if (has_a && has_b && (best == 0 || link->cost < best))
			best = link->cost;
	}
	return best;
}

/* Whether the path at hand beats the best: the rule as it is written. */
static bool is_better(const struct reference *r, uint32_t n, uint64_t cost)
{
	if (r->n_best == 0 || cost != r->best_cost)
		return r->n_best == 0 || cost < r->best_cost;
	if (n != r->n_best)
		return n < r->n_best;
	for (uint32_t i = n; i-- > 0;)
		if (r->path[i] != r->best[i])
			return r->path[i] < r->best[i];
	return false;
}

static void enumerate(struct reference *r, uint32_t n, uint64_t cost)
{
	uint32_t at = r->path[n - 1];

	if (at == r->to) {
		if (is_better(r, n, cost)) {
			memcpy(r->best, r->path, sizeof(r->best));
			r->n_best = n;
			r->best_cost = cost;
		}
		return;
	}
	for (uint32_t next = 0; next < RANDOM_SITES; next++) {
		uint64_t step = direct_cost(r->snap, at, next);
		bool visited = step == 0;

		for (uint32_t i = 0; i < n; i++)
			visited |= r->path[i] == next;
		if (visited)
			continue;
		r->path[n] = next;
		enumerate(r, n + 1, cost + step);
	}
}

static struct net *random_network(unsigned *seed)
{
	struct net *net = net_new();
	int n_links = 3 + rand_r(seed) % 6;

	net_sites(net, "A B C D E F");
	for (int i = 0; i < n_links; i++) {
		int members = 2 + (rand_r(seed) % 4 == 0), first = rand_r(seed) % RANDOM_SITES;
		struct entry *link = net_add(net, "SiteLink",
					     talloc_asprintf(net->ctx, "cn=L%d,cn=Site Links", i), "Cost",
					     talloc_asprintf(net->ctx, "%d", 1 + rand_r(seed) % 3), NULL);

		for (int m = 0; m < members; m++) {
			char name[2] = { (char)('A' + (first + m * (1 + rand_r(seed) % 2)) % RANDOM_SITES), 0 };

			net_set(link, "LinkedSite", net_dn(net, "Sites", name));
		}
	}
	net_build(net);
	return net;
}

static void compare_with_all_paths(struct net *net, struct viewpoint *vp, uint32_t from)
{
	for (uint32_t to = 0; to < RANDOM_SITES; to++) {
		struct reference r = { .snap = &net->snap, .to = to, .path = { from } };
		uint32_t sites[RANDOM_SITES], n = viewpoint_path(vp, 0, to, sites, RANDOM_SITES);

		enumerate(&r, 1, 0);
		assert_int_equal(n, r.n_best);
		if (n == 0)
			continue;
		assert_memory_equal(sites, r.best, n * sizeof(*sites));
		assert_int_equal(viewpoint_hop(vp, 0, to)->cost, r.best_cost);
	}
}

static void test_random_networks_agree_with_an_enumeration_of_all_paths(void **state)
{
	int rounds = getenv("WP_FULL") != NULL ? 20000 : 1000;
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < rounds; round++) {
		struct net *net = random_network(&seed);

		for (uint32_t from = 0; from < RANDOM_SITES; from++) {
			struct viewpoint *vp = viewpoint_new(&net->snap, from);

			compare_with_all_paths(net, vp, from);
			viewpoint_free(vp);
		}
		net_free(net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worked_examples_of_least_cost_paths),
		cmocka_unit_test(test_p09_mail_cost_replaces_the_cost_of_a_link),
		cmocka_unit_test(test_of_parallel_links_cost_then_size_then_name_decide),
		cmocka_unit_test(test_p12_sites_without_servers_take_part),
		cmocka_unit_test(test_worked_examples_of_hub_sites),
		cmocka_unit_test(test_a_hub_site_without_an_active_hub_is_no_stop),
		cmocka_unit_test(test_worked_examples_of_backoff),
		cmocka_unit_test(test_names_tie_by_folding_not_by_bytes),
		cmocka_unit_test(test_worked_examples_of_delayed_fanout),
		cmocka_unit_test(test_fanout_of_three_shares_what_all_share),
		cmocka_unit_test(test_no_copy_waits_at_a_fork_without_an_active_hub),
		cmocka_unit_test(test_parts_behind_a_fork_without_a_hub_share_their_own_fork),
		cmocka_unit_test(test_random_networks_agree_with_an_enumeration_of_all_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
