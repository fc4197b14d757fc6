/* Aligned columns. */
#include "admin/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uniwidth.h>

#include "common/names.h"

struct table {
	const char *const *headers;
	size_t n;
	char **cells; /* row after row */
	size_t n_cells;
	int *widths;
};

static int width_of(const char *text)
{
	return u8_strwidth((const uint8_t *)text, "UTF-8");
}

struct table *table_new(TALLOC_CTX *ctx, const char *const *headers, size_t n)
{
	struct table *t = talloc_zero(ctx, struct table);

	t->headers = headers;
	t->n = n;
	t->widths = talloc_array(t, int, n);
	for (size_t i = 0; i < n; i++)
		t->widths[i] = width_of(headers[i]);
	return t;
}

char *table_clean(TALLOC_CTX *ctx, const char *text)
{
	char *clean = talloc_strdup(ctx, text != NULL ? text : "");

	for (char *p = clean; *p != '\0'; p++) {
		size_t len = name_control(p);

		if (len > 0) {
			memset(p, '?', len);
			p += len - 1;
		}
	}
	return clean;
}

void table_add(struct table *t, const char *const *cells)
{
	t->cells = talloc_realloc(t, t->cells, char *, t->n_cells + t->n);
	for (size_t i = 0; i < t->n; i++) {
		char *cell = table_clean(t, cells[i]);
		int width = width_of(cell);

		if (width > t->widths[i])
			t->widths[i] = width;
		t->cells[t->n_cells++] = cell;
	}
}

size_t table_rows(const struct table *t)
{
	return t->n_cells / t->n;
}

static void print_row(const struct table *t, const char *const *cells, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		int pad = i + 1 < t->n ? t->widths[i] - width_of(cells[i]) + 2 : 0;

		buf_adds(out, cells[i]);
		for (; pad > 0; pad--)
			buf_addc(out, ' ');
	}
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
}

void table_print(const struct table *t, bool colour, struct buf *out)
{
	if (t->n_cells == 0)
		return;
	buf_adds(out, colour ? "\033[1m" : "");
	print_row(t, t->headers, out);
	buf_adds(out, colour ? "\033[0m\n" : "\n");
	for (size_t i = 0; i < t->n_cells; i += t->n) {
		print_row(t, (const char *const *)&t->cells[i], out);
		buf_addc(out, '\n');
	}
}

bool table_wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) != 0 && (no_color == NULL || no_color[0] == '\0');
}
