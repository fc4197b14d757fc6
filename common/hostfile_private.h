/*
 * What hostfile.c (keys, sections) and hostfile_value.c (one value and its field) share.
 */
#ifndef WP_COMMON_HOSTFILE_PRIVATE_H
#define WP_COMMON_HOSTFILE_PRIVATE_H

#include <confuse.h>
#include <limits.h>

#include "common/hostfile.h"

/* A number that was given as "". */
#define HOSTFILE_NO_NUMBER LONG_MIN

/* How a value is checked and what its field holds. */
enum kind {
	KIND_TEXT,      /* const char * */
	KIND_PATH,      /* const char *, absolute */
	KIND_SECRET,    /* the same; others must not read the file */
	KIND_NUMBER,    /* unsigned, between min and max */
	KIND_FLAG,      /* bool */
	KIND_DN,        /* const char *, RFC 4514 */
	KIND_DNS,       /* the same as KIND_TEXTS */
	KIND_CHOICE,    /* an enum: the place in choices */
	KIND_TEXTS,     /* const char *const *, and the count */
	KIND_URIS,      /* const struct host_uri *, and the count */
	KIND_ADDRESSES, /* const struct host_address *, and the count; min is the default port */
	KIND_ADDRESS,   /* struct host_address */
	KIND_RANGES,    /* as KIND_TEXTS: addresses or CIDR */
	KIND_ASSUMPTIONS, /* as KIND_TEXTS: NAME=VALUE */
	KIND_SOCKET,    /* const char *: inet:HOST:PORT or unix:PATH */
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t at, count_at;         /* offsets of the field and of its count */
	const char *otherwise;       /* the default, written as in the file; null: null, 0, none */
	unsigned min, max;
	const char *const *choices;
};

/* Where the value INDEX of OPT was given. */
struct mark {
	const cfg_opt_t *opt;
	unsigned index;
	int line;
};

struct loader {
	const char *path;
	struct hostfile *host; /* what is being filled, and the context of its strings */
	struct mark *marks;
	size_t n_marks;
	struct err *e;
};

/* The line of a value, 0 if it was not given. */
int hostfile_line(const struct loader *l, const cfg_opt_t *opt, unsigned index);
bool hostfile_is_list(enum kind kind);
/* The key KEY of the section CFG into its field of TARGET, checked, or its default. */
int hostfile_read_key(struct loader *l, cfg_t *cfg, const struct key *key, char *target);

#endif
