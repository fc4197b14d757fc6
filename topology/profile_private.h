/*
 * The inside of profiles: the rows of their tables, for profile.c (which works them off) and
 * profile_ad.c (the rows).
 */
#ifndef WP_TOPOLOGY_PROFILE_PRIVATE_H
#define WP_TOPOLOGY_PROFILE_PRIVATE_H

#include <stdbool.h>

#include "topology/profile.h"

/* A native attribute and the model's. */
struct profile_use {
	const char *native, *model;
	const char *absent; /* the value where the native one is absent, or null */
};

/* A native class and the model's. The first row that an entry fits counts. */
struct profile_class {
	const char *native;
	const char *below; /* the beginning of the key of the parent's DN, or null: anywhere */
	const char *model; /* null: such an entry is nothing to us */
	const struct profile_use *uses;
	size_t n_uses;
};

/* What a profile is made from. */
struct profile_table {
	const struct profile_class *classes;
	size_t n_classes;
	const char *const *extra;   /* attributes to ask for beyond those of the rows */
	const char *const *folders; /* classes of folders */
	const char *recipients;     /* the filter of recipients */
};

extern const struct profile_table profile_table_ad;

#endif
