/* §4: from an address to where it is meant for. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/topology/oracle_private.h"

enum { REWRITES = 16, ITEMS = MANY * 4 };

/* One resolution; ITEM is the one being worked on. */
struct resolving {
	const struct o_view *view;
	const struct oracle *o;
	struct o_item *items, *item;
	int n;
	bool expanded[MANY]; /* groups */
	int passed[MANY], n_passed; /* entries whose forward was followed, of this item */
	bool to_postmaster;
	bool undecided; /* the rules do not say */
};

static void end(struct resolving *r, enum o_kind kind, const char *reason)
{
	r->item->kind = kind;
	r->item->reason = reason;
}

static bool is_smtp(const char *address)
{
	const char *at = strrchr(address, '@'), *colon = strchr(address, ':');

	return at != NULL && (colon == NULL || colon > at);
}

static const char *domain_part(const char *address)
{
	return strrchr(address, '@') + 1;
}

void o_split(const char *address, const char **type_r, const char **domain_r)
{
	static char type[40];

	if (is_smtp(address)) {
		*type_r = "SMTP";
		*domain_r = domain_part(address);
		return;
	}
	snprintf(type, sizeof(type), "%.*s", (int)strcspn(address, ":"), address);
	for (char *at = type; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	*type_r = type;
	*domain_r = strchr(address, ':') + 1;
}

/* The accepted domain that decides: equal, else the longest suffix. */
static int accepted(const struct oracle *o, const char *address)
{
	const char *domain;
	int best = NONE;

	if (!is_smtp(address))
		return NONE;
	domain = domain_part(address);
	for (int i = 0; i < o->n_domains; i++) {
		const struct o_domain *d = &o->domains[i];
		size_t n = strlen(domain), m = strlen(d->domain);
		bool below = n > m && o_same(domain + n - m, d->domain) && domain[n - m - 1] == '.';

		if (o_same(domain, d->domain) && !d->wildcard)
			return i;
		if (d->wildcard && (below || o_same(domain, d->domain)) &&
		    (best == NONE || m > strlen(o->domains[best].domain)))
			best = i;
	}
	return best;
}

static bool bears(const struct o_person *p, const char *address)
{
	for (int i = 0; i < p->record->n_values; i++) {
		const struct org_value *value = &p->record->values[i];

		if (!value->gone && o_same(value->text, address) &&
		    (strcmp(value->attribute, "mail") == 0 ||
		     strcmp(value->attribute, "mailLocalAddress") == 0))
			return true;
	}
	return false;
}

static int find_bearers(const struct oracle *o, const char *address, int *found)
{
	int n = 0;

	for (int i = 0; i < o->n_people; i++)
		if (bears(&o->people[i], address))
			found[n++] = i;
	return n;
}

/* The full address, then, with a delimiter, the one without the tag. */
static int look_up(const struct oracle *o, const char *address, int *found)
{
	const char *at = strrchr(address, '@'), *tag;
	int n = find_bearers(o, address, found);

	if (n > 0 || at == NULL || o->delimiter == NULL)
		return n;
	tag = strstr(address, o->delimiter);
	if (tag == NULL || tag == address || tag >= at)
		return 0;
	return find_bearers(o, talloc_asprintf(o, "%.*s%s", (int)(tag - address), address, at),
			    found);
}

static int find_server(const struct oracle *o, const char *dn, const char *fqdn)
{
	for (int i = 0; i < o->n_servers; i++)
		if ((dn != NULL && strcmp(o->servers[i].dn, dn) == 0) ||
		    (fqdn != NULL && o_same(o->servers[i].fqdn, fqdn)))
			return i;
	return NONE;
}

static int person_at(const struct oracle *o, const char *dn)
{
	for (int i = 0; i < o->n_people; i++)
		if (strcmp(o->people[i].record->dn, dn) == 0)
			return i;
	return NONE;
}

/* Two bearers of one address lead to the same forward, or to the same home. */
static bool is_same_way(const struct oracle *o, const struct o_person *a, const struct o_person *b)
{
	int home_a = find_server(o, a->home, a->home == NULL ? a->host : NULL),
	    home_b = find_server(o, b->home, b->home == NULL ? b->host : NULL);

	if (a->is_group || b->is_group)
		return false;
	if (a->forward != NULL || b->forward != NULL) {
		bool to_host = a->host != NULL && b->host != NULL;

		if (a->forward == NULL || b->forward == NULL || !o_same(a->forward, b->forward))
			return false;
		return to_host ? o_same(a->host, b->host) : a->host == NULL && b->host == NULL;
	}
	if (home_a != NONE || home_b != NONE)
		return home_a == home_b;
	return (a->home != NULL && b->home != NULL && strcmp(a->home, b->home) == 0) ||
	       (a->home == NULL && b->home == NULL && a->host != NULL && b->host != NULL &&
		o_same(a->host, b->host));
}

/* False: there were too many rewrites. Rewriting an address to itself is none. */
static bool rewrite(struct resolving *r, const char *address)
{
	if (o_same(r->item->address, address))
		return true;
	if (r->item->n_via == REWRITES) {
		end(r, O_REJECTED, "forward-loop");
		return false;
	}
	r->item->via[r->item->n_via++] = r->item->address;
	r->item->address = address;
	return true;
}

static int add_item(struct resolving *r, const char *recipient, int person)
{
	int parent = (int)(r->item - r->items);

	if (r->n == ITEMS)
		abort();
	r->items[r->n] = (struct o_item){ .recipient = recipient, .parent = parent, .person = person,
					  .home = NONE, .max_size = r->item->max_size };
	return r->n++;
}

static void resolve(struct resolving *r);

/* 3. DOMAIN is that of the address by which the entry was reached. */
static void go_home(struct resolving *r, const struct o_person *p, int domain)
{
	const struct oracle *o = r->o;
	bool relay = domain != NONE && o->domains[domain].type != AUTHORITATIVE;

	if (p->home != NULL) {
		r->item->home = find_server(o, p->home, NULL);
	} else if (p->host != NULL) {
		r->item->home = find_server(o, NULL, p->host);
		r->item->host = p->host;
		if (r->item->home == NONE && relay) {
			end(r, O_HOST, NULL);
			return;
		}
	} else if (relay) {
		end(r, O_EXTERNAL, NULL);
		return;
	} else {
		if (domain != NONE)
			r->item->home = o->domains[domain].default_home;
		if (r->item->home == NONE)
			r->item->home = o->default_home;
	}
	if (r->item->home == NONE)
		end(r, O_UNREACHABLE, "no-home-server");
	else
		end(r, O_MAILBOX, NULL);
}

/* A group without an address is a member too, under its DN; a person without one takes no mail. */
static const char *shown_as(const struct oracle *o, int person)
{
	const struct o_person *p = &o->people[person];
	char *dn;

	if (p->primary != NULL || !p->is_group)
		return p->primary;
	dn = talloc_strdup(o, p->record->dn);
	for (char *at = dn; *at != '\0'; at++)
		*at = ascii_lower(*at);
	return dn;
}

/* 2: members that are entries, then members that are addresses. */
static void expand(struct resolving *r, int person)
{
	const struct org_record *group = r->o->people[person].record;

	if (r->expanded[person]) {
		r->item->dropped = true;
		return;
	}
	r->expanded[person] = true;
	for (int i = 0; i < group->n_values; i++) {
		int member = NONE;

		if (!group->values[i].gone && strcmp(group->values[i].attribute, "member") == 0)
			member = person_at(r->o, group->values[i].text);
		if (member != NONE && shown_as(r->o, member) != NULL)
			add_item(r, shown_as(r->o, member), member);
	}
	for (int i = 0; i < group->n_values; i++)
		if (!group->values[i].gone &&
		    strcmp(group->values[i].attribute, "rfc822MailMember") == 0)
			add_item(r, group->values[i].text, NONE);
	end(r, O_GROUP, NULL);
}

/* 1 */
static void forward(struct resolving *r, int person, int domain)
{
	const struct o_person *p = &r->o->people[person];

	for (int i = 0; i < r->n_passed; i++) {
		if (r->passed[i] != person)
			continue;
		if (i == r->n_passed - 1)
			end(r, O_EXTERNAL, NULL); /* its own forward */
		else
			end(r, O_REJECTED, "forward-loop");
		return;
	}
	r->passed[r->n_passed++] = person;
	if (!rewrite(r, p->forward))
		return;
	if (p->host != NULL)
		go_home(r, p, domain);
	else
		resolve(r);
}

static void at_entry(struct resolving *r, int person, int domain)
{
	const struct o_person *p = &r->o->people[person];

	if (p->needs_auth && !r->view->authenticated) {
		end(r, O_REJECTED, "sender-not-allowed");
		return;
	}
	if (p->size != 0 && (r->item->max_size == 0 || p->size < r->item->max_size))
		r->item->max_size = p->size;
	if (r->item->max_size != 0 && r->view->size > r->item->max_size)
		end(r, O_REJECTED, "recipient-size");
	else if (p->forward != NULL)
		forward(r, person, domain);
	else if (p->is_group)
		expand(r, person);
	else
		go_home(r, p, domain);
}

/* 0 */
static void postmaster(struct resolving *r)
{
	if (r->to_postmaster || r->o->postmaster == NULL ||
	    o_same(r->o->postmaster, r->item->address)) {
		r->to_postmaster = true;
		end(r, O_UNREACHABLE, "postmaster-undeliverable");
		return;
	}
	r->to_postmaster = true;
	if (rewrite(r, r->o->postmaster))
		resolve(r);
}

static void not_found(struct resolving *r, int domain)
{
	const struct o_domain *d = domain != NONE ? &r->o->domains[domain] : NULL;
	int catch_all;

	if (d == NULL) {
		end(r, O_EXTERNAL, NULL);
		return;
	}
	if (strncasecmp(r->item->address, "postmaster@", 11) == 0) {
		postmaster(r);
		return;
	}
	catch_all = d->catch_all != NULL ? person_at(r->o, d->catch_all) : NONE;
	if (d->catch_all != NULL && r->view->edge != NONE) { /* the hubs know */
		end(r, O_EXTERNAL, NULL);
	} else if (catch_all != NONE && r->o->people[catch_all].primary != NULL) {
		if (rewrite(r, r->o->people[catch_all].primary))
			at_entry(r, catch_all, accepted(r->o, r->item->address));
	} else if (d->type == AUTHORITATIVE && d->lookup) {
		end(r, O_REJECTED, "unknown-recipient");
	} else {
		end(r, O_EXTERNAL, NULL);
	}
}

/* IMCEAFAX-+2B49@… → FAX:+49; null: it is no such address. */
static const char *decode(const struct oracle *o, const char *address)
{
	const char *dash = strchr(address, '-'), *at = strrchr(address, '@');
	char *out, *to;

	if (strncasecmp(address, "IMCEA", 5) != 0 || dash == NULL || dash > at)
		return NULL;
	out = talloc_asprintf(o, "%.*s:", (int)(dash - address - 5), address + 5);
	out = talloc_realloc(o, out, char, strlen(address) + 8);
	to = out + strlen(out);
	for (const char *from = dash + 1; from < at; from++) {
		char octet[3] = { from[0], 0, 0 };

		if (*from == '+') {
			octet[0] = from[1];
			octet[1] = from[2];
			*to++ = (char)strtol(octet, NULL, 16);
			from += 2;
		} else {
			*to++ = *from == '_' ? '/' : *from;
		}
	}
	*to = '\0';
	return out;
}

static void resolve(struct resolving *r)
{
	const struct oracle *o = r->o;
	const char *address = r->item->address, *decoded;
	int found[MANY], n, domain;

	if (!is_smtp(address) && strchr(address, ':') == NULL) {
		if (o_same(address, "postmaster"))
			postmaster(r);
		else
			end(r, O_REJECTED, "bad-address");
		return;
	}
	domain = accepted(o, address);
	decoded = domain != NONE ? decode(o, address) : NULL;
	if (decoded != NULL) {
		if (rewrite(r, decoded))
			resolve(r);
		return;
	}
	n = look_up(o, address, found);
	if (n == 0) {
		not_found(r, domain);
		return;
	}
	if (r->view->edge != NONE) {
		end(r, O_EXTERNAL, NULL);
		return;
	}
	for (int i = 1; i < n; i++) {
		const struct o_person *a = &o->people[found[0]], *b = &o->people[found[i]];

		if (!is_same_way(o, a, b)) {
			end(r, O_REJECTED, "duplicate-address");
			return;
		}
		/* Whose limits count, if both lead to one place? */
		r->undecided |= a->size != b->size || a->needs_auth != b->needs_auth;
	}
	at_entry(r, found[0], domain);
}

static const char *without_type(const char *recipient)
{
	return strncasecmp(recipient, "SMTP:", 5) == 0 ? recipient + 5 : recipient;
}

/* Nobody twice among the members of a group; the first way wins. */
static void drop_repeated(struct resolving *r)
{
	for (int i = 0; r->items + i < r->item; i++)
		if (r->item->parent != NONE && r->item->kind != O_GROUP && !r->items[i].dropped &&
		    r->items[i].kind != O_GROUP && o_same(r->items[i].address, r->item->address))
			r->item->dropped = true;
}

static void resolve_item(struct resolving *r)
{
	r->n_passed = 0;
	r->to_postmaster = false;
	r->item->address = without_type(r->item->recipient);
	if (r->item->person != NONE)
		at_entry(r, r->item->person, accepted(r->o, r->item->address));
	else
		resolve(r);
	if (r->to_postmaster && (r->item->kind == O_REJECTED || r->item->kind == O_UNREACHABLE))
		end(r, O_UNREACHABLE, "postmaster-undeliverable");
	if (!r->item->dropped)
		drop_repeated(r);
}

int o_resolve(const struct o_view *view, const char *recipient, struct o_item *items)
{
	struct resolving r = { .view = view, .o = view->o, .items = items, .n = 1 };

	items[0] = (struct o_item){ .recipient = recipient, .parent = NONE, .person = NONE,
				    .home = NONE };
	for (int i = 0; i < r.n; i++) {
		r.item = &items[i];
		resolve_item(&r);
	}
	for (int i = 0; i < r.n; i++) {
		bool has_members = false;

		for (int k = i + 1; k < r.n; k++)
			has_members |= items[k].parent == i && !items[k].dropped;
		if (items[i].kind == O_GROUP && !has_members)
			items[i].kind = O_DISCARDED;
	}
	return r.undecided ? 0 : r.n;
}
