/*
 * LDIF content records (RFC 2849). Pure.
 *
 * Physical lines become logical ones (continuations joined, comments dropped), logical lines
 * become a record up to a blank line or the end.
 */
#include "common/ldif.h"

#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "common/dn.h"

enum { LDIF_COLUMNS = 76 };

struct line {
	const char *text;
	size_t len;
	size_t number;
};

/* A parsed "name: value"; the value lies in the text or under the scratch context. */
struct field {
	const char *name;
	size_t name_len; /* without options */
	const char *value;
	size_t value_len;
};

void ldif_reader_init(struct ldif_reader *reader, const char *text, size_t len)
{
	*reader = (struct ldif_reader){ .at = text, .end = text + len, .line = 1 };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		reader->at += 3; /* the byte order mark some editors write */
}

/* The next physical line without its line end. The reader must not be at its end. */
static struct line take_physical(struct ldif_reader *reader)
{
	size_t left = (size_t)(reader->end - reader->at);
	const char *newline = memchr(reader->at, '\n', left);
	const char *end = newline != NULL ? newline : reader->end;
	struct line line = { reader->at, (size_t)(end - reader->at), reader->line++ };

	reader->at = newline != NULL ? newline + 1 : reader->end;
	if (line.len > 0 && line.text[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool is_continued(const struct ldif_reader *reader)
{
	return reader->at < reader->end && *reader->at == ' ';
}

/* The next logical line; joined text lives under SCRATCH. */
static struct line take_logical(struct ldif_reader *reader, TALLOC_CTX *scratch)
{
	struct line line = take_physical(reader);
	struct buf joined = { 0 };

	if (line.len == 0 || !is_continued(reader))
		return line;
	buf_add(&joined, line.text, line.len);
	while (is_continued(reader)) {
		struct line more = take_physical(reader);

		buf_add(&joined, more.text + 1, more.len - 1);
	}
	line.text = talloc_memdup(scratch, joined.data, joined.len + 1);
	if (line.text == NULL)
		mem_fatal(joined.len);
	line.len = joined.len;
	buf_free(&joined);
	return line;
}

static bool is_comment(const struct line *line)
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

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i]))
			return false;
	return len > 0 && text[0] != '-' && text[0] != ';';
}

static int bad_line(struct err *err, size_t number, const char *what)
{
	return err_set(err, ERR_DIRECTORY, 0, "line %zu: %s", number, what);
}

static int field_base64(struct field *field, const struct line *line, TALLOC_CTX *scratch,
			struct err *err)
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
	return valid ? 0 : bad_line(err, line->number, "the value after \"::\" is not base64");
}

/* A value written as it is: any UTF-8 but NUL, CR and LF. */
static int field_plain(const struct field *field, const struct line *line, struct err *err)
{
	if (memchr(field->value, '\0', field->value_len) != NULL ||
	    memchr(field->value, '\r', field->value_len) != NULL)
		return bad_line(err, line->number, "a control character that asks for base64");
	if (u8_check((const uint8_t *)field->value, field->value_len) != NULL)
		return bad_line(err, line->number, "a value that is not UTF-8 asks for base64");
	return 0;
}

static int parse_field(const struct line *line, TALLOC_CTX *scratch, struct field *field,
		       struct err *err)
{
	const char *colon = memchr(line->text, ':', line->len), *end = line->text + line->len;
	const char *value, *option;
	bool base64, url;

	if (colon == NULL)
		return bad_line(err, line->number, "neither \"name: value\" nor a blank line");
	if (!is_name(line->text, (size_t)(colon - line->text)))
		return bad_line(err, line->number, "a malformed attribute name");
	value = colon + 1;
	base64 = value < end && *value == ':';
	url = value < end && *value == '<';
	if (url)
		return bad_line(err, line->number, "values by URL are not read");
	value += base64;
	while (value < end && *value == ' ')
		value++;
	option = memchr(line->text, ';', (size_t)(colon - line->text));
	*field = (struct field){ line->text, (size_t)((option != NULL ? option : colon) - line->text),
				 value, (size_t)(end - value) };
	return base64 ? field_base64(field, line, scratch, err) : field_plain(field, line, err);
}

static bool is_field(const struct field *field, const char *name)
{
	return field->name_len == strlen(name) &&
	       ascii_equal_n(field->name, name, field->name_len);
}

/* Comments and blank lines before a record; false at the end of the text. */
static bool skip_to_record(struct ldif_reader *reader, TALLOC_CTX *scratch)
{
	while (reader->at < reader->end) {
		struct ldif_reader before = *reader;
		struct line line = take_logical(reader, scratch);

		if (line.len > 0 && !is_comment(&line)) {
			*reader = before;
			return true;
		}
	}
	return false;
}

/* The version line, if there is one. 0, or -1 for a version other than 1. */
static int skip_version(struct ldif_reader *reader, TALLOC_CTX *scratch, struct err *err)
{
	struct ldif_reader before = *reader;
	struct line line = take_logical(reader, scratch);
	struct field field;

	reader->begun = true;
	if (parse_field(&line, scratch, &field, err) < 0)
		return -1;
	if (!is_field(&field, "version")) {
		*reader = before;
		reader->begun = true;
		return 0;
	}
	if (field.value_len != 1 || field.value[0] != '1')
		return bad_line(err, line.number, "only LDIF version 1 is read");
	return 0;
}

static int read_dn(struct ldif_reader *reader, TALLOC_CTX *ctx, struct entry **entry_r,
		   struct err *err)
{
	struct line line = take_logical(reader, ctx);
	struct field field;
	char *dn;

	if (parse_field(&line, ctx, &field, err) < 0)
		return -1;
	if (!is_field(&field, "dn"))
		return bad_line(err, line.number, "an entry begins with \"dn:\"");
	if (field.value_len == 0 || memchr(field.value, '\0', field.value_len) != NULL)
		return bad_line(err, line.number, "an entry needs a name");
	dn = talloc_strndup(ctx, field.value, field.value_len);
	if (dn == NULL)
		mem_fatal(field.value_len);
	*entry_r = entry_new(ctx, dn);
	return 0;
}

static int add_field(struct entry *entry, const struct line *line, const struct field *field,
		     TALLOC_CTX *scratch, struct err *err)
{
	char *name;

	if (is_field(field, "dn"))
		return bad_line(err, line->number, "a blank line is missing before \"dn:\"");
	if (is_field(field, "changetype") || is_field(field, "control"))
		return bad_line(err, line->number, "a change record; only entries are read here");
	name = talloc_strndup(scratch, field->name, field->name_len);
	if (name == NULL)
		mem_fatal(field->name_len);
	entry_add(entry, name, field->value, field->value_len);
	return 0;
}

static int read_attributes(struct ldif_reader *reader, struct entry *entry, TALLOC_CTX *scratch,
			   struct err *err)
{
	size_t number = reader->line;

	while (reader->at < reader->end) {
		struct line line = take_logical(reader, scratch);
		struct field field;

		if (line.len == 0)
			break;
		if (is_comment(&line))
			continue;
		if (parse_field(&line, scratch, &field, err) < 0 ||
		    add_field(entry, &line, &field, scratch, err) < 0)
			return -1;
	}
	if (entry->n_attributes == 0)
		return bad_line(err, number, "an entry needs at least one attribute");
	return 0;
}

static void give_uuid(struct entry *entry, TALLOC_CTX *scratch)
{
	const struct entry_attribute *uuid = entry_find(entry, "entryUUID");
	const char *key;

	if (uuid != NULL &&
	    entry_uuid_parse(uuid->values[0].data, uuid->values[0].len, &entry->uuid))
		return;
	key = dn_key(scratch, entry->dn);
	entry_uuid_from_key(key != NULL ? key : entry->dn, &entry->uuid);
}

static int read_record(struct ldif_reader *reader, TALLOC_CTX *scratch, struct entry **entry_r,
		       struct err *err)
{
	if (!skip_to_record(reader, scratch))
		return 0;
	if (!reader->begun) {
		if (skip_version(reader, scratch, err) < 0)
			return -1;
		if (!skip_to_record(reader, scratch))
			return 0;
	}
	if (read_dn(reader, scratch, entry_r, err) < 0 ||
	    read_attributes(reader, *entry_r, scratch, err) < 0)
		return -1;
	give_uuid(*entry_r, scratch);
	return 1;
}

int ldif_next(struct ldif_reader *reader, TALLOC_CTX *ctx, struct entry **entry_r,
	      struct err *err)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	int rc = read_record(reader, scratch, entry_r, err);

	if (rc == 1)
		talloc_steal(ctx, *entry_r);
	talloc_free(scratch);
	return rc;
}

int ldif_read(TALLOC_CTX *ctx, const char *text, size_t len, struct entry_list *list,
	      struct err *err)
{
	struct ldif_reader reader;
	struct entry *entry;
	int rc;

	ldif_reader_init(&reader, text, len);
	while ((rc = ldif_next(&reader, ctx, &entry, err)) == 1)
		entry_list_add(ctx, list, entry);
	return rc;
}

/* RFC 2849 SAFE-STRING, and no space at its end (note 8). */
static bool is_safe(const char *value, size_t len)
{
	if (len == 0)
		return true;
	if (strchr(" :<", value[0]) != NULL || value[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '\0' || c == '\n' || c == '\r' || c >= 0x80)
			return false;
	}
	return true;
}

static void base64_encode(const char *data, size_t len, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i < 3 ? len - i : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < left ? (unsigned char)data[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_addc(out, k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=');
	}
}

static void write_folded(const struct buf *line, struct buf *out)
{
	size_t at = 0, room = LDIF_COLUMNS;

	while (line->len - at > room) {
		buf_add(out, line->data + at, room);
		buf_adds(out, "\n ");
		at += room;
		room = LDIF_COLUMNS - 1;
	}
	buf_add(out, line->data + at, line->len - at);
	buf_addc(out, '\n');
}

static void write_field(const char *name, const char *value, size_t len, struct buf *out)
{
	struct buf line = { 0 };

	buf_adds(&line, name);
	if (is_safe(value, len)) {
		buf_adds(&line, len > 0 ? ": " : ":");
		buf_add(&line, value, len);
	} else {
		buf_adds(&line, ":: ");
		base64_encode(value, len, &line);
	}
	write_folded(&line, out);
	buf_free(&line);
}

void ldif_write(const struct entry *entry, struct buf *out)
{
	write_field("dn", entry->dn, strlen(entry->dn), out);
	for (size_t i = 0; i < entry->n_attributes; i++) {
		const struct entry_attribute *attribute = &entry->attributes[i];

		for (size_t v = 0; v < attribute->n_values; v++)
			write_field(attribute->name, attribute->values[v].data,
				    attribute->values[v].len, out);
	}
	buf_addc(out, '\n');
}
