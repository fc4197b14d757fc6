/* Records read into the oracle's plain model. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/topology/oracle_private.h"

bool o_same(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

static bool is_true(const struct org_record *record, const char *attribute, bool otherwise)
{
	const char *text = org_value(record, attribute);

	return text != NULL ? strcmp(text, "TRUE") == 0 : otherwise;
}

static uint64_t number(const struct org_record *record, const char *attribute, uint64_t otherwise)
{
	const char *text = org_value(record, attribute);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

#define FIND_DN(list, count, wanted) find_dn((list), (count), sizeof((list)[0]), \
					     offsetof(__typeof__((list)[0]), dn), (wanted))

static int find_dn(const void *list, int n, size_t size, size_t offset, const char *dn)
{
	for (int i = 0; i < n && dn != NULL; i++) {
		const char *const *at =
			(const void *)((const char *)list + (size_t)i * size + offset);

		if (strcmp(*at, dn) == 0)
			return i;
	}
	return NONE;
}

static void read_site(struct oracle *o, const struct org_record *r)
{
	o->sites[o->n_sites++] = (struct o_site){ r->name, org_name_key(o, r->name), r->dn,
						  is_true(r, "waypostHubSite", false),
						  is_true(r, "waypostInboundMail", true) };
}

/* §1.2 */
static void read_link(struct oracle *o, const struct org_record *r)
{
	struct o_link *link = &o->links[o->n_links++];

	link->cost = number(r, "waypostMailCost", number(r, "waypostCost", 100));
	if (link->cost < 1)
		link->cost = 1;
	if (link->cost > 99999)
		link->cost = 99999;
	link->size = number(r, "waypostMaxMessageSize", 0);
	for (int i = 0; i < r->n_values; i++) {
		int site = r->values[i].gone ? NONE :
			   FIND_DN(o->sites, o->n_sites, r->values[i].text);

		if (site != NONE)
			link->joins[site] = true;
	}
}

/* The length of PREFIX if it holds ADDRESS, else -1. */
static int match_prefix(const char *prefix, const char *address)
{
	uint8_t a[16], b[16];
	char net[64];
	int family = strchr(prefix, ':') != NULL ? AF_INET6 : AF_INET, bits;

	memcpy(net, prefix, strcspn(prefix, "/"));
	net[strcspn(prefix, "/")] = '\0';
	bits = atoi(strchr(prefix, '/') + 1);
	if (inet_pton(family, net, a) != 1 || inet_pton(family, address, b) != 1)
		return NONE;
	for (int i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return NONE;
	return bits;
}

static int site_of_address(const struct oracle *o, const char *address)
{
	int best = NONE, site = NONE;

	for (int i = 0; i < o->org->n_records; i++) {
		const struct org_record *r = &o->org->records[i];
		int bits, of;

		if (r->gone || strcmp(r->class, "waypostSubnet") != 0)
			continue;
		bits = match_prefix(r->name, address);
		of = FIND_DN(o->sites, o->n_sites, org_value(r, "waypostSiteDN"));
		if (bits > best && of != NONE) {
			best = bits;
			site = of;
		}
	}
	return site;
}

static bool has_value(const struct org_record *r, const char *attribute, const char *text)
{
	for (int i = 0; i < r->n_values; i++)
		if (!r->values[i].gone && strcmp(r->values[i].attribute, attribute) == 0 &&
		    strcmp(r->values[i].text, text) == 0)
			return true;
	return false;
}

static void read_server(struct oracle *o, const struct org_record *r)
{
	struct o_server *server = &o->servers[o->n_servers++];
	const char *state = org_value(r, "waypostServerState"), *fqdn = org_value(r, "waypostFqdn");

	*server = (struct o_server){ r->name, org_name_key(o, r->name), r->dn,
				     fqdn != NULL ? fqdn : "", false, ACTIVE, NONE };
	server->is_hub = org_value(r, "waypostRole") == NULL || has_value(r, "waypostRole", "hub");
	if (state != NULL)
		server->state = strcmp(state, "draining") == 0 ? DRAINING : DISABLED;
	server->site = FIND_DN(o->sites, o->n_sites, org_value(r, "waypostSiteDN"));
	for (int i = 0; i < r->n_values && server->site == NONE; i++)
		if (!r->values[i].gone && strcmp(r->values[i].attribute, "waypostAddress") == 0)
			server->site = site_of_address(o, r->values[i].text);
}

static void read_edge(struct oracle *o, const struct org_record *r)
{
	o->edges[o->n_edges++] =
		(struct o_edge){ r->name, org_name_key(o, r->name), r->dn,
				 is_true(r, "waypostEnabled", true),
				 FIND_DN(o->sites, o->n_sites, org_value(r, "waypostSiteDN")) };
}

static void read_receive(struct oracle *o, const struct org_record *r)
{
	const char *server = strchr(r->dn, ',') + 1;
	int at = FIND_DN(o->servers, o->n_servers, server);

	if (at != NONE)
		o->receives[o->n_receives++] =
			(struct o_receive){ r->dn, o->servers[at].name,
					    number(r, "waypostMaxMessageSize", 36700160) };
}

/* Edges beside hubs are ignored; so are sources that are no hubs. */
static void read_sources(struct oracle *o, const struct org_record *r, struct o_connector *c)
{
	bool has_hub = false;

	for (int i = 0; i < r->n_values; i++) {
		int server = FIND_DN(o->servers, o->n_servers, r->values[i].text);
		int edge = FIND_DN(o->edges, o->n_edges, r->values[i].text);

		if (r->values[i].gone || strcmp(r->values[i].attribute, "waypostSourceServer") != 0)
			continue;
		if (server != NONE && o->servers[server].is_hub)
			has_hub = c->has_server[server] = true;
		if (edge != NONE)
			c->has_edge[edge] = true;
	}
	if (has_hub)
		memset(c->has_edge, 0, sizeof(c->has_edge));
}

static void read_connector(struct oracle *o, const struct org_record *r)
{
	struct o_connector *c = &o->connectors[o->n_connectors++];
	bool foreign = strcmp(r->class, "waypostForeignConnector") == 0;

	c->name = r->name;
	c->key = org_name_key(o, r->name);
	c->dn = r->dn;
	c->record = r;
	c->linked = org_value(r, "waypostLinkedReceiveConnector");
	c->enabled = is_true(r, "waypostEnabled", true);
	c->scoped = is_true(r, "waypostScoped", false);
	c->by_dns = !foreign && org_value(r, "waypostSmartHost") == NULL &&
		    is_true(r, "waypostDnsRouting", true);
	c->size = number(r, "waypostMaxMessageSize", foreign ? 0 : 36700160);
	read_sources(o, r, c);
}

static void read_domain(struct oracle *o, const struct org_record *r)
{
	const char *domain = org_value(r, "waypostDomain"), *type = org_value(r, "waypostDomainType");
	struct o_domain *d = &o->domains[o->n_domains];

	if (domain == NULL)
		return;
	o->n_domains++;
	d->wildcard = *domain == '*';
	d->domain = domain + (d->wildcard ? 2 : 0);
	d->type = type == NULL || strcmp(type, "authoritative") == 0 ? AUTHORITATIVE :
		  strcmp(type, "internalRelay") == 0		     ? INTERNAL_RELAY :
								       EXTERNAL_RELAY;
	d->is_default = is_true(r, "waypostDefaultDomain", false);
	d->lookup = is_true(r, "waypostRecipientLookup", d->type == AUTHORITATIVE);
	d->catch_all = org_value(r, "waypostCatchAll");
	d->default_home = FIND_DN(o->servers, o->n_servers, org_value(r, "waypostDefaultHomeServer"));
}

static void read_person(struct oracle *o, const struct org_record *r)
{
	struct o_person *p = &o->people[o->n_people++];

	p->record = r;
	p->primary = org_value(r, "mail");
	if (p->primary == NULL)
		p->primary = org_value(r, "mailLocalAddress");
	p->forward = org_value(r, "mailRoutingAddress");
	if (p->forward != NULL && strncmp(p->forward, "SMTP:", 5) == 0)
		p->forward += 5;
	p->home = org_value(r, "waypostHomeServer");
	p->host = org_value(r, "mailHost");
	p->is_group = strcmp(r->class, "groupOfNames") == 0;
	p->needs_auth = is_true(r, "waypostRequireAuth", false);
	p->size = number(r, "waypostMaxMessageSize", 0);
}

static void read_org(struct oracle *o, const struct org_record *r)
{
	o->size_aware = is_true(r, "waypostSizeAwareRouting", false);
	o->max_send = number(r, "waypostMaxSendSize", 0);
	o->max_receive = number(r, "waypostMaxReceiveSize", 0);
	o->postmaster = org_value(r, "waypostPostmaster");
	o->delimiter = org_value(r, "waypostSubaddressDelimiter");
	o->default_home = FIND_DN(o->servers, o->n_servers, org_value(r, "waypostDefaultHomeServer"));
}

static void each(struct oracle *o, const char *class,
		 void (*read)(struct oracle *o, const struct org_record *r))
{
	for (int i = 0; i < o->org->n_records; i++)
		if (!o->org->records[i].gone && strcmp(o->org->records[i].class, class) == 0)
			read(o, &o->org->records[i]);
}

struct oracle *oracle_new(const struct org *org)
{
	struct oracle *o = talloc_zero(NULL, struct oracle);

	o->org = org;
	o->default_home = NONE;
	each(o, "waypostSite", read_site);
	each(o, "waypostSiteLink", read_link);
	each(o, "waypostServer", read_server);
	each(o, "waypostEdgeSubscription", read_edge);
	each(o, "waypostReceiveConnector", read_receive);
	each(o, "waypostSendConnector", read_connector);
	each(o, "waypostForeignConnector", read_connector);
	each(o, "waypostAcceptedDomain", read_domain);
	each(o, "waypostOrganization", read_org);
	each(o, "inetOrgPerson", read_person);
	each(o, "groupOfNames", read_person);
	/* §4.0: without a Postmaster it is the one of the default domain. */
	for (int i = 0; i < o->n_domains && o->postmaster == NULL; i++)
		if (o->domains[i].is_default)
			o->postmaster = talloc_asprintf(o, "postmaster@%s", o->domains[i].domain);
	return o;
}
