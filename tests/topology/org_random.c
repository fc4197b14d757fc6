/*
 * Random small organisations: see org.h. Costs, sizes and domains come from tiny sets, so that
 * ties, limits met exactly and several matches are common.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/topology/org.h"

/* xorshift64* (Vigna 2016). */
struct dice {
	struct org *org;
	uint64_t state;
	uint32_t n_sites, n_servers, n_edges, n_receives;
	const char *servers[16], *edges[3], *receives[4];
	bool even; /* few costs and only spaces that match everything: many ties */
};

static uint32_t roll(struct dice *d, uint32_t n)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (uint32_t)((d->state * 0x2545f4914f6cdd1dULL >> 32) * n >> 32);
}

static bool once_in(struct dice *d, uint32_t n)
{
	return roll(d, n) == 0;
}

#define PICK(d, array) ((array)[roll(d, WP_COUNT(array))])

static const char *text(struct dice *d, const char *fmt, ...) WP_PRINTF(2, 3);

static const char *text(struct dice *d, const char *fmt, ...)
{
	va_list args;
	char *made;

	va_start(args, fmt);
	made = talloc_vasprintf(d->org->ctx, fmt, args);
	va_end(args);
	return made;
}

static const char *dn_in(struct dice *d, const char *container, const char *name)
{
	return text(d, "cn=%s,cn=%s," ORG_BASE, name, container);
}

/* Now and then one that is not there. */
static const char *any_site_dn(struct dice *d)
{
	if (once_in(d, 40))
		return dn_in(d, "Sites", "nowhere");
	return dn_in(d, "Sites", org_site_name(roll(d, d->n_sites)));
}

static const char *any_server_dn(struct dice *d)
{
	if (once_in(d, 30))
		return dn_in(d, "Servers", "nobody");
	return dn_in(d, "Servers", d->servers[roll(d, d->n_servers)]);
}

static const char *any_size(struct dice *d)
{
	static const char *const sizes[] = { "0", "1000", "5000", "9999", "10000", "40000000" };

	return PICK(d, sizes);
}

static void make_org(struct dice *d)
{
	static const char *const postmasters[] = { "p0@example.com", "postmaster@example.com",
						   "p1@relay.example", "nobody@example.com" };
	struct org_record *org = org_add(d->org, "waypostOrganization", "dc=example,dc=com",
					 "Waypost");

	if (once_in(d, 2))
		org_set(org, "waypostSizeAwareRouting", "TRUE");
	if (once_in(d, 2))
		org_set(org, "waypostPostmaster", PICK(d, postmasters));
	if (once_in(d, 2))
		org_set(org, "waypostSubaddressDelimiter", once_in(d, 4) ? "--" : "+");
	if (once_in(d, 2))
		org_set(org, "waypostDefaultHomeServer", any_server_dn(d));
	if (once_in(d, 8))
		org_set(org, "waypostMaxSendSize", any_size(d));
	if (once_in(d, 8))
		org_set(org, "waypostMaxReceiveSize", any_size(d));
}

static void make_site(struct dice *d, uint32_t i)
{
	struct org_record *site = org_add(d->org, "waypostSite", "cn=Sites," ORG_BASE,
					  org_site_name(i));

	if (once_in(d, 3))
		org_set(site, "waypostHubSite", once_in(d, 5) ? "FALSE" : "TRUE");
	if (once_in(d, 6))
		org_set(site, "waypostInboundMail", once_in(d, 4) ? "TRUE" : "FALSE");
}

/*
 * From one site after the other to the next or to any, sometimes to several: sparse, so that paths
 * are long, with rings in which two ways cost the same.
 */
static void make_link(struct dice *d, uint32_t i)
{
	static const char *const costs[] = { "10", "10", "10", "20", "20", "30", "40", "1", "0",
					     "100000" };
	struct org_record *link = org_add(d->org, "waypostSiteLink", "cn=Site Links," ORG_BASE,
					  text(d, "%c%u", "aBcD"[roll(d, 4)], i));
	uint32_t from = i % d->n_sites, next = (i + 1) % d->n_sites;

	org_set(link, "waypostLinkedSite", dn_in(d, "Sites", org_site_name(from)));
	org_set(link, "waypostLinkedSite",
		once_in(d, 2) ? dn_in(d, "Sites", org_site_name(next)) : any_site_dn(d));
	for (uint32_t more = once_in(d, 8) ? 1 + roll(d, 3) : 0; more > 0; more--)
		org_set(link, "waypostLinkedSite", any_site_dn(d));
	if (d->even)
		org_set(link, "waypostCost", once_in(d, 3) ? "20" : "10");
	else if (!once_in(d, 10))
		org_set(link, "waypostCost", PICK(d, costs));
	if (!d->even && once_in(d, 5))
		org_set(link, "waypostMailCost", PICK(d, costs));
	if (once_in(d, 3))
		org_set(link, "waypostMaxMessageSize", any_size(d));
}

static void make_subnets(struct dice *d)
{
	static const char *const prefixes[] = { "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24",
						"10.1.2.128/25", "2001:db8::/32", "2001:db8:1::/48",
						"2001:db8:1::8000/113", "0.0.0.0/0" };

	for (uint32_t i = 0; i < WP_COUNT(prefixes); i++)
		if (once_in(d, 2))
			org_set(org_add(d->org, "waypostSubnet", "cn=Subnets," ORG_BASE, prefixes[i]),
				"waypostSiteDN", any_site_dn(d));
}

static const char *any_address(struct dice *d)
{
	static const char *const addresses[] = { "10.9.9.9", "10.1.9.9", "10.1.2.5", "10.1.2.200",
						 "192.0.2.7", "2001:db8::5", "2001:db8:1::7",
						 "2001:db8:1::9000", "2001:db9::1" };

	return PICK(d, addresses);
}

static void make_server(struct dice *d, uint32_t i)
{
	const char *name = text(d, "%c%u", "hKmZ"[roll(d, 4)], i);
	struct org_record *server = org_add(d->org, "waypostServer", "cn=Servers," ORG_BASE, name);

	d->servers[d->n_servers++] = name;
	org_set(server, "waypostFqdn", text(d, "s%u.example.com", i));
	if (!once_in(d, 4))
		org_set(server, "waypostSiteDN", any_site_dn(d));
	for (uint32_t k = roll(d, 3); k > 0; k--)
		org_set(server, "waypostAddress", any_address(d));
	if (once_in(d, 4))
		org_set(server, "waypostRole", "mailbox");
	if (once_in(d, 2))
		org_set(server, "waypostRole", "hub");
	if (once_in(d, 4))
		org_set(server, "waypostServerState", once_in(d, 2) ? "draining" : "disabled");
}

static void make_receive(struct dice *d, const char *server)
{
	struct org_record *receive =
		org_add(d->org, "waypostReceiveConnector", dn_in(d, "Servers", server), "In");

	if (once_in(d, 3))
		org_set(receive, "waypostMaxMessageSize", any_size(d));
	d->receives[d->n_receives++] = server;
}

static void make_edge(struct dice *d, uint32_t i)
{
	struct org_record *edge;

	d->edges[d->n_edges++] = text(d, "E%u", i);
	edge = org_add(d->org, "waypostEdgeSubscription", "cn=Edge Subscriptions," ORG_BASE,
		       d->edges[i]);
	org_set(edge, "waypostSiteDN", any_site_dn(d));
	if (once_in(d, 6))
		org_set(edge, "waypostEnabled", "FALSE");
}

/* Spaces of one connector never are one text twice. */
static void set_spaces(struct dice *d, struct org_record *connector)
{
	static const char *const spaces[] = {
		"*", "*", "*", "*", "partner.example", "*.partner.example", "*.eu.partner.example",
		"mail.eu.partner.example", "*.example", "relay.example", "*.relay.example",
		"[192.0.2.1]", "[192.0.2.0/24]", "[192.0.2.0/25]", "[192.0.2.0/30]", "[0.0.0.0/0]",
		"[IPv6:2001:db8::1]", "[IPv6:2001:db8::/32]", "[IPv6:2001:db8::/126]", "example.com",
		"--", "example", "*.com", "SMTP:*", "smtp:Partner.Example", "FAX:*", "FAX:+4912",
		"X400:*", "FAX:+49*",
	};
	static const char *const costs[] = { "", ";1", ";10", ";10", ";20", ";20", ";30", ";0", ";101" };
	uint32_t n = 1 + roll(d, 3), at = roll(d, WP_COUNT(spaces));

	if (d->even)
		org_set(connector, "waypostAddressSpace", text(d, "*;%u", 10 + 10 * roll(d, 3)));
	for (uint32_t i = 0; i < n && !d->even; i++, at += 1 + roll(d, 4))
		org_set(connector, "waypostAddressSpace",
			text(d, "%s%s", spaces[at % WP_COUNT(spaces)], PICK(d, costs)));
}

static void set_sources(struct dice *d, struct org_record *connector)
{
	bool by_edges = d->n_edges > 0 && once_in(d, 3), mixed = once_in(d, 20);

	for (uint32_t n = roll(d, 4); n > 0 && by_edges; n--)
		org_set(connector, "waypostSourceServer",
			dn_in(d, "Edge Subscriptions", d->edges[roll(d, d->n_edges)]));
	for (uint32_t n = 1 + roll(d, 4); n > 0 && (!by_edges || mixed); n--)
		org_set(connector, "waypostSourceServer", any_server_dn(d));
}

static void make_connector(struct dice *d, uint32_t i)
{
	bool foreign = once_in(d, 6);
	struct org_record *connector =
		org_add(d->org, foreign ? "waypostForeignConnector" : "waypostSendConnector",
			"cn=Send Connectors," ORG_BASE, text(d, "%c%u", "cNoP"[roll(d, 4)], i));

	set_spaces(d, connector);
	set_sources(d, connector);
	if (once_in(d, 4))
		org_set(connector, "waypostScoped", "TRUE");
	if (once_in(d, 8))
		org_set(connector, "waypostEnabled", "FALSE");
	if (once_in(d, 3))
		org_set(connector, "waypostMaxMessageSize", any_size(d));
	if (!foreign && once_in(d, 3))
		org_set(connector, "waypostSmartHost", "smart.example");
	else if (!foreign && once_in(d, 6))
		org_set(connector, "waypostDnsRouting", "FALSE");
	if (!foreign && d->n_receives > 0 && once_in(d, 6))
		org_set(connector, "waypostLinkedReceiveConnector",
			text(d, "cn=In,%s", dn_in(d, "Servers", d->receives[roll(d, d->n_receives)])));
}

static void make_domain(struct dice *d, const char *domain, const char *type)
{
	struct org_record *record = org_add(d->org, "waypostAcceptedDomain",
					    "cn=Accepted Domains," ORG_BASE,
					    *domain == '*' ? text(d, "any %s", domain + 2) : domain);

	org_set(record, "waypostDomain", domain);
	org_set(record, "waypostDomainType", type);
	if (strcmp(domain, "example.com") == 0)
		org_set(record, "waypostDefaultDomain", "TRUE");
	if (once_in(d, 5))
		org_set(record, "waypostRecipientLookup", once_in(d, 2) ? "TRUE" : "FALSE");
	if (once_in(d, 4))
		org_set(record, "waypostCatchAll", text(d, "cn=p%u," ORG_PEOPLE, roll(d, 14)));
	if (once_in(d, 4))
		org_set(record, "waypostDefaultHomeServer", any_server_dn(d));
}

static void make_domains(struct dice *d)
{
	static const char *const types[] = { "authoritative", "internalRelay", "externalRelay" };

	make_domain(d, "example.com", "authoritative");
	make_domain(d, "relay.example", once_in(d, 2) ? "internalRelay" : "externalRelay");
	if (once_in(d, 2))
		make_domain(d, "*.example.com", PICK(d, types));
	if (once_in(d, 2))
		make_domain(d, "*.sub.example.com", PICK(d, types));
	if (once_in(d, 3))
		make_domain(d, "*.relay.example", PICK(d, types));
}

static const char *any_domain(struct dice *d)
{
	static const char *const domains[] = { "example.com", "example.com", "example.com",
					       "relay.example", "a.example.com",
					       "b.sub.example.com", "x.relay.example" };

	return PICK(d, domains);
}

/* The mail of person I goes by her number and domain; her own aliases are "aI@…". */
static const char *any_forward(struct dice *d, uint32_t self)
{
	switch (roll(d, 6)) {
	case 0:
		return "u@eu.partner.example";
	case 1:
		return text(d, "a%u@example.com", self);
	case 2:
		return text(d, "SMTP:g%u@example.com", roll(d, 3));
	case 3:
		return text(d, "p%u@%s", roll(d, 12), any_domain(d));
	default:
		return text(d, "a%u@example.com", roll(d, 12));
	}
}

static void set_home(struct dice *d, struct org_record *person)
{
	if (once_in(d, 8))
		org_set(person, "mailHost",
			once_in(d, 3) ? "legacy.example.net" : text(d, "s%u.example.com", roll(d, 12)));
	else if (!once_in(d, 5))
		org_set(person, "waypostHomeServer", any_server_dn(d));
}

static void make_person(struct dice *d, uint32_t i)
{
	struct org_record *person = org_add(d->org, "inetOrgPerson", ORG_PEOPLE, text(d, "p%u", i));

	org_set(person, "mail", text(d, "p%u@%s", i, any_domain(d)));
	org_set(person, "mailLocalAddress", text(d, "a%u@example.com", i));
	if (once_in(d, 20))
		org_set(person, "mailLocalAddress", text(d, "a%u@example.com", roll(d, 12)));
	if (once_in(d, 25))
		org_set(person, "mailLocalAddress", "postmaster@example.com");
	set_home(d, person);
	if (once_in(d, 4))
		org_set(person, "mailRoutingAddress", any_forward(d, i));
	if (once_in(d, 10))
		org_set(person, "waypostMaxMessageSize", any_size(d));
	if (once_in(d, 10))
		org_set(person, "waypostRequireAuth", "TRUE");
}

/* A row of forwards about as long as a row may be; its last one lives somewhere. */
static void make_chain(struct dice *d)
{
	uint32_t n = 15 + roll(d, 4);

	for (uint32_t i = 0; i < n; i++) {
		struct org_record *person =
			org_add(d->org, "inetOrgPerson", ORG_PEOPLE, text(d, "c%u", i));

		org_set(person, "mail", text(d, "c%u@example.com", i));
		if (i + 1 < n)
			org_set(person, "mailRoutingAddress", text(d, "c%u@example.com", i + 1));
		else
			org_set(person, "waypostHomeServer", any_server_dn(d));
	}
}

static void make_group(struct dice *d, uint32_t i)
{
	struct org_record *group = org_add(d->org, "groupOfNames", ORG_PEOPLE, text(d, "g%u", i));

	org_set(group, "mail", text(d, "g%u@example.com", i));
	for (uint32_t n = roll(d, 4); n > 0; n--)
		org_set(group, "member", text(d, "cn=p%u," ORG_PEOPLE, roll(d, 13)));
	if (once_in(d, 2))
		org_set(group, "member", text(d, "cn=g%u," ORG_PEOPLE, roll(d, 3)));
	for (uint32_t n = roll(d, 3); n > 0; n--)
		org_set(group, "rfc822MailMember",
			once_in(d, 3) ? "U@Partner.example" : any_forward(d, roll(d, 12)));
	if (once_in(d, 8))
		org_set(group, "waypostRequireAuth", "TRUE");
	if (once_in(d, 8))
		org_set(group, "waypostMaxMessageSize", any_size(d));
}

static const char *any_recipient(struct dice *d)
{
	static const char *const outside[] = {
		"u@partner.example", "u@eu.partner.example", "u@mail.eu.partner.example", "u@x.example",
		"u@example", "u@f.com", "u@[192.0.2.1]", "u@[192.0.2.3]", "u@[192.0.2.100]",
		"u@[192.0.2.200]", "u@[198.51.100.1]", "u@[IPv6:2001:db8::1]", "u@[IPv6:2001:db8::2]",
		"u@[IPv6:2001:db8:9::1]", "u@[IPv6:2001:db9::1]", "FAX:+4912", "FAX:+4913", "X400:c=de",
		"TELEX:1", "IMCEAFAX-+2B4912@example.com", "IMCEAX400-c+3Dde@relay.example",
		"IMCEAFAX-+2B4912@partner.example", "postmaster", "postmaster@example.com",
		"postmaster@relay.example", "Postmaster@b.sub.example.com", "postmaster@partner.example",
		"c0@example.com",
	};

	switch (roll(d, 4)) {
	case 0:
		return PICK(d, outside);
	case 1:
		return text(d, "%c%u%s@%s", "pP"[roll(d, 2)], roll(d, 14), once_in(d, 4) ? "+tag" : "",
			    any_domain(d));
	case 2:
		return text(d, "a%u%s@%s", roll(d, 12), once_in(d, 6) ? "--x" : "", "Example.COM");
	default:
		return once_in(d, 2) ? text(d, "g%u@example.com", roll(d, 3)) : PICK(d, outside);
	}
}

static void make_query(struct dice *d, struct org_query *query)
{
	static const uint16_t sizes[] = { 0, 999, 1000, 1001, 5000, 5001, 9999, 10000, 10001, 50000 };

	*query = (struct org_query){ d->servers[roll(d, d->n_servers)], any_recipient(d), NULL,
				     PICK(d, sizes), !once_in(d, 4) };
	if (once_in(d, 20))
		query->size = 36700161;
	if (d->n_edges > 0 && once_in(d, 10))
		query->from = d->edges[roll(d, d->n_edges)];
	if (d->n_receives > 0 && once_in(d, 12)) {
		query->from = d->receives[roll(d, d->n_receives)];
		query->receive = text(d, "%s/In", query->from);
	}
}

struct org *org_random(uint64_t seed)
{
	struct org *org = talloc_zero(NULL, struct org);
	struct dice d = { .org = org, .state = seed * 0x9e3779b97f4a7c15ULL + 1 };

	org->ctx = org;
	d.even = once_in(&d, 4);
	d.n_sites = 3 + roll(&d, 6);
	for (uint32_t i = 0; i < d.n_sites; i++)
		make_site(&d, i);
	for (uint32_t n = d.n_sites + roll(&d, d.n_sites), i = 0; i < n; i++)
		make_link(&d, i);
	make_subnets(&d);
	for (uint32_t n = 3 + roll(&d, 10), i = 0; i < n; i++)
		make_server(&d, i);
	make_org(&d);
	for (uint32_t n = once_in(&d, 3) ? 1 + roll(&d, 2) : 0; n > 0 && n <= d.n_servers; n--)
		make_receive(&d, d.servers[n - 1]);
	for (uint32_t n = roll(&d, 3), i = 0; i < n; i++)
		make_edge(&d, i);
	for (uint32_t n = roll(&d, 9), i = 0; i < n; i++)
		make_connector(&d, i);
	make_domains(&d);
	for (uint32_t i = 0; i < 12; i++)
		make_person(&d, i);
	for (uint32_t i = 0; i < 3; i++)
		make_group(&d, i);
	if (once_in(&d, 20))
		make_chain(&d);
	for (org->n_queries = 0; org->n_queries < ORG_QUERIES_MAX; org->n_queries++)
		make_query(&d, &org->queries[org->n_queries]);
	return org;
}
