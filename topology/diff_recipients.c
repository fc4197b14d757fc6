/*
 * What every recipient's address resolves to on both sides: see diff_private.h. Pure.
 *
 * Resolution does not depend on where it is done (an edge apart), so it is done once a side.
 * Addresses of the old side come first, then those that only the new side has.
 */
#include <string.h>
#include <uthash.h>

#include "common/ctl_proto.h"
#include "topology/diff_private.h"
#include "topology/resolve.h"

/* A way to be told: "MBX1 (site A)", "outside", "a group", a host. */
struct home {
	uint32_t number;
	UT_hash_handle hh;
	char text[];
};

/* An address that several entries bear. */
struct met {
	UT_hash_handle hh;
	char address[];
};

struct recipients {
	struct diff *d;
	struct diff_groups *groups;
	struct viewpoint *vp[SIDES];
	struct home *homes, **numbered;
	struct met *met;
	uint32_t n_homes;
	uint64_t compared;
	bool is_complete;
	int side;        /* whose addresses are being walked */
	struct err *err;
	bool failed;
};

/* What an address resolves to. */
struct target {
	struct resolution *resolution;
	const char *way;     /* null: not deliverable */
	const char *address;
	uint32_t reason, members;
};

static uint32_t home_number(struct recipients *r, const char *text)
{
	struct home *home = NULL;
	size_t len = strlen(text);

	HASH_FIND(hh, r->homes, text, len, home);
	if (home != NULL)
		return home->number;
	home = talloc_zero_size(r->d->ctx, sizeof(*home) + len + 1);
	memcpy(home->text, text, len + 1);
	home->number = r->n_homes++;
	HASH_ADD_KEYPTR(hh, r->homes, home->text, len, home);
	r->numbered = talloc_realloc(r->d->ctx, r->numbered, struct home *, r->n_homes);
	r->numbered[home->number] = home;
	return home->number;
}

static const char *home_name(void *ctx, uint32_t i, int side)
{
	(void)side;
	return ((struct recipients *)ctx)->numbered[i]->text;
}

static void describe_mailbox(const struct diff *d, int side, const struct resolved *item,
			     struct target *target)
{
	const struct snapshot *snap = d->snap[side];
	const struct snap_peer *home = &snap_server(snap, item->home)->peer;

	if (home->site == SNAP_NONE) {
		target->reason = REASON_NO_HOME_SERVER;
		return;
	}
	target->way = talloc_asprintf(target->resolution, "%s (site %s)", snap_str(snap, home->name),
				      snap_str(snap, snap_site(snap, home->site)->name));
}

static void describe(const struct diff *d, int side, struct target *target)
{
	const struct resolved *item = &target->resolution->items[0];

	target->address = item->folded;
	target->reason = REASON_NONE;
	switch (item->kind) {
	case RESOLVED_MAILBOX:
		describe_mailbox(d, side, item, target);
		break;
	case RESOLVED_EXTERNAL:
		target->way = "outside";
		break;
	case RESOLVED_HOST:
		target->way = item->host;
		break;
	case RESOLVED_GROUP:
		target->way = "a group";
		target->members = target->resolution->count - 1;
		target->address = "";
		break;
	case RESOLVED_DISCARDED:
		target->reason = REASON_EMPTY_GROUP;
		break;
	default:
		target->reason = item->reason;
	}
}

static int resolve_side(struct recipients *r, int side, const char *address, struct target *target)
{
	const struct diff_side *sides[SIDES] = { &r->d->query->old, &r->d->query->new };
	const struct resolve_query query = { .authenticated = true };

	*target = (struct target){ .resolution = NULL };
	if (resolve_recipient(r->d->ctx, r->vp[side], sides[side]->recipients, &query, address,
			      &target->resolution, r->err) < 0)
		return -1;
	describe(r->d, side, target);
	return 0;
}

static bool make_key(struct recipients *r, const struct target *targets, struct diff_group_key *key)
{
	const struct target *old = &targets[OLD], *new = &targets[NEW];

	*key = (struct diff_group_key){ .kind = DIFF_MOVED, .old = SNAP_NONE, .new = SNAP_NONE };
	if (old->way == NULL && new->way == NULL)
		return false;
	if (old->way != NULL)
		key->old = home_number(r, old->way);
	if (new->way != NULL)
		key->new = home_number(r, new->way);
	if (old->way == NULL || new->way == NULL) {
		key->kind = new->way == NULL ? DIFF_LOST : DIFF_GAINED;
		key->reason = new->way == NULL ? new->reason : old->reason;
		return true;
	}
	key->what |= key->old != key->new ? DIFF_HOME : 0;
	key->what |= strcmp(old->address, new->address) != 0 ? DIFF_ADDRESS : 0;
	key->what |= old->members != new->members ? DIFF_MEMBERS : 0;
	return key->what != 0;
}

static json_t *describe_json(const struct target *target)
{
	json_t *out = json_object();

	if (target->way == NULL) {
		json_object_set_new(out, "reason", json_string(diff_reason_name(target->reason)));
		return out;
	}
	json_object_set_new(out, "home", ctl_text(target->way));
	if (*target->address != '\0')
		json_object_set_new(out, "address", ctl_text(target->address));
	if (target->members > 0)
		json_object_set_new(out, "members", json_integer(target->members));
	return out;
}

static void count(struct recipients *r, const char *address, const struct target *targets)
{
	struct diff_group_key key;
	struct diff_group *group;

	if (!make_key(r, targets, &key))
		return;
	group = diff_groups_count(r->groups, &key, 0, 0);
	if (group != NULL)
		diff_group_example(group, json_pack("{so so so}", "to", ctl_text(address), "old",
						    describe_json(&targets[OLD]), "new",
						    describe_json(&targets[NEW])));
}

static int compare_address(struct recipients *r, const char *address)
{
	struct target targets[SIDES] = { { .resolution = NULL }, { .resolution = NULL } };
	int rc = 0;

	for (int side = OLD; side < SIDES && rc == 0; side++)
		rc = resolve_side(r, side, address, &targets[side]);
	if (rc == 0)
		count(r, address, targets);
	talloc_free(targets[OLD].resolution);
	talloc_free(targets[NEW].resolution);
	return rc;
}

/* Whether ADDRESS, which several entries bear, was met before; from now on it was. */
static bool was_met(struct recipients *r, const char *address)
{
	struct met *met = NULL;
	size_t len = strlen(address);

	HASH_FIND(hh, r->met, address, len, met);
	if (met != NULL)
		return true;
	met = talloc_zero_size(r->d->ctx, sizeof(*met) + len + 1);
	memcpy(met->address, address, len + 1);
	HASH_ADD_KEYPTR(hh, r->met, met->address, len, met);
	return false;
}

/* 1 if ADDRESS was compared in its turn: the old side has it, or another entry bears it too. */
static int is_done(struct recipients *r, const char *address)
{
	const struct recipient_source *old = r->d->query->old.recipients;
	const struct recipient_source *walked = r->side == OLD ? old : r->d->query->new.recipients;
	struct recipient found[2];
	int n = r->side == NEW ? old->by_address(old->ctx, address, found, 1, r->err) : 0;

	if (n != 0)
		return n;
	n = walked->by_address(walked->ctx, address, found, 2, r->err);
	return n < 0 ? -1 : n > 1 && was_met(r, address);
}

static bool on_recipient(void *arg, const struct recipient *recipient)
{
	struct recipients *r = arg;
	const char *address = recipient->addresses.first;

	for (uint32_t i = 0; i < recipient->addresses.count; i++, address = recipient_next(address)) {
		int done = is_done(r, address);

		if (done > 0)
			continue;
		if (done == 0 && r->d->query->max_recipients != 0 &&
		    r->compared == r->d->query->max_recipients) {
			r->is_complete = false;
			return false;
		}
		r->compared++;
		if (done < 0 || compare_address(r, address) < 0) {
			r->failed = true;
			return false;
		}
	}
	return true;
}

/* Both sides' addresses; with the same recipients the old ones are all. */
static int walk(struct recipients *r)
{
	const struct diff_query *query = r->d->query;
	int rc;

	r->side = OLD;
	rc = query->old.each_recipient(query->old.recipients->ctx, on_recipient, r, r->err);
	r->side = NEW;
	if (rc == 0 && !r->failed && r->is_complete && !query->same_recipients)
		rc = query->new.each_recipient(query->new.recipients->ctx, on_recipient, r, r->err);
	return rc < 0 || r->failed ? -1 : 0;
}

static int walk_in_transaction(struct recipients *r)
{
	const struct diff_query *query = r->d->query;
	int rc;

	if (query->begin_recipients != NULL && query->begin_recipients(query->ctx, r->err) < 0)
		return -1;
	rc = walk(r);
	if (query->end_recipients != NULL)
		query->end_recipients(query->ctx);
	return rc;
}

int diff_recipients_json(struct diff *d, json_t **json_r, struct err *err)
{
	const struct diff_query *query = d->query;
	bool compares = query->old.each_recipient != NULL && query->new.each_recipient != NULL &&
			!(query->same_recipients && diff_same_resolution(d));
	struct recipients r = { .d = d, .is_complete = true, .err = err };
	int rc = 0;

	r.groups = diff_groups_new(d->ctx, 1, 1, (struct diff_namer){ NULL, NULL, home_name, &r });
	for (int side = OLD; side < SIDES; side++)
		r.vp[side] = viewpoint_new_site(d->snap[side], SNAP_NONE);
	if (compares)
		rc = walk_in_transaction(&r);
	*json_r = diff_groups_json(r.groups, compares, d->totals);
	if (compares) {
		json_object_set_new(*json_r, "addresses", json_integer((json_int_t)r.compared));
		json_object_set_new(*json_r, "complete", json_boolean(r.is_complete));
	}
	for (int side = OLD; side < SIDES; side++)
		viewpoint_free(r.vp[side]);
	HASH_CLEAR(hh, r.homes);
	HASH_CLEAR(hh, r.met);
	return rc;
}
