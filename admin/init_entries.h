/*
 * What a directory gets by `waypost init --create`: the folders of a new organisation with its
 * first site and server, or one more server. Pure.
 */
#ifndef WP_ADMIN_INIT_ENTRIES_H
#define WP_ADMIN_INIT_ENTRIES_H

#include <stdbool.h>
#include <talloc.h>

#include "common/entry.h"

struct init_wish {
	const char *base;   /* DN of the organisation */
	const char *server; /* cn */
	const char *fqdn;
	const char *site;	/* cn */
	const char *site_dn;	/* of one that is there; null: it is made below BASE */
	const char *address;	/* of the server, or null */
	const char *subnet;	/* of the site, or null */
	const char *domain;	/* accepted, or null */
	const char *mailbox;	/* where mailboxes are delivered to, or null */
	const char *listen;	/* ADDRESS:PORT, or null: every address, port 25 */
	bool wants_connector;	/* to the Internet */
	bool has_foreign_sites; /* Active Directory has its own */
	const char *parent;	/* of the server where an organisation has its servers; null:
				   cn=Servers */
};

/* The entry that a naming context begins with, under CTX; null if it is neither dc=, o= nor
 * ou=. */
struct entry *init_suffix_entry(TALLOC_CTX *ctx, const char *dn);
/* The folder NAME of an organisation. */
struct entry *init_folder_entry(TALLOC_CTX *ctx, const char *base, const char *name);
/* Organisation, folders, site, subnet, server, domain and connector into LIST, parents first.
 */
void init_new_organisation(TALLOC_CTX *ctx, const struct init_wish *wish,
			   struct entry_list *list);
/* The server alone, with its receive connector; its site before it if that is new. */
void init_new_server(TALLOC_CTX *ctx, const struct init_wish *wish, struct entry_list *list);

#endif
