/*
 * LDIF change records (RFC 2849): what is to be added, deleted, modified, renamed. Pure.
 *
 * A record without "changetype:" is an addition, as for `ldapmodify -a`. More lenient than the
 * RFC where files written by hand differ: the "-" behind the last modification may be missing,
 * and what ldif.h says. A control that is not critical is passed over; a critical one is
 * refused, as is anything malformed, with its line.
 */
#ifndef WP_COMMON_LDIF_CHANGE_H
#define WP_COMMON_LDIF_CHANGE_H

#include "common/ldif.h"

enum ldif_change_type { LDIF_ADD, LDIF_DELETE, LDIF_MODIFY, LDIF_RENAME };
enum ldif_mod_kind { LDIF_MOD_ADD, LDIF_MOD_DELETE, LDIF_MOD_REPLACE };

/* A part of LDIF_MODIFY: values of one attribute. To delete none means all of them. */
struct ldif_mod {
	enum ldif_mod_kind kind;
	size_t line;
	const char *name; /* without options */
	const struct entry_value *values;
	size_t n_values;
};

struct ldif_change {
	enum ldif_change_type type;
	size_t line;          /* where the record begins */
	const char *dn;
	struct entry *entry;  /* LDIF_ADD: what is added; else without attributes */
	struct ldif_mod *mods;
	size_t n_mods;
	const char *new_rdn;      /* LDIF_RENAME: a valid RDN */
	const char *new_superior; /* null: the parent stays */
	bool deletes_old_rdn;
};

struct ldif_change_list {
	struct ldif_change **items;
	size_t count;
};

/* 1: the next change under CTX; 0: the end; -1: ERR says "line N: ...", as ldif_next. */
int ldif_change_next(struct ldif_reader *reader, TALLOC_CTX *ctx, struct ldif_change **change_r,
		     struct err *err) WP_MUST_CHECK;
/* All changes of TEXT, appended to LIST under CTX. 0, or -1 with ERR. */
int ldif_change_read(TALLOC_CTX *ctx, const char *text, size_t len, struct ldif_change_list *list,
		     struct err *err) WP_MUST_CHECK;
/* "add", "delete", "modify", "modrdn". */
const char *ldif_change_name(enum ldif_change_type type);

#endif
