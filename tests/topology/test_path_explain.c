/* Why a path is what it is: alternatives and parallel links, against all paths of small networks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/path_explain.h"

enum { SITES = 6 };

static struct path_explanation *explain(struct net *net, const char *from, const char *to)
{
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, from));
	struct path_explanation *e = path_explain(net->ctx, vp, 0, net_site_index(net, to));

	viewpoint_free(vp);
	return e;
}

/* "path rule" of every alternative. */
static const char *alternatives(struct net *net, const char *from, const char *to)
{
	struct path_explanation *e = explain(net, from, to);
	char *text = talloc_strdup(net->ctx, "");

	for (uint32_t i = 0; i < e->n_alternatives; i++)
		text = talloc_asprintf_append(text, "%s%s %u", i > 0 ? ", " : "",
					      net_join(net, e->alternatives[i].sites,
						       e->alternatives[i].n_sites),
					      e->alternatives[i].rule);
	return text;
}

static void test_an_alternative_leaves_the_path_and_comes_back(void **state)
{
	struct net *net = net_new();

	(void)state;
	net_sites(net, "A B C D E");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_link(net, "C-D 10");
	net_link(net, "A-E 15");
	net_link(net, "E-C 5");
	net_link(net, "B-D 25");
	net_build(net);
	/* A–B–C–D costs 30: by E as much, by B–D 35, straight from nowhere. */
	assert_string_equal(alternatives(net, "HTA1", "D"), "A>E>C>D 3, A>B>D 1");
	assert_null(explain(net, "HTA1", "A"));
	net_free(net);
}

static void test_a_link_of_thousands_is_looked_at_once_a_hop(void **state)
{
	struct net *net = net_new();
	char *spec = talloc_strdup(net->ctx, "S0000");
	struct path_explanation *e;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char *name = talloc_asprintf(net->ctx, "S%04d", i);

		net_add(net, "Site", talloc_asprintf(net->ctx, "cn=%s,cn=Sites", name), NULL);
		if (i > 0)
			spec = talloc_asprintf_append(spec, "-%s", name);
	}
	net_link(net, talloc_asprintf_append(spec, " 10"));
	net_hub(net, "HUB", "S0000");
	net_build(net);
	e = explain(net, "HUB", "S2999");
	assert_int_equal(e->n_alternatives, PATH_ALTERNATIVES_MAX);
	assert_true(e->has_more);
	assert_string_equal(net_join(net, e->alternatives[0].sites, e->alternatives[0].n_sites),
			    "S0000>S0001>S2999");
	net_free(net);
}

static void test_the_narrowest_link_is_the_nearest_of_them(void **state)
{
	struct net *net = net_new();
	struct viewpoint *vp;

	(void)state;
	net_sites(net, "A B C D");
	net_link(net, "A-B 10");
	net_set(net_link(net, "B-C 10"), "MaxMessageSize", "5");
	net_set(net_link(net, "C-D 10"), "MaxMessageSize", "5");
	net_build(net);
	vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, "HTA1"));
	assert_int_equal(path_narrowest_link(vp, 0, net_site_index(net, "D")),
			 snapshot_find_link(&net->snap, "B-C"));
	assert_int_equal(path_narrowest_link(vp, 0, net_site_index(net, "B")), SNAP_NONE);
	viewpoint_free(vp);
	net_free(net);
}

/* --- against all simple paths ----------------------------------------------------------- */

struct walk {
	const struct snapshot *snap;
	uint32_t to, n_ties;
	uint64_t cost;
	uint32_t hops;
};

static uint64_t direct_cost(const struct snapshot *snap, uint32_t a, uint32_t b)
{
	uint64_t best = 0;

	for (uint32_t l = 0; l < snap_count(snap, SNAP_LINKS); l++) {
		const struct snap_link *link = snap_link(snap, l);
		int ends = 0;

		for (uint32_t i = 0; i < link->sites.count; i++)
			ends += snap_word(snap, link->sites, i) == a || snap_word(snap, link->sites, i) == b;
		if (ends == 2 && (best == 0 || link->cost < best))
			best = link->cost;
	}
	return best;
}

/* Counts the simple paths from AT that need exactly what is left. */
static void count_ties(struct walk *w, uint32_t at, unsigned seen, uint64_t cost, uint32_t hops)
{
	if (at == w->to)
		w->n_ties += cost == w->cost && hops == w->hops;
	for (uint32_t next = 0; next < SITES && at != w->to; next++) {
		uint64_t step = seen & (1u << next) ? 0 : direct_cost(w->snap, at, next);

		if (step > 0)
			count_ties(w, next, seen | (1u << next), cost + step, hops + 1);
	}
}

static void check_alternative(const struct snapshot *snap, const struct path_explanation *e,
			      const struct path_alternative *a, const struct viewpoint_hop *end)
{
	unsigned seen = 0;
	uint64_t cost = 0;

	for (uint32_t i = 0; i < a->n_sites; i++) {
		assert_false(seen & (1u << a->sites[i]));
		seen |= 1u << a->sites[i];
		if (i > 0)
			cost += direct_cost(snap, a->sites[i - 1], a->sites[i]);
	}
	assert_int_equal(a->sites[0], e->sites[0]);
	assert_int_equal(a->sites[a->n_sites - 1], e->sites[e->n_sites - 1]);
	assert_int_equal(cost, a->cost);
	assert_int_equal(a->n_sites - 1, a->hops);
	assert_true(a->cost > end->cost ? a->rule == 1 : a->hops > end->hops ? a->rule == 2 : a->rule == 3);
	assert_true(a->cost >= end->cost);
	if (a->rule == 3)
		assert_true(a->previous > e->sites[a->back - 1]);
}

static void check_network(struct net *net)
{
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, "HTA1"));

	for (uint32_t to = 0; to < SITES; to++) {
		const struct viewpoint_hop *end = viewpoint_hop(vp, 0, to);
		struct path_explanation *e = path_explain(net->ctx, vp, 0, to);
		struct walk walk;

		if (e == NULL)
			continue;
		walk = (struct walk){ &net->snap, to, 0, end->cost, end->hops };
		count_ties(&walk, viewpoint_site(vp), 1u << viewpoint_site(vp), 0, 0);
		/* A tie is never missed. */
		assert_int_equal(walk.n_ties > 1, e->n_alternatives > 0 && e->alternatives[0].rule == 3);
		for (uint32_t i = 0; i < e->n_alternatives; i++)
			check_alternative(&net->snap, e, &e->alternatives[i], end);
	}
	viewpoint_free(vp);
}

static void test_alternatives_of_random_networks_are_paths_and_no_tie_is_missed(void **state)
{
	unsigned rounds = getenv("WP_FULL") != NULL ? 3000 : 150;

	(void)state;
	for (unsigned round = 1; round <= rounds; round++) {
		struct net *net = net_new();
		unsigned seed = round;

		net_sites(net, "A B C D E F");
		for (int i = 0; i < 9; i++) {
			char a = (char)('A' + rand_r(&seed) % SITES), b = (char)('A' + rand_r(&seed) % SITES);

			if (a != b)
				net_link(net, talloc_asprintf(net->ctx, "%c-%c-%d %d", a, b, i,
							      10 * (1 + rand_r(&seed) % 3)));
		}
		net_build(net);
		check_network(net);
		net_free(net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_alternative_leaves_the_path_and_comes_back),
		cmocka_unit_test(test_a_link_of_thousands_is_looked_at_once_a_hop),
		cmocka_unit_test(test_the_narrowest_link_is_the_nearest_of_them),
		cmocka_unit_test(test_alternatives_of_random_networks_are_paths_and_no_tie_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
