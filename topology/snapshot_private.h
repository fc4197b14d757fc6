/*
 * The layout of an image, for those who write, verify and index it: image.c, snapshot.c,
 * snapshot_find.c, addrspace.c and their tests.
 */
#ifndef WP_TOPOLOGY_SNAPSHOT_PRIVATE_H
#define WP_TOPOLOGY_SNAPSHOT_PRIVATE_H

#include "topology/snapshot.h"

#define SNAP_MAGIC "WPSNAP\r\n"
#define SNAP_BYTE_ORDER 0x01020304u
/* In an item of a node: the space is "--", and only an edge looks at it. In a reference of the
 * DN and certificate tables: the record is an edge, not a server. */
#define SNAP_EDGE_BIT 0x80000000u

struct snap_header {
	char magic[8];
	uint32_t format;
	uint32_t byte_order;
	uint64_t number;
	uint64_t size;        /* of the image */
	uint64_t hash;        /* XXH3 of what follows the header */
	uint64_t header_hash; /* XXH3 of the header with this field zero */
	struct {
		uint64_t offset;
		uint32_t count;
		uint32_t record_size;
	} sections[SNAP_SECTIONS];
};

/* What a domain is matched with, most specific first within a type. */
enum snap_node_kind {
	NODE_EXACT,   /* the whole domain, a literal, or another type's address */
	NODE_PREFIX,  /* literals: a CIDR prefix, as "192.0.2.0/24" */
	NODE_SUFFIX,  /* the domain or any above it: "*.TEXT" */
	NODE_ALL,     /* "*" */
	NODE_ACCEPTED_EXACT, /* accepted domains; ITEMS holds the one domain */
	NODE_ACCEPTED_SUFFIX,
	NODE_KINDS,
};

struct snap_node {
	snap_text type; /* "" for accepted domains */
	snap_text text; /* "" for NODE_ALL */
	uint32_t kind;
	struct snap_list items; /* of spaces with SNAP_EDGE_BIT, or of one domain */
};

/* Open addressing with linear probing; the count of slots is a power of two or 0. */
struct snap_slot {
	uint32_t hash;
	uint32_t ref; /* SNAP_NONE: free */
};

/* The size of a section's records. */
uint32_t snap_record_size(enum snap_section_id section);
uint64_t snap_header_hash(const struct snap_header *header);
uint32_t snap_hash_text(const char *text);
uint32_t snap_hash_node(uint32_t kind, const char *type, const char *text);

const struct snap_node *snap_node(const struct snapshot *snap, uint32_t i);
/* The node that holds exactly this, or SNAP_NONE. */
uint32_t snap_find_node(const struct snapshot *snap, enum snap_node_kind kind, const char *type,
			const char *text);

#endif
