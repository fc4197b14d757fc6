/*
 * What an entry means for a recipient: its limits, its forward, its members, its home (routing
 * rules §4.1 to §4.3, whose numbers the comments carry). Pure.
 */
#include <string.h>

#include "topology/resolve_private.h"

static bool is_relay(const struct chain *c)
{
	return c->domain != SNAP_NONE &&
	       snap_domain(c->r->snap, c->domain)->type != DOMAIN_AUTHORITATIVE;
}

uint32_t resolve_named_home(const struct snapshot *snap, const struct recipient *entry)
{
	uint32_t home = SNAP_NONE;

	if (*entry->mail_host == '/')
		home = snapshot_find_home(snap, entry->mail_host);
	if (home == SNAP_NONE && *entry->home_dn != '\0')
		return snapshot_find_home(snap, entry->home_dn);
	if (*entry->mail_host == '/')
		return home;
	return *entry->mail_host != '\0' ? snapshot_find_server_fqdn(snap, entry->mail_host) : SNAP_NONE;
}

/* 3: by DN, by host name, by default: a server or SNAP_NONE. *RULE_R: what decided. */
static uint32_t find_home(const struct chain *c, const struct recipient *entry,
			  enum resolve_rule *rule_r)
{
	const struct snapshot *snap = c->r->snap;
	uint32_t home = SNAP_NONE;

	if (*entry->home_dn != '\0' || *entry->mail_host != '\0') {
		*rule_r = *entry->mail_host == '/' ? RULE_HOME_NAME :
			  *entry->home_dn != '\0' ? RULE_HOME :
						     RULE_HOME_HOST;
		return resolve_named_home(snap, entry);
	}
	*rule_r = RULE_RELAY_DOMAIN;
	if (is_relay(c))
		return SNAP_NONE;
	*rule_r = RULE_DOMAIN_HOME;
	if (c->domain != SNAP_NONE)
		home = snap_domain(snap, c->domain)->default_home;
	if (home != SNAP_NONE)
		return home;
	*rule_r = RULE_ORGANIZATION_HOME;
	return snap_org(snap)->default_home;
}

/* Without a home: what that means depends on what the entry and its domain say. */
static enum step without_home(struct chain *c, const struct recipient *entry,
			      enum resolve_rule rule)
{
	if (rule == RULE_RELAY_DOMAIN) {
		resolve_note(c, rule, NULL, SNAP_NONE);
		return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE);
	}
	if (rule == RULE_HOME_HOST && is_relay(c)) {
		resolve_note(c, RULE_FOREIGN_HOST, entry->mail_host, SNAP_NONE);
		resolve_item_of(c)->host = talloc_strdup(c->r->result, entry->mail_host);
		return resolve_finish(c, RESOLVED_HOST, REASON_NONE);
	}
	resolve_note(c, rule == RULE_ORGANIZATION_HOME ? RULE_NO_HOME : RULE_UNKNOWN_HOME,
		     rule == RULE_HOME ? entry->home_dn : entry->mail_host, SNAP_NONE);
	return resolve_finish(c, RESOLVED_UNREACHABLE, REASON_NO_HOME_SERVER);
}

static enum step go_home(struct chain *c, const struct recipient *entry)
{
	enum resolve_rule rule;
	uint32_t home = find_home(c, entry, &rule);

	if (home == SNAP_NONE)
		return without_home(c, entry, rule);
	resolve_note(c, rule, NULL, home);
	resolve_item_of(c)->home = home;
	return resolve_finish(c, RESOLVED_MAILBOX, REASON_NONE);
}

/* Notes that the entry is being expanded; if it was before, the item is dropped: the way back
 * of a cycle, or a second way to one group. */
static bool begin_expansion(struct chain *c, const struct recipient *entry)
{
	char id[37];

	entry_uuid_format(&entry->uuid, id);
	if (resolve_seen_add(c->r, &c->r->groups, id))
		return true;
	c->r->seeds[c->index].dropped = true;
	return false;
}

/* Both: the mailbox and the forward, as two members. */
static enum step deliver_and_redirect(struct chain *c, const struct recipient *entry)
{
	uint32_t stays;

	if (!begin_expansion(c, entry))
		return STEP_DONE;
	resolve_note(c, RULE_REDIRECT, entry->forward, SNAP_NONE);
	stays = resolve_push(c->r, c->index, c->address);
	c->r->seeds[stays].entry = *entry;
	c->r->seeds[stays].has_entry = true;
	c->r->seeds[stays].stay = true;
	resolve_push(c->r, c->index, entry->forward);
	return resolve_finish(c, RESOLVED_GROUP, REASON_NONE);
}

/* 1: mailHost with mailRoutingAddress: to that host under the new address, which may be the old
 * one; nothing is resolved again. */
static enum step go_to_host(struct chain *c, const struct recipient *entry)
{
	resolve_note(c, RULE_ROUTING_HOST, entry->forward, SNAP_NONE);
	if (!mailaddr_equal(entry->forward, c->address)) {
		enum step step = resolve_rewrite(c, entry->forward);

		if (step != STEP_AGAIN ||
		    mailaddr_parse(c->address, strlen(c->address), &c->parsed) != MAILADDR_OK)
			return step;
	}
	return go_home(c, entry);
}

/* Whether the forward led back to its own entry, or never away from it: the ordinary contact. */
static bool is_own_forward(const struct chain *c, const struct recipient *entry)
{
	return (c->n_entries > 0 &&
		entry_uuid_equal(&c->entries[c->n_entries - 1], &entry->uuid)) ||
	       mailaddr_equal(entry->forward, c->address);
}

/* 1: rewritten and resolved again; the entry itself is remembered. */
static enum step follow_forward(struct chain *c, const struct recipient *entry)
{
	for (uint32_t i = 0; i + 1 < c->n_entries; i++)
		if (entry_uuid_equal(&c->entries[i], &entry->uuid)) {
			resolve_note(c, RULE_FORWARD_LOOP, entry->forward, SNAP_NONE);
			return resolve_reject(c, REASON_FORWARD_LOOP);
		}
	if (is_own_forward(c, entry)) {
		resolve_note(c, RULE_OWN_FORWARD, entry->forward, SNAP_NONE);
		return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE);
	}
	if (entry->flags & RECIPIENT_DELIVER_AND_REDIRECT)
		return deliver_and_redirect(c, entry);
	if (c->n_entries <= REWRITES_MAX)
		c->entries[c->n_entries++] = entry->uuid;
	resolve_note(c, RULE_FORWARD, entry->forward, SNAP_NONE);
	return resolve_rewrite(c, entry->forward);
}

static int push_member_dn(struct chain *c, const char *dn_key)
{
	struct resolver *r = c->r;
	struct recipient member;
	int found = r->source->by_dn(r->source->ctx, dn_key, &member, r->err);
	uint32_t index;

	if (found < 0)
		return -1;
	/* Members that take no mail, people without an address, are passed over. */
	if (found == 0 || (*member.primary == '\0' && !(member.flags & RECIPIENT_GROUP)))
		return 0;
	index = resolve_push(r, c->index, *member.primary != '\0' ? member.primary : dn_key);
	r->seeds[index].entry = member;
	r->seeds[index].has_entry = true;
	return 0;
}

/* 2: members join the end of the array. */
static enum step expand(struct chain *c, const struct recipient *entry)
{
	const char *member = entry->member_dns.first;

	if (!begin_expansion(c, entry))
		return STEP_DONE;
	resolve_note(c, RULE_GROUP, NULL, SNAP_NONE);
	for (uint32_t i = 0; i < entry->member_dns.count; i++, member = recipient_next(member))
		if (push_member_dn(c, member) < 0)
			return STEP_FAILED;
	member = entry->member_addresses.first;
	for (uint32_t i = 0; i < entry->member_addresses.count; i++, member = recipient_next(member))
		resolve_push(c->r, c->index, member);
	return resolve_finish(c, RESOLVED_GROUP, REASON_NONE);
}

/*
 * 1: the entry that is forwarded to becomes its address in *FOUND_R. One that takes no mail, or is
 * the entry itself, is as none: the mailbox is nearer to what was meant than a bounce.
 */
static int find_forward(struct chain *c, const struct recipient *entry, struct recipient *found_r)
{
	struct recipient target;
	int found = c->r->source->by_dn(c->r->source->ctx, entry->forward, &target, c->r->err);

	*found_r = *entry;
	found_r->flags &= ~(uint32_t)RECIPIENT_FORWARD_DN;
	if (found < 0)
		return -1;
	found_r->forward = found > 0 && !entry_uuid_equal(&target.uuid, &entry->uuid) ?
				   target.primary :
				   "";
	if (*found_r->forward == '\0')
		resolve_note(c, RULE_FORWARD_UNKNOWN, entry->forward, SNAP_NONE);
	return 0;
}

/* The address is one that mail was kept at, not one that it was rewritten from. */
static enum step enter_again(struct chain *c, const struct recipient *entry)
{
	const uint32_t stays = RECIPIENT_ROUTE_HOST | RECIPIENT_FORWARD_DN |
			       RECIPIENT_DELIVER_AND_REDIRECT;

	return *entry->forward != '\0' && !(entry->flags & stays) ?
		       resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE) :
		       go_home(c, entry);
}

enum step resolve_entry(struct chain *c, const struct recipient *entry)
{
	struct resolved *item = resolve_item_of(c);
	struct recipient found;

	item->uuid = entry->uuid;
	if (c->r->again)
		return enter_again(c, entry);
	if (entry->flags & RECIPIENT_FORWARD_DN) {
		if (find_forward(c, entry, &found) < 0)
			return STEP_FAILED;
		entry = &found;
	}
	if ((entry->flags & RECIPIENT_REQUIRE_AUTH) && !c->r->query->authenticated) {
		resolve_note(c, RULE_SENDER, NULL, SNAP_NONE);
		return resolve_reject(c, REASON_SENDER_NOT_ALLOWED);
	}
	if (entry->max_size > 0 && (item->max_size == 0 || entry->max_size < item->max_size))
		item->max_size = entry->max_size;
	if (item->max_size > 0 && c->r->query->size > item->max_size)
		return resolve_reject(c, REASON_RECIPIENT_SIZE);
	if (entry->flags & RECIPIENT_ROUTE_HOST)
		return go_to_host(c, entry);
	if (*entry->forward != '\0' && !c->r->seeds[c->index].stay)
		return follow_forward(c, entry);
	if (entry->flags & RECIPIENT_GROUP)
		return expand(c, entry);
	return go_home(c, entry);
}
