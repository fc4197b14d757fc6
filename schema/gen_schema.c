/*
 * Writes the schema that a directory needs, from the table that the loader reads (attrs.h), so
 * that the two cannot drift apart. The files are part of the sources; `make update-schema`
 * writes them anew and `make check` sees that they are current.
 *
 *   gen_schema openldap    slapd.conf form:  waypost.schema
 *   gen_schema config      cn=config LDIF:   waypost.ldif
 *   gen_schema 389ds       cn=schema LDIF:   waypost-389ds.ldif
 *   gen_schema ad          schema objects:   waypost-ad.ldif (gen_schema_ad.c)
 *
 * RFC 4512 §4.1.1, §4.1.2 (descriptions), RFC 2849 (LDIF).
 */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "schema/gen_schema.h"
#include "topology/attrs.h"

struct form {
	const char *name;
	const char *head;            /* what the file begins with */
	const char *attribute_label; /* in front of the description of an attribute type */
	const char *class_label;
	const char *attribute_arc, *class_arc; /* in front of the number */
	const char *extra;           /* before the closing parenthesis */
	bool folded;                 /* LDIF: one value is one line, folded; else indented */
};

#define ORIGIN GEN_SCHEMA_ORIGIN

static const struct form forms[] = {
	{
		.name = "openldap",
		.head = ORIGIN "#\n# slapd.conf: include waypost.schema, after core.schema.\n\n"
			       "objectidentifier waypostClass " ATTR_OID_ARC ".1\n"
			       "objectidentifier waypostAttribute " ATTR_OID_ARC ".2\n",
		.attribute_label = "\nattributetype ",
		.class_label = "\nobjectclass ",
		.attribute_arc = "waypostAttribute:",
		.class_arc = "waypostClass:",
		.extra = "",
	},
	{
		.name = "config",
		.head = ORIGIN "#\n# cn=config: ldapadd -Y EXTERNAL -H ldapi:/// -f waypost.ldif\n\n"
			       "dn: cn=waypost,cn=schema,cn=config\n"
			       "objectClass: olcSchemaConfig\n"
			       "cn: waypost\n",
		.attribute_label = "olcAttributeTypes: ",
		.class_label = "olcObjectClasses: ",
		.attribute_arc = ATTR_OID_ARC ".2.",
		.class_arc = ATTR_OID_ARC ".1.",
		.extra = "",
		.folded = true,
	},
	{
		.name = "389ds",
		.head = ORIGIN "#\n# 389 Directory Server: copy to the instance's schema folder as "
			       "98waypost.ldif.\n"
			       "dn: cn=schema\n",
		.attribute_label = "attributeTypes: ",
		.class_label = "objectClasses: ",
		.attribute_arc = ATTR_OID_ARC ".2.",
		.class_arc = ATTR_OID_ARC ".1.",
		.extra = " X-ORIGIN 'Waypost'",
		.folded = true,
	},
};

/* Each term of a description on a line of its own where lines may be broken anywhere. */
static const char *separator(const struct form *form)
{
	return form->folded ? " " : "\n\t";
}

static void put_rule(struct buf *out, const struct form *form, const char *keyword, const char *rule)
{
	if (rule[0] != '\0')
		buf_printf(out, "%s%s %s", separator(form), keyword, rule);
}

/* A quoted description: RFC 4512 has \27 for ' and \5C for the backslash. */
static void put_text(struct buf *out, const struct form *form, const char *text)
{
	buf_printf(out, "%sDESC '", separator(form));
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_adds(out, "\\27");
		else if (*text == '\\')
			buf_adds(out, "\\5C");
		else
			buf_addc(out, *text);
	}
	buf_adds(out, "'");
}

static void put_attribute(struct buf *out, const struct form *form, const struct attr_type *type)
{
	const struct attr_syntax_row *syntax = attr_syntax(type->syntax);

	buf_printf(out, "( %s%u NAME '%s'", form->attribute_arc, type->number, type->name);
	put_text(out, form, type->text);
	put_rule(out, form, "EQUALITY", syntax->equality);
	put_rule(out, form, "ORDERING", syntax->ordering);
	put_rule(out, form, "SUBSTR", syntax->substrings);
	put_rule(out, form, "SYNTAX", syntax->oid);
	if (!type->multi)
		buf_printf(out, "%sSINGLE-VALUE", separator(form));
	buf_printf(out, "%s )", form->extra);
}

/* MUST or MAY with its list of names; nothing if there are none. */
static void put_uses(struct buf *out, const struct form *form, const struct attr_class *class,
		     bool must)
{
	const char *between = form->folded ? " $ " : " $\n\t\t";
	size_t count = 0;

	for (size_t i = 0; i < class->n_uses; i++) {
		if (class->uses[i].must != must)
			continue;
		if (count++ == 0)
			buf_printf(out, "%s%s ( ", separator(form), must ? "MUST" : "MAY");
		else
			buf_adds(out, between);
		buf_adds(out, class->uses[i].attribute);
	}
	if (count > 0)
		buf_adds(out, " )");
}

static void put_class(struct buf *out, const struct form *form, const struct attr_class *class)
{
	buf_printf(out, "( %s%u NAME '%s'", form->class_arc, class->number, class->name);
	put_text(out, form, class->text);
	buf_printf(out, "%sSUP top %s", separator(form), class->auxiliary ? "AUXILIARY" : "STRUCTURAL");
	put_uses(out, form, class, true);
	put_uses(out, form, class, false);
	buf_printf(out, "%s )", form->extra);
}

/* One description with its label, LDIF lines folded at 76 columns (RFC 2849 note 2). */
static void print_value(const struct form *form, const char *label, const struct buf *value)
{
	size_t column = strlen(label);

	fputs(label, stdout);
	for (size_t i = 0; i < value->len; i++, column++) {
		if (form->folded && column == 76) {
			fputs("\n ", stdout);
			column = 1;
		}
		putchar(value->data[i]);
	}
	putchar('\n');
}

static void print_schema(const struct form *form)
{
	size_t n_types, n_classes;
	const struct attr_type *types = attr_types(&n_types);
	const struct attr_class *classes = attr_classes(&n_classes);
	struct buf value = {0};

	fputs(form->head, stdout);
	for (size_t i = 0; i < n_types; i++) {
		if (types[i].number == 0)
			continue; /* a standard attribute */
		buf_clear(&value);
		put_attribute(&value, form, &types[i]);
		print_value(form, form->attribute_label, &value);
	}
	for (size_t i = 0; i < n_classes; i++) {
		buf_clear(&value);
		put_class(&value, form, &classes[i]);
		print_value(form, form->class_label, &value);
	}
	buf_free(&value);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(argv[1], forms[i].name) == 0) {
			print_schema(&forms[i]);
			return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
		}
	if (argc == 2 && strcmp(argv[1], "ad") == 0) {
		gen_schema_ad();
		return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
	}
	fputs("usage: gen_schema openldap|config|389ds|ad\n", stderr);
	return 2;
}
