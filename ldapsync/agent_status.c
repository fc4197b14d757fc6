/* The agent: what others see of it. */
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "ldapsync/agent_private.h"

enum { PROGRESS_MS = 10 * 1000 }; /* between two lines in the log */

static const char *const state_names[] = {
	[AGENT_LIVE] = "live",
	[AGENT_REFRESH] = "refresh",
	[AGENT_DOWN] = "down",
	[AGENT_HELD] = "held",
};

const char *agent_state_name(enum agent_state state)
{
	return state_names[state];
}

/* A source that is not held may go on while another, or the snapshot, is. */
static enum agent_state state_of(const struct agent *agent, const struct source_sink *sink)
{
	enum apply_phase phase = agent->sources[sink->index].phase;

	if (phase == APPLY_HELD || sink->fault.text[0] != '\0')
		return AGENT_HELD;
	if (!sink->is_up)
		return AGENT_DOWN;
	return phase == APPLY_LIVE ? AGENT_LIVE : AGENT_REFRESH;
}

static void take_error(struct agent_status *status, const struct err *error, uint64_t wall_ms)
{
	if (error->text[0] == '\0')
		return;
	status->last_error = *error;
	status->last_error_wall_ms = wall_ms;
}

/* What is held, of any source; null: nothing. */
static const struct apply_hold *first_hold(const struct agent *agent)
{
	for (size_t i = 0; i < agent->n_sinks; i++)
		if (agent->sources[i].hold != NULL)
			return agent->sources[i].hold;
	return agent->snapshot_hold.why.text[0] != '\0' ? &agent->snapshot_hold : NULL;
}

/* With the mutex held. */
static void fill_status(struct agent *agent, struct agent_status *status)
{
	const struct source_sink *worst = &agent->sinks[0];
	const struct apply_hold *hold = first_hold(agent);
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 1; i < agent->n_sinks; i++)
		if (state_of(agent, &agent->sinks[i]) > state_of(agent, worst))
			worst = &agent->sinks[i];
	*status = (struct agent_status){
		.state = hold != NULL ? AGENT_HELD : state_of(agent, worst),
		.counts = agent->applied.counts,
		.snapshot = agent->applied.snapshot.number,
		.newest = agent->applied.newest.number,
		.image = agent->applied.newest,
		.pinned_wall_ms = agent->applied.pinned_wall_ms,
		.is_published = agent->applied.is_published,
		.changed_wall_ms = agent->applied.changed_wall_ms,
		.diagnostics = agent->applied.diagnostics,
	};
	memcpy(status->source, worst->where, sizeof(status->source));
	if (status->state != AGENT_LIVE)
		status->lag_ms = now_ms - worst->in_step_ms;
	take_error(status, &worst->fault, worst->last_error_wall_ms);
	take_error(status, &worst->error, worst->last_error_wall_ms);
	take_error(status, &agent->store_error, agent->store_error_wall_ms);
	if (hold != NULL)
		take_error(status, &hold->why, hold->since_wall_ms);
}

void agent_status(struct agent *agent, struct agent_status *status_r)
{
	pthread_mutex_lock(&agent->mutex);
	fill_status(agent, status_r);
	pthread_mutex_unlock(&agent->mutex);
}

/* With the mutex held: what the source had before is what is expected, else what was counted. */
static uint64_t expected_of(const struct source_sink *sink, const struct apply_source *applied)
{
	if (applied->begun_wall_ms == 0 || applied->expected > 0)
		return applied->expected;
	return sink->expected;
}

/* Entries a second of a refresh that is under way. */
static uint64_t rate_of(const struct source_sink *sink, uint64_t named)
{
	uint64_t took_ms = clock_mono_ms() - sink->refresh.begun_ms;

	return named * 1000 / (took_ms > 0 ? took_ms : 1);
}

/* With the mutex held: why the source is not live, and since when; else its last error. */
static void fill_error(const struct agent *agent, const struct source_sink *sink,
		       struct agent_source *status)
{
	const struct apply_hold *hold = agent->sources[sink->index].hold;

	status->last_error = sink->last_error;
	status->last_error_wall_ms = sink->last_error_wall_ms;
	status->error_over_wall_ms = sink->error_over_wall_ms;
	if (hold == NULL)
		return;
	status->hold = *hold;
	status->last_error = hold->why;
	status->last_error_wall_ms = hold->since_wall_ms;
	status->error_over_wall_ms = 0;
}

bool agent_source_status(struct agent *agent, size_t i, struct agent_source *status_r)
{
	const struct source_sink *sink;
	const struct apply_source *applied;

	if (i >= agent->n_sinks)
		return false;
	sink = &agent->sinks[i];
	applied = &agent->sources[i];
	pthread_mutex_lock(&agent->mutex);
	*status_r = (struct agent_source){ .title = sink->part->title,
					   .state = state_of(agent, sink),
					   .counts = applied->counts,
					   .changed_wall_ms = applied->changed_wall_ms,
					   .begun_wall_ms = applied->begun_wall_ms,
					   .named = applied->named,
					   .expected = expected_of(sink, applied) };
	memcpy(status_r->server, sink->where, sizeof(sink->where));
	memcpy(status_r->tracker, sink->tracker, sizeof(sink->tracker));
	memcpy(status_r->bind, sink->bind, sizeof(sink->bind));
	memcpy(status_r->tls, sink->tls, sizeof(sink->tls));
	if (status_r->state != AGENT_LIVE)
		status_r->lag_ms = clock_mono_ms() - sink->in_step_ms;
	if (applied->begun_wall_ms != 0)
		status_r->rate = rate_of(sink, applied->named);
	fill_error(agent, sink, status_r);
	pthread_mutex_unlock(&agent->mutex);
	return true;
}

int agent_find_source(struct agent *agent, const char *title, size_t *i_r, struct err *err)
{
	struct buf known = { 0 };

	for (size_t i = 0; i < agent->n_sinks; i++) {
		*i_r = i;
		if (strcmp(agent->parts[i].title, title) == 0) {
			buf_free(&known);
			return 0;
		}
		buf_printf(&known, "%s%s", i > 0 ? ", " : "", agent->parts[i].title);
	}
	err_set(err, ERR_NOT_FOUND, 0, "there is no source \"%s\"", title);
	err_remedy(err, "sources: %s", known.data);
	buf_free(&known);
	return -1;
}

bool agent_snapshot_held(struct agent *agent, struct apply_hold *hold_r)
{
	pthread_mutex_lock(&agent->mutex);
	*hold_r = agent->snapshot_hold;
	pthread_mutex_unlock(&agent->mutex);
	return hold_r->why.text[0] != '\0';
}

void agent_tell(struct agent *agent)
{
	struct agent_status status;

	agent_status(agent, &status);
	agent->observer.on_change(agent->observer.ctx, &status);
}

/* A line now and then while a refresh lasts. */
static void tell_progress(struct source_sink *sink, const struct apply_source *applied)
{
	struct refresh_watch *watch = &sink->refresh;
	uint64_t now_ms = clock_mono_ms(), expected = expected_of(sink, applied);

	if (watch->wall_ms != applied->begun_wall_ms)
		*watch = (struct refresh_watch){ applied->begun_wall_ms, now_ms, now_ms };
	if (applied->begun_wall_ms == 0 || now_ms - watch->told_ms < PROGRESS_MS)
		return;
	watch->told_ms = now_ms;
	if (expected > 0)
		log_info("directory %s: %" PRIu64 " of about %" PRIu64 " entries, %" PRIu64
			 " a second", sink->part->title, applied->named, expected,
			 rate_of(sink, applied->named));
	else
		log_info("directory %s: %" PRIu64 " entries, %" PRIu64 " a second",
			 sink->part->title, applied->named, rate_of(sink, applied->named));
}

/* With the mutex held. */
static void take_source(struct agent *agent, size_t i)
{
	struct apply_source *source = &agent->sources[i];
	struct source_sink *sink = &agent->sinks[i];

	apply_source_status(agent->apply, i, source);
	if (source->hold != NULL) {
		agent->holds[i] = *source->hold;
		source->hold = &agent->holds[i];
	}
	if (source->phase == APPLY_LIVE && sink->is_up)
		sink->in_step_ms = clock_mono_ms();
	/* A failure took all of them out of step, so this one was stored since. */
	if (source->phase == APPLY_LIVE)
		agent->store_error.text[0] = '\0';
	tell_progress(sink, source);
}

/* In the applying thread: what apply.h knows becomes what others see. */
void agent_publish_status(struct agent *agent)
{
	const struct apply_hold *hold = apply_snapshot_held(agent->apply);

	pthread_mutex_lock(&agent->mutex);
	apply_status(agent->apply, &agent->applied);
	for (size_t i = 0; i < agent->n_sinks; i++)
		take_source(agent, i);
	agent->snapshot_hold.why.text[0] = '\0';
	if (hold != NULL)
		agent->snapshot_hold = *hold;
	pthread_mutex_unlock(&agent->mutex);
	agent_tell(agent);
}
