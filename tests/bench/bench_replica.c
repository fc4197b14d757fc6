/*
 * The replica of a large organisation: filling it, decisions from it, and what a change costs.
 *
 *   bench_replica [RECIPIENTS [SITES]]     (default 1000000 recipients, 1000 sites)
 *
 * Made below $TMPDIR, read as the delivery process does: one transaction for each look-up, the
 * recipient resolved and its route decided. `published` is wall-clock time from an event to the
 * commit that makes the new snapshot current, image written and synced; the rest is time of the
 * processor.
 */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dn.h"
#include "common/replica_recipients.h"
#include "common/snapshot_file.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "topology/generate.h"
#include "topology/resolve.h"
#include "topology/route.h"

enum { LOOKUPS = 200000, CHANGES = 20 };

static struct apply *apply;
static struct entry *link_entry; /* one to change */

static void die(const struct err *err)
{
	fprintf(stderr, "bench_replica: %s\n", err->text);
	exit(1);
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void give(enum event_kind kind, uint64_t number, const void *data, size_t len)
{
	const struct event event = { kind, number, data, len };
	struct err err;

	if (apply_event(apply, 0, &event, clock_wall_ms(), &err) < 0)
		die(&err);
}

static void give_entry(const struct entry *entry)
{
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	give(EVENT_UPSERT, 0, bytes.data, bytes.len);
	if (link_entry == NULL && entry_has_class(entry, "waypostSiteLink"))
		link_entry = entry_decode(NULL, bytes.data, bytes.len, NULL);
	buf_free(&bytes);
}

static int fill(void *arg, const struct entry *entry, struct err *err)
{
	(void)arg, (void)err;
	give_entry(entry);
	return 0;
}

static void commit(void)
{
	struct err err;

	if (apply_commit(apply, &err) < 0)
		die(&err);
}

static void fill_replica(const struct generate_params *params)
{
	uint64_t begin = cpu_us();
	struct rusage usage;
	struct err err;

	give(EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	if (generate_each(params, fill, NULL, &err) < 0)
		die(&err);
	give(EVENT_COOKIE, 1, "c", 1);
	give(EVENT_DONE, 1, NULL, 0);
	commit();
	getrusage(RUSAGE_SELF, &usage);
	printf("filled: %.1f s, %.0f entries a second, %ld MiB resident\n",
	       (double)(cpu_us() - begin) / 1e6,
	       (double)(params->recipients) * 1e6 / (double)(cpu_us() - begin),
	       usage.ru_maxrss / 1024);
}

/* ---- decisions ---- */

static int decide(struct replica_reader *reader, const struct viewpoint *vp, const char *address)
{
	struct recipient_source source = replica_recipient_source(reader);
	const struct resolve_query query = { .size = 1000, .authenticated = true };
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct route_decision decision;
	struct resolution *result = NULL;
	struct err err;
	int routed = 0;

	if (replica_begin(reader, &err) < 0 ||
	    resolve_recipient(ctx, vp, &source, &query, address, &result, &err) < 0)
		die(&err);
	for (size_t i = 0; i < result->count; i++) {
		route_decide(vp, &result->items[i], 1000, &decision);
		routed += decision.outcome != ROUTE_REJECTED;
	}
	replica_end(reader);
	talloc_free(ctx);
	return routed;
}

static void bench_decisions(const char *state_dir, const struct generate_params *params)
{
	static char addresses[4096][GENERATE_ADDRESS_SIZE];
	struct replica *replica = replica_open(state_dir);
	struct replica_reader *reader = replica_reader_new(replica);
	struct replica_snapshot what;
	struct snapshot_file *file;
	struct viewpoint *vp;
	uint64_t us = 0;
	struct err err;
	int routed = 0;

	replica_poll(replica, &what);
	if (snapshot_file_open(state_dir, &what, &file, &err) < 0)
		die(&err);
	vp = viewpoint_new(snapshot_file_view(file), 0);
	for (unsigned done = 0; done < LOOKUPS; done += WP_COUNT(addresses)) {
		uint64_t begin;

		for (unsigned i = 0; i < WP_COUNT(addresses); i++)
			generate_address(params, (uint32_t)(((uint64_t)done + i) * 7919 %
							    params->recipients), addresses[i]);
		begin = cpu_us();
		for (unsigned i = 0; i < WP_COUNT(addresses); i++)
			routed += decide(reader, vp, addresses[i]);
		us += cpu_us() - begin;
	}
	printf("recipients looked up, resolved and decided: %.0f a second (%d routed)\n",
	       (double)LOOKUPS * 1e6 / (double)us, routed);
	viewpoint_free(vp);
	snapshot_file_unref(&file);
	replica_reader_free(&reader);
	replica_close(&replica);
}

/* ---- changes ---- */

static void bench_changes(void)
{
	uint64_t least = UINT64_MAX, sum = 0;

	for (int i = 0; i < CHANGES; i++) {
		struct entry *changed = entry_new(NULL, link_entry->dn);
		uint64_t begin;

		changed->uuid = link_entry->uuid;
		for (size_t a = 0; a < link_entry->n_attributes; a++)
			for (size_t v = 0; v < link_entry->attributes[a].n_values; v++)
				if (!ascii_equal(link_entry->attributes[a].name, "waypostMailCost"))
					entry_add_text(changed, link_entry->attributes[a].name,
						       link_entry->attributes[a].values[v].data);
		entry_add_text(changed, "waypostMailCost", i % 2 ? "7" : "11");
		begin = clock_mono_ms();
		give_entry(changed);
		commit();
		begin = clock_mono_ms() - begin;
		sum += begin;
		least = begin < least ? begin : least;
		talloc_free(changed);
	}
	printf("a changed link published: least %llu ms, mean %llu ms\n", (unsigned long long)least,
	       (unsigned long long)(sum / CHANGES));
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
	(void)info, (void)flag, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	static const struct apply_directory directory = { "bench", 20 };
	const char *tmp = getenv("TMPDIR");
	char path[256];
	struct apply_config config = { .state_dir = path, .directories = &directory,
				       .n_directories = 1 };
	struct generate_params params;
	struct err err;

	generate_defaults(&params);
	params.shape = GENERATE_TIERS;
	params.recipients = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000000;
	params.sites = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
	params.groups = 0;
	snprintf(path, sizeof(path), "%s/bench-replica-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(path) == NULL)
		return 1;
	if (generate_check(&params, &err) < 0 || apply_open(&config, 1, &apply, &err) < 0)
		die(&err);
	printf("%u recipients, %u sites\n", params.recipients, params.sites);
	fill_replica(&params);
	bench_decisions(path, &params);
	bench_changes();
	apply_close(&apply);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
