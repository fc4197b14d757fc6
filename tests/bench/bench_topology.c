/*
 * How long the whole recomputation of a large organisation takes, and a decision.
 *
 *   bench_topology [SITES [CONNECTORS]]     (default 10000 sites, 10000 connectors)
 *
 * A mesh with twice as many links as sites, two of them joining half of the sites each, and five
 * times as many servers; prints milliseconds and rates.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "topology/generate.h"
#include "topology/load.h"
#include "topology/recipient_memory.h"
#include "topology/resolve.h"
#include "topology/route.h"

enum { PEOPLE = 10000, DECISIONS = 2000000, RESOLUTIONS = 200000 };

static struct entry_list entries;

static int keep(void *arg, const struct entry *entry, struct err *err)
{
	struct buf *room = arg;

	buf_clear(room);
	entry_encode(entry, room);
	entry_list_add(NULL, &entries, entry_decode(NULL, room->data, room->len, err));
	return 0;
}

static void make(const struct generate_params *params)
{
	struct buf room = { 0 };
	struct err err;

	if (generate_check(params, &err) < 0 || generate_each(params, keep, &room, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	buf_free(&room);
}

static void report(const char *what, uint64_t from_ms)
{
	printf("%-34s %6llu ms\n", what, (unsigned long long)(clock_mono_ms() - from_ms));
}

static void report_rate(const char *what, uint64_t from_ms, unsigned n)
{
	uint64_t ms = clock_mono_ms() - from_ms;

	printf("%-34s %6llu ns each\n", what, (unsigned long long)(ms * 1000000 / n));
}

static void bench_decisions(const struct viewpoint *vp, const char *what, struct resolved *leaf)
{
	uint64_t begin = clock_mono_ms();
	struct route_decision decision;
	unsigned sum = 0;

	for (unsigned i = 0; i < DECISIONS; i++) {
		route_decide(vp, leaf, i, &decision);
		sum += decision.outcome;
	}
	report_rate(what, begin, DECISIONS);
	if (sum == 0)
		printf("(all mailboxes)\n");
}

static void bench_resolution(const struct viewpoint *vp, struct recipient_memory *memory,
			     const struct generate_params *params)
{
	static char addresses[PEOPLE][GENERATE_ADDRESS_SIZE];
	struct recipient_source source = recipient_memory_source(memory);
	const struct resolve_query query = { 1000, true };
	TALLOC_CTX *ctx = talloc_new(NULL);
	uint64_t begin;

	for (unsigned i = 0; i < PEOPLE; i++)
		generate_address(params, i, addresses[i]);
	begin = clock_mono_ms();
	for (unsigned i = 0; i < RESOLUTIONS; i++) {
		struct resolution *result;

		if (resolve_recipient(ctx, vp, &source, &query, addresses[i % PEOPLE], &result,
				      NULL) < 0)
			exit(1);
		talloc_free(result);
	}
	talloc_free(ctx);
	report_rate("resolve one mailbox", begin, RESOLUTIONS);
}

static struct snapshot build(struct buf *image)
{
	struct snapshot_source source = snapshot_source_of_list(&entries);
	struct snapshot snap;
	struct err err;
	uint64_t begin = clock_mono_ms();

	if (snapshot_build(&source, NULL, 1, image, &err) < 0)
		exit(1);
	report("entries to image", begin);
	printf("%-34s %6zu KiB\n", "size of the image", image->len / 1024);
	begin = clock_mono_ms();
	if (snapshot_open(&snap, image->data, image->len, &err) < 0)
		exit(1);
	report("verify the image", begin);
	return snap;
}

int main(int argc, char **argv)
{
	struct recipient_memory *memory = recipient_memory_new(NULL);
	struct buf image = { NULL, 0, 0 };
	struct generate_params params;
	struct snapshot snap;
	struct viewpoint *vp;
	uint64_t begin;

	generate_defaults(&params);
	params.shape = GENERATE_MESH;
	params.sites = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;
	params.connectors = argc > 2 ? (uint32_t)atoi(argv[2]) : 10000;
	params.links = 2 * params.sites;
	params.wide_links = 2;
	params.wide_members = params.sites / 2;
	params.servers_per_site = 5;
	params.recipients = PEOPLE;
	make(&params);
	printf("%u sites, %u links, %u servers, %u connectors, %zu entries\n", params.sites,
	       params.links, 5 * params.sites, params.connectors, entries.count);
	snap = build(&image);
	begin = clock_mono_ms();
	vp = viewpoint_new(&snap, 0);
	report("paths, reach and selection tables", begin);
	bench_decisions(vp, "decide a remote mailbox",
			&(struct resolved){ .kind = RESOLVED_MAILBOX,
					    .home = 5 * params.sites - 1 });
	bench_decisions(vp, "decide an external domain",
			&(struct resolved){ .kind = RESOLVED_EXTERNAL, .type = "SMTP",
					    .domain = "mail.partner00077.example" });
	recipient_memory_add_list(memory, &entries);
	bench_resolution(vp, memory, &params);
	viewpoint_free(vp);
	buf_free(&image);
	return 0;
}
