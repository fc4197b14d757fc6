/*
 * Reading a verified image: records by index, look-ups by name, DN, host name, certificate,
 * address and domain. Pure.
 *
 * Names are found by binary search, since records are sorted by key; the rest by the hash
 * tables of the image. A probe visits each slot at most once, so a full table ends it too.
 */
#include <string.h>
#include <talloc.h>
#include <xxhash.h>

#include "common/mailaddr.h"
#include "common/names.h"
#include "topology/snapshot.h"
#include "topology/snapshot_private.h"

#define RECORD(type, section) \
	(&((const struct type *)snap->sections[section].at)[i])

uint64_t snapshot_number(const struct snapshot *snap)
{
	return snap->number;
}

uint64_t snapshot_hash(const struct snapshot *snap)
{
	return snap->hash;
}

const char *snap_str(const struct snapshot *snap, snap_text text)
{
	return (const char *)snap->sections[SNAP_TEXT].at + text;
}

uint32_t snap_word(const struct snapshot *snap, struct snap_list list, uint32_t i)
{
	return ((const uint32_t *)snap->sections[SNAP_WORDS].at)[list.first + i];
}

const char *snap_list_str(const struct snapshot *snap, struct snap_list list, uint32_t i)
{
	return snap_str(snap, snap_word(snap, list, i));
}

uint32_t snap_count(const struct snapshot *snap, enum snap_section_id section)
{
	return snap->sections[section].count;
}

const struct snap_org *snap_org(const struct snapshot *snap)
{
	return snap->sections[SNAP_ORG].at;
}

const struct snap_site *snap_site(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_site, SNAP_SITES);
}

const struct snap_link *snap_link(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_link, SNAP_LINKS);
}

const struct snap_subnet *snap_subnet(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_subnet, SNAP_SUBNETS);
}

const struct snap_server *snap_server(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_server, SNAP_SERVERS);
}

const struct snap_edge *snap_edge(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_edge, SNAP_EDGES);
}

const struct snap_connector *snap_connector(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_connector, SNAP_CONNECTORS);
}

const struct snap_space *snap_space(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_space, SNAP_SPACES);
}

const struct snap_receive *snap_receive(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_receive, SNAP_RECEIVE);
}

const struct ipaddr_range *snap_range(const struct snapshot *snap, struct snap_list list,
				      uint32_t i)
{
	i += list.first;
	return RECORD(ipaddr_range, SNAP_RANGES);
}

const struct snap_domain *snap_domain(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_domain, SNAP_DOMAINS);
}

const struct snap_remote *snap_remote(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_remote, SNAP_REMOTES);
}

const struct snap_diag *snap_diag(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_diag, SNAP_DIAGS);
}

const struct snap_node *snap_node(const struct snapshot *snap, uint32_t i)
{
	return RECORD(snap_node, SNAP_NODES);
}

/* The text at KEY_OFFSET of record I of SECTION. */
static const char *key_at(const struct snapshot *snap, enum snap_section_id section,
			  size_t key_offset, uint32_t i)
{
	const char *record = (const char *)snap->sections[section].at +
			     (size_t)i * snap_record_size(section);
	snap_text key;

	memcpy(&key, record + key_offset, sizeof(key));
	return snap_str(snap, key);
}

/* Binary search for NAME among the records LOW ≤ i < HIGH. */
static uint32_t find_name(const struct snapshot *snap, enum snap_section_id section,
			  size_t key_offset, uint32_t low, uint32_t high, const char *name)
{
	char *key = name_key(NULL, name, strlen(name));
	uint32_t found = SNAP_NONE;

	while (key != NULL && low < high && found == SNAP_NONE) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(key, key_at(snap, section, key_offset, middle));

		if (order == 0)
			found = middle;
		else if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	talloc_free(key);
	return found;
}

#define FIND(section, type, member) \
	find_name(snap, section, offsetof(struct type, member), 0, snap_count(snap, section), name)

uint32_t snapshot_find_site(const struct snapshot *snap, const char *name)
{
	return FIND(SNAP_SITES, snap_site, key);
}

uint32_t snapshot_find_link(const struct snapshot *snap, const char *name)
{
	return FIND(SNAP_LINKS, snap_link, key);
}

uint32_t snapshot_find_server(const struct snapshot *snap, const char *name)
{
	return FIND(SNAP_SERVERS, snap_server, peer.key);
}

uint32_t snapshot_find_edge(const struct snapshot *snap, const char *name)
{
	return FIND(SNAP_EDGES, snap_edge, peer.key);
}

uint32_t snapshot_find_connector(const struct snapshot *snap, const char *name)
{
	return FIND(SNAP_CONNECTORS, snap_connector, key);
}

uint32_t snapshot_find_receive(const struct snapshot *snap, uint32_t server, const char *name)
{
	struct snap_list list = snap_server(snap, server)->receive;
	uint32_t first = list.count > 0 ? snap_word(snap, list, 0) : 0;

	/* A server's receive connectors lie together, sorted by name. */
	if (list.count > snap_count(snap, SNAP_RECEIVE) - first)
		return SNAP_NONE;
	return find_name(snap, SNAP_RECEIVE, offsetof(struct snap_receive, key), first,
			 first + list.count, name);
}

uint32_t snap_hash_text(const char *text)
{
	return (uint32_t)XXH3_64bits(text, strlen(text));
}

uint32_t snap_hash_node(uint32_t kind, const char *type, const char *text)
{
	XXH64_hash_t seed = kind;

	seed = XXH3_64bits_withSeed(type, strlen(type), seed);
	return (uint32_t)XXH3_64bits_withSeed(text, strlen(text), seed);
}

/* Steps through the slots of one hash. */
struct probe {
	const struct snap_slot *slots;
	uint32_t mask, at, left, hash;
};

static struct probe probe_start(const struct snapshot *snap, enum snap_section_id section,
				uint32_t hash)
{
	uint32_t count = snap_count(snap, section);

	return (struct probe){ snap->sections[section].at, count - 1, hash, count, hash };
}

/* The next reference that may be meant, or SNAP_NONE. */
static uint32_t probe_next(struct probe *probe)
{
	while (probe->left > 0) {
		const struct snap_slot *slot = &probe->slots[probe->at++ & probe->mask];

		probe->left--;
		if (slot->ref == SNAP_NONE)
			break;
		if (slot->hash == probe->hash)
			return slot->ref;
	}
	return SNAP_NONE;
}

uint32_t snap_find_node(const struct snapshot *snap, enum snap_node_kind kind, const char *type,
			const char *text)
{
	struct probe probe = probe_start(snap, SNAP_NODE_SLOTS, snap_hash_node(kind, type, text));
	uint32_t i;

	while ((i = probe_next(&probe)) != SNAP_NONE) {
		const struct snap_node *node = snap_node(snap, i);

		if (node->kind == (uint32_t)kind && strcmp(snap_str(snap, node->text), text) == 0 &&
		    strcmp(snap_str(snap, node->type), type) == 0)
			break;
	}
	return i;
}

uint32_t snapshot_find_server_fqdn(const struct snapshot *snap, const char *fqdn)
{
	char name[MAILADDR_DOMAIN_MAX + 1];
	struct probe probe;
	uint32_t i;

	if (mailaddr_domain(fqdn, strlen(fqdn), name, sizeof(name)) < 0)
		return SNAP_NONE;
	probe = probe_start(snap, SNAP_FQDN_SLOTS, snap_hash_text(name));
	while ((i = probe_next(&probe)) != SNAP_NONE)
		if (strcmp(snap_str(snap, snap_server(snap, i)->peer.fqdn), name) == 0)
			break;
	return i;
}

/* References to edges are passed over: a home is a server. */
uint32_t snapshot_find_server_dn(const struct snapshot *snap, const char *dn_key)
{
	struct probe probe = probe_start(snap, SNAP_DN_SLOTS, snap_hash_text(dn_key));
	uint32_t i;

	while ((i = probe_next(&probe)) != SNAP_NONE)
		if (!(i & SNAP_EDGE_BIT) &&
		    strcmp(snap_str(snap, snap_server(snap, i)->peer.dn_key), dn_key) == 0)
			break;
	return i;
}

uint32_t snapshot_find_home(const struct snapshot *snap, const char *home)
{
	uint32_t server = snapshot_find_server_dn(snap, home), i;
	struct probe probe = probe_start(snap, SNAP_HOME_SLOTS, snap_hash_text(home));

	while (server == SNAP_NONE && (i = probe_next(&probe)) != SNAP_NONE) {
		const struct snap_home *record =
			(const struct snap_home *)snap->sections[SNAP_HOMES].at + i;

		if (strcmp(snap_str(snap, record->home), home) == 0)
			server = record->server;
	}
	return server;
}

static const struct snap_peer *peer_of(const struct snapshot *snap, uint32_t ref)
{
	return ref & SNAP_EDGE_BIT ? &snap_edge(snap, ref & ~SNAP_EDGE_BIT)->peer :
				     &snap_server(snap, ref)->peer;
}

static bool bears_hash(const struct snapshot *snap, const struct snap_peer *peer,
		       const char *hash)
{
	for (uint32_t i = 0; i < peer->cert_hashes.count; i++)
		if (strcmp(snap_list_str(snap, peer->cert_hashes, i), hash) == 0)
			return true;
	return false;
}

const struct snap_peer *snapshot_find_certificate(const struct snapshot *snap, const char *hash,
						  bool *edge_r)
{
	struct probe probe = probe_start(snap, SNAP_CERT_SLOTS, snap_hash_text(hash));
	uint32_t ref;

	while ((ref = probe_next(&probe)) != SNAP_NONE)
		if (bears_hash(snap, peer_of(snap, ref), hash)) {
			*edge_r = (ref & SNAP_EDGE_BIT) != 0;
			return peer_of(snap, ref);
		}
	return NULL;
}

/* The subnet with exactly this prefix; they lie longest first, then by address. */
static uint32_t find_subnet(const struct snapshot *snap, uint32_t length,
			    const struct ipaddr *low)
{
	uint32_t from = 0, to = snap_count(snap, SNAP_SUBNETS);

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const struct snap_subnet *subnet = snap_subnet(snap, middle);
		int order = length != subnet->length ? (length > subnet->length ? -1 : 1) :
			    memcmp(low->bytes, subnet->range.low.bytes, sizeof(low->bytes));

		if (order == 0)
			return middle;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return SNAP_NONE;
}

/* The first subnet behind AT, which are sorted by falling length, that is shorter than it. */
static uint32_t shorter_subnet(const struct snapshot *snap, uint32_t at)
{
	uint32_t length = snap_subnet(snap, at)->length, low = at + 1;
	uint32_t high = snap_count(snap, SNAP_SUBNETS);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (snap_subnet(snap, middle)->length < length)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Lengths that no subnet has are passed over. */
uint32_t snapshot_site_of_address(const struct snapshot *snap, const struct ipaddr *addr)
{
	uint32_t first = ipaddr_is_v4(addr) ? 96 : 0;

	for (uint32_t at = 0; at < snap_count(snap, SNAP_SUBNETS); at = shorter_subnet(snap, at)) {
		uint32_t length = snap_subnet(snap, at)->length, i;
		struct ipaddr_range range;

		/* An image is not believed to have lengths that there are. */
		if (length < first || length > 128)
			continue;
		range = ipaddr_prefix(addr, (int)(length - first));
		i = find_subnet(snap, length, &range.low);
		if (i != SNAP_NONE)
			return snap_subnet(snap, i)->site;
	}
	return SNAP_NONE;
}

uint32_t snapshot_accepted_domain(const struct snapshot *snap, const char *domain)
{
	uint32_t node = snap_find_node(snap, NODE_ACCEPTED_EXACT, "", domain);

	while (node == SNAP_NONE && domain != NULL) {
		node = snap_find_node(snap, NODE_ACCEPTED_SUFFIX, "", domain);
		domain = strchr(domain, '.');
		if (domain != NULL)
			domain++;
	}
	return node == SNAP_NONE ? SNAP_NONE : snap_word(snap, snap_node(snap, node)->items, 0);
}

const struct ipaddr_range *snapshot_receive_range(const struct snapshot *snap,
						  const struct snap_receive *receive,
						  const struct ipaddr *addr)
{
	static const struct ipaddr_range v4_all = {
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0 } },
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255 } },
	};
	static const struct ipaddr_range v6_all = {
		{ { 0 } },
		{ { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 } },
	};
	const struct ipaddr_range *best = NULL;

	if (receive->ranges.count == 0)
		return ipaddr_is_v4(addr) ? &v4_all : &v6_all;
	for (uint32_t i = 0; i < receive->ranges.count; i++) {
		const struct ipaddr_range *range = snap_range(snap, receive->ranges, i);

		if (ipaddr_range_contains(range, addr) &&
		    (best == NULL || ipaddr_range_compare_size(range, best) < 0))
			best = range;
	}
	return best;
}
