/*
 * The connector of every address space on both sides: see diff_private.h. Pure.
 *
 * Each space that either side knows is asked with an address that it matches and, if possible,
 * nothing more specific does: for "*.d" that is "*.d" itself, which no real domain equals. So
 * are the accepted domains: inside only those whose recipients may leave by a connector (relay
 * domains and those without look-up), on an edge all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/ctl_proto.h"
#include "topology/addrspace.h"
#include "topology/diff_private.h"
#include "topology/select.h"

struct probe {
	const char *name; /* as shown: "*.example.com", "FAX:*" */
	const char *type, *address;
	bool is_inside;   /* asked inside too, not only on edges */
};

struct diff_spaces {
	struct diff *d;
	struct diff_groups *groups;
	struct probe *probes;
	uint32_t n_probes;
};

/* ---- what is asked ---- */

static bool leaves_by_connector(const struct snapshot *snap, const struct snap_node *node)
{
	const struct snap_domain *domain = snap_domain(snap, snap_word(snap, node->items, 0));

	return domain->type != DOMAIN_AUTHORITATIVE || !domain->lookup;
}

/* "192.0.2.0/24" as the literal of its first address. */
static char *first_of_prefix(TALLOC_CTX *ctx, const char *text)
{
	int len = (int)strcspn(text, "/");

	return talloc_asprintf(ctx, strchr(text, ':') != NULL ? "[IPv6:%.*s]" : "[%.*s]", len, text);
}

static struct probe make_probe(TALLOC_CTX *ctx, const struct snapshot *snap,
			       const struct snap_node *node)
{
	const char *type = snap_str(snap, node->type), *text = snap_str(snap, node->text);
	struct probe probe = { .type = *type != '\0' ? type : "SMTP", .is_inside = true };

	probe.address = probe.name = text;
	if (node->kind == NODE_SUFFIX || node->kind == NODE_ACCEPTED_SUFFIX)
		probe.address = probe.name = talloc_asprintf(ctx, "*.%s", text);
	if (node->kind == NODE_ALL)
		probe.address = probe.name = "*";
	if (node->kind == NODE_PREFIX) {
		probe.address = first_of_prefix(ctx, text);
		probe.name = talloc_asprintf(ctx, "[%s]", text);
	}
	if (strcmp(probe.type, "SMTP") != 0)
		probe.name = talloc_asprintf(ctx, "%s:%s", type, probe.name);
	if (node->kind == NODE_ACCEPTED_EXACT || node->kind == NODE_ACCEPTED_SUFFIX)
		probe.is_inside = leaves_by_connector(snap, node);
	return probe;
}

static int compare_probes(const void *a, const void *b)
{
	const struct probe *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : y->is_inside - x->is_inside;
}

static void add_probes(struct diff_spaces *spaces, const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_NODES); i++)
		spaces->probes[spaces->n_probes++] = make_probe(spaces, snap, snap_node(snap, i));
}

static void make_probes(struct diff_spaces *spaces)
{
	const struct diff *d = spaces->d;
	uint32_t kept = 0;

	spaces->probes = talloc_array(spaces, struct probe, snap_count(d->snap[OLD], SNAP_NODES) +
							    snap_count(d->snap[NEW], SNAP_NODES) + 1);
	add_probes(spaces, d->snap[OLD]);
	add_probes(spaces, d->snap[NEW]);
	qsort(spaces->probes, spaces->n_probes, sizeof(*spaces->probes), compare_probes);
	for (uint32_t i = 0; i < spaces->n_probes; i++)
		if (kept == 0 || strcmp(spaces->probes[kept - 1].name, spaces->probes[i].name) != 0)
			spaces->probes[kept++] = spaces->probes[i];
	spaces->n_probes = kept;
}

/* ---- names ---- */

static const char *source_name(void *ctx, uint32_t i)
{
	return ((struct diff_spaces *)ctx)->d->sources[i].name;
}

static const char *probe_name(void *ctx, uint32_t i)
{
	return ((struct diff_spaces *)ctx)->probes[i].name;
}

static const char *connector_name(void *ctx, uint32_t i, int side)
{
	(void)side;
	return ((struct diff_spaces *)ctx)->d->connectors.name[i];
}

struct diff_spaces *diff_spaces_new(struct diff *d)
{
	struct diff_spaces *spaces = talloc_zero(d->ctx, struct diff_spaces);

	spaces->d = d;
	make_probes(spaces);
	spaces->groups = diff_groups_new(spaces, d->n_sources, spaces->n_probes,
					 (struct diff_namer){ source_name, probe_name, connector_name,
							      spaces });
	return spaces;
}

/* ---- one pair ---- */

/* What one side answers. */
struct choice {
	uint32_t reason;    /* REASON_NONE: found */
	uint32_t connector; /* joined */
	uint32_t site;      /* joined site of the nearest source; SNAP_NONE on an edge */
	uint64_t cost;
	uint32_t space;
};

static uint32_t why_not(const struct probe *probe, enum select_result result)
{
	if (result == SELECT_TOO_LARGE)
		return REASON_CONNECTOR_SIZE;
	return strcmp(probe->type, "SMTP") == 0 ? REASON_NO_MATCHING_CONNECTOR :
						  REASON_NO_CONNECTOR_FOR_TYPE;
}

/* The limits of the links to the source's site are looked at after the choice. */
static bool fits_links(const struct viewpoint *vp, uint32_t size_class, uint32_t site, uint64_t size)
{
	const struct viewpoint_hop *hop;

	if (site == SNAP_NONE || site == viewpoint_site(vp))
		return true;
	hop = viewpoint_hop(vp, size_class, site);
	return hop != NULL && (hop->max_size == 0 || size <= hop->max_size);
}

static struct choice choose(const struct diff *d, int side, const struct viewpoint *vp,
			    const struct probe *probe)
{
	uint32_t size_class = viewpoint_size_class(vp, d->query->size);
	struct choice choice = { .reason = REASON_NONE, .site = SNAP_NONE };
	const struct candidate *found;
	const struct reach *reach;
	enum select_result result = select_connector(vp, size_class, probe->type, probe->address,
						     d->query->size, &found);

	if (result != SELECT_FOUND) {
		choice.reason = why_not(probe, result);
		return choice;
	}
	reach = select_reach_of(vp, size_class, found->connector);
	if (!fits_links(vp, size_class, reach->site, d->query->size))
		choice.reason = REASON_LINK_SIZE;
	choice.connector = d->connectors.joined[side][found->connector];
	choice.cost = found->total;
	choice.space = found->space;
	if (reach->site != SNAP_NONE)
		choice.site = d->sites.joined[side][reach->site];
	return choice;
}

static json_t *describe(const struct diff *d, int side, const struct choice *choice)
{
	json_t *out = json_object();

	if (choice->reason != REASON_NONE) {
		json_object_set_new(out, "reason", json_string(diff_reason_name(choice->reason)));
		return out;
	}
	json_object_set_new(out, "connector", ctl_text(d->connectors.name[choice->connector]));
	json_object_set_new(out, "address_space",
			    ctl_text(snap_str(d->snap[side], snap_space(d->snap[side], choice->space)->text)));
	if (choice->site != SNAP_NONE)
		json_object_set_new(out, "site", ctl_text(d->sites.name[choice->site]));
	json_object_set_new(out, "total_cost", json_integer((json_int_t)choice->cost));
	return out;
}

static bool make_key(const struct choice *choices, struct diff_group_key *key)
{
	const struct choice *old = &choices[OLD], *new = &choices[NEW];
	bool old_ok = old->reason == REASON_NONE, new_ok = new->reason == REASON_NONE;

	*key = (struct diff_group_key){ .kind = DIFF_MOVED, .old = SNAP_NONE, .new = SNAP_NONE };
	if (!old_ok && !new_ok)
		return false;
	if (old_ok)
		key->old = old->connector;
	if (new_ok)
		key->new = new->connector;
	if (old_ok != new_ok) {
		key->kind = old_ok ? DIFF_LOST : DIFF_GAINED;
		key->reason = old_ok ? new->reason : old->reason;
		return true;
	}
	if (old->connector != new->connector)
		key->what = DIFF_CONNECTOR;
	else if (old->site != new->site)
		key->what = DIFF_SOURCE;
	else if (old->cost != new->cost)
		key->what = DIFF_COST;
	if (key->what == DIFF_COST)
		key->kind = DIFF_CHANGED;
	return key->what != 0;
}

static void compare_probe(struct diff_spaces *spaces, uint32_t source, uint32_t i,
			  struct viewpoint *const *vp)
{
	const struct diff *d = spaces->d;
	const struct probe *probe = &spaces->probes[i];
	const struct choice choices[SIDES] = { choose(d, OLD, vp[OLD], probe),
					       choose(d, NEW, vp[NEW], probe) };
	struct diff_group_key key;
	struct diff_group *group;

	if (!make_key(choices, &key))
		return;
	group = diff_groups_count(spaces->groups, &key, source, i);
	if (group != NULL)
		diff_group_example(group, json_pack("{so so so so}", "from",
						    ctl_text(d->sources[source].name), "to",
						    ctl_text(probe->name), "old",
						    describe(d, OLD, &choices[OLD]), "new",
						    describe(d, NEW, &choices[NEW])));
}

void diff_spaces_source(struct diff_spaces *spaces, uint32_t source, struct viewpoint *const *vp)
{
	for (uint32_t i = 0; i < spaces->n_probes; i++)
		if (spaces->probes[i].is_inside || spaces->d->sources[source].site == SNAP_NONE)
			compare_probe(spaces, source, i, vp);
}

json_t *diff_spaces_json(struct diff_spaces *spaces, bool compared)
{
	return diff_groups_json(spaces->groups, compared, spaces->d->totals);
}
