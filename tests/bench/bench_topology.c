/*
 * How long the routing of an organisation takes to compute, and how that grows with its size.
 *
 *   bench_topology [SITES …]     (default 100 1000 10000)
 *
 * A mesh with twice as many links as sites, two of them joining half of the sites each, five
 * times as many servers and as many connectors as sites; one line a size. Times are of the
 * processor, the least of some runs, since the machine is not alone. `load` is everything from
 * entries to the image (address-space index and checks included), `open` its verification, `view`
 * paths, reach of connectors and selection tables for one server, `paths` the paths alone,
 * `implicit` the list of implicit connectors; `change` is one changed entry to a verified image and
 * a new view.
 * With BENCH_ONLY=load|view|paths|change only that runs, once, for an instruction counter.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "topology/generate.h"
#include "topology/implicit.h"
#include "topology/load.h"
#include "topology/paths.h"
#include "topology/recipient_memory.h"
#include "topology/resolve.h"
#include "topology/route.h"

enum { PEOPLE = 10000, DECISIONS = 1000000, RESOLUTIONS = 100000 };

struct organisation {
	struct generate_params params;
	struct entry_list entries;
	struct buf image;
	struct snapshot snap;
};

static const char *only;

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_wanted(const char *what)
{
	return only == NULL || strcmp(only, what) == 0;
}

static void die(const struct err *err)
{
	fprintf(stderr, "bench_topology: %s\n", err->text);
	exit(1);
}

/* ---- the organisation ---- */

static int keep(void *arg, const struct entry *entry, struct err *err)
{
	struct organisation *org = arg;
	struct buf room = { 0 };

	entry_encode(entry, &room);
	entry_list_add(NULL, &org->entries, entry_decode(NULL, room.data, room.len, err));
	buf_free(&room);
	return 0;
}

static void make(struct organisation *org, uint32_t sites)
{
	struct generate_params *p = &org->params;
	struct err err;

	generate_defaults(p);
	p->shape = GENERATE_MESH;
	p->sites = sites;
	p->connectors = sites < 10000 ? sites : 10000;
	p->links = 2 * sites;
	p->wide_links = 2;
	p->wide_members = sites / 2;
	p->servers_per_site = 5;
	p->recipients = only != NULL ? 0 : PEOPLE;
	if (generate_check(p, &err) < 0 || generate_each(p, keep, org, &err) < 0)
		die(&err);
}

static size_t objects_of(const struct snapshot *snap)
{
	return snap_count(snap, SNAP_SITES) + snap_count(snap, SNAP_LINKS) +
	       snap_count(snap, SNAP_SERVERS) + snap_count(snap, SNAP_CONNECTORS);
}

/* ---- what is measured: each returns microseconds ---- */

static uint64_t run_load(struct organisation *org)
{
	struct snapshot_source source = snapshot_source_of_list(&org->entries);
	uint64_t begin = cpu_us();
	struct err err;

	if (snapshot_build(&source, NULL, 1, &org->image, &err) < 0)
		die(&err);
	return cpu_us() - begin;
}

static uint64_t run_open(struct organisation *org)
{
	uint64_t begin = cpu_us();
	struct err err;

	if (snapshot_open(&org->snap, org->image.data, org->image.len, &err) < 0)
		die(&err);
	return cpu_us() - begin;
}

static uint64_t run_view(struct organisation *org)
{
	uint64_t begin = cpu_us(), end;
	struct viewpoint *vp = viewpoint_new(&org->snap, 0);

	end = cpu_us();
	viewpoint_free(vp);
	return end - begin;
}

static uint64_t run_paths(struct organisation *org)
{
	struct viewpoint_hop *hops = mem_zero(snap_count(&org->snap, SNAP_SITES), sizeof(*hops));
	uint64_t begin = cpu_us(), end;

	paths_compute(&org->snap, 0, 0, hops);
	end = cpu_us();
	free(hops);
	return end - begin;
}

static uint64_t run_implicit(struct organisation *org)
{
	struct viewpoint *vp = viewpoint_new(&org->snap, 0);
	struct implicit_connector *list;
	TALLOC_CTX *ctx = talloc_new(NULL);
	uint64_t begin = cpu_us(), end;

	implicit_list(ctx, vp, &list);
	end = cpu_us();
	talloc_free(ctx);
	viewpoint_free(vp);
	return end - begin;
}

static uint64_t least(uint64_t (*run)(struct organisation *), struct organisation *org, int times)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < times; i++) {
		uint64_t us = run(org);

		best = us < best ? us : best;
	}
	return best;
}

/* The cost of a link changes: until a view from the mended and verified image. */
static uint64_t run_change(struct organisation *org, int times)
{
	struct snapshot_source source = snapshot_source_of_list(&org->entries);
	struct snapshot_builder *builder = snapshot_builder_new();
	struct entry *link = NULL;
	struct buf image = { 0 };
	uint64_t best = UINT64_MAX;
	struct err err;

	for (size_t i = 0; i < org->entries.count; i++)
		if (entry_has_class(org->entries.items[i], "waypostSiteLink"))
			link = org->entries.items[i];
	if (snapshot_builder_build(builder, &source, NULL, 1, &image, &err) < 0)
		die(&err);
	for (int i = 0; i < times; i++) {
		struct entry *changed = entry_new(NULL, link->dn);
		struct snapshot snap;
		struct viewpoint *vp;
		uint64_t begin;

		for (size_t a = 0; a < link->n_attributes; a++)
			for (size_t v = 0; v < link->attributes[a].n_values; v++)
				if (!ascii_equal(link->attributes[a].name, "waypostMailCost"))
					entry_add_text(changed, link->attributes[a].name,
						       link->attributes[a].values[v].data);
		entry_add_text(changed, "waypostMailCost", i % 2 ? "7" : "11");
		begin = cpu_us();
		if (!snapshot_builder_change(builder, changed))
			exit(1);
		snapshot_builder_mend(builder, 2, &image);
		if (snapshot_open(&snap, image.data, image.len, &err) < 0)
			die(&err);
		vp = viewpoint_new(&snap, 0);
		if (cpu_us() - begin < best)
			best = cpu_us() - begin;
		viewpoint_free(vp);
		talloc_free(changed);
	}
	snapshot_builder_free(&builder);
	buf_free(&image);
	return best;
}

/* Octets of an object in the image beyond its texts, and of a view. */
static void report_memory(struct organisation *org)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, view;
	struct viewpoint *vp = viewpoint_new(&org->snap, 0);

	view = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	printf(" %8zu %8zu\n",
	       (org->image.len - snap_count(&org->snap, SNAP_TEXT)) / objects_of(&org->snap),
	       view / objects_of(&org->snap));
	viewpoint_free(vp);
}

static void measure(struct organisation *org, int times)
{
	static uint64_t (*const runs[])(struct organisation *) = { run_load, run_open, run_view,
								   run_paths, run_implicit };
	uint64_t us[WP_COUNT(runs)];

	for (size_t i = 0; i < WP_COUNT(runs); i++)
		us[i] = least(runs[i], org, times);
	printf("%8u %8zu", org->params.sites, objects_of(&org->snap));
	for (size_t i = 0; i < WP_COUNT(runs); i++)
		printf(" %8.2f", (double)us[i] / 1000);
	printf(" %8.2f", (double)run_change(org, times) / 1000);
	report_memory(org);
}

/* One thing, once: what comes before it is done too and has to be left out by the counter. */
static void run_only(struct organisation *org)
{
	run_load(org);
	run_open(org);
	if (is_wanted("view"))
		run_view(org);
	if (is_wanted("paths"))
		run_paths(org);
	if (is_wanted("change"))
		run_change(org, 1);
}

/* ---- decisions ---- */

static void report_rate(const char *what, uint64_t us, unsigned n)
{
	printf("%-40s %9.0f a second\n", what, (double)n * 1e6 / (double)(us > 0 ? us : 1));
}

static void bench_decisions(const struct viewpoint *vp, const char *what,
			    const struct resolved *leaf)
{
	struct route_decision decision;
	uint64_t begin = cpu_us();
	unsigned sum = 0;

	for (unsigned i = 0; i < DECISIONS; i++) {
		route_decide(vp, leaf, i % 50000, &decision);
		sum += decision.outcome;
	}
	report_rate(what, cpu_us() - begin, DECISIONS);
	if (sum == 0)
		printf("(all mailboxes)\n");
}

static void bench_resolution(const struct viewpoint *vp, const struct organisation *org)
{
	static char addresses[PEOPLE][GENERATE_ADDRESS_SIZE];
	struct recipient_memory *memory = recipient_memory_new(NULL);
	struct recipient_source source = recipient_memory_source(memory);
	const struct resolve_query query = { .size = 1000, .authenticated = true };
	struct route_decision decision;
	uint64_t begin;

	recipient_memory_add_list(memory, &org->entries);
	for (unsigned i = 0; i < PEOPLE; i++)
		generate_address(&org->params, i, addresses[i]);
	begin = cpu_us();
	for (unsigned i = 0; i < RESOLUTIONS; i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct resolution *result;

		if (resolve_recipient(ctx, vp, &source, &query, addresses[i % PEOPLE], &result,
				      NULL) < 0)
			exit(1);
		for (size_t k = 0; k < result->count; k++)
			route_decide(vp, &result->items[k], 1000, &decision);
		talloc_free(ctx);
	}
	report_rate("a recipient resolved in memory and decided", cpu_us() - begin, RESOLUTIONS);
	talloc_free(memory);
}

static void decide(struct organisation *org)
{
	struct viewpoint *vp = viewpoint_new(&org->snap, 0);

	printf("\n%u sites, %u connectors:\n", org->params.sites, org->params.connectors);
	bench_decisions(vp, "a mailbox in another site decided",
			&(struct resolved){ .kind = RESOLVED_MAILBOX,
					    .home = 5 * org->params.sites - 1 });
	bench_decisions(vp, "a foreign domain of a connector decided",
			&(struct resolved){ .kind = RESOLVED_EXTERNAL, .type = "SMTP",
					    .domain = "mail.partner00077.example" });
	bench_decisions(vp, "a foreign domain of none decided",
			&(struct resolved){ .kind = RESOLVED_EXTERNAL, .type = "SMTP",
					    .domain = "a.b.c.elsewhere.example" });
	bench_resolution(vp, org);
	viewpoint_free(vp);
}

int main(int argc, char **argv)
{
	static const char *const sizes[] = { "100", "1000", "10000", NULL };
	struct organisation org;

	only = getenv("BENCH_ONLY");
	if (only == NULL)
		printf("%8s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n%8s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n",
		       "sites", "objects", "load", "open", "view", "paths", "implicit", "change",
		       "image", "view", "", "", "ms", "ms", "ms", "ms", "ms", "ms", "B/object",
		       "B/object");
	for (const char *const *size = argc > 1 ? (const char *const *)argv + 1 : sizes;
	     *size != NULL; size++) {
		org = (struct organisation){ .params.sites = 0 };
		if (atoi(*size) < 4)
			return 2;
		make(&org, (uint32_t)atoi(*size));
		if (only != NULL)
			run_only(&org);
		else
			measure(&org, org.params.sites > 20000 ? 2 : 7);
		if (only == NULL && size[1] == NULL)
			decide(&org);
		buf_free(&org.image);
		/* The entries stay until the end: freeing them would only cost time. */
	}
	return 0;
}
