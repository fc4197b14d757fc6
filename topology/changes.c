/* What differs between two states of a directory: see changes.h. Pure. */
#include "topology/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/dn.h"
#include "common/names.h"
#include "topology/attrs.h"
#include "topology/recipient.h"

enum { SHOWN_MAX = 160 /* octets of a value */ };

/* Kept by servers about entries; they change with every write. */
static const char *const operational[] = {
	"entryUUID", "entryCSN", "entryDN", "contextCSN", "modifyTimestamp", "modifiersName",
	"createTimestamp", "creatorsName", "structuralObjectClass", "subschemaSubentry",
	"hasSubordinates", "numSubordinates", "objectGUID", "uSNChanged", "uSNCreated",
	"whenChanged", "whenCreated", "dSCorePropagationData", "distinguishedName", "nsUniqueId",
};

static const char *const secret[] = {
	"userPassword", "unicodePwd", "krbPrincipalKey", "sambaNTPassword", "sambaLMPassword",
};

static bool is_named_in(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ascii_equal(name, names[i]))
			return true;
	return false;
}

static bool is_operational(const char *name)
{
	return is_named_in(name, operational, WP_COUNT(operational));
}

static bool is_secret(const char *name)
{
	return is_named_in(name, secret, WP_COUNT(secret));
}

/* ---- texts ---- */

static bool is_plain(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)data[i] < ' ' && strchr("\t\n\r", data[i]) == NULL)
			return false;
	return name_is_text(data, len);
}

static char *checked(char *text)
{
	if (text == NULL)
		mem_fatal(SHOWN_MAX);
	return text;
}

static const char *shown_text(TALLOC_CTX *ctx, const char *data, size_t len)
{
	size_t kept = SHOWN_MAX;

	if (len <= SHOWN_MAX)
		return checked(talloc_strndup(ctx, data, len));
	while (((unsigned char)data[kept] & 0xc0) == 0x80)
		kept--;
	return checked(talloc_asprintf(ctx, "%.*s… (%zu octets, %08x)", (int)kept, data, len,
				       (unsigned)XXH3_64bits(data, len)));
}

static const char *shown(TALLOC_CTX *ctx, const char *name, const struct entry_value *value)
{
	if (is_secret(name))
		return checked(talloc_strdup(ctx, "(not shown)"));
	if (is_plain(value->data, value->len))
		return shown_text(ctx, value->data, value->len);
	return checked(talloc_asprintf(ctx, "(%zu octets, %08x)", value->len,
				       (unsigned)XXH3_64bits(value->data, value->len)));
}

/* A DN as shown: any octets may stand in it. */
static const char *shown_dn(TALLOC_CTX *ctx, const char *dn)
{
	const struct entry_value value = { dn, strlen(dn) };

	return value.len <= SHOWN_MAX || !is_plain(dn, value.len) ?
		       shown(ctx, "dn", &value) : checked(talloc_strdup(ctx, dn));
}

/* ---- one object ---- */

/* The class that tells what an object is: the model's before any other. */
static const char *class_of(TALLOC_CTX *ctx, const struct entry *entry)
{
	const struct entry_attribute *classes = entry_find(entry, "objectClass");
	const char *other = "";

	for (size_t i = 0; classes != NULL && i < classes->n_values; i++) {
		const struct attr_class *row = attr_find_class(classes->values[i].data);

		if (row != NULL && !row->auxiliary)
			return row->name;
		other = shown(ctx, "objectClass", &classes->values[i]);
	}
	return recipient_is(entry) ? "recipient" : other;
}

static struct change *add_change(struct change_list *list, const struct change *head,
				 enum change_kind kind, const char *attribute)
{
	struct change *change;

	if ((list->count & (list->count - 1)) == 0) {
		list->items = talloc_realloc(list, list->items, struct change,
					     list->count ? list->count * 2 : 1);
		if (list->items == NULL)
			mem_fatal(list->count * sizeof(*change));
	}
	change = &list->items[list->count++];
	*change = (struct change){ .kind = kind, .dn = head->dn, .class = head->class,
				   .attribute = checked(talloc_strdup(list, attribute)) };
	return change;
}

static int compare_values(const void *a, const void *b)
{
	const struct entry_value *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = len > 0 ? memcmp(x->data, y->data, len) : 0;

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The values of an attribute (null: none) in order, to be freed. */
static struct entry_value *sorted_values(const struct entry_attribute *attribute, size_t *n_r)
{
	size_t n = attribute != NULL ? attribute->n_values : 0;
	struct entry_value *values = mem_alloc((n + 1) * sizeof(*values));

	if (n > 0)
		memcpy(values, attribute->values, n * sizeof(*values));
	qsort(values, n, sizeof(*values), compare_values);
	*n_r = n;
	return values;
}

/* Moves values that are on both sides out of both; what is left stays in order. */
static void drop_common(struct entry_value *old, size_t *n_old, struct entry_value *new,
			size_t *n_new)
{
	size_t i = 0, k = 0, kept_old = 0, kept_new = 0;

	while (i < *n_old || k < *n_new) {
		int order = i == *n_old ? 1 : k == *n_new ? -1 : compare_values(&old[i], &new[k]);

		if (order == 0)
			i++, k++;
		else if (order < 0)
			old[kept_old++] = old[i++];
		else
			new[kept_new++] = new[k++];
	}
	*n_old = kept_old;
	*n_new = kept_new;
}

static const char **shown_values(struct change_list *list, const char *name,
				 const struct entry_value *values, size_t n)
{
	const char **texts = n > 0 ? talloc_array(list, const char *, (unsigned)n) : NULL;

	for (size_t i = 0; i < n; i++)
		texts[i] = shown(list, name, &values[i]);
	return texts;
}

static void compare_attribute(struct change_list *list, const struct change *head,
			      const char *name, const struct entry_attribute *before,
			      const struct entry_attribute *after)
{
	size_t n_old, n_new;
	struct entry_value *old = sorted_values(before, &n_old), *new = sorted_values(after, &n_new);

	drop_common(old, &n_old, new, &n_new);
	if (n_old + n_new > 0) {
		struct change *change = add_change(list, head,
						   n_old == 0 ? CHANGE_ADD :
						   n_new == 0 ? CHANGE_REMOVE : CHANGE_REPLACE, name);

		change->old_values = shown_values(list, name, old, n_old);
		change->new_values = shown_values(list, name, new, n_new);
		change->n_old = n_old;
		change->n_new = n_new;
	}
	free(old);
	free(new);
}

static int compare_names(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	while (*x != '\0' && ascii_lower(*x) == ascii_lower(*y))
		x++, y++;
	return (unsigned char)ascii_lower(*x) - (unsigned char)ascii_lower(*y);
}

static size_t add_names(const struct entry *entry, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; entry != NULL && i < entry->n_attributes; i++)
		if (!is_operational(entry->attributes[i].name))
			names[n++] = entry->attributes[i].name;
	return n;
}

static void compare_attributes(struct change_list *list, const struct change *head,
			       const struct entry *before, const struct entry *after)
{
	size_t room = (before != NULL ? before->n_attributes : 0) +
		      (after != NULL ? after->n_attributes : 0);
	const char **names = mem_alloc((room + 1) * sizeof(*names));
	size_t n = add_names(after, names); /* first, so that its spelling is kept */

	n += add_names(before, names + n);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !ascii_equal(names[i - 1], names[i]))
			compare_attribute(list, head, names[i],
					  before != NULL ? entry_find(before, names[i]) : NULL,
					  after != NULL ? entry_find(after, names[i]) : NULL);
	free(names);
}

/* The whole object's row: it appeared, went, or bears another name. */
static void compare_names_of(struct change_list *list, const struct change *head,
			     const struct entry *before, const struct entry *after)
{
	struct change *change;

	if (before == NULL || after == NULL) {
		add_change(list, head, before == NULL ? CHANGE_ADD : CHANGE_REMOVE, "");
	} else if (strcmp(before->dn, after->dn) != 0) {
		change = add_change(list, head, CHANGE_REPLACE, "dn");
		change->old_values = talloc_array(list, const char *, 1);
		change->new_values = talloc_array(list, const char *, 1);
		change->old_values[0] = shown_dn(list, before->dn);
		change->new_values[0] = head->dn;
		change->n_old = change->n_new = 1;
	}
}

struct change_list *change_list_new(TALLOC_CTX *ctx)
{
	struct change_list *list = talloc_zero(ctx, struct change_list);

	if (list == NULL)
		mem_fatal(sizeof(*list));
	return list;
}

size_t changes_of_entry(struct change_list *list, const struct entry *before,
			const struct entry *after)
{
	const struct entry *newer = after != NULL ? after : before;
	size_t count = list->count;
	struct change head = { .dn = "" };

	if (newer == NULL)
		return 0;
	head.dn = shown_dn(list, newer->dn);
	head.class = class_of(list, newer);
	compare_names_of(list, &head, before, after);
	compare_attributes(list, &head, before, after);
	return list->count - count;
}

/* ---- two directories ---- */

struct side {
	const struct entry *entry;
	const char *order; /* the DN's key from the root on: parents come first */
	bool matched;
};

/* "cn=a,dc=b" as "dc=b,cn=a". In a key a comma always separates. */
static const char *rooted(TALLOC_CTX *ctx, const char *key)
{
	size_t len = strlen(key), at = 0;
	char *out = checked(talloc_size(ctx, len + 1));

	while (len > 0) {
		size_t begin = len;

		while (begin > 0 && key[begin - 1] != ',')
			begin--;
		memcpy(out + at, key + begin, len - begin);
		at += len - begin;
		len = begin > 0 ? begin - 1 : 0;
		if (begin > 0)
			out[at++] = ',';
	}
	out[at] = '\0';
	return out;
}

static struct side *make_side(TALLOC_CTX *ctx, const struct entry_list *list)
{
	struct side *side = talloc_zero_array(ctx, struct side, (unsigned)list->count + 1);

	for (size_t i = 0; i < list->count; i++) {
		char *key = dn_key(NULL, list->items[i]->dn);

		side[i].entry = list->items[i];
		side[i].order = key != NULL ? rooted(ctx, key) : list->items[i]->dn;
		talloc_free(key);
	}
	return side;
}

static int by_uuid(const void *a, const void *b)
{
	const struct side *x = a, *y = b;

	return memcmp(&x->entry->uuid, &y->entry->uuid, sizeof(x->entry->uuid));
}

static int by_order(const void *a, const void *b)
{
	const struct side *x = a, *y = b;

	return strcmp(x->order, y->order);
}

struct pair {
	const struct entry *before, *after;
	const char *order;
};

struct pairs {
	struct pair *items;
	size_t count;
};

static void add_pair(struct pairs *pairs, struct side *before, struct side *after)
{
	pairs->items[pairs->count++] = (struct pair){
		before != NULL ? before->entry : NULL,
		after != NULL ? after->entry : NULL,
		after != NULL ? after->order : before->order,
	};
	if (before != NULL)
		before->matched = true;
	if (after != NULL)
		after->matched = true;
}

static bool is_free(const struct side *side, bool by_names)
{
	return !side->matched && (by_names || !entry_uuid_is_null(&side->entry->uuid));
}

/* Pairs what is the same by its name or by its UUID and is not in a pair yet. */
static void join(struct pairs *pairs, struct side *before, size_t n, struct side *after, size_t m,
		 bool by_names)
{
	int (*compare)(const void *a, const void *b) = by_names ? by_order : by_uuid;
	size_t i = 0, k = 0;

	qsort(before, n, sizeof(*before), compare);
	qsort(after, m, sizeof(*after), compare);
	while (i < n && k < m) {
		int order = compare(&before[i], &after[k]);

		if (!is_free(&before[i], by_names)) {
			i++;
		} else if (!is_free(&after[k], by_names)) {
			k++;
		} else if (order == 0) {
			add_pair(pairs, &before[i++], &after[k++]);
		} else {
			i += order < 0;
			k += order > 0;
		}
	}
}

static void add_rest(struct pairs *pairs, struct side *before, size_t n, struct side *after,
		     size_t m)
{
	for (size_t i = 0; i < n; i++)
		if (!before[i].matched)
			add_pair(pairs, &before[i], NULL);
	for (size_t i = 0; i < m; i++)
		if (!after[i].matched)
			add_pair(pairs, NULL, &after[i]);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->order, y->order);

	/* What goes from a name stands before what comes to it. */
	return order != 0 ? order : (x->before == NULL) - (y->before == NULL);
}

void changes_of_lists(struct change_list *list, const struct entry_list *before,
		      const struct entry_list *after)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	struct side *old = make_side(scratch, before), *new = make_side(scratch, after);
	struct pairs pairs = { .items = talloc_array(scratch, struct pair,
						     (unsigned)(before->count + after->count + 1)) };

	join(&pairs, old, before->count, new, after->count, false);
	join(&pairs, old, before->count, new, after->count, true);
	add_rest(&pairs, old, before->count, new, after->count);
	qsort(pairs.items, pairs.count, sizeof(*pairs.items), compare_pairs);
	for (size_t i = 0; i < pairs.count; i++)
		changes_of_entry(list, pairs.items[i].before, pairs.items[i].after);
	talloc_free(scratch);
}
