/*
 * What there is of an organisation in a directory, counted and named in the directory's own
 * terms: for people who want to see that it is the right one before anything is written down.
 * One thread, which blocks.
 */
#ifndef WP_ADMIN_SURVEY_H
#define WP_ADMIN_SURVEY_H

#include <ldap.h>
#include <stdbool.h>
#include <talloc.h>

#include "common/hostfile.h"

enum survey_what {
	SURVEY_SITES,
	SURVEY_LINKS,
	SURVEY_SUBNETS,
	SURVEY_SERVERS,
	SURVEY_CONNECTORS,
	SURVEY_DOMAINS,
	SURVEY_RECIPIENTS,
	SURVEY_ROWS,
};

enum { SURVEY_NAMES = 8, SURVEY_MOST = 1000000 };

struct survey_row {
	int code; /* LDAP's; what was counted before an error counts */
	size_t count;
	bool is_cut;			 /* there are more: SURVEY_MOST were counted */
	const char *names[SURVEY_NAMES]; /* the first of them */
	size_t n_names;
};

/* "sites", "site links", … */
const char *survey_label(enum survey_what what);
/* DIRECTORY says profile, base, recipients and filter. CONFIGURATION: AD's naming context, or
 * null. */
void survey_take(LDAP *ld, TALLOC_CTX *ctx, const struct host_directory *directory,
		 const char *configuration, enum survey_what what, struct survey_row *row_r);
/* The class of servers in a profile. */
const char *survey_server_class(enum host_profile profile);

#endif
