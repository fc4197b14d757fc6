/*
 * What the parts of the loader share: load.c (driver), load_gather.c (entries → items),
 * load_order.c (items by DN and in the order of records), load_record.c (one record),
 * load_fields.c (values by the table), load_connector.c (sources, address spaces),
 * load_derive.c (graph, lists, look-up tables), load_index.c (address spaces and accepted
 * domains), load_check.c (design warnings), load_change.c (one changed entry).
 */
#ifndef WP_TOPOLOGY_LOAD_PRIVATE_H
#define WP_TOPOLOGY_LOAD_PRIVATE_H

#include <talloc.h>

#include "common/arena.h"
#include "topology/attrs.h"
#include "topology/diag.h"
#include "topology/image.h"
#include "topology/load.h"

/* What an entry says of one attribute that its class uses; at least one value. */
struct item_field {
	const struct attr_use *use;
	const struct entry_value *values;
	size_t n_values;
};

/* One entry of the model. Everything lies in the loader's arena. */
struct item {
	const struct attr_class *class;
	const char *dn, *dn_key;
	const char *name, *key;    /* cn and its comparison key */
	struct item_field *fields; /* in the order of the class's uses; only during a build */
	size_t n_fields;
	uint32_t index;            /* of its record; SNAP_NONE: skipped */
	struct item *parent;       /* a receive connector's server */
	struct item *twin;         /* ignored for its name: the bearer that counts */
	struct ipaddr_range range; /* a subnet's */
};

struct dn_slot;
struct use_slots;
struct record_template;

/* Who notes diagnostics: each can be repeated without the others. */
enum load_stage { LOAD_FILL, LOAD_DERIVE, LOAD_INDEX, LOAD_CHECK, LOAD_STAGES };

struct diag_list {
	struct snap_diag *list; /* texts in the image */
	size_t count;
};

struct loader {
	TALLOC_CTX *ctx;
	struct arena arena;   /* items and their names: lives with the loader */
	struct arena scratch; /* their values: until the image is built */
	struct image image;
	struct use_slots *uses;            /* by class: load_gather.c */
	const struct attr_class *last_class;
	struct record_template *templates; /* by class and role: load_record.c */
	struct item **items; /* as gathered, then in the order of records */
	size_t n_items;
	struct dn_slot *by_dn; /* load_order.c */
	size_t n_slots;
	enum load_stage stage;
	unsigned redo; /* load_change.c: what has to be derived again */
	struct diag_list diags[LOAD_STAGES];
};

/* Notes what is wrong; VALUE (LEN octets) is shown as far as it is text. */
void load_diag(struct loader *ld, enum diag_id row, const char *dn, const char *attribute,
	       const char *value, size_t len);

/* ENTRY as an item; null if it is not of the model or has no usable name, which is noted. */
struct item *load_item(struct loader *ld, const struct entry *entry);
/* A function for snapshot_source's each: keeps ENTRY as an item if it is of the model. */
void load_gather(void *loader, const struct entry *entry);
/* Drops what is not below BASE, puts items in order and numbers them. */
void load_order(struct loader *ld, const char *base);
/* The item that bears DN, or null. */
struct item *load_find_dn(const struct loader *ld, const char *dn);
/* The item at DN if it belongs to SECTION and has a record, or null. */
const struct item *load_find(struct loader *ld, const char *dn, enum snap_section_id section);

/* What ITEM says of ATTRIBUTE, spelt as in the table, or null. */
const struct item_field *load_values(const struct item *item, const char *attribute);
/* The value to use of a single-valued attribute, several being noted; null if it is absent. */
const struct entry_value *load_value(struct loader *ld, const struct item *item,
				     const char *attribute);

/* Fills RECORD with what an entry without attributes has. ON_EDGE: defaults of an edge. */
void load_defaults(struct loader *ld, const struct attr_class *class, bool on_edge, void *record);
/* Fills RECORD, which holds the defaults, from ITEM by the rows of its class. */
void load_fields(struct loader *ld, const struct item *item, void *record);

/* A list of the indexes WORDS, which get sorted, each once. */
struct snap_list load_index_list(struct loader *ld, uint32_t *words, uint32_t n);

/* The rest of a send or foreign connector: sources, smart hosts, address spaces. */
void load_connector(struct loader *ld, const struct item *item, struct snap_connector *connector);

union any_record {
	struct snap_org org;
	struct snap_site site;
	struct snap_link link;
	struct snap_subnet subnet;
	struct snap_server server;
	struct snap_edge edge;
	struct snap_connector connector;
	struct snap_receive receive;
	struct snap_domain domain;
	struct snap_remote remote;
	struct snap_home home;
};

/* Fills the record of ITEM; false: the entry is ignored, which was noted. */
bool load_fill(struct loader *ld, const struct item *item, union any_record *record);
/* Fills the record of ITEM and adds it to the image. */
void load_record(struct loader *ld, struct item *item);
void load_derive(struct loader *ld);
/* What follows from the members of links, and from sites, roles and states of servers. */
void load_derive_links(struct loader *ld);
void load_derive_sites(struct loader *ld);
void load_index(struct loader *ld);
void load_check(struct loader *ld);

/* Takes the new state of an entry into its record; false if that is no local change. */
bool load_change(struct loader *ld, const struct entry *entry);
/* Derives and checks again what the changes since the last time ask for. */
void load_redo(struct loader *ld);

#endif
