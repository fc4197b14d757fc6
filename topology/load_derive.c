/*
 * What follows from the records: sites of servers by subnet, the graph, lists per site and
 * server, look-up tables, defaults. Pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mailaddr.h"
#include "common/names.h"
#include "topology/load_private.h"

#define EACH(ld, section, i) \
	for (uint32_t i = 0; i < image_count(&(ld)->image, section); i++)

static struct snap_server *server_at(struct loader *ld, uint32_t i)
{
	return image_at(&ld->image, SNAP_SERVERS, i);
}

static struct snap_edge *edge_at(struct loader *ld, uint32_t i)
{
	return image_at(&ld->image, SNAP_EDGES, i);
}

static struct snap_site *site_at(struct loader *ld, uint32_t i)
{
	return image_at(&ld->image, SNAP_SITES, i);
}

/* A server without SiteDN belongs to the site whose subnet holds one of its addresses. */
static void place_servers(struct loader *ld)
{
	struct snapshot view;

	image_view(&ld->image, &view);
	EACH(ld, SNAP_SERVERS, i) {
		struct snap_peer *peer = &server_at(ld, i)->peer;

		for (uint32_t a = 0; a < peer->addresses.count && peer->site == SNAP_NONE; a++) {
			const char *text = snap_list_str(&view, peer->addresses, a);
			struct ipaddr addr;

			if (ipaddr_parse(text, strlen(text), &addr))
				peer->site = snapshot_site_of_address(&view, &addr);
		}
	}
}

/*
 * Pairs (owner, member) in the order of members become one list per owner: count, add up,
 * distribute. The list of owner I goes to list_of(I).
 */
struct grouping {
	uint32_t *owners, *members;
	uint32_t count;
};

static void group_init(struct grouping *g, struct loader *ld, uint32_t max)
{
	g->owners = talloc_array(ld->ctx, uint32_t, max);
	g->members = talloc_array(ld->ctx, uint32_t, max);
	g->count = 0;
}

static void group_add(struct grouping *g, uint32_t owner, uint32_t member)
{
	if (owner == SNAP_NONE)
		return;
	g->owners[g->count] = owner;
	g->members[g->count++] = member;
}

/* Stores the lists at OFFSET of the records of SECTION. */
static void group_store(struct grouping *g, struct loader *ld, enum snap_section_id section,
			size_t offset)
{
	uint32_t n = image_count(&ld->image, section), first = image_count(&ld->image, SNAP_WORDS);
	uint32_t *next = talloc_zero_array(ld->ctx, uint32_t, n + 1);
	uint32_t *words = talloc_array(ld->ctx, uint32_t, g->count);

	for (uint32_t i = 0; i < g->count; i++)
		next[g->owners[i] + 1]++;
	for (uint32_t i = 0; i < n; i++) {
		struct snap_list list = { first + next[i], next[i + 1] };

		memcpy((char *)image_at(&ld->image, section, i) + offset, &list, sizeof(list));
		next[i + 1] += next[i];
	}
	for (uint32_t i = 0; i < g->count; i++)
		words[next[g->owners[i]]++] = g->members[i];
	image_list(&ld->image, words, g->count);
	talloc_free(words);
	talloc_free(next);
	talloc_free(g->owners);
	talloc_free(g->members);
}

/* The sites' half of the graph; the links' half was read from the directory. */
void load_derive_links(struct loader *ld)
{
	struct grouping g;
	struct snapshot view;
	uint32_t memberships = 0;

	image_view(&ld->image, &view);
	EACH(ld, SNAP_LINKS, i)
		memberships += snap_link(&view, i)->sites.count;
	group_init(&g, ld, memberships);
	EACH(ld, SNAP_LINKS, i)
		for (uint32_t s = 0; s < snap_link(&view, i)->sites.count; s++)
			group_add(&g, snap_word(&view, snap_link(&view, i)->sites, s), i);
	group_store(&g, ld, SNAP_SITES, offsetof(struct snap_site, links));
}

static void derive_role(struct loader *ld, uint32_t role, size_t offset)
{
	struct grouping g;

	group_init(&g, ld, image_count(&ld->image, SNAP_SERVERS));
	EACH(ld, SNAP_SERVERS, i)
		if (server_at(ld, i)->roles & role)
			group_add(&g, server_at(ld, i)->peer.site, i);
	group_store(&g, ld, SNAP_SITES, offset);
}

void load_derive_sites(struct loader *ld)
{
	struct grouping g;

	derive_role(ld, ROLE_HUB, offsetof(struct snap_site, hubs));
	derive_role(ld, ROLE_MAILBOX, offsetof(struct snap_site, mailboxes));
	group_init(&g, ld, image_count(&ld->image, SNAP_EDGES));
	EACH(ld, SNAP_EDGES, i)
		if (edge_at(ld, i)->enabled)
			group_add(&g, edge_at(ld, i)->peer.site, i);
	group_store(&g, ld, SNAP_SITES, offsetof(struct snap_site, edges));
	EACH(ld, SNAP_SITES, i)
		site_at(ld, i)->has_active_hub = false;
	EACH(ld, SNAP_SERVERS, i) {
		const struct snap_server *server = server_at(ld, i);

		if ((server->roles & ROLE_HUB) && server->state == SERVER_ACTIVE &&
		    server->peer.site != SNAP_NONE)
			site_at(ld, server->peer.site)->has_active_hub = true;
	}
}

static void derive_receive(struct loader *ld)
{
	struct grouping g;

	group_init(&g, ld, image_count(&ld->image, SNAP_RECEIVE));
	EACH(ld, SNAP_RECEIVE, i)
		group_add(&g, ((struct snap_receive *)image_at(&ld->image, SNAP_RECEIVE, i))->server, i);
	group_store(&g, ld, SNAP_SERVERS, offsetof(struct snap_server, receive));
	EACH(ld, SNAP_CONNECTORS, i) {
		const struct snap_connector *connector = image_at(&ld->image, SNAP_CONNECTORS, i);
		struct snap_receive *receive;

		if (connector->linked_receive == SNAP_NONE)
			continue;
		receive = image_at(&ld->image, SNAP_RECEIVE, connector->linked_receive);
		if (receive->linked_connector == SNAP_NONE)
			receive->linked_connector = i;
		else
			load_diag(ld, DIAG_DUPLICATE_LINK, image_str(&ld->image, connector->dn),
				  "waypostLinkedReceiveConnector", NULL, 0);
	}
}

static void derive_dn_table(struct loader *ld)
{
	struct image *image = &ld->image;

	image_table(image, SNAP_DN_SLOTS,
		    image_count(image, SNAP_SERVERS) + image_count(image, SNAP_EDGES));
	EACH(ld, SNAP_SERVERS, i)
		image_table_add(image, SNAP_DN_SLOTS,
				snap_hash_text(image_str(image, server_at(ld, i)->peer.dn_key)), i);
	EACH(ld, SNAP_EDGES, i)
		image_table_add(image, SNAP_DN_SLOTS,
				snap_hash_text(image_str(image, edge_at(ld, i)->peer.dn_key)),
				i | SNAP_EDGE_BIT);
}

/* Legacy names join the databases; of two servers with one name the first by their own counts. */
static void derive_homes(struct loader *ld)
{
	struct image *image = &ld->image;

	EACH(ld, SNAP_SERVERS, i) {
		const char *name = image_str(image, server_at(ld, i)->legacy_name);
		char *key = name_key(ld->ctx, name, strlen(name));
		struct snap_home home = { .server = i };

		if (key != NULL && *key == '/') {
			home.home = image_new_text(image, key);
			image_add(image, SNAP_HOMES, &home);
		}
		talloc_free(key);
	}
	image_table(image, SNAP_HOME_SLOTS, image_count(image, SNAP_HOMES));
	EACH(ld, SNAP_HOMES, i) {
		const struct snap_home *home = image_at(image, SNAP_HOMES, i);

		image_table_add(image, SNAP_HOME_SLOTS,
				snap_hash_text(image_str(image, home->home)), i);
	}
}

static const struct snap_peer *peer_at(struct loader *ld, uint32_t ref)
{
	return ref & SNAP_EDGE_BIT ? &edge_at(ld, ref & ~SNAP_EDGE_BIT)->peer :
				     &server_at(ld, ref)->peer;
}

static bool bears_fqdn(struct loader *ld, uint32_t ref, snap_text fqdn)
{
	return peer_at(ld, ref)->fqdn == fqdn;
}

static bool bears_certificate(struct loader *ld, uint32_t ref, snap_text hash)
{
	const struct snap_list list = peer_at(ld, ref)->cert_hashes;
	const uint32_t *words = image_at(&ld->image, SNAP_WORDS, list.first);

	for (uint32_t i = 0; i < list.count; i++)
		if (words[i] == hash)
			return true;
	return false;
}

/*
 * Adds REF to the table under TEXT, unless somebody in it bears TEXT already: then that is noted.
 * These texts are stored once each, so equal ones have one place.
 */
static void add_bearer(struct loader *ld, enum snap_section_id section, snap_text text,
		       uint32_t ref, bool (*bears)(struct loader *, uint32_t, snap_text))
{
	struct image *image = &ld->image;
	struct snap_slot *slots = image_at(image, section, 0);
	uint32_t mask = image_count(image, section) - 1;
	uint32_t hash = snap_hash_text(image_str(image, text)), at = hash;
	bool is_fqdn = section == SNAP_FQDN_SLOTS;

	for (; slots[at & mask].ref != SNAP_NONE; at++)
		if (slots[at & mask].hash == hash && bears(ld, slots[at & mask].ref, text)) {
			const char *shown = image_str(image, text);

			load_diag(ld, is_fqdn ? DIAG_DUPLICATE_FQDN : DIAG_DUPLICATE_CERTIFICATE,
				  image_str(image, peer_at(ld, ref)->dn),
				  is_fqdn ? "waypostFqdn" : "waypostCertificateHash", shown,
				  strlen(shown));
			return;
		}
	slots[at & mask] = (struct snap_slot){ hash, ref };
}

static void derive_fqdn_table(struct loader *ld)
{
	struct image *image = &ld->image;

	image_table(image, SNAP_FQDN_SLOTS, image_count(image, SNAP_SERVERS));
	EACH(ld, SNAP_SERVERS, i) {
		snap_text fqdn = server_at(ld, i)->peer.fqdn;

		if (snap_has(fqdn) && *image_str(image, fqdn) != '[')
			add_bearer(ld, SNAP_FQDN_SLOTS, fqdn, i, bears_fqdn);
	}
}

static void add_certificates(struct loader *ld, uint32_t ref)
{
	struct snap_list list = peer_at(ld, ref)->cert_hashes;

	for (uint32_t i = 0; i < list.count; i++) {
		const uint32_t *word = image_at(&ld->image, SNAP_WORDS, list.first + i);

		add_bearer(ld, SNAP_CERT_SLOTS, *word, ref, bears_certificate);
	}
}

static void derive_certificate_table(struct loader *ld)
{
	uint32_t n = 0;

	EACH(ld, SNAP_SERVERS, i)
		n += server_at(ld, i)->peer.cert_hashes.count;
	EACH(ld, SNAP_EDGES, i)
		n += edge_at(ld, i)->peer.cert_hashes.count;
	image_table(&ld->image, SNAP_CERT_SLOTS, n);
	EACH(ld, SNAP_SERVERS, i)
		add_certificates(ld, i);
	EACH(ld, SNAP_EDGES, i)
		if (edge_at(ld, i)->enabled)
			add_certificates(ld, i | SNAP_EDGE_BIT);
}

/* The default domain, and with it the postmaster where none is named. */
static void derive_defaults(struct loader *ld)
{
	struct snap_org *org = image_at(&ld->image, SNAP_ORG, 0);
	char postmaster[MAILADDR_DOMAIN_MAX + 16];

	org->default_domain = SNAP_NONE;
	EACH(ld, SNAP_DOMAINS, i) {
		const struct snap_domain *domain = image_at(&ld->image, SNAP_DOMAINS, i);

		if (!domain->is_default)
			continue;
		if (org->default_domain == SNAP_NONE)
			org->default_domain = i;
		else
			load_diag(ld, DIAG_SEVERAL_DEFAULT_DOMAINS, image_str(&ld->image, domain->dn),
				  "waypostDefaultDomain", NULL, 0);
	}
	if (org->postmaster == 0 && org->default_domain != SNAP_NONE) {
		const struct snap_domain *domain =
			image_at(&ld->image, SNAP_DOMAINS, org->default_domain);

		snprintf(postmaster, sizeof(postmaster), "postmaster@%s",
			 image_str(&ld->image, domain->domain));
		org->postmaster = image_text(&ld->image, postmaster);
	}
}

void load_derive(struct loader *ld)
{
	place_servers(ld);
	load_derive_links(ld);
	load_derive_sites(ld);
	derive_receive(ld);
	derive_dn_table(ld);
	derive_homes(ld);
	derive_fqdn_table(ld);
	derive_certificate_table(ld);
	derive_defaults(ld);
}
