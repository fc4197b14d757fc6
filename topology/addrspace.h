/*
 * Address spaces of connectors: their text form, and the walk over the snapshot's index from the
 * most specific match to the least (routing rules §5, steps 4 and 5). Pure.
 *
 * "TYPE:space;cost": type SMTP and cost 1 where they are absent; the last ";" part is a cost only
 * if it is all digits. Forms of an SMTP space: "example.com", "*.example.com" (the domain and
 * every subdomain), "*", "[192.0.2.1]", "[192.0.2.0/24]", "--" (an edge: all authoritative and
 * internal-relay domains). Of another type: "*" or a string to be equal to.
 */
#ifndef WP_TOPOLOGY_ADDRSPACE_H
#define WP_TOPOLOGY_ADDRSPACE_H

#include "common/mailaddr.h"
#include "topology/snapshot_private.h"

enum addrspace_error { ADDRSPACE_OK, ADDRSPACE_MALFORMED, ADDRSPACE_BAD_COST };

struct addrspace {
	char type[MAILADDR_TYPE_MAX + 1]; /* capitals */
	char text[MAILADDR_FOLDED_SIZE];  /* as the node's text */
	enum snap_node_kind kind;
	uint32_t cost;
	bool is_dashes; /* "--": KIND and TEXT mean nothing */
};

enum addrspace_error addrspace_parse(const char *value, size_t len, struct addrspace *space_r);

/* Nodes that match one address, most specific first. */
struct addrspace_walk {
	const struct snapshot *snap;
	const char *type;
	const char *text; /* a folded domain, or another type's folded address */
	const char *suffix;
	struct ipaddr literal;
	int bits;         /* of the prefix to try next */
	int step;
};

/* DOMAIN is the folded domain, or what follows "TYPE:" in a folded address; both live on. */
void addrspace_walk_init(struct addrspace_walk *walk, const struct snapshot *snap,
			 const char *type, const char *domain);
/* The next node, or SNAP_NONE. O(labels) in all. */
uint32_t addrspace_walk_next(struct addrspace_walk *walk);

/* "example.com" or "*.example.com" as A-labels, "*" if ALLOW_ALL; false if it is neither. */
bool addrspace_pattern(const char *value, size_t len, bool allow_all, char *domain, size_t size,
		       bool *wildcard_r);

#endif
