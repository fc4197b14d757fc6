/*
 * Connector selection step by step over all connectors: for explaining, and as the reference the
 * quick way is tested against. See select.h. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "topology/addrspace.h"
#include "topology/select.h"
#include "topology/viewpoint_private.h"

/* Specificity: exact over prefix over suffix over "*", and within those the longer. */
enum { SPECIFIC_NONE = -1, SPECIFIC_ALL = 0, SPECIFIC_SUFFIX = 1000, SPECIFIC_PREFIX = 2000,
       SPECIFIC_EXACT = 3000 };

const char *select_specificity_name(int specificity)
{
	if (specificity >= SPECIFIC_EXACT)
		return "exact";
	if (specificity >= SPECIFIC_PREFIX)
		return "prefix";
	return specificity >= SPECIFIC_SUFFIX ? "suffix" : "everything";
}

static bool is_under(const char *domain, const char *suffix)
{
	size_t domain_len = strlen(domain), len = strlen(suffix);

	if (domain_len < len || strcmp(domain + domain_len - len, suffix) != 0)
		return false;
	return domain_len == len || domain[domain_len - len - 1] == '.';
}

static int labels(const char *domain)
{
	int n = 1;

	for (; *domain != '\0'; domain++)
		n += *domain == '.';
	return n;
}

static int match_pattern(bool wildcard, const char *pattern, const char *domain)
{
	if (!wildcard)
		return strcmp(domain, pattern) == 0 ? SPECIFIC_EXACT : SPECIFIC_NONE;
	return domain[0] != '[' && is_under(domain, pattern) ? SPECIFIC_SUFFIX + labels(pattern) :
							       SPECIFIC_NONE;
}

static int match_prefix(const char *prefix, const char *domain)
{
	size_t skip = ascii_equal_n(domain, "[IPv6:", 6) ? 6 : 1, len = strlen(domain);
	struct ipaddr_range range;
	struct ipaddr addr;

	if (domain[0] != '[' || !ipaddr_parse(domain + skip, len - skip - 1, &addr) ||
	    !ipaddr_range_parse(prefix, strlen(prefix), &range) ||
	    !ipaddr_range_contains(&range, &addr))
		return SPECIFIC_NONE;
	return SPECIFIC_PREFIX + ipaddr_range_prefix_length(&range);
}

/* "--" on an edge: the most specific of the accepted domains it stands for. */
static int match_dashes(const struct snapshot *snap, const char *domain)
{
	int best = SPECIFIC_NONE;

	for (uint32_t i = 0; i < snap_count(snap, SNAP_DOMAINS); i++) {
		const struct snap_domain *accepted = snap_domain(snap, i);
		int match = match_pattern(accepted->wildcard, snap_str(snap, accepted->domain), domain);

		if (accepted->type != DOMAIN_EXTERNAL_RELAY && match > best)
			best = match;
	}
	return best;
}

static int match_space(const struct viewpoint *vp, const struct snap_space *record,
		       const char *type, const char *domain)
{
	const char *text = snap_str(vp->snap, record->text);
	struct addrspace space;

	if (addrspace_parse(text, strlen(text), &space) != ADDRSPACE_OK ||
	    strcmp(space.type, type) != 0)
		return SPECIFIC_NONE;
	if (space.is_dashes)
		return vp->is_edge ? match_dashes(vp->snap, domain) : SPECIFIC_NONE;
	if (space.kind == NODE_ALL)
		return SPECIFIC_ALL;
	if (space.kind == NODE_PREFIX)
		return match_prefix(space.text, domain);
	return match_pattern(space.kind == NODE_SUFFIX, space.text, domain);
}

/* Step 4: the connector's most specific match; of equal ones the cheapest. */
static void match_connector(const struct viewpoint *vp, uint32_t connector, const char *type,
			    const char *domain, struct select_verdict *verdict)
{
	struct snap_list spaces = snap_connector(vp->snap, connector)->spaces;

	verdict->specificity = SPECIFIC_NONE;
	verdict->space = SNAP_NONE;
	for (uint32_t i = spaces.first; i < spaces.first + spaces.count; i++) {
		const struct snap_space *space = snap_space(vp->snap, i);
		int match = match_space(vp, space, type, domain);

		if (match > verdict->specificity ||
		    (match != SPECIFIC_NONE && match == verdict->specificity &&
		     space->cost < snap_space(vp->snap, verdict->space)->cost)) {
			verdict->specificity = match;
			verdict->space = i;
		}
	}
}

static enum select_step filter(const struct viewpoint *vp, uint32_t size_class, uint32_t i,
			       const char *type, const char *domain, uint64_t size,
			       struct select_verdict *verdict)
{
	const struct snap_connector *connector = snap_connector(vp->snap, i);
	const struct reach *reach = select_reach_of(vp, size_class, i);

	if (!connector->enabled)
		return SELECT_STEP_DISABLED;
	if (!reach->routed)
		return SELECT_STEP_ROUTE;
	if (connector->max_message_size > 0 && size > connector->max_message_size)
		return SELECT_STEP_SIZE;
	if (!reach->in_scope)
		return SELECT_STEP_SCOPE;
	match_connector(vp, i, type, domain, verdict);
	if (verdict->space == SNAP_NONE)
		return SELECT_STEP_SPACE;
	verdict->total = reach->cost + snap_space(vp->snap, verdict->space)->cost;
	return SELECTED;
}

struct contest {
	const struct viewpoint *vp;
	uint32_t size_class;
	const struct select_verdict *verdicts;
};

/* What a connector is judged by in a step; the lowest stays. */
static uint64_t mark(const struct contest *c, enum select_step step, uint32_t i)
{
	const struct reach *reach = select_reach_of(c->vp, c->size_class, i);

	switch (step) {
	case SELECT_STEP_SPECIFIC:
		return (uint64_t)(SPECIFIC_EXACT - c->verdicts[i].specificity);
	case SELECT_STEP_COST:
		return c->verdicts[i].total;
	case SELECT_STEP_PROXIMITY:
		return (uint64_t)reach->proximity << 32 | reach->hops;
	default:
		return i; /* by name */
	}
}

static void eliminate(const struct contest *c, enum select_step step,
		      struct select_verdict *verdicts)
{
	uint32_t n = snap_count(c->vp->snap, SNAP_CONNECTORS);
	uint64_t best = UINT64_MAX;

	for (uint32_t i = 0; i < n; i++)
		if (verdicts[i].step == SELECTED && mark(c, step, i) < best)
			best = mark(c, step, i);
	for (uint32_t i = 0; i < n; i++)
		if (verdicts[i].step == SELECTED && mark(c, step, i) != best)
			verdicts[i].step = step;
}

void select_explain(const struct viewpoint *vp, uint32_t size_class, const char *type,
		    const char *domain, uint64_t size, struct select_verdict *verdicts)
{
	struct contest contest = { vp, size_class, verdicts };

	for (uint32_t i = 0; i < snap_count(vp->snap, SNAP_CONNECTORS); i++) {
		verdicts[i] = (struct select_verdict){ SELECTED, SNAP_NONE, SPECIFIC_NONE, 0 };
		verdicts[i].step = filter(vp, size_class, i, type, domain, size, &verdicts[i]);
	}
	for (int step = SELECT_STEP_SPECIFIC; step <= SELECT_STEP_NAME; step++)
		eliminate(&contest, (enum select_step)step, verdicts);
}
