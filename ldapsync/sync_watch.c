/* Who watches what arrives. */
#include "ldapsync/sync_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/ctl_proto.h"
#include "common/snapshot_file.h"
#include "topology/diff.h"

enum { SITES_SEEN = 4 /* where this host is none of the directory's */, OBJECTS_MAX = 100 };

struct watcher {
	LIST_ENTRY(watcher) link;
	struct ctl_call *call;
	json_int_t lost; /* rows, since the last that it got */
};

struct sync_watch {
	struct agent *agent;
	const struct hostfile *host;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	LIST_HEAD(, watcher) watchers;
	enum agent_state *states; /* of the sources, as told last */
	struct replica_snapshot told, newest;
	pthread_t thread;
	bool has_thread, is_stopping, is_on;
};

struct sync_watch *sync_watch_new(void)
{
	struct sync_watch *watch = mem_zero(1, sizeof(*watch));

	pthread_mutex_init(&watch->mutex, NULL);
	pthread_cond_init(&watch->changed, NULL);
	LIST_INIT(&watch->watchers);
	return watch;
}

void sync_watch_set_agent(struct sync_watch *watch, struct agent *agent,
			  const struct hostfile *host)
{
	watch->agent = agent;
	watch->host = host;
}

static void forget(struct watcher *watcher)
{
	LIST_REMOVE(watcher, link);
	ctl_end(watcher->call, NULL);
	free(watcher);
}

void sync_watch_stop(struct sync_watch *watch)
{
	pthread_mutex_lock(&watch->mutex);
	watch->is_stopping = true;
	pthread_cond_signal(&watch->changed);
	pthread_mutex_unlock(&watch->mutex);
	if (watch->has_thread)
		pthread_join(watch->thread, NULL);
	watch->has_thread = false;
}

void sync_watch_free(struct sync_watch **watch)
{
	struct sync_watch *w = *watch;

	if (w == NULL)
		return;
	sync_watch_stop(w);
	while (!LIST_EMPTY(&w->watchers))
		forget(LIST_FIRST(&w->watchers));
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->mutex);
	free(w->states);
	free(w);
	*watch = NULL;
}

/* ---- rows, with the mutex held ---- */

static json_t *new_row(const char *event)
{
	char time[25];

	clock_iso8601(clock_wall_ms(), time);
	return json_pack("{ss ss}", "event", event, "time", time);
}

/* False: it is gone. */
static bool tell(struct watcher *watcher, json_t *row)
{
	json_t *lost;

	if (ctl_is_gone(watcher->call))
		return false;
	if (ctl_has_enough(watcher->call)) {
		watcher->lost++;
		return true;
	}
	if (watcher->lost > 0) {
		lost = new_row("lost");
		json_object_set_new(lost, "rows", json_integer(watcher->lost));
		watcher->lost = 0;
		if (ctl_row(watcher->call, lost) < 0)
			return false;
	}
	return ctl_row(watcher->call, json_incref(row)) >= 0;
}

static void watch_on(void *arg)
{
	agent_watch(((struct sync_watch *)arg)->agent, true);
}

static void watch_off(void *arg)
{
	agent_watch(((struct sync_watch *)arg)->agent, false);
}

/* Takes over ROW. */
static void tell_all(struct sync_watch *watch, json_t *row)
{
	struct watcher *at, *next;

	for (at = LIST_FIRST(&watch->watchers); at != NULL; at = next) {
		next = LIST_NEXT(at, link);
		if (!tell(at, row))
			forget(at);
	}
	json_decref(row);
	if (LIST_EMPTY(&watch->watchers) && watch->is_on)
		watch->is_on = !agent_run(watch->agent, watch_off, watch);
}

void sync_watch_changes(struct sync_watch *watch, json_t *rows, uint32_t omitted)
{
	json_t *row;

	if (rows == NULL && omitted == 0)
		return;
	row = new_row("changes");
	json_object_set_new(row, "changes", rows != NULL ? rows : json_array());
	json_object_set_new(row, "omitted", json_integer(omitted));
	pthread_mutex_lock(&watch->mutex);
	tell_all(watch, row);
	pthread_mutex_unlock(&watch->mutex);
}

/* Which sources are in another state than they were; unless it TELLS, only what is now is kept. */
static void look_at_states(struct sync_watch *watch, bool tells)
{
	struct agent_source *source = mem_zero(1, sizeof(*source));

	for (size_t i = 0; agent_source_status(watch->agent, i, source); i++) {
		json_t *row;

		watch->states = mem_grow(watch->states, (i + 1) * sizeof(*watch->states));
		if (!tells || watch->states[i] == source->state) {
			watch->states[i] = source->state;
			continue;
		}
		watch->states[i] = source->state;
		row = new_row("state");
		json_object_set_new(row, "source", ctl_text(source->title));
		json_object_set_new(row, "state", json_string(agent_state_name(source->state)));
		json_object_set_new(row, "error", ctl_text(source->error_over_wall_ms == 0 ?
								   source->last_error.text : ""));
		tell_all(watch, row);
	}
	free(source);
}

void sync_watch_status(struct sync_watch *watch, const struct agent_status *status)
{
	pthread_mutex_lock(&watch->mutex);
	if (!LIST_EMPTY(&watch->watchers)) {
		look_at_states(watch, true);
		watch->newest = status->image;
		if (watch->newest.number != watch->told.number)
			pthread_cond_signal(&watch->changed);
	}
	pthread_mutex_unlock(&watch->mutex);
}

/* ---- what a snapshot moves ---- */

/* The site of this host in SNAP, or null. */
static const char *site_of_host(const struct hostfile *host, const struct snapshot *snap)
{
	uint32_t server = host->server != NULL ? snapshot_find_server(snap, host->server) :
						 snapshot_find_server_fqdn(snap, host->fqdn);
	uint32_t site = server != SNAP_NONE ? snap_server(snap, server)->peer.site : SNAP_NONE;

	return site != SNAP_NONE ? snap_str(snap, snap_site(snap, site)->name) : NULL;
}

/* A row has to fit into a line. */
static void cut(json_t *diff, const char *member)
{
	json_t *rows = json_object_get(diff, member);

	while (json_array_size(rows) > OBJECTS_MAX)
		json_array_remove(rows, json_array_size(rows) - 1);
}

static json_t *compare(const struct hostfile *host, const struct snapshot *old,
		       const struct snapshot *new, json_t *row)
{
	struct diff_query query = { .old.snap = old, .new.snap = new, .same_recipients = true,
				    .max_sources = SITES_SEEN };
	json_t *diff = NULL;

	query.source = site_of_host(host, new);
	json_object_set_new(row, "site", ctl_text(query.source != NULL ? query.source : ""));
	if (diff_snapshots(&query, &diff, NULL) < 0)
		return json_null();
	cut(diff, "connectors");
	cut(diff, "domains");
	return diff;
}

/* The images may be gone already: then nothing is said of the effect. */
static json_t *snapshot_row(const struct hostfile *host, const struct replica_snapshot *before,
			    const struct replica_snapshot *after)
{
	struct snapshot_file *old = NULL, *new = NULL;
	json_t *row = new_row("snapshot"), *effect = NULL;

	json_object_set_new(row, "snapshot", json_integer((json_int_t)after->number));
	json_object_set_new(row, "before", json_integer((json_int_t)before->number));
	if (before->number != 0 && snapshot_file_open(host->state, before, &old, NULL) == 0 &&
	    snapshot_file_open(host->state, after, &new, NULL) == 0)
		effect = compare(host, snapshot_file_view(old), snapshot_file_view(new), row);
	json_object_set_new(row, "effect", effect != NULL ? effect : json_null());
	snapshot_file_unref(&old);
	snapshot_file_unref(&new);
	return row;
}

static void *compare_main(void *arg)
{
	struct sync_watch *watch = arg;

	pthread_mutex_lock(&watch->mutex);
	while (!watch->is_stopping) {
		const struct replica_snapshot before = watch->told, after = watch->newest;
		json_t *row;

		if (before.number == after.number || LIST_EMPTY(&watch->watchers)) {
			pthread_cond_wait(&watch->changed, &watch->mutex);
			continue;
		}
		watch->told = after;
		pthread_mutex_unlock(&watch->mutex);
		row = snapshot_row(watch->host, &before, &after);
		pthread_mutex_lock(&watch->mutex);
		tell_all(watch, row);
	}
	pthread_mutex_unlock(&watch->mutex);
	return NULL;
}

/* ---- a new one ---- */

/* With the mutex held: what is there now is no news. */
static void begin(struct sync_watch *watch, const struct agent_status *status)
{
	watch->told = watch->newest = status->image;
	look_at_states(watch, false);
	watch->is_on = agent_run(watch->agent, watch_on, watch);
	if (!watch->has_thread)
		watch->has_thread = pthread_create(&watch->thread, NULL, compare_main, watch) == 0;
}

void sync_watch_add(struct sync_watch *watch, struct ctl_call *call)
{
	struct watcher *watcher = mem_zero(1, sizeof(*watcher));
	struct agent_status status;
	json_t *row = new_row("begin");

	watcher->call = call;
	agent_status(watch->agent, &status);
	json_object_set_new(row, "snapshot", json_integer((json_int_t)status.newest));
	pthread_mutex_lock(&watch->mutex);
	if (LIST_EMPTY(&watch->watchers))
		begin(watch, &status);
	LIST_INSERT_HEAD(&watch->watchers, watcher, link);
	if (ctl_row(call, row) < 0)
		forget(watcher);
	pthread_mutex_unlock(&watch->mutex);
}
