/*
 * What follows from the records: sites of servers by subnet, the graph, lists per site and
 * server, look-up tables, the index of address spaces. Pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/addrspace.h"
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
static void derive_links(struct loader *ld)
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

static void derive_site_lists(struct loader *ld)
{
	struct grouping g;

	derive_role(ld, ROLE_HUB, offsetof(struct snap_site, hubs));
	derive_role(ld, ROLE_MAILBOX, offsetof(struct snap_site, mailboxes));
	group_init(&g, ld, image_count(&ld->image, SNAP_EDGES));
	EACH(ld, SNAP_EDGES, i)
		if (edge_at(ld, i)->enabled)
			group_add(&g, edge_at(ld, i)->peer.site, i);
	group_store(&g, ld, SNAP_SITES, offsetof(struct snap_site, edges));
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

static void derive_fqdn_table(struct loader *ld)
{
	struct image *image = &ld->image;
	struct snapshot view;

	image_table(image, SNAP_FQDN_SLOTS, image_count(image, SNAP_SERVERS));
	EACH(ld, SNAP_SERVERS, i) {
		const struct snap_peer *peer = &server_at(ld, i)->peer;
		const char *fqdn = image_str(image, peer->fqdn);

		if (*fqdn == '\0' || *fqdn == '[')
			continue;
		image_view(image, &view);
		if (snapshot_find_server_fqdn(&view, fqdn) != SNAP_NONE)
			load_diag(ld, DIAG_DUPLICATE_FQDN, image_str(image, peer->dn),
				  "waypostFqdn", fqdn, strlen(fqdn));
		else
			image_table_add(image, SNAP_FQDN_SLOTS, snap_hash_text(fqdn), i);
	}
}

static void add_certificates(struct loader *ld, const struct snap_peer *peer, uint32_t ref)
{
	struct image *image = &ld->image;

	for (uint32_t i = 0; i < peer->cert_hashes.count; i++) {
		struct snapshot view;
		const char *hash;
		bool edge;

		image_view(image, &view);
		hash = snap_list_str(&view, peer->cert_hashes, i);
		if (snapshot_find_certificate(&view, hash, &edge) != NULL)
			load_diag(ld, DIAG_DUPLICATE_CERTIFICATE, image_str(image, peer->dn),
				  "waypostCertificateHash", hash, strlen(hash));
		else
			image_table_add(image, SNAP_CERT_SLOTS, snap_hash_text(hash), ref);
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
		add_certificates(ld, &server_at(ld, i)->peer, i);
	EACH(ld, SNAP_EDGES, i)
		if (edge_at(ld, i)->enabled)
			add_certificates(ld, &edge_at(ld, i)->peer, i | SNAP_EDGE_BIT);
}

/* One pair (node, item) of the address-space index before grouping. */
struct pair {
	snap_text type, text;
	uint32_t kind, item, order;
};

struct pairs {
	struct pair *list;
	uint32_t count;
};

static void pair_add(struct loader *ld, struct pairs *pairs, enum snap_node_kind kind,
		     const char *type, const char *text, uint32_t item)
{
	if ((pairs->count & (pairs->count + 1)) == 0)
		pairs->list = talloc_realloc(ld->ctx, pairs->list, struct pair,
					     pairs->count * 2 + 1);
	pairs->list[pairs->count] = (struct pair){ image_text(&ld->image, type),
						   image_text(&ld->image, text), (uint32_t)kind,
						   item, pairs->count };
	pairs->count++;
}

static void pair_domains(struct loader *ld, struct pairs *pairs, bool as_space, uint32_t item)
{
	EACH(ld, SNAP_DOMAINS, i) {
		const struct snap_domain *domain = image_at(&ld->image, SNAP_DOMAINS, i);
		bool wild = domain->wildcard;
		char text[MAILADDR_DOMAIN_MAX + 1];

		/* image_text may move what image_str points to. */
		strcpy(text, image_str(&ld->image, domain->domain));
		if (!as_space)
			pair_add(ld, pairs, wild ? NODE_ACCEPTED_SUFFIX : NODE_ACCEPTED_EXACT, "",
				 text, i);
		else if (domain->type != DOMAIN_EXTERNAL_RELAY)
			pair_add(ld, pairs, wild ? NODE_SUFFIX : NODE_EXACT, "SMTP", text,
				 item | SNAP_EDGE_BIT);
	}
}

static void pair_space(struct loader *ld, struct pairs *pairs, uint32_t i)
{
	const struct snap_space *record = image_at(&ld->image, SNAP_SPACES, i);
	const char *value = image_str(&ld->image, record->text);
	struct addrspace space;

	if (addrspace_parse(value, strlen(value), &space) != ADDRSPACE_OK)
		return;
	if (space.is_dashes)
		pair_domains(ld, pairs, true, i);
	else
		pair_add(ld, pairs, space.kind, space.type, space.text, i);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->text != y->text)
		return x->text < y->text ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool is_same_node(const struct pair *a, const struct pair *b)
{
	return a->kind == b->kind && a->type == b->type && a->text == b->text;
}

/* One node from the pairs FROM … TO of one key. */
static void node_add(struct loader *ld, const struct pair *list, uint32_t from, uint32_t to)
{
	uint32_t *items = talloc_array(ld->ctx, uint32_t, to - from);
	struct snap_node node = { list[from].type, list[from].text, list[from].kind, { 0, 0 } };

	for (uint32_t i = from; i < to; i++)
		items[i - from] = list[i].item;
	if (node.kind >= NODE_ACCEPTED_EXACT && to - from > 1) {
		const struct snap_domain *second = image_at(&ld->image, SNAP_DOMAINS, items[1]);

		load_diag(ld, DIAG_DUPLICATE_DOMAIN, image_str(&ld->image, second->dn),
			  "waypostDomain", NULL, 0);
	}
	node.items = image_list(&ld->image, items, to - from);
	image_add(&ld->image, SNAP_NODES, &node);
	talloc_free(items);
}

static void derive_index(struct loader *ld)
{
	struct image *image = &ld->image;
	struct pairs pairs = { NULL, 0 };

	EACH(ld, SNAP_SPACES, i)
		pair_space(ld, &pairs, i);
	pair_domains(ld, &pairs, false, 0);
	if (pairs.count > 0)
		qsort(pairs.list, pairs.count, sizeof(*pairs.list), compare_pairs);
	for (uint32_t from = 0, to; from < pairs.count; from = to) {
		for (to = from + 1; to < pairs.count; to++)
			if (!is_same_node(&pairs.list[from], &pairs.list[to]))
				break;
		node_add(ld, pairs.list, from, to);
	}
	image_table(image, SNAP_NODE_SLOTS, image_count(image, SNAP_NODES));
	EACH(ld, SNAP_NODES, i) {
		const struct snap_node *node = image_at(image, SNAP_NODES, i);

		image_table_add(image, SNAP_NODE_SLOTS,
				snap_hash_node(node->kind, image_str(image, node->type),
					       image_str(image, node->text)), i);
	}
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
	derive_links(ld);
	derive_site_lists(ld);
	derive_receive(ld);
	derive_dn_table(ld);
	derive_fqdn_table(ld);
	derive_certificate_table(ld);
	derive_index(ld);
	derive_defaults(ld);
}
