/* What the parts of the oracle share: model, paths, connectors, recipients, answers. */
#ifndef WP_TESTS_TOPOLOGY_ORACLE_PRIVATE_H
#define WP_TESTS_TOPOLOGY_ORACLE_PRIVATE_H

#include "tests/topology/oracle.h"

enum { NONE = -1, MANY = 40 };
enum domain_type { AUTHORITATIVE, INTERNAL_RELAY, EXTERNAL_RELAY };
enum server_state { ACTIVE, DRAINING, DISABLED };

/* Names order by KEY; sizes are octets, 0 unlimited; sites, servers and so on are numbers. */
struct o_site {
	const char *name, *key, *dn;
	bool is_hub, inbound;
};

struct o_link {
	uint64_t cost, size;
	bool joins[ORG_SITES_MAX];
};

struct o_server {
	const char *name, *key, *dn, *fqdn;
	bool is_hub;
	enum server_state state;
	int site;
};

struct o_edge {
	const char *name, *key, *dn;
	bool enabled;
	int site;
};

struct o_connector {
	const char *name, *key, *dn, *linked;
	const struct org_record *record;
	bool enabled, scoped, by_dns;
	uint64_t size;
	bool has_server[MANY], has_edge[MANY]; /* sources */
};

struct o_receive {
	const char *dn, *server;
	uint64_t size;
};

struct o_domain {
	const char *domain; /* without "*." */
	bool wildcard, is_default, lookup;
	enum domain_type type;
	const char *catch_all; /* DN */
	int default_home;
};

struct o_person {
	const struct org_record *record;
	const char *primary, *forward, *home, *host;
	bool is_group, needs_auth;
	uint64_t size;
};

struct oracle {
	const struct org *org;
	struct o_site sites[MANY];
	struct o_link links[MANY];
	struct o_server servers[MANY];
	struct o_edge edges[MANY];
	struct o_connector connectors[MANY];
	struct o_receive receives[MANY];
	struct o_domain domains[MANY];
	struct o_person people[MANY];
	int n_sites, n_links, n_servers, n_edges, n_connectors, n_receives, n_domains, n_people;
	bool size_aware;
	uint64_t max_send, max_receive;
	const char *postmaster, *delimiter;
	int default_home;
};

/* Where a question is asked: a server, or an edge (then there are no paths). */
struct o_view {
	const struct oracle *o;
	int server, edge, site;
	uint64_t size;
	bool authenticated;
};

/* A least-cost path, the local site first. */
struct o_path {
	int sites[ORG_SITES_MAX];
	int n; /* 0: there is none */
	uint64_t cost, size;
};

/* Equal but for the case of letters. */
bool o_same(const char *a, const char *b);
bool o_is_active_hub(const struct o_view *view, int server);
bool o_has_active_hub(const struct o_view *view, int site);

/* §2. WHOLE: over all links, whatever the size; else as the organisation wants it (§7). */
struct o_path o_path(const struct o_view *view, int to, bool whole);
/* §3.1: the sites where the message is received, the destination last; how many. */
int o_stops(const struct o_view *view, const struct o_path *path, int *stops);

/* §5. */
struct o_choice {
	int connector;
	const char *space;
	uint64_t space_cost;
	int site; /* of the nearest source; NONE: the local server is one, or this is an edge */
	bool in_site; /* the source is in the local site */
	const char *reason; /* none was found */
};

struct o_choice o_choose(const struct o_view *view, const char *type, const char *domain);
/* §5.1 for one connector (step 0); false: no source can be reached. */
bool o_reach(const struct o_view *view, int connector, struct o_choice *choice_r);

/* §4. */
enum o_kind { O_MAILBOX, O_EXTERNAL, O_HOST, O_GROUP, O_DISCARDED, O_UNREACHABLE, O_REJECTED };

struct o_item {
	const char *recipient, *address, *via[20], *reason, *host;
	int n_via, parent, person, home;
	enum o_kind kind;
	uint64_t max_size;
	bool dropped;
};

/* Resolves RECIPIENT into ITEMS (room for MANY * 4), groups before their members; how many, 0 if
 * the rules leave it open. */
int o_resolve(const struct o_view *view, const char *recipient, struct o_item *items);
/* "FAX:+49" has the type FAX and the rest as its domain. */
void o_split(const char *address, const char **type_r, const char **domain_r);

#endif
