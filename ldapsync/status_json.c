/* The state of agent and sources as JSON. */
#include "ldapsync/status_json.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/ctl_proto.h"

static json_t *time_text(uint64_t wall_ms)
{
	char text[25] = "";

	if (wall_ms != 0)
		clock_iso8601(wall_ms, text);
	return json_string(text);
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *error_text(const struct err *e)
{
	struct buf text = { 0 };
	json_t *value;

	buf_adds(&text, e->text);
	if (e->text[0] != '\0' && e->remedy[0] != '\0')
		buf_printf(&text, " (%s)", e->remedy);
	value = ctl_text(text.data);
	buf_free(&text);
	return value;
}

static json_t *hold_json(const struct apply_hold *hold)
{
	json_t *row, *examples;

	if (hold->why.text[0] == '\0')
		return json_null();
	row = json_object();
	examples = json_array();
	for (unsigned i = 0; i < hold->n_examples; i++)
		json_array_append_new(examples, ctl_text(hold->examples[i]));
	json_object_set_new(row, "since", time_text(hold->since_wall_ms));
	json_object_set_new(row, "text", ctl_text(hold->why.text));
	json_object_set_new(row, "remedy", ctl_text(hold->why.remedy));
	json_object_set_new(row, "recipients", number(hold->dropped.recipients));
	json_object_set_new(row, "topology", number(hold->dropped.topology));
	json_object_set_new(row, "of_recipients", number(hold->of.recipients));
	json_object_set_new(row, "of_topology", number(hold->of.topology));
	json_object_set_new(row, "examples", examples);
	return row;
}

static json_t *progress_json(const struct agent_source *source)
{
	json_t *row;

	if (source->begun_wall_ms == 0)
		return json_null();
	row = json_object();
	json_object_set_new(row, "since", time_text(source->begun_wall_ms));
	json_object_set_new(row, "entries", number(source->named));
	json_object_set_new(row, "expected",
			    source->expected > 0 ? number(source->expected) : json_null());
	json_object_set_new(row, "rate", number(source->rate));
	return row;
}

static json_t *source_json(const struct agent_source *source)
{
	json_t *row = json_object();

	json_object_set_new(row, "source", ctl_text(source->title));
	json_object_set_new(row, "state", json_string(agent_state_name(source->state)));
	json_object_set_new(row, "server", ctl_text(source->server));
	json_object_set_new(row, "tracker", ctl_text(source->tracker));
	json_object_set_new(row, "bind", ctl_text(source->bind));
	json_object_set_new(row, "tls", ctl_text(source->tls));
	json_object_set_new(row, "lag_ms", number(source->lag_ms));
	json_object_set_new(row, "entries", number(source->counts.entries));
	json_object_set_new(row, "recipients", number(source->counts.recipients));
	json_object_set_new(row, "topology", number(source->counts.topology));
	json_object_set_new(row, "last_change", time_text(source->changed_wall_ms));
	json_object_set_new(row, "progress", progress_json(source));
	json_object_set_new(row, "held", hold_json(&source->hold));
	json_object_set_new(row, "last_error", ctl_text(source->last_error.text));
	json_object_set_new(row, "remedy", ctl_text(source->last_error.remedy));
	json_object_set_new(row, "last_error_at", time_text(source->last_error_wall_ms));
	json_object_set_new(row, "last_error_over", time_text(source->error_over_wall_ms));
	return row;
}

static json_t *sources_json(struct agent *agent)
{
	struct agent_source *source = mem_zero(1, sizeof(*source));
	json_t *rows = json_array();

	for (size_t i = 0; agent_source_status(agent, i, source); i++)
		json_array_append_new(rows, source_json(source));
	free(source);
	return rows;
}

json_t *status_json(struct agent *agent)
{
	struct agent_status status;
	struct apply_hold hold;
	json_t *row = json_object();

	agent_status(agent, &status);
	agent_snapshot_held(agent, &hold);
	json_object_set_new(row, "state", json_string(agent_state_name(status.state)));
	json_object_set_new(row, "source", ctl_text(status.source));
	json_object_set_new(row, "lag_ms", number(status.lag_ms));
	json_object_set_new(row, "entries", number(status.counts.entries));
	json_object_set_new(row, "recipients", number(status.counts.recipients));
	json_object_set_new(row, "snapshot", number(status.is_published ? status.snapshot : 0));
	json_object_set_new(row, "newest", number(status.is_published ? status.newest : 0));
	json_object_set_new(row, "pinned_since", time_text(status.pinned_wall_ms));
	json_object_set_new(row, "last_change", time_text(status.changed_wall_ms));
	json_object_set_new(row, "last_error", error_text(&status.last_error));
	json_object_set_new(row, "last_error_at", time_text(status.last_error_wall_ms));
	json_object_set_new(row, "diagnostics", number(status.diagnostics));
	json_object_set_new(row, "held", hold_json(&hold));
	json_object_set_new(row, "sources", sources_json(agent));
	return row;
}
