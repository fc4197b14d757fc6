/*
 * Small networks for tests: entries made by one-line calls or read from LDIF, the snapshot over
 * them, and queries by name.
 */
#ifndef WP_TESTS_TOPOLOGY_NET_H
#define WP_TESTS_TOPOLOGY_NET_H

#include <jansson.h>

#include "common/entry.h"
#include "topology/recipient_memory.h"
#include "topology/route_json.h"
#include "topology/snapshot.h"
#include "topology/viewpoint.h"

#define NET_SUFFIX "cn=Waypost,dc=example,dc=com"

struct net {
	TALLOC_CTX *ctx;
	struct entry_list entries;
	struct buf image;
	struct snapshot snap;
	struct recipient_memory *memory;
	struct recipient_source recipients;
	struct route_desk *desk;
};

/* A network with its organisation and the authoritative default domain example.com. */
struct net *net_new(void);
/* Without any entry. */
struct net *net_empty(void);
void net_free(struct net *net);

/* An entry of CLASS at DN (below NET_SUFFIX where it does not end in dc=com) with pairs of
 * attribute and value, null-terminated; attributes without the prefix "waypost". */
struct entry *net_add(struct net *net, const char *class, const char *dn, ...);
void net_set(struct entry *entry, const char *attribute, const char *value);
struct entry *net_find(struct net *net, const char *dn);
void net_ldif(struct net *net, const char *text);

/* Site NAME with the hub HT<NAME>1 and the mailbox ht<name>1@example.com; LINKS "A-B 10" …*/
void net_site(struct net *net, const char *name);
void net_sites(struct net *net, const char *names); /* separated by spaces */
struct entry *net_hub(struct net *net, const char *name, const char *site);
/* "A-B 10" or "A-B-C 10" with the name as given before the space: members by "-". */
struct entry *net_link(struct net *net, const char *spec);
struct entry *net_connector(struct net *net, const char *name, const char *source,
			    const char *space);
struct entry *net_person(struct net *net, const char *mail, const char *home);
const char *net_dn(struct net *net, const char *kind, const char *name);

/* Builds the snapshot, again after changes. */
void net_build(struct net *net);
unsigned net_diagnostics(struct net *net, const char *id);
uint32_t net_site_index(struct net *net, const char *name);

/* The compact JSON answer to a query; lives as long as the net. */
const char *net_route(struct net *net, const char *from, const char *recipient, uint64_t size);
const char *net_ask(struct net *net, const char *query);
/* Names of sites joined by ">". */
const char *net_join(struct net *net, const uint32_t *sites, uint32_t n);
/* The path as "A>B>C cost/hops", "" without one. */
const char *net_path(struct net *net, const char *from, const char *to);
const char *net_stops(struct net *net, const char *from, const char *to);
const char *net_backoff(struct net *net, const char *from, const char *to);
/* The selected connector or the reason, for a message of SIZE from server FROM. */
const char *net_select(struct net *net, const char *from, const char *recipient, uint64_t size);

#endif
