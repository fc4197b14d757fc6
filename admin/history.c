/* The log of snapshots for people and for JSON. */
#define _GNU_SOURCE
#include "admin/history.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/ctl_proto.h"
#include "common/dn.h"
#include "topology/changes.h"

enum { OBJECTS_SHOWN = 3 };

/* ---- the summary ---- */

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text != NULL ? text : "";
}

static bool is_of(const json_t *row, const char *dn)
{
	return strcmp(text_of(row, "dn"), dn) == 0;
}

static void add_name(struct buf *out, const char *dn)
{
	char *name = dn_rdn_value(NULL, dn);

	buf_adds(out, name != NULL ? name : dn);
	talloc_free(name);
}

/* "10 → 55" where one value took the place of another, else nothing. */
static void add_step(struct buf *out, const json_t *row)
{
	const json_t *old = json_object_get(row, "old"), *new = json_object_get(row, "new");

	if (json_array_size(old) == 1 && json_array_size(new) == 1)
		buf_printf(out, " %s → %s", json_string_value(json_array_get(old, 0)),
			   json_string_value(json_array_get(new, 0)));
}

/* The object of row FROM, all of whose rows follow each other. The row behind them. */
static size_t add_object(struct buf *out, const json_t *changes, size_t from)
{
	const json_t *first = json_array_get(changes, from), *row;
	const char *dn = text_of(first, "dn");
	bool is_whole = json_object_get(first, "attribute") == NULL;
	size_t at = from + 1;

	while ((row = json_array_get(changes, at)) != NULL && is_of(row, dn) &&
	       json_object_get(row, "attribute") != NULL)
		at++;
	add_name(out, dn);
	if (is_whole) {
		buf_adds(out, strcmp(text_of(first, "kind"), "add") == 0 ? " added" : " removed");
		return at;
	}
	buf_adds(out, ": ");
	for (size_t i = from; i < at; i++)
		buf_printf(out, "%s%s", i > from ? ", " : "",
			   text_of(json_array_get(changes, i), "attribute"));
	if (at == from + 1)
		add_step(out, first);
	return at;
}

static void add_changes(struct buf *out, const json_t *changes, uint32_t omitted)
{
	size_t shown = 0, more = 0;
	struct buf rest = { 0 };

	for (size_t at = 0; at < json_array_size(changes); shown++) {
		if (shown >= OBJECTS_SHOWN)
			more++;
		else if (shown > 0)
			buf_adds(out, "; ");
		at = add_object(shown < OBJECTS_SHOWN ? out : &rest, changes, at);
	}
	buf_free(&rest);
	if (more > 0)
		buf_printf(out, "; %zu more", more);
	if (omitted > 0)
		buf_printf(out, " and %" PRIu32 " changes that are not listed", omitted);
}

/* "1 site", "2 sites" */
static void add_count(struct buf *out, const char *before, uint32_t n, const char *what)
{
	buf_printf(out, "%s%" PRIu32 " %s%s", before, n, what, n == 1 ? "" : "s");
}

static void add_summary(struct buf *out, const struct history_entry *entry, const json_t *changes)
{
	const struct history_head *h = &entry->head;

	switch ((enum history_cause)h->cause) {
	case HISTORY_PIN:
		buf_adds(out, "held live");
		return;
	case HISTORY_UNPIN:
		buf_adds(out, "let go: the newest is live");
		return;
	case HISTORY_PIN_LOST:
		buf_adds(out, "its image was lost: the newest is live");
		return;
	case HISTORY_REFUSE:
		buf_printf(out, "a refresh that would drop %" PRIu32 " entries was refused",
			   h->omitted);
		return;
	case HISTORY_ACCEPTED:
		buf_printf(out, "a refresh that drops %" PRIu32 " entries was accepted", h->omitted);
		return;
	case HISTORY_FIRST:
	case HISTORY_FOUND:
		add_count(out, "", h->sites, "site");
		add_count(out, ", ", h->servers, "server");
		add_count(out, ", ", h->connectors, "connector");
		return;
	default:
		add_changes(out, changes, h->omitted);
	}
}

/* ---- rows ---- */

static const char *state_of(const struct history_entry *entry, const struct history_marks *marks)
{
	uint64_t number = entry->head.snapshot.number;

	if (!history_makes_snapshot(entry->head.cause))
		return "";
	if (number == marks->live)
		return marks->is_pinned ? "pinned" : "live";
	return number == marks->newest ? "newest" : "";
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static void add_counts(json_t *row, const struct history_head *h)
{
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "sites", h->sites }, { "links", h->links }, { "servers", h->servers },
		{ "edges", h->edges }, { "connectors", h->connectors }, { "domains", h->domains },
		{ "diagnostics", h->diagnostics }, { "entries", h->counts.entries },
		{ "recipients", h->counts.recipients }, { "size", h->snapshot.size },
	};

	for (size_t i = 0; i < WP_COUNT(counts); i++)
		json_object_set_new(row, counts[i].name, number(counts[i].n));
	json_object_set_new(row, "hash", json_sprintf("%016" PRIx64, h->snapshot.hash));
}

json_t *history_row(const struct history_entry *entry, const struct history_marks *marks,
		    bool with_changes)
{
	const struct history_head *h = &entry->head;
	json_t *row = json_object(), *changes = NULL;
	struct buf summary = { 0 };
	char time[25];

	if (entry->changes != NULL)
		changes = json_loadb(entry->changes, entry->changes_len, 0, NULL);
	if (changes == NULL)
		changes = json_array();
	clock_iso8601(h->wall_ms, time);
	add_summary(&summary, entry, changes);
	json_object_set_new(row, "snapshot", number(h->snapshot.number));
	json_object_set_new(row, "time", json_string(time));
	json_object_set_new(row, "cause", json_string(history_cause_name(h->cause)));
	json_object_set_new(row, "directory", ctl_text(entry->source));
	json_object_set_new(row, "state", json_string(state_of(entry, marks)));
	json_object_set_new(row, "summary", ctl_text(summary.len > 0 ? summary.data : ""));
	if (history_makes_snapshot(h->cause))
		add_counts(row, h);
	json_object_set_new(row, "omitted", number(h->omitted));
	if (with_changes)
		json_object_set(row, "changes", changes);
	json_decref(changes);
	buf_free(&summary);
	return row;
}

static json_int_t count_of(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

void history_text(const json_t *row, struct buf *out)
{
	const json_t *changes = json_object_get(row, "changes");
	const char *directory = text_of(row, "directory"), *state = text_of(row, "state");

	buf_printf(out, "Snapshot %lld  %s  %s%s%s%s%s%s\n", (long long)count_of(row, "snapshot"),
		   text_of(row, "time"), text_of(row, "cause"), *directory != '\0' ? " from " : "",
		   directory, *state != '\0' ? " (" : "", state, *state != '\0' ? ")" : "");
	if (json_object_get(row, "sites") != NULL)
		buf_printf(out, "%lld sites, %lld links, %lld servers, %lld edges, %lld connectors, "
			   "%lld domains; %lld recipients\n",
			   (long long)count_of(row, "sites"), (long long)count_of(row, "links"),
			   (long long)count_of(row, "servers"), (long long)count_of(row, "edges"),
			   (long long)count_of(row, "connectors"), (long long)count_of(row, "domains"),
			   (long long)count_of(row, "recipients"));
	else
		buf_printf(out, "%s\n", text_of(row, "summary"));
	changes_text(changes, out);
	if (count_of(row, "omitted") > 0 && json_object_get(row, "sites") != NULL)
		buf_printf(out, "and %lld changes that are not listed\n",
			   (long long)count_of(row, "omitted"));
}

/* ---- what is asked for ---- */

static bool take_span(const char *text, uint64_t now_ms, uint64_t *wall_ms_r)
{
	static const struct {
		char letter;
		uint64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	size_t len = strlen(text);
	uint64_t n;

	for (size_t i = 0; len > 1 && i < WP_COUNT(units); i++) {
		if (text[len - 1] != units[i].letter ||
		    !parse_u64(text, len - 1, UINT64_MAX / units[i].ms, &n))
			continue;
		n *= units[i].ms;
		*wall_ms_r = n < now_ms ? now_ms - n : 0;
		return true;
	}
	return false;
}

bool history_moment(const char *text, uint64_t now_ms, uint64_t *wall_ms_r)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S" };

	if (take_span(text, now_ms, wall_ms_r))
		return true;
	for (size_t i = 0; i < WP_COUNT(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);
		time_t seconds;

		if (end == NULL || (*end != '\0' && (i == 0 || strcmp(end, "Z") != 0)))
			continue;
		seconds = timegm(&tm);
		*wall_ms_r = seconds > 0 ? (uint64_t)seconds * 1000 : 0;
		return true;
	}
	return false;
}

struct range {
	uint64_t lowest, highest;
};

static bool widen(void *arg, const struct history_entry *entry)
{
	struct range *range = arg;
	uint64_t n = entry->head.snapshot.number;

	if (!history_makes_snapshot(entry->head.cause))
		return true;
	range->lowest = n < range->lowest ? n : range->lowest;
	range->highest = n > range->highest ? n : range->highest;
	return true;
}

int history_not_kept(struct replica_reader *reader, uint64_t number, struct err *e)
{
	struct range range = { UINT64_MAX, 0 };

	if (replica_each_history(reader, widen, &range, e) < 0)
		return -1;
	if (range.highest == 0) {
		err_set(e, ERR_NOT_FOUND, 0, "the replica has no log of snapshots yet");
		return err_remedy(e, "start waypost-ldapsync of this version");
	}
	err_set(e, ERR_NOT_FOUND, 0,
		number > range.highest ? "there is no snapshot %" PRIu64 " yet" :
					 "snapshot %" PRIu64 " is not kept any more", number);
	return err_remedy(e, "kept are %" PRIu64 " to %" PRIu64 ": waypost topology log",
			  range.lowest, range.highest);
}
