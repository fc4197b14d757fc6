/* §5, one step after the other over all connectors. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/topology/oracle_private.h"

/* How specific a match is: an equal text, the bits of a prefix, the labels of a suffix, "*". */
enum { NO_MATCH = -1, ALL = 0, SUFFIX = 100, PREFIX = 1000, EXACT = 2000 };

struct candidate {
	struct o_choice choice;
	bool reached;
	int specificity;
	uint64_t path_cost;
	int hops, proximity; /* 0 the server itself, 1 its site, 2 elsewhere */
};

/* ---- 1: route ---- */

/* Takes the source in SITE if it is nearer: cost, hops, name of the site. */
static void consider(const struct o_view *view, int site, bool is_self, struct candidate *c)
{
	const struct oracle *o = view->o;
	struct o_path path = { .n = 1 };
	bool nearer;

	if (site == NONE)
		return;
	if (site != view->site) {
		path = o_path(view, site, false);
		if (path.n == 0 || !o->sites[site].inbound || !o_has_active_hub(view, site))
			return;
	}
	nearer = !c->reached || path.cost < c->path_cost ||
		 (path.cost == c->path_cost && path.n - 1 < c->hops) ||
		 (path.cost == c->path_cost && path.n - 1 == c->hops &&
		  strcmp(o->sites[site].key, o->sites[c->choice.site].key) < 0);
	if (nearer) {
		c->reached = true;
		c->path_cost = path.cost;
		c->hops = path.n - 1;
		c->choice.site = site;
		c->proximity = site == view->site ? 1 : 2;
	}
	if (is_self)
		c->proximity = 0;
}

static struct candidate reach(const struct o_view *view, int connector)
{
	const struct o_connector *record = &view->o->connectors[connector];
	struct candidate c = { .choice = { .connector = connector, .site = NONE } };

	if (view->edge != NONE) {
		c.reached = record->has_edge[view->edge];
		return c;
	}
	for (int i = 0; i < view->o->n_servers; i++)
		if (record->has_server[i] && o_is_active_hub(view, i))
			consider(view, view->o->servers[i].site, i == view->server, &c);
	for (int i = 0; i < view->o->n_edges; i++)
		if (record->has_edge[i] && view->o->edges[i].enabled)
			consider(view, view->o->edges[i].site, false, &c);
	return c;
}

static void set_site(struct candidate *c)
{
	c->choice.in_site = c->proximity == 1;
	if (c->proximity == 0)
		c->choice.site = NONE;
}

bool o_reach(const struct o_view *view, int connector, struct o_choice *choice_r)
{
	struct candidate c = reach(view, connector);

	set_site(&c);
	*choice_r = c.choice;
	return c.reached;
}

/* ---- 4: address space ---- */

static int count_labels(const char *domain)
{
	int n = 1;

	for (; *domain != '\0'; domain++)
		n += *domain == '.';
	return n;
}

static bool is_at_or_below(const char *domain, const char *top)
{
	size_t n = strlen(domain), m = strlen(top);

	return n >= m && o_same(domain + n - m, top) && (n == m || domain[n - m - 1] == '.');
}

static int match_pattern(const char *pattern, const char *domain)
{
	if (strcmp(pattern, "*") == 0)
		return ALL;
	if (strncmp(pattern, "*.", 2) == 0)
		return *domain != '[' && is_at_or_below(domain, pattern + 2) ?
			       SUFFIX + count_labels(pattern + 2) : NO_MATCH;
	return o_same(pattern, domain) ? EXACT : NO_MATCH;
}

/* "[IPv6:2001:db8::1]" → 16 octets; the length of an address in bits, 0 if it is none. */
static int literal(const char *text, uint8_t *octets)
{
	char plain[64];
	size_t skip = strncasecmp(text, "[IPv6:", 6) == 0 ? 6 : 1, len = strcspn(text, "/]");

	if (*text != '[' || len <= skip || len - skip >= sizeof(plain))
		return 0;
	memcpy(plain, text + skip, len - skip);
	plain[len - skip] = '\0';
	if (inet_pton(AF_INET, plain, octets) == 1)
		return 32;
	return inet_pton(AF_INET6, plain, octets) == 1 ? 128 : 0;
}

static int match_literal(const char *space, const char *domain)
{
	const char *slash = strchr(space, '/');
	uint8_t net[16], address[16];
	int width = literal(domain, address), bits = slash != NULL ? atoi(slash + 1) : width;

	if (width == 0 || literal(space, net) != width)
		return NO_MATCH;
	for (int i = 0; i < bits; i++)
		if (((net[i / 8] ^ address[i / 8]) >> (7 - i % 8)) & 1)
			return NO_MATCH;
	return slash != NULL ? PREFIX + bits : EXACT;
}

/* "--" on an edge: the accepted domains that are relayed to the inside. */
static int match_dashes(const struct oracle *o, const char *domain)
{
	int best = NO_MATCH;

	for (int i = 0; i < o->n_domains; i++) {
		const struct o_domain *d = &o->domains[i];
		char pattern[300] = "*.";
		int match;

		strcpy(pattern + (d->wildcard ? 2 : 0), d->domain);
		match = match_pattern(pattern, domain);
		if (d->type != EXTERNAL_RELAY && match > best)
			best = match;
	}
	return best;
}

/* Takes "TYPE:space;cost" apart; false if the connector may not have it. */
static bool parse_space(const struct o_connector *c, const char *text, char *type, char *space,
			uint64_t *cost_r)
{
	const char *colon = *text != '[' ? strchr(text, ':') : NULL, *semicolon = strrchr(text, ';');
	size_t end = strlen(text);

	*cost_r = 1;
	if (semicolon != NULL && semicolon[1] != '\0' &&
	    strspn(semicolon + 1, "0123456789") == strlen(semicolon + 1)) {
		*cost_r = strtoull(semicolon + 1, NULL, 10);
		end = (size_t)(semicolon - text);
	}
	strcpy(type, "SMTP");
	if (colon != NULL) {
		snprintf(type, 40, "%.*s", (int)(colon - text), text);
		for (char *at = type; *at != '\0'; at++)
			*at = (char)toupper((unsigned char)*at);
		end -= (size_t)(colon + 1 - text);
		text = colon + 1;
	}
	snprintf(space, 200, "%.*s", (int)end, text);
	return *cost_r >= 1 && *cost_r <= 100 && (strcmp(type, "SMTP") == 0 || !c->by_dns);
}

static int match(const struct o_view *view, const char *type, const char *space,
		 const char *domain)
{
	if (strcmp(type, "SMTP") != 0)
		return strcmp(space, "*") == 0 ? ALL : o_same(space, domain) ? EXACT : NO_MATCH;
	if (strcmp(space, "--") == 0)
		return view->edge != NONE ? match_dashes(view->o, domain) : NO_MATCH;
	return *space == '[' ? match_literal(space, domain) : match_pattern(space, domain);
}

/* The most specific match of a connector; of equal ones the cheapest, then the first. */
static void match_spaces(const struct o_view *view, const char *type, const char *domain,
			 struct candidate *c)
{
	const struct o_connector *connector = &view->o->connectors[c->choice.connector];
	const struct org_record *r = connector->record;

	c->specificity = NO_MATCH;
	for (int i = 0; i < r->n_values; i++) {
		char of_type[40], space[200];
		uint64_t cost;
		int specificity;

		if (r->values[i].gone || strcmp(r->values[i].attribute, "waypostAddressSpace") != 0 ||
		    !parse_space(connector, r->values[i].text, of_type, space, &cost) ||
		    strcmp(of_type, type) != 0)
			continue;
		specificity = match(view, of_type, space, domain);
		if (specificity > c->specificity ||
		    (specificity != NO_MATCH && specificity == c->specificity &&
		     cost < c->choice.space_cost)) {
			c->specificity = specificity;
			c->choice.space = r->values[i].text;
			c->choice.space_cost = cost;
		}
	}
}

/* ---- 5 to 8 ---- */

static bool wins(const struct oracle *o, const struct candidate *a, const struct candidate *b)
{
	uint64_t a_total = a->path_cost + a->choice.space_cost,
		 b_total = b->path_cost + b->choice.space_cost;

	if (a->specificity != b->specificity)
		return a->specificity > b->specificity;
	if (a_total != b_total)
		return a_total < b_total;
	if (a->proximity != b->proximity)
		return a->proximity < b->proximity;
	if (a->hops != b->hops)
		return a->hops < b->hops;
	return strcmp(o->connectors[a->choice.connector].key,
		      o->connectors[b->choice.connector].key) < 0;
}

struct o_choice o_choose(const struct o_view *view, const char *type, const char *domain)
{
	const struct oracle *o = view->o;
	struct candidate best = { .reached = false };
	bool found = false, too_large = false;

	for (int i = 0; i < o->n_connectors; i++) {
		const struct o_connector *connector = &o->connectors[i];
		struct candidate c;

		if (!connector->enabled)
			continue;
		c = reach(view, i);
		if (!c.reached) /* 1 */
			continue;
		if (connector->scoped && c.proximity == 2) /* 3 */
			continue;
		match_spaces(view, type, domain, &c); /* 4 */
		if (c.specificity == NO_MATCH)
			continue;
		if (connector->size != 0 && view->size > connector->size) { /* 2 */
			too_large = true;
			continue;
		}
		if (!found || wins(o, &c, &best))
			best = c;
		found = true;
	}
	if (!found)
		return (struct o_choice){ .connector = NONE,
					  .reason = too_large		      ? "connector-size" :
						    strcmp(type, "SMTP") == 0 ? "no-matching-connector" :
										"no-connector-for-type" };
	set_site(&best);
	return best.choice;
}
