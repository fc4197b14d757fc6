/* Lines and fields of LDIF: see ldif_private.h. Pure. */
#include "common/ldif_private.h"

#include <string.h>
#include <unistr.h>

void ldif_reader_init(struct ldif_reader *reader, const char *text, size_t len)
{
	*reader = (struct ldif_reader){ .at = text, .end = text + len, .line = 1 };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		reader->at += 3; /* the byte order mark some editors write */
}

/* The next physical line without its line end. The reader must not be at its end. */
static struct ldif_line take_physical(struct ldif_reader *reader)
{
	size_t left = (size_t)(reader->end - reader->at);
	const char *newline = memchr(reader->at, '\n', left);
	const char *end = newline != NULL ? newline : reader->end;
	struct ldif_line line = { reader->at, (size_t)(end - reader->at), reader->line++ };

	reader->at = newline != NULL ? newline + 1 : reader->end;
	if (line.len > 0 && line.text[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool is_continued(const struct ldif_reader *reader)
{
	return reader->at < reader->end && *reader->at == ' ';
}

struct ldif_line ldif_take_line(struct ldif_reader *reader, TALLOC_CTX *scratch)
{
	struct ldif_line line = take_physical(reader);
	struct buf joined = { 0 };

	if (line.len == 0 || !is_continued(reader))
		return line;
	buf_add(&joined, line.text, line.len);
	while (is_continued(reader)) {
		struct ldif_line more = take_physical(reader);

		buf_add(&joined, more.text + 1, more.len - 1);
	}
	line.text = talloc_memdup(scratch, joined.data, joined.len + 1);
	if (line.text == NULL)
		mem_fatal(joined.len);
	line.len = joined.len;
	buf_free(&joined);
	return line;
}

bool ldif_is_comment(const struct ldif_line *line)
{
	return line->len > 0 && line->text[0] == '#';
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes with padding and nothing else (RFC 4648 §4); false if TEXT is not base64. */
static bool base64_decode(const char *text, size_t len, struct buf *out)
{
	uint32_t bits = 0;
	size_t pad = 0;

	while (pad < 2 && len > pad && text[len - 1 - pad] == '=')
		pad++;
	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len - pad; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 > 0)
			buf_addc(out, (char)(bits >> (6 - i % 4 * 2)));
	}
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-.;_", c) != NULL);
}

bool ldif_is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i]))
			return false;
	return len > 0 && text[0] != '-' && text[0] != ';';
}

int ldif_bad_line(struct err *err, size_t number, const char *what)
{
	return err_set(err, ERR_DIRECTORY, 0, "line %zu: %s", number, what);
}

static int field_base64(struct ldif_field *field, const struct ldif_line *line,
			TALLOC_CTX *scratch, struct err *err)
{
	struct buf octets = { 0 };
	bool valid = base64_decode(field->value, field->value_len, &octets);

	if (valid && octets.len > 0) {
		field->value = talloc_memdup(scratch, octets.data, octets.len);
		if (field->value == NULL)
			mem_fatal(octets.len);
	}
	field->value_len = octets.len;
	buf_free(&octets);
	return valid ? 0 : ldif_bad_line(err, line->number, "the value after \"::\" is not base64");
}

/* A value written as it is: any UTF-8 but NUL, CR and LF. */
static int field_plain(const struct ldif_field *field, const struct ldif_line *line,
		       struct err *err)
{
	if (memchr(field->value, '\0', field->value_len) != NULL ||
	    memchr(field->value, '\r', field->value_len) != NULL)
		return ldif_bad_line(err, line->number, "a control character that asks for base64");
	if (u8_check((const uint8_t *)field->value, field->value_len) != NULL)
		return ldif_bad_line(err, line->number, "a value that is not UTF-8 asks for base64");
	return 0;
}

int ldif_parse_field(const struct ldif_line *line, TALLOC_CTX *scratch, struct ldif_field *field,
		       struct err *err)
{
	const char *colon = memchr(line->text, ':', line->len), *end = line->text + line->len;
	const char *value, *option;
	bool base64, url;

	if (colon == NULL)
		return ldif_bad_line(err, line->number, "neither \"name: value\" nor a blank line");
	if (!ldif_is_name(line->text, (size_t)(colon - line->text)))
		return ldif_bad_line(err, line->number, "a malformed attribute name");
	value = colon + 1;
	base64 = value < end && *value == ':';
	url = value < end && *value == '<';
	if (url)
		return ldif_bad_line(err, line->number, "values by URL are not read");
	value += base64;
	while (value < end && *value == ' ')
		value++;
	option = memchr(line->text, ';', (size_t)(colon - line->text));
	*field = (struct ldif_field){ line->text,
				      (size_t)((option != NULL ? option : colon) - line->text), value,
				      (size_t)(end - value) };
	return base64 ? field_base64(field, line, scratch, err) : field_plain(field, line, err);
}

bool ldif_is_field(const struct ldif_field *field, const char *name)
{
	return field->name_len == strlen(name) &&
	       ascii_equal_n(field->name, name, field->name_len);
}
