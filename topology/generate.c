/*
 * The generator: see generate.h. Parameters, chance, the tree and the order of entries. Pure.
 */
#include "topology/generate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/dn.h"
#include "common/mailaddr.h"
#include "topology/generate_private.h"

#define BASE "cn=Waypost"

static const char *const shape_names[GENERATE_SHAPES] = {
	[GENERATE_HUB_AND_SPOKE] = "hub-and-spoke",
	[GENERATE_TIERS] = "tiers",
	[GENERATE_MESH] = "mesh",
	[GENERATE_RING] = "ring",
};

const char *generate_shape_name(enum generate_shape shape)
{
	return shape < GENERATE_SHAPES ? shape_names[shape] : NULL;
}

void generate_defaults(struct generate_params *params_r)
{
	*params_r = (struct generate_params){
		.suffix = "dc=example,dc=com", .seed = 1, .sites = 10, .servers_per_site = 2,
		.subnets_per_site = 1, .connectors = 3, .domains = 3, .recipients = 100, .groups = 5,
	};
}

static uint32_t lower(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t square_root(uint32_t n)
{
	uint32_t root = 0;

	while ((uint64_t)(root + 1) * (root + 1) <= n)
		root++;
	return root;
}

/* How many sites are centres of the world, and of a region. */
static void count_centres(const struct generate_params *p, uint32_t *centres_r, uint32_t *regions_r)
{
	bool tiers = p->shape == GENERATE_TIERS;

	*centres_r = lower(1 + p->sites / 10, tiers ? CENTRES_MAX / 2 : CENTRES_MAX);
	*regions_r = 0;
	if (tiers)
		*regions_r = lower(lower(square_root(p->sites), CITIES_MAX - CENTRES_MAX),
				   p->sites - *centres_r);
	if (p->shape == GENERATE_MESH || p->shape == GENERATE_RING)
		*centres_r = 0;
}

uint32_t generate_links_min(const struct generate_params *p)
{
	uint32_t centres, regions;

	count_centres(p, &centres, &regions);
	switch (p->shape) {
	case GENERATE_MESH:
		return p->sites - 1;
	case GENERATE_RING:
		return p->sites > 2 ? p->sites : p->sites - 1;
	default: /* the centres are all joined, everybody else to one site */
		return centres * (centres - 1) / 2 + p->sites - centres;
	}
}

/* Some sites have a second line; in a mesh they have four on average. */
static uint32_t links_of_shape(const struct generate_params *p)
{
	uint32_t min = generate_links_min(p);

	if (p->sites < 2 || p->shape == GENERATE_RING)
		return min + p->wide_links;
	return (p->shape == GENERATE_MESH ? 2 * p->sites - 1 : min + p->sites / 10) + p->wide_links;
}

static int check_links(const struct generate_params *p, struct err *err)
{
	uint32_t min = generate_links_min(p);

	if (p->wide_links > 0 && (p->wide_members < 2 || p->wide_members > p->sites)) {
		err_set(err, ERR_USAGE, 0, "a wide link cannot join %u of %u sites",
			(unsigned)p->wide_members, (unsigned)p->sites);
		return err_remedy(err, "give it two members or more, at most all sites");
	}
	if (p->links > 0 && p->sites == 1) {
		err_set(err, ERR_USAGE, 0, "one site has nothing to be linked with");
		return err_remedy(err, "leave the links out, or ask for more sites");
	}
	if (p->links > 0 && p->links < (uint64_t)min + p->wide_links) {
		err_set(err, ERR_USAGE, 0, "%u links are too few for a %s of %u sites",
			(unsigned)p->links, shape_names[p->shape], (unsigned)p->sites);
		return err_remedy(err, "ask for %u or more (wide ones not counted), or leave the number "
				       "to the shape", (unsigned)min);
	}
	return 0;
}

static bool is_suffix(const char *dn)
{
	static const char *const types[] = { "dc=", "o=", "ou=" };

	for (size_t i = 0; i < WP_COUNT(types); i++)
		if (ascii_equal_n(dn, types[i], strlen(types[i])))
			return strcspn(dn, ",") > strlen(types[i]) && dn_is_valid(dn);
	return false;
}

static int check_range(const char *what, uint32_t n, uint32_t min, uint32_t max, struct err *err)
{
	if (n >= min && n <= max)
		return 0;
	err_set(err, ERR_USAGE, 0, "there cannot be %u %s", (unsigned)n, what);
	return err_remedy(err, "ask for %u to %u", (unsigned)min, (unsigned)max);
}

int generate_check(const struct generate_params *p, struct err *err)
{
	if (!is_suffix(p->suffix)) {
		err_set(err, ERR_USAGE, 0, "no directory can begin at \"%.100s\"", p->suffix);
		return err_remedy(err, "give a DN that begins with dc=, o= or ou=");
	}
	if (check_range("sites", p->sites, 1, GENERATE_SITES_MAX, err) < 0 ||
	    check_range("links", p->links, 0, GENERATE_MANY_MAX, err) < 0 ||
	    check_range("wide links", p->wide_links, 0, GENERATE_SITES_MAX, err) < 0 ||
	    check_range("servers in a site", p->servers_per_site, 1, GENERATE_SERVERS_MAX, err) < 0 ||
	    check_range("subnets in a site", p->subnets_per_site, 0, GENERATE_SUBNETS_MAX, err) < 0 ||
	    check_range("connectors", p->connectors, 0, GENERATE_MANY_MAX, err) < 0 ||
	    check_range("edges", p->edges, 0, GENERATE_MANY_MAX, err) < 0 ||
	    check_range("domains", p->domains, 1, GENERATE_MANY_MAX, err) < 0 ||
	    check_range("recipients", p->recipients, 0, GENERATE_MANY_MAX, err) < 0 ||
	    check_range("groups", p->groups, 0, GENERATE_MANY_MAX, err) < 0)
		return -1;
	return check_links(p, err);
}

/* ---- chance ---- */

uint64_t draw_next(struct draw *draw)
{
	uint64_t z = draw->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Seed, kind and number are stirred in one after the other, so that near ones differ wholly. */
struct draw draw_for(const struct generator *g, enum draw_kind kind, uint32_t index)
{
	struct draw draw = { g->p->seed };

	draw.state = draw_next(&draw) + (uint64_t)kind;
	draw.state = draw_next(&draw) + index;
	draw.state = draw_next(&draw);
	return draw;
}

uint32_t draw_below(struct draw *draw, uint32_t n)
{
	return (uint32_t)((draw_next(draw) >> 32) * n >> 32);
}

bool draw_once_in(struct draw *draw, uint32_t n)
{
	return draw_below(draw, n) == 0;
}

/* ---- entries ---- */

struct entry *generate_begin(struct generator *g, const char *rdn, const char *above,
			     const char *class)
{
	struct entry *entry;

	g->ctx = talloc_new(NULL);
	entry = entry_new(g->ctx, talloc_asprintf(g->ctx, "%s,%s%s%s", rdn, above,
						  *above != '\0' ? "," : "", g->p->suffix));
	generate_set(entry, "objectClass", "%s", class);
	generate_set(entry, talloc_strndup(g->ctx, rdn, strcspn(rdn, "=")), "%s",
		     strchr(rdn, '=') + 1);
	return entry;
}

void generate_set(struct entry *entry, const char *name, const char *fmt, ...)
{
	char attribute[64];
	char *value;
	va_list args;

	snprintf(attribute, sizeof(attribute), "%s%s", *name >= 'a' && *name <= 'z' ? "" : "waypost",
		 name);
	va_start(args, fmt);
	value = talloc_vasprintf(NULL, fmt, args);
	va_end(args);
	if (value == NULL)
		mem_fatal(0);
	entry_add_text(entry, attribute, value);
	talloc_free(value);
}

void generate_end(struct generator *g, struct entry *entry)
{
	char *key = dn_key(g->ctx, entry->dn);

	if (key != NULL)
		entry_uuid_from_key(key, &entry->uuid);
	if (g->rc == 0)
		g->rc = g->fn(g->arg, entry, g->err);
	talloc_free(g->ctx);
	g->ctx = NULL;
}

const char *generate_dn(struct generator *g, const char *container, const char *name)
{
	return talloc_asprintf(g->ctx, "cn=%s,cn=%s," BASE ",%s", name, container, g->p->suffix);
}

/* ---- the tree ---- */

/* "dc=example,dc=com" → "example.com"; any other suffix has the domain of examples. */
static const char *domain_of(TALLOC_CTX *ctx, const char *suffix)
{
	char domain[MAILADDR_DOMAIN_MAX + 1];
	char *joined = talloc_strdup(ctx, "");

	for (const char *dn = suffix; *dn != '\0'; dn = dn_parent(dn)) {
		if (!ascii_equal_n(dn, "dc=", 3))
			return "example.com";
		joined = talloc_asprintf_append(joined, "%s%s", *joined != '\0' ? "." : "",
						dn_rdn_value(ctx, dn));
	}
	if (mailaddr_domain(joined, strlen(joined), domain, sizeof(domain)) < 0)
		return "example.com";
	return talloc_strdup(ctx, domain);
}

static void make_suffix(struct generator *g)
{
	const char *suffix = g->p->suffix;
	bool is_unit = ascii_equal_n(suffix, "ou=", 3), is_dc = ascii_equal_n(suffix, "dc=", 3);
	struct entry *entry;
	char *name;

	g->ctx = talloc_new(NULL);
	entry = entry_new(g->ctx, suffix);
	name = dn_rdn_value(g->ctx, suffix);
	generate_set(entry, "objectClass", is_unit ? "organizationalUnit" : "organization");
	if (is_dc)
		generate_set(entry, "objectClass", "dcObject");
	if (is_dc)
		generate_set(entry, "dc", "%s", name);
	generate_set(entry, is_unit ? "ou" : "o", "%s", name);
	generate_end(g, entry);
}

/* The account that `waypost-ldapsync` binds as. */
static void make_account(struct generator *g)
{
	struct entry *entry = generate_begin(g, "ou=Services", "", "organizationalUnit");

	generate_end(g, entry);
	entry = generate_begin(g, "cn=waypost", "ou=Services", "applicationProcess");
	generate_set(entry, "objectClass", "simpleSecurityObject");
	generate_set(entry, "userPassword", "change-me");
	generate_end(g, entry);
}

static void make_organisation(struct generator *g)
{
	static const char *const containers[] = { "Sites", "Site Links", "Subnets", "Servers",
						  "Send Connectors", "Accepted Domains",
						  "Remote Domains", "Edge Subscriptions" };
	struct entry *entry = generate_begin(g, BASE, "", "waypostOrganization");

	generate_set(entry, "Postmaster", "postmaster@%s", g->domain);
	generate_set(entry, "MaxSendSize", "52428800");
	generate_set(entry, "MaxReceiveSize", "52428800");
	generate_set(entry, "SubaddressDelimiter", "+");
	generate_set(entry, "DefaultHomeServer", "%s", generate_mailbox_dn(g, 0, 0));
	generate_end(g, entry);
	for (size_t i = 0; i < WP_COUNT(containers); i++) {
		char rdn[GENERATE_NAME_SIZE];

		snprintf(rdn, sizeof(rdn), "cn=%s", containers[i]);
		generate_end(g, generate_begin(g, rdn, BASE, "waypostContainer"));
	}
}

int generate_each(const struct generate_params *p,
		  int (*fn)(void *arg, const struct entry *entry, struct err *err), void *arg,
		  struct err *err)
{
	struct generator g = { .p = p, .fn = fn, .arg = arg, .err = err };
	TALLOC_CTX *ctx = talloc_new(NULL);

	g.domain = domain_of(ctx, p->suffix);
	count_centres(p, &g.centres, &g.regions);
	g.internet = lower(g.centres > 0 ? g.centres : p->sites, 3);
	g.links = p->links > 0 ? p->links : links_of_shape(p);
	make_suffix(&g);
	make_account(&g);
	make_organisation(&g);
	generate_sites(&g);
	generate_servers(&g);
	generate_outside(&g);
	generate_people(&g);
	talloc_free(ctx);
	return g.rc;
}

/* ---- as a source ---- */

struct adapter {
	void (*fn)(void *arg, const struct entry *entry);
	void *arg;
};

static int pass_on(void *arg, const struct entry *entry, struct err *err)
{
	const struct adapter *adapter = arg;

	(void)err;
	adapter->fn(adapter->arg, entry);
	return 0;
}

static int each_of_params(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
			  struct err *err)
{
	struct adapter adapter = { fn, arg };

	return generate_each(ctx, pass_on, &adapter, err);
}

struct snapshot_source generate_source(const struct generate_params *params)
{
	return (struct snapshot_source){ each_of_params, (void *)(uintptr_t)params };
}

void generate_address(const struct generate_params *params, uint32_t i,
		      char address[static GENERATE_ADDRESS_SIZE])
{
	char local[GENERATE_NAME_SIZE];
	const char *first, *last;
	TALLOC_CTX *ctx = talloc_new(NULL);

	generate_person(i, &first, &last, local);
	snprintf(address, GENERATE_ADDRESS_SIZE, "%s@%.200s", local, domain_of(ctx, params->suffix));
	talloc_free(ctx);
}
