/* Servers, edges, connectors and domains of the generator. Pure. */
#include <stdio.h>
#include <string.h>

#include "topology/generate_private.h"

uint32_t generate_hubs(const struct generator *g)
{
	uint32_t n = g->p->servers_per_site;

	return n > 2 ? (n + 1) / 3 : 1;
}

void generate_server_name(const struct generator *g, uint32_t site, uint32_t k,
			  char name[static GENERATE_NAME_SIZE])
{
	uint32_t hubs = generate_hubs(g);
	char code[GENERATE_NAME_SIZE];

	generate_site_code(site, code);
	snprintf(name, GENERATE_NAME_SIZE, "%.64s-%s%u", code, k < hubs ? "HUB" : "MBX",
		 k < hubs ? k + 1 : k - hubs + 1);
}

/* A lone server is hub and mailbox server. */
const char *generate_mailbox_dn(struct generator *g, uint32_t site, uint32_t k)
{
	uint32_t hubs = generate_hubs(g), n = g->p->servers_per_site;
	char name[GENERATE_NAME_SIZE];

	generate_server_name(g, site, n > hubs ? hubs + k % (n - hubs) : 0, name);
	return generate_dn(g, "Servers", name);
}

static const char *hub_dn(struct generator *g, uint32_t site, uint32_t k)
{
	char name[GENERATE_NAME_SIZE];

	generate_server_name(g, site, k % generate_hubs(g), name);
	return generate_dn(g, "Servers", name);
}

static const char *site_dn(struct generator *g, uint32_t site)
{
	char name[GENERATE_NAME_SIZE];

	generate_site_name(site, name);
	return generate_dn(g, "Sites", name);
}

static const char *fqdn_of(struct generator *g, const char *name)
{
	char *host = talloc_asprintf(g->ctx, "%s.%s", name, g->domain);

	for (char *at = host; *at != '\0'; at++)
		*at = ascii_lower(*at);
	return host;
}

static void set_certificate(struct generator *g, struct entry *entry, uint32_t number)
{
	struct draw draw = draw_for(g, DRAW_CERTIFICATE, number);
	uint64_t words[4];

	for (int i = 0; i < 4; i++)
		words[i] = draw_next(&draw);
	generate_set(entry, "CertificateHash", "sha256:%016llx%016llx%016llx%016llx",
		     (unsigned long long)words[0], (unsigned long long)words[1],
		     (unsigned long long)words[2], (unsigned long long)words[3]);
}

/* Hubs name their site; mailbox servers are found by their address where there are subnets. */
static void make_server(struct generator *g, uint32_t site, uint32_t k)
{
	bool is_hub = k < generate_hubs(g), is_mailbox = !is_hub || g->p->servers_per_site == 1;
	char name[GENERATE_NAME_SIZE], prefix[GENERATE_NAME_SIZE], rdn[GENERATE_NAME_SIZE + 8];
	struct entry *entry;

	generate_server_name(g, site, k, name);
	snprintf(rdn, sizeof(rdn), "cn=%s", name);
	entry = generate_begin(g, rdn, "cn=Servers,cn=Waypost", "waypostServer");
	generate_set(entry, "Fqdn", "%s", fqdn_of(g, name));
	generate_subnet(site, 0, prefix);
	generate_set(entry, "Address", "%s%u", prefix, k + 10);
	if (is_hub || g->p->subnets_per_site == 0)
		generate_set(entry, "SiteDN", "%s", site_dn(g, site));
	if (is_hub)
		generate_set(entry, "Role", "hub");
	if (is_mailbox)
		generate_set(entry, "Role", "mailbox");
	if (is_mailbox)
		generate_set(entry, "MailboxDelivery", "lmtp://%s:24", fqdn_of(g, name));
	set_certificate(g, entry, site * GENERATE_SERVERS_MAX + k);
	generate_end(g, entry);
}

void generate_servers(struct generator *g)
{
	for (uint32_t i = 0; i < g->p->sites && g->rc == 0; i++)
		for (uint32_t k = 0; k < g->p->servers_per_site; k++)
			make_server(g, i, k);
}

/* ---- the way out ---- */

static void edge_name(uint32_t i, char name[static GENERATE_NAME_SIZE])
{
	snprintf(name, GENERATE_NAME_SIZE, "EDGE%u", i + 1);
}

/* Edges stand in front of the sites with a way to the Internet, in turn. */
static void make_edge(struct generator *g, uint32_t i)
{
	char name[GENERATE_NAME_SIZE], rdn[GENERATE_NAME_SIZE + 8];
	struct entry *entry;

	edge_name(i, name);
	snprintf(rdn, sizeof(rdn), "cn=%s", name);
	entry = generate_begin(g, rdn, "cn=Edge Subscriptions,cn=Waypost", "waypostEdgeSubscription");
	generate_set(entry, "Fqdn", "%s", fqdn_of(g, name));
	generate_set(entry, "SiteDN", "%s", site_dn(g, i % g->internet));
	set_certificate(g, entry, UINT32_MAX - i);
	generate_end(g, entry);
}

/* To the Internet from centre I, the dearer the later; by its edges if it has any. */
static void make_internet(struct generator *g, uint32_t i)
{
	char name[GENERATE_NAME_SIZE], rdn[GENERATE_NAME_SIZE + 32];
	struct entry *entry;

	generate_site_name(i, name);
	snprintf(rdn, sizeof(rdn), "cn=Internet %s", name);
	entry = generate_begin(g, rdn, "cn=Send Connectors,cn=Waypost", "waypostSendConnector");
	generate_set(entry, "Usage", "internet");
	generate_set(entry, "AddressSpace", "SMTP:*;%u", 10 + 10 * i);
	for (uint32_t k = 0; k < generate_hubs(g) && i >= g->p->edges; k++)
		generate_set(entry, "SourceServer", "%s", hub_dn(g, i, k));
	for (uint32_t k = i; k < g->p->edges; k += g->internet) {
		edge_name(k, name);
		generate_set(entry, "SourceServer", "%s", generate_dn(g, "Edge Subscriptions", name));
	}
	generate_end(g, entry);
}

/* One hub, or two: of one site, or of two sites. */
static void set_sources(struct generator *g, struct entry *entry, struct draw *draw)
{
	uint32_t site = draw_below(draw, g->p->sites), hubs = generate_hubs(g);

	generate_set(entry, "SourceServer", "%s", hub_dn(g, site, 0));
	if (hubs > 1 && draw_once_in(draw, 2))
		generate_set(entry, "SourceServer", "%s", hub_dn(g, site, 1));
	else if (g->p->sites > 1 && draw_once_in(draw, 4))
		generate_set(entry, "SourceServer", "%s",
			     hub_dn(g, (site + 1 + draw_below(draw, g->p->sites - 1)) % g->p->sites, 0));
}

/* A partner's domains, by its smart host or by MX. */
static void make_partner(struct generator *g, uint32_t i)
{
	struct draw draw = draw_for(g, DRAW_CONNECTOR, i);
	char rdn[GENERATE_NAME_SIZE];
	struct entry *entry;

	snprintf(rdn, sizeof(rdn), "cn=Partner %05u", i);
	entry = generate_begin(g, rdn, "cn=Send Connectors,cn=Waypost", "waypostSendConnector");
	generate_set(entry, "Usage", "partner");
	generate_set(entry, "AddressSpace", "SMTP:*.partner%05u.example;%u", i,
		     1 + draw_below(&draw, 20));
	if (draw_once_in(&draw, 4))
		generate_set(entry, "AddressSpace", "SMTP:partner%05u.net;1", i);
	if (!draw_once_in(&draw, 5))
		generate_set(entry, "SmartHost", "mx.partner%05u.example", i);
	if (draw_once_in(&draw, 3))
		generate_set(entry, "RequireTls", "TRUE");
	if (draw_once_in(&draw, 5))
		generate_set(entry, "MaxMessageSize", "%u", (5 + 5 * draw_below(&draw, 5)) << 20);
	if (draw_once_in(&draw, 20))
		generate_set(entry, "Scoped", "TRUE");
	if (draw_once_in(&draw, 50))
		generate_set(entry, "Enabled", "FALSE");
	set_sources(g, entry, &draw);
	generate_end(g, entry);
}

static void make_foreign(struct generator *g, uint32_t i)
{
	struct draw draw = draw_for(g, DRAW_CONNECTOR, i);
	char rdn[GENERATE_NAME_SIZE];
	struct entry *entry;

	snprintf(rdn, sizeof(rdn), "cn=Fax %05u", i);
	entry = generate_begin(g, rdn, "cn=Send Connectors,cn=Waypost", "waypostForeignConnector");
	generate_set(entry, "AddressSpace", "FAX:*;%u", 1 + draw_below(&draw, 20));
	generate_set(entry, "DropDirectory", "/var/spool/fax");
	set_sources(g, entry, &draw);
	generate_end(g, entry);
}

/* After the default domain one of each type in turn; every fourth with its subdomains. */
static void make_domain(struct generator *g, uint32_t i)
{
	static const char *const types[] = { "authoritative", "internalRelay", "externalRelay" };
	char domain[2 * GENERATE_ADDRESS_SIZE], rdn[3 * GENERATE_ADDRESS_SIZE];
	struct entry *entry;

	snprintf(domain, sizeof(domain), i > 0 ? "division%u.%s" : "%.0u%s", i, g->domain);
	snprintf(rdn, sizeof(rdn), "cn=%s", domain);
	entry = generate_begin(g, rdn, "cn=Accepted Domains,cn=Waypost", "waypostAcceptedDomain");
	generate_set(entry, "Domain", "%s%s", i % 4 == 3 ? "*." : "", domain);
	generate_set(entry, "DomainType", "%s", types[i % 3]);
	if (i == 0)
		generate_set(entry, "DefaultDomain", "TRUE");
	else if (i % 6 == 3)
		generate_set(entry, "CatchAll", "uid=postmaster,ou=People,%s", g->p->suffix);
	else if (i % 6 == 0)
		generate_set(entry, "DefaultHomeServer", "%s",
			     generate_mailbox_dn(g, i % g->p->sites, i));
	generate_end(g, entry);
}

void generate_outside(struct generator *g)
{
	for (uint32_t i = 0; i < g->p->edges && g->rc == 0; i++)
		make_edge(g, i);
	for (uint32_t i = 0; i < g->p->connectors && g->rc == 0; i++) {
		if (i < g->internet)
			make_internet(g, i);
		else if (i % 100 == 99)
			make_foreign(g, i);
		else
			make_partner(g, i);
	}
	for (uint32_t i = 0; i < g->p->domains && g->rc == 0; i++)
		make_domain(g, i);
}
