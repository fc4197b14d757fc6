/* What the directory doctor found, for people. */
#include <string.h>
#include <talloc.h>

#include "admin/doctor.h"
#include "admin/paragraph.h"
#include "admin/table.h"

enum { TEXT_COLUMN = 30 };

static const struct look {
	const char *severity, *word, *colour;
} looks[] = {
	{ "ok", "ok", "\033[32m" },
	{ "note", "note", "\033[36m" },
	{ "warning", "warning", "\033[33m" },
	{ "failed", "FAILED", "\033[1;31m" },
};

static const char *member(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

static const struct look *look_of(const json_t *row)
{
	size_t i = 0;

	while (i + 1 < WP_COUNT(looks) &&
	       strcmp(looks[i].severity, member(row, "severity")) != 0)
		i++;
	return &looks[i];
}

/* Lines to paste stay as they are. */
static void print_commands(const char *text, const char *indent, struct buf *out)
{
	TALLOC_CTX *ctx = talloc_new(NULL);

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		buf_printf(out, "%s%s\n", indent,
			   table_clean(ctx, talloc_strndup(ctx, text, len)));
		text += len + (text[len] == '\n');
	}
	talloc_free(ctx);
}

/* Colours LEN octets at AT, after what has a width was measured. */
static void paint(struct buf *out, size_t at, size_t len, const char *colour)
{
	struct buf tail = { 0 };

	buf_add(&tail, out->data + at, out->len - at);
	out->len = at;
	buf_printf(out, "%s%.*s\033[0m", colour, (int)len, tail.data);
	buf_add(out, tail.data + len, tail.len - len);
	buf_free(&tail);
}

static void print_row(const json_t *row, bool colour, int width, struct buf *out)
{
	const struct look *look = look_of(row);
	TALLOC_CTX *ctx = talloc_new(NULL);
	const char *rest = talloc_asprintf(ctx, "%*s", TEXT_COLUMN, "");
	const char *fix = talloc_asprintf(ctx, "%*s", TEXT_COLUMN, "fix:  ");
	size_t at = out->len + 2;

	paragraph_add(out,
		      talloc_asprintf(ctx, "  %-8s  %-16s  ", look->word, member(row, "check")),
		      rest, member(row, "text"), width);
	if (colour)
		paint(out, at, strlen(look->word), look->colour);
	if (*member(row, "remedy") != '\0')
		paragraph_add(out, fix, rest, member(row, "remedy"), width);
	print_commands(member(row, "commands"), talloc_asprintf(ctx, "%s  ", rest), out);
	talloc_free(ctx);
}

/* A line above the rows of a directory, and of a server. */
static void print_heading(const json_t *row, const json_t *before, bool colour, struct buf *out)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	const char *directory = member(row, "directory"), *server = member(row, "server");
	bool is_new = before == NULL || strcmp(directory, member(before, "directory")) != 0;

	if (is_new && before != NULL)
		buf_addc(out, '\n');
	if (is_new)
		buf_printf(out, "%s%s%s%s%s\n", colour ? "\033[1m" : "",
			   *directory != '\0' ? "Directory \"" : "Host",
			   *directory != '\0' ? table_clean(ctx, directory) : "",
			   *directory != '\0' ? "\"" : "", colour ? "\033[0m" : "");
	if (*server != '\0' && (is_new || strcmp(server, member(before, "server")) != 0))
		buf_printf(out, " %s\n", table_clean(ctx, server));
	talloc_free(ctx);
}

void doctor_print(const struct doctor *d, bool colour, int width, struct buf *out)
{
	const json_t *before = NULL, *row;
	size_t i;

	json_array_foreach(d->rows, i, row)
	{
		print_heading(row, before, colour, out);
		print_row(row, colour, width, out);
		before = row;
	}
	buf_printf(out, "\n%u ok, %u to note, %u warnings, %u failed\n", d->counts[DOCTOR_OK],
		   d->counts[DOCTOR_NOTE], d->counts[DOCTOR_WARNING], d->counts[DOCTOR_FAILED]);
}
