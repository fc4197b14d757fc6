/* Texts in pictures: see draw_text.h. */
#include "topology/draw_text.h"

#include <string.h>
#include <unistr.h>
#include <uniwidth.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* The character at TEXT and its length; -1 with length 1 for bytes that are none (RFC 3629). */
static int32_t next_character(const char *text, size_t *len_r)
{
	ucs4_t c;
	int len = u8_mbtoucr(&c, (const uint8_t *)text, strnlen(text, 4));

	*len_r = len > 0 ? (size_t)len : 1;
	return len > 0 ? (int32_t)c : -1;
}

/* As name_control has it, and no non-characters. */
static bool is_shown(int32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069) && c != 0xfffe && c != 0xffff;
}

/* Hands on each character as it is shown; ESCAPE gives what stands for it, or null: itself. */
static void add_escaped(struct buf *out, const char *text, const char *(*escape)(int32_t c))
{
	size_t len;

	for (; *text != '\0'; text += len) {
		int32_t c = next_character(text, &len);
		const char *escaped = is_shown(c) || c == '\n' ? escape(c) : REPLACEMENT;

		if (escaped != NULL)
			buf_adds(out, escaped);
		else
			buf_add(out, text, len);
	}
}

static const char *escape_xml(int32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* A backslash begins Graphviz's own escapes: "\N" would be the name of the node. */
static const char *escape_dot(int32_t c)
{
	return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : NULL;
}

static const char *escape_line_end(int32_t c)
{
	return c == '\n' ? " " : NULL;
}

void draw_xml(struct buf *out, const char *text)
{
	add_escaped(out, text, escape_xml);
}

void draw_dot_string(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	add_escaped(out, text, escape_dot);
	buf_addc(out, '"');
}

void draw_plain(struct buf *out, const char *text)
{
	add_escaped(out, text, escape_line_end);
}

static int columns_of(int32_t c)
{
	int columns = is_shown(c) ? uc_width((ucs4_t)c, "UTF-8") : 1;

	return columns < 0 ? 1 : columns;
}

/* In parts of the size; what the widest of the common fonts need. */
static double width_of(int32_t c)
{
	if (!is_shown(c))
		return 1;
	if (c >= 0x80)
		return columns_of(c) > 1 ? 1.05 : columns_of(c) * 0.75;
	if (strchr("fijlrtI.,:;'|!()[]/ -", c) != NULL)
		return 0.42;
	if (strchr("mwMW@%", c) != NULL)
		return 1;
	return c >= 'A' && c <= 'Z' ? 0.76 : 0.65;
}

double draw_width(const char *text, double size)
{
	double width = 0;
	size_t len;

	for (; *text != '\0'; text += len)
		width += width_of(next_character(text, &len));
	return width * size;
}

char *draw_short(TALLOC_CTX *ctx, const char *text, int columns)
{
	int width = 0;
	const char *fits = text, *at;
	size_t len;

	for (at = text; *at != '\0'; at += len) {
		width += columns_of(next_character(at, &len));
		if (width <= columns - 1)
			fits = at + len;
		if (width > columns)
			return talloc_asprintf(ctx, "%.*s…", (int)(fits - text), text);
	}
	return talloc_strdup(ctx, text);
}

char *draw_size(TALLOC_CTX *ctx, uint64_t octets)
{
	static const char *const units[] = { "octets", "KB", "MB", "GB", "TB" };
	double n = (double)octets;
	size_t unit = 0;

	if (octets == 0)
		return talloc_strdup(ctx, "unlimited");
	for (; n >= 1024 && unit + 1 < WP_COUNT(units); unit++)
		n /= 1024;
	return talloc_asprintf(ctx, "%.3g %s", n, units[unit]);
}

char *draw_counts(TALLOC_CTX *ctx, const struct snapshot *snap, const char *separator)
{
	static const struct {
		enum snap_section_id section;
		const char *one;
	} rows[] = {
		{ SNAP_SITES, "site" },	    { SNAP_LINKS, "site link" },	{ SNAP_SERVERS, "server" },
		{ SNAP_EDGES, "edge" },	    { SNAP_CONNECTORS, "connector" },
	};
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		uint32_t n = snap_count(snap, rows[i].section);

		text = talloc_asprintf_append(text, "%s%u %s%s", i > 0 ? separator : "", n, rows[i].one,
					      n == 1 ? "" : "s");
	}
	return text;
}
