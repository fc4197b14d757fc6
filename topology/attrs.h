/*
 * THE table of the directory model: classes, attributes, syntaxes, defaults, ranges and the field
 * of the snapshot each value goes to. The loader, the schema generator, the documentation and
 * the tests read these rows; nothing repeats them. Pure.
 *
 * Rules: the directory document, §3. OIDs: <arc>.1.n for classes, <arc>.2.n for attributes; the
 * numbers are for ever, so new rows take new numbers and go to the end of their table.
 */
#ifndef WP_TOPOLOGY_ATTRS_H
#define WP_TOPOLOGY_ATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/snapshot.h"

#define ATTR_OID_ARC "1.2.840.113556.1.8000.2554.5636.59217.9166.19045.44030.7614363.9177184"

enum attr_syntax {
	ATTR_STRING,  /* directoryString, case ignored */
	ATTR_IA5,     /* IA5String, case ignored */
	ATTR_INTEGER,
	ATTR_SECONDS, /* integer: time interval */
	ATTR_OCTETS_COUNT, /* integer: size */
	ATTR_BOOLEAN,
	ATTR_DN,
	ATTR_BINARY,  /* octetString */
	ATTR_TIME,    /* generalizedTime */
	ATTR_SYNTAXES,
};

/* How a syntax is written in LDAP schemas. */
struct attr_syntax_row {
	const char *letter; /* in the documents: "S", "I", "T", … */
	const char *unit;   /* "s", "octets", "" */
	const char *oid, *equality, *ordering, *substrings; /* "" where there is no rule */
};

/* One attribute type; a class uses it with its own default. */
struct attr_type {
	unsigned number;  /* <arc>.2.number; 0: a standard attribute (cn, description) */
	const char *name; /* "waypostHubSite" */
	enum attr_syntax syntax;
	bool multi;
	const char *text;
};

/* How a value becomes a field of a record. */
enum attr_field {
	FIELD_NONE,    /* part of the schema, not in the snapshot */
	FIELD_PASS,    /* read by code of its own: load_record.c, load_connector.c */
	FIELD_NAME,    /* cn into three texts in a row: name, key, DN */
	FIELD_TEXT,
	FIELD_TEXTS,
	FIELD_U32,
	FIELD_U64,
	FIELD_BOOL,    /* uint8_t */
	FIELD_WORD,    /* uint8_t: one of WORDS */
	FIELD_FLAGS,   /* uint32_t: any of WORDS */
	FIELD_REF,     /* uint32_t: index into TARGET */
	FIELD_REFS,    /* struct snap_list of indexes into TARGET, ascending */
	FIELD_DN_KEY,  /* text: the key of a DN outside the model */
	FIELD_ADDRESSES, /* texts: IP literals in normal form */
	FIELD_HASHES,  /* texts: certificate hashes in normal form */
	FIELD_SMART_HOSTS, /* texts: endpoint_parse(), or "--" */
	FIELD_BINDINGS, /* texts: endpoint_parse_binding() */
	FIELD_HOST,    /* text: a host name as A-labels, or [an address] */
	FIELD_RANGES,  /* struct snap_list into SNAP_RANGES */
};

struct attr_word {
	const char *name; /* null ends the list */
	uint32_t value;
};

/* A class's use of an attribute. */
struct attr_use {
	const char *attribute; /* name of an attr_type */
	bool must;
	const char *fallback;      /* the value of an absent attribute, as text; null: none */
	const char *edge_fallback; /* the same on a server of role edge, where it differs */
	uint64_t min, max;         /* numbers are clamped to these; max 0: the field's own */
	const struct attr_word *words;
	enum attr_field field;
	enum snap_section_id target; /* of FIELD_REF and FIELD_REFS */
	size_t offset;             /* of the field in the class's record */
};

struct attr_class {
	unsigned number;  /* <arc>.1.number */
	const char *name; /* "waypostSite" */
	bool auxiliary;
	bool extends; /* not an object of its own: it adds to the one above it of its section */
	enum snap_section_id section; /* of its records; SNAP_SECTIONS: it has none */
	uint8_t kind; /* where classes share a section: enum snap_connector_kind */
	const struct attr_use *uses;
	size_t n_uses;
	const char *text;
};

/* What schemas define. */
const struct attr_type *attr_types(size_t *count_r);
const struct attr_class *attr_classes(size_t *count_r);
/* Those and, behind them, the classes that only profiles make, which no schema has. */
const struct attr_class *attr_all_classes(size_t *count_r);
/* The row of a name (any case), or null. */
const struct attr_type *attr_find_type(const char *name);
const struct attr_class *attr_find_class(const char *name);
const struct attr_syntax_row *attr_syntax(enum attr_syntax syntax);

#endif
