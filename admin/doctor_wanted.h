/*
 * Names that there have to be, and which of them were found: for the directory doctor's schema
 * and indexes. Pure.
 */
#ifndef WP_ADMIN_DOCTOR_WANTED_H
#define WP_ADMIN_DOCTOR_WANTED_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "common/entry.h"

struct wanted {
	const char *name; /* kept */
	bool is_found;
};

struct wanted_list {
	struct wanted *items;
	size_t n;
};

void wanted_add(TALLOC_CTX *ctx, struct wanted_list *list, const char *name);
/* The name that is LEN octets of TEXT was found, if it is wanted at all. */
void wanted_find(struct wanted_list *list, const char *text, size_t len);
/* VALUE is a name. */
void wanted_find_name(struct wanted_list *list, const char *value);
/* VALUE defines names: ( OID NAME 'a' … ) or NAME ( 'a' 'b' ) (RFC 4512 §4.1). */
void wanted_find_defined(struct wanted_list *list, const char *value);
/* One of these for every value of the attribute NAME of ENTRY. */
void wanted_find_values(struct wanted_list *list, const struct entry *entry, const char *name,
			void (*fn)(struct wanted_list *list, const char *value));
/* The names of a filter that are attributes: (mail=*), (&(a=b)(c>=d)). */
void wanted_add_filter(TALLOC_CTX *ctx, struct wanted_list *list, const char *filter);
/* The found ones (or the others) from FIRST to before END, with "," between them, under CTX. */
char *wanted_text(TALLOC_CTX *ctx, const struct wanted_list *list, size_t first, size_t end,
		  bool found);

#endif
