/*
 * LDIF content records (RFC 2849). Pure.
 *
 * Lines (ldif_line.c) become a record up to a blank line or the end.
 */
#include "common/ldif_private.h"

#include <string.h>

#include "common/dn.h"

enum { LDIF_COLUMNS = 76 };

/* Comments and blank lines before a record; false at the end of the text. */
static bool skip_to_record(struct ldif_reader *reader, TALLOC_CTX *scratch)
{
	while (reader->at < reader->end) {
		struct ldif_reader before = *reader;
		struct ldif_line line = ldif_take_line(reader, scratch);

		if (line.len > 0 && !ldif_is_comment(&line)) {
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
	struct ldif_line line = ldif_take_line(reader, scratch);
	struct ldif_field field;

	reader->begun = true;
	if (ldif_parse_field(&line, scratch, &field, err) < 0)
		return -1;
	if (!ldif_is_field(&field, "version")) {
		*reader = before;
		reader->begun = true;
		return 0;
	}
	if (field.value_len != 1 || field.value[0] != '1')
		return ldif_bad_line(err, line.number, "only LDIF version 1 is read");
	return 0;
}

int ldif_read_dn(struct ldif_reader *reader, TALLOC_CTX *ctx, struct entry **entry_r,
		 struct err *err)
{
	struct ldif_line line = ldif_take_line(reader, ctx);
	struct ldif_field field;
	char *dn;

	if (ldif_parse_field(&line, ctx, &field, err) < 0)
		return -1;
	if (!ldif_is_field(&field, "dn"))
		return ldif_bad_line(err, line.number, "an entry begins with \"dn:\"");
	if (field.value_len == 0 || memchr(field.value, '\0', field.value_len) != NULL)
		return ldif_bad_line(err, line.number, "an entry needs a name");
	dn = talloc_strndup(ctx, field.value, field.value_len);
	if (dn == NULL)
		mem_fatal(field.value_len);
	*entry_r = entry_new(ctx, dn);
	return 0;
}

static int add_field(struct entry *entry, const struct ldif_line *line,
		     const struct ldif_field *field, TALLOC_CTX *scratch, struct err *err)
{
	char *name;

	if (ldif_is_field(field, "dn"))
		return ldif_bad_line(err, line->number, "a blank line is missing before \"dn:\"");
	if (ldif_is_field(field, "changetype") || ldif_is_field(field, "control"))
		return ldif_bad_line(err, line->number, "a change record; only entries are read here");
	name = talloc_strndup(scratch, field->name, field->name_len);
	if (name == NULL)
		mem_fatal(field->name_len);
	entry_add(entry, name, field->value, field->value_len);
	return 0;
}

int ldif_read_attributes(struct ldif_reader *reader, struct entry *entry, TALLOC_CTX *scratch,
			   struct err *err)
{
	size_t number = reader->line;

	while (reader->at < reader->end) {
		struct ldif_line line = ldif_take_line(reader, scratch);
		struct ldif_field field;

		if (line.len == 0)
			break;
		if (ldif_is_comment(&line))
			continue;
		if (ldif_parse_field(&line, scratch, &field, err) < 0 ||
		    add_field(entry, &line, &field, scratch, err) < 0)
			return -1;
	}
	if (entry->n_attributes == 0)
		return ldif_bad_line(err, number, "an entry needs at least one attribute");
	return 0;
}

void ldif_give_uuid(struct entry *entry, TALLOC_CTX *scratch)
{
	const struct entry_attribute *uuid = entry_find(entry, "entryUUID");
	const char *key;

	if (uuid != NULL &&
	    entry_uuid_parse(uuid->values[0].data, uuid->values[0].len, &entry->uuid))
		return;
	key = dn_key(scratch, entry->dn);
	entry_uuid_from_key(key != NULL ? key : entry->dn, &entry->uuid);
}

int ldif_begin_record(struct ldif_reader *reader, TALLOC_CTX *scratch, struct err *err)
{
	if (!skip_to_record(reader, scratch))
		return 0;
	if (reader->begun)
		return 1;
	if (skip_version(reader, scratch, err) < 0)
		return -1;
	return skip_to_record(reader, scratch);
}

static int read_record(struct ldif_reader *reader, TALLOC_CTX *scratch, struct entry **entry_r,
		       struct err *err)
{
	int rc = ldif_begin_record(reader, scratch, err);

	if (rc != 1)
		return rc;
	if (ldif_read_dn(reader, scratch, entry_r, err) < 0 ||
	    ldif_read_attributes(reader, *entry_r, scratch, err) < 0)
		return -1;
	ldif_give_uuid(*entry_r, scratch);
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
