/* LDIF change records (RFC 2849): see ldif_change.h. Pure. */
#include "common/ldif_change.h"

#include <string.h>

#include "common/dn.h"
#include "common/ldif_private.h"

/* A record while it is read. */
struct parse {
	struct ldif_reader *reader;
	TALLOC_CTX *scratch;
	struct ldif_change *change;
	struct err *err;
};

/* The next line of the record: 1, or 0 at its end. Comments are passed over. */
static int take_line(struct parse *p, struct ldif_line *line_r)
{
	while (p->reader->at < p->reader->end) {
		*line_r = ldif_take_line(p->reader, p->scratch);
		if (line_r->len == 0)
			return 0;
		if (!ldif_is_comment(line_r))
			return 1;
	}
	return 0;
}

/* The next line as a field; 1, 0 at the end of the record, -1. */
static int take_field(struct parse *p, struct ldif_line *line_r, struct ldif_field *field_r)
{
	int rc = take_line(p, line_r);

	if (rc == 1 && ldif_parse_field(line_r, p->scratch, field_r, p->err) < 0)
		return -1;
	return rc;
}

static const char *copy_text(TALLOC_CTX *ctx, const char *data, size_t len)
{
	char *copy = talloc_strndup(ctx, data, len);

	if (copy == NULL)
		mem_fatal(len);
	return copy;
}

static bool holds_nul(const struct ldif_field *field)
{
	return memchr(field->value, '\0', field->value_len) != NULL;
}

static bool is_value(const struct ldif_field *field, const char *value)
{
	return field->value_len == strlen(value) &&
	       ascii_equal_n(field->value, value, field->value_len);
}

/* ---- add, delete ---- */

static int read_add(struct parse *p)
{
	if (ldif_read_attributes(p->reader, p->change->entry, p->scratch, p->err) < 0)
		return -1;
	ldif_give_uuid(p->change->entry, p->scratch);
	return 0;
}

static int expect_end(struct parse *p, const char *what)
{
	struct ldif_line line;

	return take_line(p, &line) == 0 ? 0 : ldif_bad_line(p->err, line.number, what);
}

static int read_delete(struct parse *p)
{
	return expect_end(p, "nothing may follow \"changetype: delete\"");
}

/* ---- modify ---- */

static const char *const mod_names[] = { "add", "delete", "replace" };

static int begin_mod(struct parse *p, const struct ldif_line *line, const struct ldif_field *field,
		     struct ldif_mod *mod)
{
	size_t kind = 0;

	while (kind < WP_COUNT(mod_names) && !ldif_is_field(field, mod_names[kind]))
		kind++;
	if (kind == WP_COUNT(mod_names))
		return ldif_bad_line(p->err, line->number,
				     "a modification begins with \"add:\", \"delete:\" or \"replace:\"");
	if (!ldif_is_name(field->value, field->value_len))
		return ldif_bad_line(p->err, line->number, "a malformed attribute name");
	*mod = (struct ldif_mod){ .kind = (enum ldif_mod_kind)kind, .line = line->number };
	mod->name = copy_text(p->change, field->value,
			      strcspn(copy_text(p->scratch, field->value, field->value_len), ";"));
	return 0;
}

/* Value lines up to "-" or the end of the record, gathered in an entry. 1: another may follow. */
static int read_values(struct parse *p, const struct ldif_mod *mod, struct entry *values)
{
	struct ldif_line line;
	struct ldif_field field;
	int rc;

	while ((rc = take_line(p, &line)) == 1) {
		if (line.len == 1 && line.text[0] == '-')
			return 1;
		if (ldif_parse_field(&line, p->scratch, &field, p->err) < 0)
			return -1;
		if (!ldif_is_field(&field, mod->name))
			return ldif_bad_line(p->err, line.number,
					     "neither a value of the attribute being modified nor \"-\"");
		entry_add(values, mod->name, field.value, field.value_len);
	}
	return rc;
}

static int read_mod(struct parse *p, struct ldif_mod *mod)
{
	struct entry *values = entry_new(p->change, "");
	int rc = read_values(p, mod, values);

	if (rc < 0)
		return -1;
	if (values->n_attributes > 0) {
		mod->values = values->attributes[0].values;
		mod->n_values = values->attributes[0].n_values;
	}
	if (mod->kind == LDIF_MOD_ADD && mod->n_values == 0)
		return ldif_bad_line(p->err, mod->line, "\"add:\" needs a value");
	return rc;
}

static struct ldif_mod *push_mod(struct ldif_change *change)
{
	change->mods = talloc_realloc(change, change->mods, struct ldif_mod,
				      (unsigned)change->n_mods + 1);
	if (change->mods == NULL)
		mem_fatal(change->n_mods * sizeof(*change->mods));
	return &change->mods[change->n_mods++];
}

static int read_modify(struct parse *p)
{
	struct ldif_line line;
	struct ldif_field field;
	int rc, more = 1;

	while (more == 1 && (rc = take_field(p, &line, &field)) != 0) {
		struct ldif_mod mod;

		if (rc < 0 || begin_mod(p, &line, &field, &mod) < 0)
			return -1;
		more = read_mod(p, &mod);
		if (more < 0)
			return -1;
		*push_mod(p->change) = mod;
	}
	return 0;
}

/* ---- rename ---- */

/* The line "NAME: value". 0, or -1: it is missing or another. */
static int expect_field(struct parse *p, const char *name, struct ldif_field *field_r)
{
	struct ldif_line line = { .number = p->reader->line };
	int rc = take_field(p, &line, field_r);

	if (rc < 0)
		return -1;
	if (rc == 1 && ldif_is_field(field_r, name) && !holds_nul(field_r))
		return 0;
	err_set(p->err, ERR_DIRECTORY, 0, "line %zu: \"%s:\" is missing", line.number, name);
	return -1;
}

static int read_superior(struct parse *p)
{
	struct ldif_line line;
	struct ldif_field field;
	int rc = take_field(p, &line, &field);

	if (rc <= 0)
		return rc;
	if (!ldif_is_field(&field, "newsuperior") || holds_nul(&field))
		return ldif_bad_line(p->err, line.number,
				     "only \"newsuperior:\" may follow \"deleteoldrdn:\"");
	p->change->new_superior = copy_text(p->change, field.value, field.value_len);
	if (!dn_is_valid(p->change->new_superior))
		return ldif_bad_line(p->err, line.number, "the new superior is no DN");
	return expect_end(p, "nothing may follow \"newsuperior:\"");
}

static int read_rename(struct parse *p)
{
	size_t number = p->reader->line;
	struct ldif_field field;

	if (expect_field(p, "newrdn", &field) < 0)
		return -1;
	p->change->new_rdn = copy_text(p->change, field.value, field.value_len);
	if (dn_rdn_key(p->scratch, p->change->new_rdn) == NULL)
		return ldif_bad_line(p->err, number, "the new name is no RDN, such as \"cn=name\"");
	number = p->reader->line;
	if (expect_field(p, "deleteoldrdn", &field) < 0)
		return -1;
	if (!is_value(&field, "0") && !is_value(&field, "1"))
		return ldif_bad_line(p->err, number, "\"deleteoldrdn:\" has to be 0 or 1");
	p->change->deletes_old_rdn = is_value(&field, "1");
	return read_superior(p);
}

/* ---- a record ---- */

static const struct {
	const char *name;
	enum ldif_change_type type;
	int (*read)(struct parse *p);
} types[] = {
	{ "add", LDIF_ADD, read_add },
	{ "delete", LDIF_DELETE, read_delete },
	{ "modify", LDIF_MODIFY, read_modify },
	{ "modrdn", LDIF_RENAME, read_rename },
	{ "moddn", LDIF_RENAME, read_rename },
};

const char *ldif_change_name(enum ldif_change_type type)
{
	size_t i = 0;

	while (types[i].type != type)
		i++;
	return types[i].name;
}

static int read_type(struct parse *p, const struct ldif_line *line, const struct ldif_field *field)
{
	for (size_t i = 0; i < WP_COUNT(types); i++) {
		if (is_value(field, types[i].name)) {
			p->change->type = types[i].type;
			return types[i].read(p);
		}
	}
	return ldif_bad_line(p->err, line->number,
			     "the changetype is none of add, delete, modify, modrdn, moddn");
}

/* "1.2.3 true: value": whether it has to be obeyed. */
static bool is_critical(const struct ldif_field *field)
{
	size_t at = 0;

	while (at < field->value_len && field->value[at] != ' ')
		at++;
	while (at < field->value_len && field->value[at] == ' ')
		at++;
	return field->value_len - at >= 4 && ascii_equal_n(field->value + at, "true", 4);
}

/* Controls, then the changetype; without one the lines are those of an entry. */
static int read_body(struct parse *p)
{
	for (;;) {
		struct ldif_reader before = *p->reader;
		struct ldif_line line;
		struct ldif_field field;
		int rc = take_field(p, &line, &field);

		if (rc < 0)
			return -1;
		if (rc == 1 && ldif_is_field(&field, "changetype"))
			return read_type(p, &line, &field);
		if (rc == 0 || !ldif_is_field(&field, "control")) {
			*p->reader = before;
			return read_add(p);
		}
		if (is_critical(&field))
			return ldif_bad_line(p->err, line.number, "a critical control, which is not known here");
	}
}

static int read_change(struct ldif_reader *reader, TALLOC_CTX *scratch,
		       struct ldif_change **change_r, struct err *err)
{
	int rc = ldif_begin_record(reader, scratch, err);
	struct ldif_change *change;
	struct parse p = { reader, scratch, NULL, err };

	if (rc != 1)
		return rc;
	change = talloc_zero(scratch, struct ldif_change);
	if (change == NULL)
		mem_fatal(sizeof(*change));
	change->line = reader->line;
	p.change = *change_r = change;
	if (ldif_read_dn(reader, scratch, &change->entry, err) < 0)
		return -1;
	talloc_steal(change, change->entry);
	change->dn = change->entry->dn;
	return read_body(&p) < 0 ? -1 : 1;
}

int ldif_change_next(struct ldif_reader *reader, TALLOC_CTX *ctx, struct ldif_change **change_r,
		     struct err *err)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	int rc = read_change(reader, scratch, change_r, err);

	if (rc == 1)
		talloc_steal(ctx, *change_r);
	talloc_free(scratch);
	return rc;
}

int ldif_change_read(TALLOC_CTX *ctx, const char *text, size_t len, struct ldif_change_list *list,
		     struct err *err)
{
	struct ldif_reader reader;
	struct ldif_change *change;
	int rc;

	ldif_reader_init(&reader, text, len);
	while ((rc = ldif_change_next(&reader, ctx, &change, err)) == 1) {
		list->items = talloc_realloc(ctx, list->items, struct ldif_change *,
					     (unsigned)list->count + 1);
		if (list->items == NULL)
			mem_fatal(list->count * sizeof(*list->items));
		list->items[list->count++] = change;
	}
	return rc;
}
