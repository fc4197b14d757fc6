/*
 * The same paths by a general graph library (igraph), for comparison.
 *
 *   bench_igraph [SITES …]     (default 1000 10000)
 *
 * Both compute least costs from one site to all others on the same bipartite graph of sites and
 * links. igraph knows costs only; ours also breaks ties by hops and names, and finds stops and
 * narrowest links. Built only where igraph is installed; nothing else uses it.
 */
#include <igraph/igraph.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "topology/generate.h"
#include "topology/load.h"
#include "topology/paths.h"

enum { ROUNDS = 5 };

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void load(uint32_t sites, struct buf *image, struct snapshot *snap)
{
	struct generate_params p;
	struct snapshot_source source;
	struct err err;

	generate_defaults(&p);
	p.shape = GENERATE_MESH;
	p.sites = sites;
	p.links = 2 * sites;
	p.wide_links = 2;
	p.wide_members = sites / 2;
	p.recipients = 0;
	p.groups = 0;
	source = generate_source(&p);
	if (generate_check(&p, &err) < 0 || snapshot_build(&source, NULL, 1, image, &err) < 0 ||
	    snapshot_open(snap, image->data, image->len, &err) < 0) {
		fprintf(stderr, "bench_igraph: %s\n", err.text);
		exit(1);
	}
}

/* Vertices: the sites, then the links. Into a link an edge costs what the link does, out of it
 * nothing. */
static void make_graph(const struct snapshot *snap, igraph_t *graph, igraph_vector_t *weights)
{
	uint32_t n_sites = snap_count(snap, SNAP_SITES), n_links = snap_count(snap, SNAP_LINKS);
	igraph_vector_int_t edges;

	igraph_vector_int_init(&edges, 0);
	igraph_vector_init(weights, 0);
	for (uint32_t i = 0; i < n_links; i++) {
		const struct snap_link *link = snap_link(snap, i);

		for (uint32_t k = 0; k < link->sites.count; k++) {
			uint32_t site = snap_word(snap, link->sites, k);

			igraph_vector_int_push_back(&edges, site);
			igraph_vector_int_push_back(&edges, n_sites + i);
			igraph_vector_push_back(weights, link->cost);
			igraph_vector_int_push_back(&edges, n_sites + i);
			igraph_vector_int_push_back(&edges, site);
			igraph_vector_push_back(weights, 0);
		}
	}
	igraph_create(graph, &edges, n_sites + n_links, IGRAPH_DIRECTED);
	igraph_vector_int_destroy(&edges);
}

static uint64_t run_igraph(const struct snapshot *snap, const igraph_t *graph,
			   const igraph_vector_t *weights, igraph_matrix_t *costs)
{
	uint64_t begin = cpu_us();

	(void)snap;
	igraph_distances_dijkstra(graph, costs, igraph_vss_1(0), igraph_vss_all(), weights,
				  IGRAPH_OUT);
	return cpu_us() - begin;
}

/* Both have to find the same, or there is nothing to compare. */
static void compare(const struct snapshot *snap, const igraph_matrix_t *costs,
		    const struct viewpoint_hop *hops)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SITES); i++) {
		double theirs = MATRIX(*costs, 0, i);

		if (hops[i].cost == UINT64_MAX ? theirs < 1e18 : (double)hops[i].cost != theirs) {
			fprintf(stderr, "bench_igraph: site %u: %f is not %llu\n", i, theirs,
				(unsigned long long)hops[i].cost);
			exit(1);
		}
	}
}

static void measure(uint32_t sites)
{
	uint64_t ours = UINT64_MAX, theirs = UINT64_MAX;
	struct viewpoint_hop *hops = mem_zero(sites, sizeof(*hops));
	struct buf image = { 0 };
	struct snapshot snap;
	igraph_vector_t weights;
	igraph_matrix_t costs;
	igraph_t graph;

	load(sites, &image, &snap);
	make_graph(&snap, &graph, &weights);
	igraph_matrix_init(&costs, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t us = run_igraph(&snap, &graph, &weights, &costs), begin = cpu_us();

		theirs = us < theirs ? us : theirs;
		paths_compute(&snap, 0, 0, hops);
		us = cpu_us() - begin;
		ours = us < ours ? us : ours;
	}
	compare(&snap, &costs, hops);
	printf("%8u sites: ours %.2f ms, igraph %.2f ms, igraph/ours %.1f\n", sites,
	       (double)ours / 1000, (double)theirs / 1000, (double)theirs / (double)ours);
	igraph_matrix_destroy(&costs);
	igraph_vector_destroy(&weights);
	igraph_destroy(&graph);
	buf_free(&image);
	free(hops);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		measure(1000);
		measure(10000);
	}
	for (int i = 1; i < argc; i++)
		measure((uint32_t)atoi(argv[i]));
	return 0;
}
