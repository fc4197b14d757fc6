/* Groups of what moves in the same way: see diff_private.h. Pure. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/ctl_proto.h"
#include "topology/diff_private.h"

/*
 * GROUPS_MAX in memory, later ones are counted together by their kind; GROUPS_SHOWN in the
 * answer, the largest ones; NAMES_SHOWN of each list.
 */
enum { GROUPS_MAX = 4096, GROUPS_SHOWN = 100, EXAMPLES = 3, NAMES_SHOWN = 10 };

struct diff_group {
	struct diff_group_key key;
	uint64_t count;
	uint64_t *from, *to; /* bits */
	json_t *examples;
	UT_hash_handle hh;
};

struct diff_groups {
	uint32_t n_from, n_to;
	struct diff_namer namer;
	struct diff_group *groups, *last;
	uint64_t totals[DIFF_KINDS];
};

static const char *const kind_names[] = { "lost", "gained", "moved", "changed" };

/* Beside the bits of enum diff_what, from the lowest on. */
static const char *const what_names[] = {
	"next_stop", "stops", "path", "servers", "backoff", "connector", "source", "home",
	"address", "members", "cost", "hops", "limit",
};

const char *diff_kind_name(uint32_t kind)
{
	return kind_names[kind];
}

const char *diff_reason_name(uint32_t reason)
{
	return reason == DIFF_NO_SUCH_SITE ? "no-such-site" :
					     reason_row((enum route_reason)reason)->id;
}

static int groups_destroy(struct diff_groups *groups)
{
	struct diff_group *group, *next;

	HASH_ITER(hh, groups->groups, group, next) {
		HASH_DEL(groups->groups, group);
		json_decref(group->examples);
	}
	return 0;
}

struct diff_groups *diff_groups_new(TALLOC_CTX *ctx, uint32_t n_from, uint32_t n_to,
				    struct diff_namer namer)
{
	struct diff_groups *groups = talloc_zero(ctx, struct diff_groups);

	groups->n_from = n_from;
	groups->n_to = n_to;
	groups->namer = namer;
	talloc_set_destructor(groups, groups_destroy);
	return groups;
}

static uint64_t *make_bits(TALLOC_CTX *ctx, uint32_t n)
{
	return talloc_zero_array(ctx, uint64_t, n / 64 + 1);
}

static struct diff_group *add_group(struct diff_groups *groups, const struct diff_group_key *key)
{
	struct diff_group *group = talloc_zero(groups, struct diff_group);

	group->key = *key;
	group->from = make_bits(group, groups->n_from);
	group->to = make_bits(group, groups->n_to);
	group->examples = json_array();
	HASH_ADD(hh, groups->groups, key, sizeof(group->key), group);
	return group;
}

static struct diff_group *get_group(struct diff_groups *groups, const struct diff_group_key *key)
{
	const struct diff_group_key rest = { key->kind, 0, 0, SNAP_NONE, SNAP_NONE };
	struct diff_group *group = NULL;

	if (groups->last != NULL && memcmp(&groups->last->key, key, sizeof(*key)) == 0)
		return groups->last;
	HASH_FIND(hh, groups->groups, key, sizeof(*key), group);
	if (group == NULL && HASH_COUNT(groups->groups) >= GROUPS_MAX) {
		HASH_FIND(hh, groups->groups, &rest, sizeof(rest), group);
		key = &rest;
	}
	groups->last = group != NULL ? group : add_group(groups, key);
	return groups->last;
}

struct diff_group *diff_groups_count(struct diff_groups *groups, const struct diff_group_key *key,
				     uint32_t from, uint32_t to)
{
	struct diff_group *group = get_group(groups, key);

	group->count++;
	groups->totals[key->kind]++;
	group->from[from / 64] |= (uint64_t)1 << from % 64;
	group->to[to / 64] |= (uint64_t)1 << to % 64;
	return json_array_size(group->examples) < EXAMPLES ? group : NULL;
}

void diff_group_example(struct diff_group *group, json_t *example)
{
	json_array_append_new(group->examples, example);
}

/* ---- the answer ---- */

static void set_names(json_t *out, const char *field, const char *count_field,
		      const uint64_t *bits, uint32_t n, const char *(*name)(void *, uint32_t),
		      void *ctx)
{
	json_t *list = json_array();
	json_int_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!(bits[i / 64] >> i % 64 & 1))
			continue;
		if (count++ < NAMES_SHOWN)
			json_array_append_new(list, ctl_text(name(ctx, i)));
	}
	json_object_set_new(out, field, list);
	json_object_set_new(out, count_field, json_integer(count));
}

static void set_what(json_t *out, uint32_t what)
{
	json_t *list = json_array();

	for (size_t i = 0; i < WP_COUNT(what_names); i++)
		if (what & 1u << i)
			json_array_append_new(list, json_string(what_names[i]));
	json_object_set_new(out, "what", list);
}

static void set_way(json_t *out, const char *field, const struct diff_groups *groups, uint32_t way,
		    int side)
{
	if (way != SNAP_NONE)
		json_object_set_new(out, field,
				    ctl_text(groups->namer.way(groups->namer.ctx, way, side)));
}

static json_t *group_json(const struct diff_groups *groups, const struct diff_group *group)
{
	const struct diff_namer *namer = &groups->namer;
	json_t *out = json_object();

	json_object_set_new(out, "kind", json_string(diff_kind_name(group->key.kind)));
	if (group->key.what != 0)
		set_what(out, group->key.what);
	if (group->key.reason != REASON_NONE)
		json_object_set_new(out, "reason", json_string(diff_reason_name(group->key.reason)));
	set_way(out, "old", groups, group->key.old, OLD);
	set_way(out, "new", groups, group->key.new, NEW);
	json_object_set_new(out, "count", json_integer((json_int_t)group->count));
	if (namer->from != NULL)
		set_names(out, "from", "from_count", group->from, groups->n_from, namer->from,
			  namer->ctx);
	if (namer->to != NULL)
		set_names(out, "to", "to_count", group->to, groups->n_to, namer->to, namer->ctx);
	json_object_set(out, "examples", group->examples);
	return out;
}

/* Lost first; then by count, and by when it was met. */
static int compare_groups(struct diff_group *a, struct diff_group *b)
{
	if (a->key.kind != b->key.kind)
		return a->key.kind < b->key.kind ? -1 : 1;
	return (a->count < b->count) - (a->count > b->count);
}

static void set_groups(json_t *out, struct diff_groups *groups)
{
	json_t *list = json_array();
	struct diff_group *group, *next;
	json_int_t left_out = 0;

	HASH_SORT(groups->groups, compare_groups);
	HASH_ITER(hh, groups->groups, group, next) {
		if (json_array_size(list) < GROUPS_SHOWN)
			json_array_append_new(list, group_json(groups, group));
		else
			left_out++;
	}
	json_object_set_new(out, "groups", list);
	if (left_out > 0)
		json_object_set_new(out, "groups_left_out", json_integer(left_out));
}

json_t *diff_groups_json(struct diff_groups *groups, bool compared, uint64_t totals[DIFF_KINDS])
{
	json_t *out = json_object();

	json_object_set_new(out, "compared", json_boolean(compared));
	if (!compared)
		return out;
	for (uint32_t kind = 0; kind < DIFF_KINDS; kind++) {
		json_object_set_new(out, diff_kind_name(kind),
				    json_integer((json_int_t)groups->totals[kind]));
		totals[kind] += groups->totals[kind];
	}
	set_groups(out, groups);
	return out;
}
