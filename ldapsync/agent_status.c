/* The agent: what others see of it. */
#include <string.h>

#include "common/clock.h"
#include "ldapsync/agent_private.h"

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

static enum agent_state state_of(const struct agent *agent, const struct source_sink *sink)
{
	enum apply_phase phase = agent->phases[sink->index];

	if (phase == APPLY_HELD || agent->held.text[0] != '\0' || sink->fault.text[0] != '\0')
		return AGENT_HELD;
	if (!sink->is_up)
		return AGENT_DOWN;
	return phase == APPLY_LIVE ? AGENT_LIVE : AGENT_REFRESH;
}

static void take_error(struct agent_status *status, const struct err *error)
{
	if (error->text[0] != '\0')
		status->last_error = *error;
}

/* With the mutex held. */
static void fill_status(struct agent *agent, struct agent_status *status)
{
	const struct source_sink *worst = &agent->sinks[0];
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 1; i < agent->n_sinks; i++)
		if (state_of(agent, &agent->sinks[i]) > state_of(agent, worst))
			worst = &agent->sinks[i];
	*status = (struct agent_status){
		.state = state_of(agent, worst),
		.counts = agent->applied.counts,
		.snapshot = agent->applied.snapshot.number,
		.newest = agent->applied.newest.number,
		.pinned_wall_ms = agent->applied.pinned_wall_ms,
		.is_published = agent->applied.is_published,
		.changed_wall_ms = agent->applied.changed_wall_ms,
		.diagnostics = agent->applied.diagnostics,
	};
	memcpy(status->source, worst->where, sizeof(status->source));
	if (status->state != AGENT_LIVE)
		status->lag_ms = now_ms - worst->in_step_ms;
	take_error(status, &worst->fault);
	take_error(status, &worst->error);
	take_error(status, &agent->store_error);
	take_error(status, &agent->held);
}

void agent_status(struct agent *agent, struct agent_status *status_r)
{
	pthread_mutex_lock(&agent->mutex);
	fill_status(agent, status_r);
	pthread_mutex_unlock(&agent->mutex);
}

bool agent_source_status(struct agent *agent, size_t i, struct agent_source *status_r)
{
	const struct source_sink *sink;

	if (i >= agent->n_sinks)
		return false;
	sink = &agent->sinks[i];
	pthread_mutex_lock(&agent->mutex);
	*status_r = (struct agent_source){ .title = sink->part->title,
					   .state = state_of(agent, sink) };
	memcpy(status_r->server, sink->where, sizeof(sink->where));
	memcpy(status_r->tracker, sink->tracker, sizeof(sink->tracker));
	memcpy(status_r->bind, sink->bind, sizeof(sink->bind));
	memcpy(status_r->tls, sink->tls, sizeof(sink->tls));
	if (status_r->state != AGENT_LIVE)
		status_r->lag_ms = clock_mono_ms() - sink->in_step_ms;
	status_r->last_error = sink->error.text[0] != '\0' ? sink->error : sink->fault;
	pthread_mutex_unlock(&agent->mutex);
	return true;
}

void agent_tell(struct agent *agent)
{
	struct agent_status status;

	agent_status(agent, &status);
	agent->observer.on_change(agent->observer.ctx, &status);
}

/* In the applying thread: what apply.h knows becomes what others see. */
void agent_publish_status(struct agent *agent)
{
	const struct err *held = apply_held(agent->apply);

	pthread_mutex_lock(&agent->mutex);
	apply_status(agent->apply, &agent->applied);
	for (size_t i = 0; i < agent->n_sinks; i++) {
		agent->phases[i] = apply_phase(agent->apply, i);
		if (agent->phases[i] == APPLY_LIVE && agent->sinks[i].is_up)
			agent->sinks[i].in_step_ms = clock_mono_ms();
		/* A failure took all of them out of step, so this one was stored since. */
		if (agent->phases[i] == APPLY_LIVE)
			agent->store_error.text[0] = '\0';
	}
	agent->held.text[0] = '\0';
	if (held != NULL)
		agent->held = *held;
	pthread_mutex_unlock(&agent->mutex);
	agent_tell(agent);
}
