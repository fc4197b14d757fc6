/*
 * One question to a directory over a connection of ldapsync/dirconn.h, with a deadline of our
 * own: a server that hangs costs its time and no more. One thread, which blocks.
 */
#ifndef WP_ADMIN_DIRQUERY_H
#define WP_ADMIN_DIRQUERY_H

#include <ldap.h>
#include <talloc.h>

#include "common/entry.h"
#include "common/err.h"

struct dirquery {
	const char *base;
	int scope;		       /* LDAP_SCOPE_… */
	const char *filter;	       /* null: (objectClass=*) */
	const char *const *attributes; /* null-terminated; null: all that users have */
	LDAPControl *control;	       /* null: none */
	int size_limit;		       /* 0: the server's */
	unsigned limit_ms;	       /* for all of it; 0: DIRCONN_ANSWER_MS */
};

struct dirreply {
	int code;		   /* LDAP's; LDAP_TIMEOUT: it did not answer in time */
	const char *text;	   /* what the server said to it, or "" */
	struct entry_list entries; /* their uuid where entryUUID or objectGUID was asked for */
	LDAPControl **controls;	   /* of the result, freed with it; null: none */
};

/* Asks, and takes all that comes, below CTX. What came before an error is there too. */
struct dirreply *dirquery(LDAP *ld, TALLOC_CTX *ctx, const struct dirquery *query);
/* Only counts the entries, and stops after MOST of them: *COUNT_R. The code; 0 if it stopped.
 */
int dirquery_count(LDAP *ld, const struct dirquery *query, size_t most, size_t *count_r);
/*
 * Asks page by page, and gives every entry to ON_ENTRY, which returns false to end it. So no
 * limit of one answer matters. LIMIT_MS is for each page. The code.
 */
int dirquery_pages(LDAP *ld, const struct dirquery *query,
		   bool (*on_entry)(void *arg, const struct entry *entry), void *arg);
/* The one entry DN with ATTRIBUTES, or null. CODE_R may be null. */
struct entry *dirquery_entry(LDAP *ld, TALLOC_CTX *ctx, const char *dn,
			     const char *const *attributes, int *code_r);
/* An extended operation without a value: its code, and what came back, talloc'd, or null. */
int dirquery_extended(LDAP *ld, TALLOC_CTX *ctx, const char *oid, const char **answer_r);
/* VALUE as a filter wants it (RFC 4515). */
char *dirquery_escape(TALLOC_CTX *ctx, const char *value);

#endif
