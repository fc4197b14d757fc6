/* Recipients and groups of the generator. Pure. */
#include <stdio.h>

#include "topology/generate_private.h"

#define PEOPLE "ou=People"
#define GROUPS "ou=Groups"

/* A quarter works in the sites with a way to the Internet, the large ones. */
static const char *draw_home(struct generator *g, struct draw *draw)
{
	uint32_t site = draw_below(draw, draw_once_in(draw, 4) ? g->internet : g->p->sites);

	return generate_mailbox_dn(g, site, draw_below(draw, GENERATE_SERVERS_MAX));
}

static void make_postmaster(struct generator *g)
{
	struct entry *entry = generate_begin(g, "uid=postmaster", PEOPLE, "inetOrgPerson");

	generate_set(entry, "objectClass", "waypostRecipient");
	generate_set(entry, "cn", "Postmaster");
	generate_set(entry, "sn", "Postmaster");
	generate_set(entry, "mail", "postmaster@%s", g->domain);
	generate_set(entry, "HomeServer", "%s", generate_mailbox_dn(g, 0, 0));
	generate_end(g, entry);
}

/* What only some have: a second address, a forward to the outside, a limit. */
static void set_rare(struct generator *g, struct entry *entry, struct draw *draw, uint32_t i)
{
	bool alias = draw_once_in(draw, 50), forward = draw_once_in(draw, 200);

	if (alias || forward)
		generate_set(entry, "objectClass", "inetLocalMailRecipient");
	if (alias)
		generate_set(entry, "mailLocalAddress", "p%u@%s", i, g->domain);
	if (forward)
		generate_set(entry, "mailRoutingAddress", "p%u@partner%05u.example", i, i % 1000);
	if (draw_once_in(draw, 100))
		generate_set(entry, "MaxMessageSize", "%u", (1 + draw_below(draw, 20)) << 20);
	if (draw_once_in(draw, 500))
		generate_set(entry, "RequireAuth", "TRUE");
}

/* One in a hundred has no home: the default home server takes the mail. */
static void make_recipient(struct generator *g, uint32_t i)
{
	struct draw draw = draw_for(g, DRAW_PERSON, i);
	char local[GENERATE_NAME_SIZE], rdn[GENERATE_NAME_SIZE + 8];
	const char *first, *last;
	struct entry *entry;

	generate_person(i, &first, &last, local);
	snprintf(rdn, sizeof(rdn), "uid=%s", local);
	entry = generate_begin(g, rdn, PEOPLE, "inetOrgPerson");
	generate_set(entry, "objectClass", "waypostRecipient");
	generate_set(entry, "cn", "%s %s", first, last);
	generate_set(entry, "givenName", "%s", first);
	generate_set(entry, "sn", "%s", last);
	generate_set(entry, "mail", "%s@%s", local, g->domain);
	if (!draw_once_in(&draw, 100))
		generate_set(entry, "HomeServer", "%s", draw_home(g, &draw));
	set_rare(g, entry, &draw, i);
	generate_end(g, entry);
}

static void add_person(struct generator *g, struct entry *group, uint32_t i)
{
	char local[GENERATE_NAME_SIZE];
	const char *first, *last;

	generate_person(i, &first, &last, local);
	generate_set(group, "member", "uid=%s," PEOPLE ",%s", local, g->p->suffix);
}

/* One out of each of N equal parts of all people, so that nobody comes twice. */
static void add_people(struct generator *g, struct entry *group, struct draw *draw, uint32_t n)
{
	uint32_t part = n > 0 ? g->p->recipients / n : 0;

	for (uint32_t k = 0; k < n; k++)
		add_person(g, group, k * part + draw_below(draw, part));
}

/* Every tenth holds the group before it. Where nobody works the postmaster is the member. */
static void make_group(struct generator *g, uint32_t i)
{
	struct draw draw = draw_for(g, DRAW_GROUP, i);
	uint32_t n = 2 + draw_below(&draw, 20);
	char rdn[GENERATE_NAME_SIZE];
	struct entry *entry;

	snprintf(rdn, sizeof(rdn), "cn=team%u", i);
	entry = generate_begin(g, rdn, GROUPS, "groupOfNames");
	generate_set(entry, "objectClass", "extensibleObject");
	generate_set(entry, "mail", "team%u@%s", i, g->domain);
	if (g->p->recipients == 0)
		generate_set(entry, "member", "uid=postmaster," PEOPLE ",%s", g->p->suffix);
	if (i % 10 == 9)
		generate_set(entry, "member", "cn=team%u," GROUPS ",%s", i - 1, g->p->suffix);
	add_people(g, entry, &draw, n < g->p->recipients ? n : g->p->recipients);
	generate_end(g, entry);
}

void generate_people(struct generator *g)
{
	generate_end(g, generate_begin(g, PEOPLE, "", "organizationalUnit"));
	generate_end(g, generate_begin(g, GROUPS, "", "organizationalUnit"));
	make_postmaster(g);
	for (uint32_t i = 0; i < g->p->recipients && g->rc == 0; i++)
		make_recipient(g, i);
	for (uint32_t i = 0; i < g->p->groups && g->rc == 0; i++)
		make_group(g, i);
}
