/*
 * Resolving recipients: see resolve.h; routing rules §4, whose numbers the comments carry. Pure.
 *
 * Items are worked off in the order of the array, a group adding its members at the end, so
 * nesting costs no stack. What turns out to be there already (a cycle, a second way to one
 * mailbox) is dropped and closed up at the end.
 */
#include <string.h>

#include "topology/resolve_private.h"

enum { DUPLICATES_MAX = 8 };

uint32_t resolve_push(struct resolver *r, uint32_t parent, const char *recipient)
{
	struct resolution *result = r->result;

	if ((result->count & (result->count + 1)) == 0) {
		uint32_t room = result->count * 2 + 1;

		result->items = talloc_realloc(result, result->items, struct resolved, room);
		r->seeds = talloc_realloc(result, r->seeds, struct seed, room);
	}
	result->items[result->count] = (struct resolved){
		.recipient = talloc_strdup(result, recipient), .address = "", .folded = "",
		.type = "SMTP", .domain = "", .host = "", .home = SNAP_NONE, .parent = parent,
	};
	r->seeds[result->count] = (struct seed){ .dropped = false };
	return result->count++;
}

bool resolve_seen_add(struct resolver *r, struct seen **set, const char *key)
{
	size_t len = strlen(key);
	struct seen *seen = NULL;

	HASH_FIND(hh, *set, key, len, seen);
	if (seen != NULL)
		return false;
	seen = talloc_zero_size(r->result, sizeof(*seen) + len + 1);
	memcpy(seen->key, key, len + 1);
	HASH_ADD_KEYPTR(hh, *set, seen->key, len, seen);
	return true;
}

void resolve_note(struct chain *c, enum resolve_rule rule, const char *to, uint32_t server)
{
	struct resolution *result = c->r->result;
	struct resolved *item = resolve_item_of(c);

	if (!c->r->query->explain)
		return;
	if ((item->n_notes & (item->n_notes + 1)) == 0)
		item->notes = talloc_realloc(result, item->notes, struct resolve_note,
					     item->n_notes * 2 + 1);
	item->notes[item->n_notes++] = (struct resolve_note){
		.address = talloc_strdup(result, c->address),
		.to = to != NULL ? talloc_strdup(result, to) : "",
		.domain = c->domain, .server = server, .rule = (uint32_t)rule,
	};
}

enum step resolve_finish(struct chain *c, enum resolved_kind kind, enum route_reason reason)
{
	struct resolved *item = resolve_item_of(c);
	struct resolution *result = c->r->result;

	item->kind = (uint8_t)kind;
	item->reason = (uint8_t)reason;
	item->address = talloc_strdup(result, c->address);
	item->folded = talloc_strdup(result, c->parsed.folded);
	item->type = talloc_strdup(result, c->parsed.type);
	/* Another type's address is what a connector matches in place of a domain. */
	item->domain = mailaddr_is_smtp(&c->parsed) ?
			       item->folded + (c->parsed.domain - c->parsed.folded) :
			       item->folded + strlen(item->type) + 1;
	item->n_via = c->n_via;
	if (c->n_via > 0)
		item->via = talloc_memdup(result, c->via, c->n_via * sizeof(*c->via));
	return STEP_DONE;
}

enum step resolve_reject(struct chain *c, enum route_reason reason)
{
	return resolve_finish(c, RESOLVED_REJECTED, reason);
}

enum step resolve_rewrite(struct chain *c, const char *address)
{
	if (c->n_via >= REWRITES_MAX) {
		resolve_note(c, RULE_FORWARD_LIMIT, NULL, SNAP_NONE);
		return resolve_reject(c, REASON_FORWARD_LOOP);
	}
	c->via[c->n_via++] = c->address;
	c->address = talloc_strdup(c->r->result, address);
	return STEP_AGAIN;
}

/* Whether two bearers of one address lead to the same place: a forward or a home. */
static bool is_same_way(const struct snapshot *snap, const struct recipient *a,
			const struct recipient *b)
{
	uint32_t home = resolve_named_home(snap, a);

	if ((a->flags | b->flags) & RECIPIENT_GROUP)
		return false;
	if ((a->flags | b->flags) & RECIPIENT_ROUTE_HOST &&
	    ((a->flags ^ b->flags) & RECIPIENT_ROUTE_HOST || strcmp(a->mail_host, b->mail_host) != 0))
		return false;
	if (*a->forward != '\0' || *b->forward != '\0')
		return mailaddr_equal(a->forward, b->forward);
	if (home != SNAP_NONE)
		return home == resolve_named_home(snap, b);
	return strcmp(a->home_dn, b->home_dn) == 0 && strcmp(a->mail_host, b->mail_host) == 0 &&
	       (*a->home_dn != '\0' || *a->mail_host != '\0');
}

/* The entry of several bearers that speaks for them all, or null. */
static const struct recipient *choose(const struct snapshot *snap, const struct recipient *list,
				      int n)
{
	const struct recipient *first = &list[0];

	for (int i = 1; i < n; i++) {
		if (!is_same_way(snap, first, &list[i]))
			return NULL;
		if (memcmp(&list[i].uuid, &first->uuid, sizeof(first->uuid)) < 0)
			first = &list[i];
	}
	return first;
}

static enum step to_postmaster(struct chain *c)
{
	const char *postmaster = snap_str(c->r->snap, snap_org(c->r->snap)->postmaster);

	if (c->postmaster || *postmaster == '\0' || mailaddr_equal(postmaster, c->address)) {
		resolve_note(c, RULE_POSTMASTER_HELD, NULL, SNAP_NONE);
		return resolve_finish(c, RESOLVED_UNREACHABLE, REASON_POSTMASTER_UNDELIVERABLE);
	}
	c->postmaster = true;
	resolve_note(c, RULE_POSTMASTER, postmaster, SNAP_NONE);
	return resolve_rewrite(c, postmaster);
}

/* The accepted domain of the address decides about it. */
static void find_domain(struct chain *c)
{
	c->domain = SNAP_NONE;
	if (!mailaddr_is_smtp(&c->parsed)) {
		resolve_note(c, RULE_OTHER_TYPE, NULL, SNAP_NONE);
		return;
	}
	c->domain = snapshot_accepted_domain(c->r->snap, c->parsed.domain);
	resolve_note(c, c->domain != SNAP_NONE ? RULE_ACCEPTED_DOMAIN : RULE_FOREIGN_DOMAIN, NULL,
		     SNAP_NONE);
}

/*
 * 4: the domain's catch-all takes it, under its own address. STEP_NONE: there is no such entry,
 * or none that takes mail. An edge does not know entries; it lets everybody in, and the hubs find
 * the catch-all.
 */
static enum step catch_all(struct chain *c, const char *dn_key)
{
	struct resolver *r = c->r;
	struct recipient entry;
	int found;

	if (*dn_key == '\0')
		return STEP_NONE;
	if (viewpoint_is_edge(r->vp)) {
		resolve_note(c, RULE_NOT_REFUSED, NULL, SNAP_NONE);
		return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE);
	}
	found = r->source->by_dn(r->source->ctx, dn_key, &entry, r->err);
	if (found < 0)
		return STEP_FAILED;
	if (found == 0 || *entry.primary == '\0') {
		resolve_note(c, RULE_NO_CATCH_ALL, NULL, SNAP_NONE);
		return STEP_NONE;
	}
	resolve_note(c, RULE_CATCH_ALL, entry.primary, SNAP_NONE);
	if (resolve_rewrite(c, entry.primary) != STEP_AGAIN)
		return STEP_DONE;
	if (mailaddr_parse(c->address, strlen(c->address), &c->parsed) != MAILADDR_OK)
		return resolve_reject(c, REASON_BAD_ADDRESS);
	find_domain(c);
	return resolve_entry(c, &entry);
}

static enum step not_found(struct chain *c)
{
	const struct snap_domain *domain;
	size_t local = c->parsed.local_len;
	enum step step;

	if (c->domain == SNAP_NONE)
		return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE); /* 5 */
	domain = snap_domain(c->r->snap, c->domain);
	if (local == 10 && memcmp(c->parsed.folded, "postmaster", local) == 0)
		return to_postmaster(c);
	step = catch_all(c, snap_str(c->r->snap, domain->catch_all));
	if (step != STEP_NONE)
		return step;
	if (domain->type == DOMAIN_AUTHORITATIVE && domain->lookup) {
		resolve_note(c, RULE_UNKNOWN, NULL, SNAP_NONE);
		return resolve_reject(c, REASON_UNKNOWN_RECIPIENT);
	}
	resolve_note(c, RULE_NOT_REFUSED, NULL, SNAP_NONE);
	return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE); /* 5 */
}

/* 0: "user+tag@domain" → "user@domain" if the organisation sets a delimiter. */
static bool base_address(const struct chain *c, char *base)
{
	const char *delimiter = snap_str(c->r->snap, snap_org(c->r->snap)->subaddress_delimiter);
	const char *at;

	if (*delimiter == '\0' || !mailaddr_is_smtp(&c->parsed))
		return false;
	at = strstr(c->parsed.folded, delimiter);
	if (at == NULL || at == c->parsed.folded || at >= c->parsed.folded + c->parsed.local_len)
		return false;
	memcpy(base, c->parsed.folded, (size_t)(at - c->parsed.folded));
	strcpy(base + (at - c->parsed.folded), c->parsed.folded + c->parsed.local_len);
	return true;
}

static int find(struct chain *c, struct recipient *list)
{
	const struct recipient_source *source = c->r->source;
	char base[MAILADDR_FOLDED_SIZE];
	int n = source->by_address(source->ctx, c->parsed.folded, list, DUPLICATES_MAX, c->r->err);

	if (n == 0 && base_address(c, base)) {
		n = source->by_address(source->ctx, base, list, DUPLICATES_MAX, c->r->err);
		if (n > 0)
			resolve_note(c, RULE_SUBADDRESS, base, SNAP_NONE);
	}
	return n;
}

static enum step look_up(struct chain *c)
{
	struct recipient list[DUPLICATES_MAX];
	const struct recipient *entry;
	int n = find(c, list);

	if (n < 0)
		return STEP_FAILED;
	if (n == 0)
		return not_found(c);
	/* On an edge there is nothing inside: what exists goes to a connector. */
	if (viewpoint_is_edge(c->r->vp)) {
		resolve_note(c, RULE_ON_EDGE, NULL, SNAP_NONE);
		return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE);
	}
	entry = choose(c->r->snap, list, n);
	if (entry == NULL) {
		resolve_note(c, RULE_DUPLICATE, NULL, SNAP_NONE);
		return resolve_reject(c, REASON_DUPLICATE_ADDRESS);
	}
	resolve_note(c, n > 1 ? RULE_SEVERAL_ENTRIES : RULE_ENTRY, entry->primary, SNAP_NONE);
	return resolve_entry(c, entry);
}

/* One round: parse, rewrite what §4.0 rewrites, look up. */
static enum step resolve_step(struct chain *c)
{
	char decoded[MAILADDR_TYPE_MAX + MAILADDR_OTHER_MAX + 2];
	enum mailaddr_error error = mailaddr_parse(c->address, strlen(c->address), &c->parsed);
	int n;

	c->domain = SNAP_NONE;
	if (error == MAILADDR_NO_DOMAIN && strcmp(c->parsed.folded, "postmaster") == 0)
		return to_postmaster(c);
	if (error != MAILADDR_OK) {
		resolve_note(c, RULE_BAD_ADDRESS, NULL, SNAP_NONE);
		return resolve_reject(c, REASON_BAD_ADDRESS);
	}
	if (c->r->query->is_linked)
		return resolve_finish(c, RESOLVED_EXTERNAL, REASON_NONE);
	find_domain(c);
	if (c->domain == SNAP_NONE)
		return look_up(c);
	n = mailaddr_imcea_decode(c->address, strlen(c->address), decoded, sizeof(decoded));
	if (n != 0) {
		resolve_note(c, n > 0 ? RULE_IMCEA : RULE_BAD_ADDRESS, n > 0 ? decoded : NULL, SNAP_NONE);
		return n > 0 ? resolve_rewrite(c, decoded) : resolve_reject(c, REASON_BAD_ADDRESS);
	}
	return look_up(c);
}

/* Without "<>" and "SMTP:", which are no part of an address in an envelope. */
static const char *plain_address(TALLOC_CTX *ctx, const char *text)
{
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '<' && text[len - 1] == '>') {
		text++;
		len -= 2;
	}
	if (len > 5 && ascii_equal_n(text, "SMTP:", 5)) {
		text += 5;
		len -= 5;
	}
	return talloc_strndup(ctx, text, len);
}

static enum step start_with_entry(struct chain *c, const struct recipient *entry)
{
	struct recipient copy = *entry; /* the array of seeds may move */

	if (mailaddr_parse(c->address, strlen(c->address), &c->parsed) == MAILADDR_OK)
		find_domain(c);
	return resolve_entry(c, &copy);
}

/* 0: what the organisation's postmaster cannot take is held. */
static void hold_postmaster(struct chain *c)
{
	struct resolved *item = resolve_item_of(c);

	if (c->postmaster && (item->kind == RESOLVED_REJECTED || item->kind == RESOLVED_UNREACHABLE)) {
		if (item->reason != REASON_POSTMASTER_UNDELIVERABLE)
			resolve_note(c, RULE_POSTMASTER_HELD, NULL, SNAP_NONE);
		item->kind = RESOLVED_UNREACHABLE;
		item->reason = REASON_POSTMASTER_UNDELIVERABLE;
	}
}

/* A leaf that another way led to already is dropped; the first recipient never is. */
static void drop_repeated(struct chain *c)
{
	struct resolved *item = resolve_item_of(c);

	if (item->kind != RESOLVED_GROUP && item->parent != SNAP_NONE &&
	    !resolve_seen_add(c->r, &c->r->leaves, item->folded))
		c->r->seeds[c->index].dropped = true;
}

static void join_group(struct chain *c, const struct resolved *group)
{
	resolve_item_of(c)->max_size = group->max_size;
	resolve_note(c, RULE_MEMBER, group->recipient, SNAP_NONE);
}

static int resolve_item(struct resolver *r, uint32_t index)
{
	struct chain c = { .r = r, .index = index, .domain = SNAP_NONE };
	enum step step;

	c.address = plain_address(r->result, r->result->items[index].recipient);
	if (r->result->items[index].parent != SNAP_NONE)
		join_group(&c, &r->result->items[r->result->items[index].parent]);
	step = r->seeds[index].has_entry ? start_with_entry(&c, &r->seeds[index].entry) :
					   resolve_step(&c);
	while (step == STEP_AGAIN)
		step = resolve_step(&c);
	if (step == STEP_FAILED)
		return -1;
	if (!r->seeds[index].dropped) {
		hold_postmaster(&c);
		drop_repeated(&c);
	}
	return 0;
}

/* Closes the gaps of dropped items; groups left without members are discarded. */
static void close_up(struct resolver *r)
{
	struct resolution *result = r->result;
	uint32_t *moved = talloc_array(result, uint32_t, result->count);
	bool *has_members = talloc_zero_array(result, bool, result->count);
	uint32_t n = 0;

	for (uint32_t i = 0; i < result->count; i++) {
		if (r->seeds[i].dropped)
			continue;
		moved[i] = n;
		result->items[n] = result->items[i];
		if (result->items[n].parent != SNAP_NONE) {
			result->items[n].parent = moved[result->items[n].parent];
			has_members[result->items[n].parent] = true;
		}
		n++;
	}
	result->count = n;
	for (uint32_t i = 0; i < n; i++)
		if (result->items[i].kind == RESOLVED_GROUP && !has_members[i]) {
			result->items[i].kind = RESOLVED_DISCARDED;
			result->items[i].reason = REASON_EMPTY_GROUP;
		}
	talloc_free(moved);
	talloc_free(has_members);
}

static int run(struct resolver *r)
{
	int rc = 0;

	for (uint32_t i = 0; i < r->result->count && rc == 0; i++)
		rc = resolve_item(r, i);
	if (rc == 0)
		close_up(r);
	HASH_CLEAR(hh, r->groups);
	HASH_CLEAR(hh, r->leaves);
	talloc_free(r->seeds);
	return rc;
}

static int no_address(void *ctx, const char *address, struct recipient *list, int max,
		      struct err *err)
{
	(void)ctx, (void)address, (void)list, (void)max, (void)err;
	return 0;
}

static int no_dn(void *ctx, const char *dn_key, struct recipient *recipient_r, struct err *err)
{
	(void)ctx, (void)dn_key, (void)recipient_r, (void)err;
	return 0;
}

static const struct recipient_source no_recipients = { no_address, no_dn, NULL };

static struct resolution *resolve(TALLOC_CTX *ctx, const struct viewpoint *vp,
				  const struct recipient_source *source,
				  const struct resolve_query *query, const char *recipient,
				  bool again, struct err *err)
{
	struct resolver r = { .vp = vp, .snap = viewpoint_snapshot(vp),
			      .source = source != NULL ? source : &no_recipients,
			      .query = query, .again = again, .err = err };

	r.result = talloc_zero(ctx, struct resolution);
	resolve_push(&r, SNAP_NONE, recipient);
	if (run(&r) == 0)
		return r.result;
	talloc_free(r.result);
	return NULL;
}

int resolve_recipient(TALLOC_CTX *ctx, const struct viewpoint *vp,
		      const struct recipient_source *source, const struct resolve_query *query,
		      const char *recipient, struct resolution **resolution_r, struct err *err)
{
	*resolution_r = resolve(ctx, vp, source, query, recipient, false, err);
	return *resolution_r != NULL ? 0 : -1;
}

int resolve_again(TALLOC_CTX *ctx, const struct viewpoint *vp,
		  const struct recipient_source *source, const char *address,
		  struct resolved *item_r, struct err *err)
{
	const struct resolve_query query = { .authenticated = true };
	struct resolution *result = resolve(ctx, vp, source, &query, address, true, err);

	if (result == NULL)
		return -1;
	*item_r = result->items[0];
	return 0;
}
