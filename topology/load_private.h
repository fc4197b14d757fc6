/*
 * What the parts of the loader share: load.c (gathering, passes), load_record.c (one record),
 * load_fields.c (values by the
 * table), load_connector.c (sources, address spaces), load_derive.c (graph, look-up tables,
 * index), load_check.c (design warnings).
 */
#ifndef WP_TOPOLOGY_LOAD_PRIVATE_H
#define WP_TOPOLOGY_LOAD_PRIVATE_H

#include <talloc.h>
#include <uthash.h>

#include "topology/attrs.h"
#include "topology/diag.h"
#include "topology/image.h"
#include "topology/load.h"

/* One entry of the model, its content kept encoded. */
struct item {
	const struct attr_class *class;
	char *dn, *dn_key;
	char *name, *key;    /* cn and its comparison key */
	size_t at, len;      /* of the encoded entry in the loader's arena */
	uint32_t index;      /* of its record; SNAP_NONE: skipped */
	struct item *parent; /* a receive connector's server */
	const struct item *twin; /* ignored for its name: the bearer that counts */
	struct ipaddr_range range; /* a subnet's */
	UT_hash_handle hh;    /* by dn_key */
	UT_hash_handle spelt; /* by dn: most references are spelt like it */
};

struct loader {
	TALLOC_CTX *ctx;
	struct image image;
	struct buf arena;
	struct item **items; /* as gathered, then sorted */
	size_t n_items;
	struct item *by_dn, *by_spelling;
	struct snap_diag *diags; /* texts in the image */
	size_t n_diags;
};

/* Notes what is wrong; VALUE (LEN octets) is shown as far as it is text. */
void load_diag(struct loader *ld, enum diag_id row, const char *dn, const char *attribute,
	       const char *value, size_t len);
/* The item at DN if it belongs to SECTION, or null. */
const struct item *load_find(struct loader *ld, const char *dn, enum snap_section_id section);

/*
 * Fills RECORD from ENTRY by the rows of the item's class. ON_EDGE: defaults of an edge. False if
 * a mandatory reference is missing; that was noted.
 */
bool load_fields(struct loader *ld, const struct item *item, const struct entry *entry,
		 bool on_edge, void *record);
/* The values of a list attribute, or null. */
const struct entry_attribute *load_values(const struct entry *entry, const char *attribute);
/* The value to use of a single-valued attribute, several being noted; null if it is absent. */
const struct entry_value *load_value(struct loader *ld, const struct item *item,
				     const struct entry *entry, const char *attribute);

/* A list of the indexes WORDS, which get sorted, each once. */
struct snap_list load_index_list(struct loader *ld, uint32_t *words, uint32_t n);

/* The rest of a send or foreign connector: sources, smart hosts, address spaces. */
void load_connector(struct loader *ld, const struct item *item, const struct entry *entry,
		    struct snap_connector *connector);

/* Fills the record of ITEM and adds it to the image. */
void load_record(struct loader *ld, struct item *item);
void load_derive(struct loader *ld);
void load_check(struct loader *ld);

#endif
