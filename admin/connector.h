/*
 * The properties of connectors as administrators know them: one table of rows, from which the
 * columns of `connector list` and the groups of `connector show` are made. Pure.
 */
#ifndef WP_ADMIN_CONNECTOR_H
#define WP_ADMIN_CONNECTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "topology/implicit.h"
#include "topology/snapshot.h"

/* One connector: explicit, or computed. */
struct connector_item {
	const struct snapshot *snap;
	const struct snap_connector *explicit; /* null: */
	const struct implicit_connector *implicit;
};

struct connector_property {
	const char *group;  /* "General", …: where show has it */
	const char *header; /* "Smart Hosts" */
	const char *member; /* "smart_hosts" in JSON */
	bool is_column;     /* list can show it */
	/* A new reference; null where the property does not apply. */
	json_t *(*value)(const struct connector_item *item);
};

/* Name and Status come first. */
extern const struct connector_property connector_properties[];
extern const size_t connector_n_properties;

/* By header or member: letters and digits decide, their case does not. Null: none. */
const struct connector_property *connector_find_property(const char *name, size_t len);
/*
 * A value as a cell, under CTX: lists joined by ", ", booleans as yes and no, JSON null (of a
 * size) as unlimited, a null pointer as "".
 */
const char *connector_cell(TALLOC_CTX *ctx, const json_t *value);

#endif
