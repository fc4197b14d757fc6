/* What the checks of the advice share: advice*.c. */
#ifndef WP_TOPOLOGY_ADVICE_PRIVATE_H
#define WP_TOPOLOGY_ADVICE_PRIVATE_H

#include "topology/advice.h"
#include "topology/viewpoint.h"

struct advice {
	const struct snapshot *snap;
	const struct advice_sink *sink;
};

/* A finding about the object at DN; FMT tells it in words. */
void advice_say(const struct advice *a, enum advice_id id, snap_text dn, const char *attribute,
		const char *value, const char *fmt, ...) WP_PRINTF(6, 7);
const char *advice_site_name(const struct advice *a, uint32_t site);
const char *advice_connector_name(const struct advice *a, uint32_t connector);
/* Where mail is routed and received: a site with an active hub. */
bool advice_is_served(const struct snapshot *snap, uint32_t site);
/* A server or edge that the connector may really leave by. */
bool advice_is_source(const struct snapshot *snap, uint32_t server);
bool advice_is_edge_source(const struct snapshot *snap, uint32_t edge);
/* How many of these it has. */
uint32_t advice_sources(const struct snapshot *snap, const struct snap_connector *connector);

/* ---- advice_graph.c: what the graph says without paths ---- */

void advice_graph(const struct advice *a);

/* ---- advice_objects.c: what each object says by itself ---- */

void advice_objects(const struct advice *a);

/* ---- advice_domains.c ---- */

void advice_domains(const struct advice *a);

/* ---- advice_paths.c: what the paths from all sites say ---- */

struct advice_paths;
struct advice_paths *advice_paths_new(const struct advice *a);
/* Counts the paths from site FROM. MAIN: those that most messages take; else a size class's. */
void advice_paths_look(struct advice_paths *p, uint32_t from, const struct viewpoint_hop *hops,
		       bool is_main);
void advice_paths_end(struct advice_paths *p);

/* ---- advice_spaces.c: which connector wins which address space from where ---- */

struct advice_spaces;
struct advice_spaces *advice_spaces_new(const struct advice *a);
/* Counts who wins on the servers of site FROM. */
void advice_spaces_look(struct advice_spaces *s, uint32_t from, const struct viewpoint_hop *hops);
void advice_spaces_end(struct advice_spaces *s);

#endif
