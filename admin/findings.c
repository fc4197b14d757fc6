/* What is wrong with a directory: see findings.h. */
#include "admin/findings.h"

#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "admin/paragraph.h"
#include "common/ctl_proto.h"

enum { SHOWN = 5 };

struct findings {
	json_t *rows;
	json_t *seen; /* ids, as members */
	uint64_t counts[DIAG_ERROR + 1];
	enum diag_severity least;
	const char *ids;
};

struct findings *findings_new(void)
{
	struct findings *f = mem_zero(1, sizeof(*f));

	f->rows = json_array();
	f->seen = json_object();
	return f;
}

void findings_free(struct findings *f)
{
	if (f == NULL)
		return;
	json_decref(f->rows);
	json_decref(f->seen);
	free(f);
}

void findings_filter(struct findings *f, enum diag_severity least, const char *ids)
{
	f->least = least;
	f->ids = ids;
}

static bool is_wanted(const struct findings *f, const struct finding *finding)
{
	size_t len = strlen(finding->id);

	if (finding->severity < f->least)
		return false;
	for (const char *at = f->ids; at != NULL && *at != '\0'; at += *at == ',') {
		size_t n = strcspn(at, ",");

		if (n == len && memcmp(at, finding->id, n) == 0)
			return true;
		at += n;
	}
	return f->ids == NULL;
}

void findings_add(struct findings *f, const struct finding *finding)
{
	const struct {
		const char *member, *value;
	} cells[] = {
		{ "severity", diag_severity_name(finding->severity) },
		{ "id", finding->id },
		{ "dn", finding->dn },
		{ "attribute", finding->attribute },
		{ "value", finding->value },
		{ "text", finding->text },
		{ "action", finding->action },
		{ "detail", finding->detail },
	};
	json_t *row;

	json_object_set_new(f->seen, finding->id, json_true());
	if (!is_wanted(f, finding))
		return;
	row = json_object();
	for (size_t i = 0; i < WP_COUNT(cells); i++)
		if (cells[i].value != NULL && cells[i].value[0] != '\0')
			json_object_set_new(row, cells[i].member, ctl_text(cells[i].value));
	json_array_append_new(f->rows, row);
	f->counts[finding->severity]++;
}

bool findings_has(const struct findings *f, const char *id)
{
	return json_object_get(f->seen, id) != NULL;
}

bool findings_is_bad(const struct findings *f)
{
	return f->counts[DIAG_ERROR] + f->counts[DIAG_WARNING] > 0;
}

json_t *findings_rows(const struct findings *f)
{
	return f->rows;
}

/* ---- for people ---- */

static const char *member(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

/* The DN without what all have at the end. */
static char *short_dn(TALLOC_CTX *ctx, const char *dn, const char *base)
{
	size_t len = strlen(dn), base_len = strlen(base);

	if (base_len > 0 && len > base_len + 1 && dn[len - base_len - 1] == ',' &&
	    ascii_equal(dn + len - base_len, base))
		return talloc_asprintf(ctx, "%.*s…", (int)(len - base_len), dn);
	return talloc_strdup(ctx, dn);
}

/* What is known of one object: the words for it, else its name and what is wrong there. */
static void print_object(const json_t *row, const struct findings_style *style, struct buf *out)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	const char *dn = member(row, "dn"), *attribute = member(row, "attribute"),
		   *value = member(row, "value");
	char *text;

	if (*member(row, "detail") != '\0')
		text = talloc_strdup(ctx, member(row, "detail"));
	else
		text = talloc_asprintf(ctx, "%s%s%s%s%s", short_dn(ctx, dn, style->base),
				       *attribute != '\0' ? "  " : "", attribute,
				       *value != '\0' && (*dn != '\0' || *attribute != '\0') ? " = " : "",
				       value);
	paragraph_add(out, "    - ", "      ", text, style->width);
	talloc_free(ctx);
}

/* The rows of one id, together. */
static void print_group(const json_t *rows, const struct findings_style *style, struct buf *out)
{
	const json_t *first = json_array_get(rows, 0);
	size_t n = json_array_size(rows), shown = style->all || n <= SHOWN ? n : SHOWN;
	const char *id = member(first, "id");

	buf_printf(out, "  %s%s%s", style->colour ? "\033[1m" : "", id,
		   style->colour ? "\033[0m" : "");
	if (n > 1)
		buf_printf(out, " (%zu)", n);
	buf_addc(out, '\n');
	if (*member(first, "text") != '\0')
		paragraph_add(out, "    ", "    ", member(first, "text"), style->width);
	if (*member(first, "action") != '\0')
		paragraph_add(out, "    → ", "      ", member(first, "action"), style->width);
	for (size_t i = 0; i < shown; i++)
		print_object(json_array_get(rows, i), style, out);
	if (shown < n)
		buf_printf(out, "    - and %zu more: --id %s lists them\n", n - shown, id);
}

/* The rows of a severity by id, in the order in which the ids appeared: {"id": [row, …], …}. */
static json_t *group_rows(const struct findings *f, const char *severity)
{
	json_t *groups = json_object(), *row;
	size_t i;

	json_array_foreach(f->rows, i, row) {
		json_t *list = json_object_get(groups, member(row, "id"));

		if (strcmp(member(row, "severity"), severity) != 0)
			continue;
		if (list == NULL) {
			list = json_array();
			json_object_set_new(groups, member(row, "id"), list);
		}
		json_array_append(list, row);
	}
	return groups;
}

static void print_severity(const struct findings *f, enum diag_severity severity,
			   const struct findings_style *style, struct buf *out)
{
	static const char *const titles[] = { "Notes", "Warnings", "Errors" };
	static const char *const colours[] = { "\033[1;36m", "\033[1;33m", "\033[1;31m" };
	json_t *groups = group_rows(f, diag_severity_name(severity)), *rows;
	const char *id;

	if (f->counts[severity] > 0)
		buf_printf(out, "%s%s%s\n", style->colour ? colours[severity] : "",
			   titles[severity], style->colour ? "\033[0m" : "");
	json_object_foreach(groups, id, rows)
		print_group(rows, style, out);
	if (f->counts[severity] > 0)
		buf_addc(out, '\n');
	json_decref(groups);
}

static void print_count(uint64_t n, const char *what, const char *before, struct buf *out)
{
	buf_printf(out, "%s%llu %s%s", before, (unsigned long long)n, what, n == 1 ? "" : "s");
}

void findings_print(const struct findings *f, const struct findings_style *style, struct buf *out)
{
	if (json_array_size(f->rows) == 0) {
		buf_adds(out, "Nothing is wrong in the directory.\n");
		return;
	}
	for (int severity = DIAG_ERROR; severity >= DIAG_NOTE; severity--)
		print_severity(f, (enum diag_severity)severity, style, out);
	print_count(f->counts[DIAG_ERROR], "error", "", out);
	print_count(f->counts[DIAG_WARNING], "warning", ", ", out);
	print_count(f->counts[DIAG_NOTE], "note", ", ", out);
	buf_adds(out, "\n");
}
