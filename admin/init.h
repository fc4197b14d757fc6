/*
 * `waypost init`: from a domain or an address to a host file that works. The steps in their
 * order; each fills in what the next needs. Questions are admin/ask.h's. One thread, which
 * blocks.
 */
#ifndef WP_ADMIN_INIT_H
#define WP_ADMIN_INIT_H

#include <ldap.h>

#include "admin/ask.h"
#include "admin/dirclient.h"
#include "admin/doctor_private.h"
#include "admin/init_entries.h"
#include "admin/survey.h"
#include "common/hostfile.h"

struct init {
	struct cli *cli;
	TALLOC_CTX *ctx;
	struct ask ask;
	bool is_dry;
	/* what will be written */
	struct hostfile host; /* its directories point at DIRECTORY */
	struct host_directory directory;
	const char *path;	 /* of the host file, absolute */
	const char *secret_path; /* of a password that was typed; null: there is none */
	char *secret;
	int secret_fd; /* the password until then, -1: none */
	/* 1. the server that is spoken to */
	struct host_uri uri;
	LDAP *ld;
	struct rootdse *dse;
	enum doctor_kind kind;
	/* 2. what is there */
	bool has_organisation;
	const char *suffix; /* the naming context of the base */
	struct survey_row found[SURVEY_ROWS];
	struct entry_list servers, sites; /* with cn, waypostFqdn */
	/* 3. what is to be added */
	struct init_wish wish;
	struct entry_list entries;
	size_t n_above; /* of them, first: what is above the organisation, and may be there unseen */
	size_t n_added;
	struct dirclient *admin; /* who may write; null: not asked for yet */
	bool is_published;
};

/* cmd_init.c: what was given as --NAME; null if nothing was, or "". */
const char *init_option(const struct init *init, const char *name);
/* PATH as it is called from everywhere; PATH itself if it is that. */
const char *init_absolute(TALLOC_CTX *ctx, const char *path);

/* init_reach.c: where it is, TLS, and signing in. -1 and E. */
int init_find_server(struct init *init, struct err *e) WP_MUST_CHECK;
int init_sign_in(struct init *init, struct err *e) WP_MUST_CHECK;
/* The error E of signing in as a command says it: ERR_PERMISSION for refused credentials. -1.
 */
int init_refused(struct err *e);
/* A password that is in memory as a file that can be named; a descriptor, which is the
 * caller's. */
int init_hide_secret(const char *secret, const char **path_r, TALLOC_CTX *ctx);

/* init_find.c: profile, base, recipients; what there is of it; which server this host is. */
int init_find_organisation(struct init *init, struct err *e) WP_MUST_CHECK;
int init_survey(struct init *init, struct err *e) WP_MUST_CHECK;
void init_show(struct init *init);
int init_choose_server(struct init *init, struct err *e) WP_MUST_CHECK;
/* The entry of LIST with this cn, or null. */
const struct entry *init_find_name(const struct entry_list *list, const char *name);

/* Whether a new object may be called TEXT: everywhere, in Active Directory too. -1: ERR_USAGE. */
int init_judge_name(const char *text, struct err *e) WP_MUST_CHECK;

/* init_create.c */
int init_plan(struct init *init, struct err *e) WP_MUST_CHECK;
int init_add(struct init *init, struct err *e) WP_MUST_CHECK;
int init_publish(struct init *init, struct err *e) WP_MUST_CHECK;

#endif
