/* Address spaces: see addrspace.h. */
#include "topology/addrspace.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/names.h"

enum { COST_MAX = 100 };

bool addrspace_pattern(const char *value, size_t len, bool allow_all, char *domain, size_t size,
		       bool *wildcard_r)
{
	*wildcard_r = len > 2 && value[0] == '*' && value[1] == '.';
	if (allow_all && len == 1 && value[0] == '*') {
		snprintf(domain, size, "*");
		return true;
	}
	if (*wildcard_r) {
		value += 2;
		len -= 2;
	}
	return mailaddr_domain(value, len, domain, size) > 0;
}

/* Cuts the cost off the end. */
static enum addrspace_error parse_cost(const char *value, size_t *len, uint32_t *cost_r)
{
	size_t at = *len;
	uint64_t cost;

	*cost_r = 1;
	while (at > 0 && value[at - 1] >= '0' && value[at - 1] <= '9')
		at--;
	if (at == 0 || at == *len || value[at - 1] != ';')
		return ADDRSPACE_OK;
	if (!parse_u64(value + at, *len - at, COST_MAX, &cost) || cost < 1)
		return ADDRSPACE_BAD_COST;
	*cost_r = (uint32_t)cost;
	*len = at - 1;
	return ADDRSPACE_OK;
}

/* Cuts "TYPE:" off the front. */
static bool parse_type(const char **value, size_t *len, char *type)
{
	const char *colon = memchr(*value, ':', *len);
	size_t n = colon != NULL ? (size_t)(colon - *value) : 0;

	memcpy(type, "SMTP", 5);
	if (colon == NULL || (*value)[0] == '[')
		return true;
	if (n == 0 || n > MAILADDR_TYPE_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)(*value)[i]) && (*value)[i] != '-' && (*value)[i] != '.')
			return false;
		type[i] = (char)toupper((unsigned char)(*value)[i]);
	}
	type[n] = '\0';
	*value += n + 1;
	*len -= n + 1;
	return true;
}

/* "192.0.2.1" or "192.0.2.0/24" between brackets. */
static bool parse_literal(const char *value, size_t len, struct addrspace *space)
{
	size_t skip = len > 6 && ascii_equal_n(value, "[IPv6:", 6) ? 6 : 1;
	struct ipaddr_range range;
	char text[IPADDR_TEXT_SIZE];

	if (len < skip + 2 || value[len - 1] != ']' || memchr(value, '-', len) != NULL ||
	    !ipaddr_range_parse(value + skip, len - skip - 1, &range))
		return false;
	ipaddr_format(&range.low, text);
	if (memchr(value, '/', len) != NULL) {
		space->kind = NODE_PREFIX;
		snprintf(space->text, sizeof(space->text), "%s/%d", text,
			 ipaddr_range_prefix_length(&range));
	} else {
		space->kind = NODE_EXACT;
		snprintf(space->text, sizeof(space->text),
			 ipaddr_is_v4(&range.low) ? "[%s]" : "[IPv6:%s]", text);
	}
	return true;
}

static bool parse_smtp(const char *value, size_t len, struct addrspace *space)
{
	bool wildcard;

	space->is_dashes = len == 2 && memcmp(value, "--", 2) == 0;
	if (space->is_dashes)
		return true;
	if (value[0] == '[')
		return parse_literal(value, len, space);
	if (!addrspace_pattern(value, len, false, space->text, sizeof(space->text), &wildcard))
		return false;
	space->kind = wildcard ? NODE_SUFFIX : NODE_EXACT;
	return true;
}

enum addrspace_error addrspace_parse(const char *value, size_t len, struct addrspace *space)
{
	enum addrspace_error error;

	memset(space, 0, sizeof(*space));
	error = parse_cost(value, &len, &space->cost);
	if (error != ADDRSPACE_OK)
		return error;
	if (!parse_type(&value, &len, space->type) || len == 0)
		return ADDRSPACE_MALFORMED;
	if (len == 1 && value[0] == '*') {
		space->kind = NODE_ALL;
		return ADDRSPACE_OK;
	}
	if (strcmp(space->type, "SMTP") == 0)
		return parse_smtp(value, len, space) ? ADDRSPACE_OK : ADDRSPACE_MALFORMED;
	space->kind = NODE_EXACT;
	return len <= MAILADDR_OTHER_MAX &&
	       name_key_into(value, len, space->text, sizeof(space->text)) > 0 ?
		ADDRSPACE_OK : ADDRSPACE_MALFORMED;
}

enum walk_step { WALK_EXACT, WALK_PREFIX, WALK_SUFFIX, WALK_ALL, WALK_END };

void addrspace_walk_init(struct addrspace_walk *walk, const struct snapshot *snap,
			 const char *type, const char *domain)
{
	bool v6 = ascii_equal_n(domain, "[IPv6:", 6);
	size_t skip = v6 ? 6 : 1, len = strlen(domain);

	*walk = (struct addrspace_walk){ .snap = snap, .type = type, .text = domain,
					 .suffix = domain, .bits = -1, .step = WALK_EXACT };
	if (strcmp(type, "SMTP") != 0)
		walk->suffix = NULL;
	else if (domain[0] == '[') {
		walk->suffix = NULL;
		if (len > skip + 1 && ipaddr_parse(domain + skip, len - skip - 1, &walk->literal))
			walk->bits = ipaddr_is_v4(&walk->literal) ? 32 : 128;
	}
}

static uint32_t next_prefix(struct addrspace_walk *walk)
{
	char low[IPADDR_TEXT_SIZE], text[IPADDR_TEXT_SIZE + 8];

	while (walk->bits >= 0) {
		struct ipaddr_range range = ipaddr_prefix(&walk->literal, walk->bits);
		uint32_t node;

		ipaddr_format(&range.low, low);
		snprintf(text, sizeof(text), "%s/%d", low, walk->bits--);
		node = snap_find_node(walk->snap, NODE_PREFIX, walk->type, text);
		if (node != SNAP_NONE)
			return node;
	}
	return SNAP_NONE;
}

static uint32_t next_suffix(struct addrspace_walk *walk)
{
	while (walk->suffix != NULL) {
		uint32_t node = snap_find_node(walk->snap, NODE_SUFFIX, walk->type, walk->suffix);
		const char *dot = strchr(walk->suffix, '.');

		walk->suffix = dot != NULL ? dot + 1 : NULL;
		if (node != SNAP_NONE)
			return node;
	}
	return SNAP_NONE;
}

uint32_t addrspace_walk_next(struct addrspace_walk *walk)
{
	uint32_t node = SNAP_NONE;

	while (node == SNAP_NONE && walk->step != WALK_END) {
		switch (walk->step) {
		case WALK_EXACT:
			node = snap_find_node(walk->snap, NODE_EXACT, walk->type, walk->text);
			walk->step = WALK_PREFIX;
			break;
		case WALK_PREFIX:
			node = next_prefix(walk);
			if (node == SNAP_NONE)
				walk->step = WALK_SUFFIX;
			break;
		case WALK_SUFFIX:
			node = next_suffix(walk);
			if (node == SNAP_NONE)
				walk->step = WALK_ALL;
			break;
		default:
			node = snap_find_node(walk->snap, NODE_ALL, walk->type, "");
			walk->step = WALK_END;
		}
	}
	return node;
}
