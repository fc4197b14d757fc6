/*
 * What differs between two states of a directory: object, attribute, old and new values. Pure.
 *
 * For plans and for the log of changes. It looks at what is stored, not at what it means: any
 * value whose octets differ is listed, in whatever order values stand. What a server keeps for
 * itself (entryCSN, modifyTimestamp, …) is left out, and secrets are never shown.
 */
#ifndef WP_TOPOLOGY_CHANGES_H
#define WP_TOPOLOGY_CHANGES_H

#include <jansson.h>
#include <talloc.h>

#include "common/buf.h"
#include "common/entry.h"

enum change_kind { CHANGE_ADD, CHANGE_REMOVE, CHANGE_REPLACE };

/*
 * One row. An object that appears or goes has a row with ATTRIBUTE "" and then one for each of
 * its attributes; a renamed one has a row with ATTRIBUTE "dn". OLD_VALUES are those that went,
 * NEW_VALUES those that came; values that stayed are in neither. Texts are UTF-8 and as shown:
 * what is binary or long is described ("(1204 octets, 5f0e19c2)", "begin… (900 octets)"), so
 * that equal texts mean equal values.
 */
struct change {
	enum change_kind kind;
	const char *dn;        /* as the newer state spells it */
	const char *class;     /* of the directory model, "recipient", another class, or "" */
	const char *attribute;
	const char **old_values, **new_values;
	size_t n_old, n_new;
};

/* Everything lives under the list. One thread. */
struct change_list {
	struct change *items;
	size_t count;
};

struct change_list *change_list_new(TALLOC_CTX *ctx);
/*
 * Appends what differs between two states of one object, attributes by name. BEFORE or AFTER
 * may be null: it appeared, or it went. The entries need not live on. Rows appended.
 */
size_t changes_of_entry(struct change_list *list, const struct entry *before,
			const struct entry *after);
/*
 * The same for two directories, objects in the order of their DNs (parents first). An object
 * is the same if its UUID is, or else its DN. O(n log n).
 */
void changes_of_lists(struct change_list *list, const struct entry_list *before,
		      const struct entry_list *after);

/* "add", "remove", "replace". */
const char *change_kind_name(enum change_kind kind);
/*
 * [{"kind","class","dn","attribute","old":[…],"new":[…]}, …], a new reference; "attribute" is
 * left out for a whole object, "old" and "new" where they are empty.
 */
json_t *changes_json(const struct change_list *list);
/* Such an array as a person reads it, appended to OUT: one line an object, its attributes
 * below. Control characters become '?'. */
void changes_text(const json_t *changes, struct buf *out);

#endif
