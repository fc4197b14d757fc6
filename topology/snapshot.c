/*
 * Opening an image: nothing in it is believed before it was checked. Pure.
 *
 * First the header and the two checksums, then, since a checksum does not tell what made the
 * image, every text offset, index, list and enumeration by the table below. Readers rely on
 * this and check nothing again.
 */
#include "topology/snapshot.h"

#include <string.h>
#include <xxhash.h>

#include "common/compiler.h"
#include "topology/diag.h"
#include "topology/snapshot_private.h"

static const uint32_t record_sizes[SNAP_SECTIONS] = {
	[SNAP_TEXT] = 1,
	[SNAP_WORDS] = sizeof(uint32_t),
	[SNAP_ORG] = sizeof(struct snap_org),
	[SNAP_SITES] = sizeof(struct snap_site),
	[SNAP_LINKS] = sizeof(struct snap_link),
	[SNAP_SUBNETS] = sizeof(struct snap_subnet),
	[SNAP_SERVERS] = sizeof(struct snap_server),
	[SNAP_EDGES] = sizeof(struct snap_edge),
	[SNAP_CONNECTORS] = sizeof(struct snap_connector),
	[SNAP_SPACES] = sizeof(struct snap_space),
	[SNAP_RECEIVE] = sizeof(struct snap_receive),
	[SNAP_RANGES] = sizeof(struct ipaddr_range),
	[SNAP_DOMAINS] = sizeof(struct snap_domain),
	[SNAP_REMOTES] = sizeof(struct snap_remote),
	[SNAP_DIAGS] = sizeof(struct snap_diag),
	[SNAP_NODES] = sizeof(struct snap_node),
	[SNAP_NODE_SLOTS] = sizeof(struct snap_slot),
	[SNAP_DN_SLOTS] = sizeof(struct snap_slot),
	[SNAP_FQDN_SLOTS] = sizeof(struct snap_slot),
	[SNAP_CERT_SLOTS] = sizeof(struct snap_slot),
	[SNAP_HOMES] = sizeof(struct snap_home),
	[SNAP_HOME_SLOTS] = sizeof(struct snap_slot),
};

enum check_kind {
	CHECK_TEXT,    /* a text */
	CHECK_INDEX,   /* an index into TARGET, or SNAP_NONE */
	CHECK_MUST,    /* an index into TARGET */
	CHECK_EITHER,  /* an index into servers, or with SNAP_EDGE_BIT into edges, or SNAP_NONE */
	CHECK_TEXTS,   /* a list of texts */
	CHECK_INDEXES, /* a list of indexes into TARGET */
	CHECK_ITEMS,   /* a list of indexes into spaces with SNAP_EDGE_BIT, or domains: nodes */
	CHECK_SPAN,    /* a range of TARGET's own records */
	CHECK_BYTE,    /* a uint8_t below TARGET */
	CHECK_WORD,    /* a uint32_t below TARGET */
};

struct check {
	enum snap_section_id section;
	enum check_kind kind;
	size_t offset;
	uint32_t target; /* a section, or a limit */
};

#define AT(r, m) offsetof(struct snap_##r, m)
#define T(s, r, m) { s, CHECK_TEXT, AT(r, m), 0 }
#define TS(s, r, m) { s, CHECK_TEXTS, AT(r, m), 0 }
#define IX(s, r, m, t) { s, CHECK_INDEX, AT(r, m), t }
#define MUST(s, r, m, t) { s, CHECK_MUST, AT(r, m), t }
#define IXS(s, r, m, t) { s, CHECK_INDEXES, AT(r, m), t }
#define SPAN(s, r, m, t) { s, CHECK_SPAN, AT(r, m), t }
#define BYTE(s, r, m, limit) { s, CHECK_BYTE, AT(r, m), limit }
#define NAMED(s, r) T(s, r, name), T(s, r, key), T(s, r, dn)
#define PEER(s, r) T(s, r, peer.name), T(s, r, peer.key), T(s, r, peer.dn), \
	T(s, r, peer.dn_key), T(s, r, peer.fqdn), TS(s, r, peer.addresses), \
	TS(s, r, peer.cert_hashes), IX(s, r, peer.site, SNAP_SITES)
#define SLOTS(s, k, t) { s, k, offsetof(struct snap_slot, ref), t }

static const struct check checks[] = {
	NAMED(SNAP_ORG, org), T(SNAP_ORG, org, postmaster), T(SNAP_ORG, org, subaddress_delimiter),
	IX(SNAP_ORG, org, default_home, SNAP_SERVERS),
	IX(SNAP_ORG, org, default_domain, SNAP_DOMAINS), BYTE(SNAP_ORG, org, size_aware, 2),

	NAMED(SNAP_SITES, site), T(SNAP_SITES, site, description),
	IXS(SNAP_SITES, site, links, SNAP_LINKS), IXS(SNAP_SITES, site, hubs, SNAP_SERVERS),
	IXS(SNAP_SITES, site, mailboxes, SNAP_SERVERS), IXS(SNAP_SITES, site, edges, SNAP_EDGES),
	BYTE(SNAP_SITES, site, is_hub, 2), BYTE(SNAP_SITES, site, inbound, 2),
	BYTE(SNAP_SITES, site, has_active_hub, 2),

	NAMED(SNAP_LINKS, link), IXS(SNAP_LINKS, link, sites, SNAP_SITES),
	NAMED(SNAP_SUBNETS, subnet), MUST(SNAP_SUBNETS, subnet, site, SNAP_SITES),

	PEER(SNAP_SERVERS, server), T(SNAP_SERVERS, server, mailbox_delivery),
	T(SNAP_SERVERS, server, legacy_name),
	TS(SNAP_SERVERS, server, external_dns), IXS(SNAP_SERVERS, server, receive, SNAP_RECEIVE),
	BYTE(SNAP_SERVERS, server, state, SERVER_DISABLED + 1),
	BYTE(SNAP_SERVERS, server, verbose_log, 2),

	PEER(SNAP_EDGES, edge), T(SNAP_EDGES, edge, software_version),
	T(SNAP_EDGES, edge, recipient_scope), T(SNAP_EDGES, edge, subscribed_at),
	T(SNAP_EDGES, edge, enrolment_expires), BYTE(SNAP_EDGES, edge, enabled, 2),

	NAMED(SNAP_CONNECTORS, connector), T(SNAP_CONNECTORS, connector, description),
	SPAN(SNAP_CONNECTORS, connector, spaces, SNAP_SPACES),
	IXS(SNAP_CONNECTORS, connector, servers, SNAP_SERVERS),
	IXS(SNAP_CONNECTORS, connector, edges, SNAP_EDGES),
	TS(SNAP_CONNECTORS, connector, smart_hosts),
	TS(SNAP_CONNECTORS, connector, sasl_mechanisms),
	TS(SNAP_CONNECTORS, connector, source_addresses),
	T(SNAP_CONNECTORS, connector, credential_ref), T(SNAP_CONNECTORS, connector, fqdn),
	T(SNAP_CONNECTORS, connector, tls_domain), T(SNAP_CONNECTORS, connector, drop_directory),
	IX(SNAP_CONNECTORS, connector, linked_receive, SNAP_RECEIVE),
	BYTE(SNAP_CONNECTORS, connector, kind, CONNECTOR_FOREIGN + 1),
	BYTE(SNAP_CONNECTORS, connector, enabled, 2), BYTE(SNAP_CONNECTORS, connector, scoped, 2),
	BYTE(SNAP_CONNECTORS, connector, usage, USAGE_PARTNER + 1),
	BYTE(SNAP_CONNECTORS, connector, dns_routing, 2),
	BYTE(SNAP_CONNECTORS, connector, force_helo, 2),
	BYTE(SNAP_CONNECTORS, connector, ignore_starttls, 2),
	BYTE(SNAP_CONNECTORS, connector, require_tls, 2),
	BYTE(SNAP_CONNECTORS, connector, smarthost_auth, SMARTHOST_AUTH_EXTERNAL + 1),
	BYTE(SNAP_CONNECTORS, connector, tls_level, TLS_LEVEL_DOMAIN + 1),
	BYTE(SNAP_CONNECTORS, connector, domain_secure, 2),
	BYTE(SNAP_CONNECTORS, connector, dane, POLICY_MANDATORY + 1),
	BYTE(SNAP_CONNECTORS, connector, mta_sts, POLICY_MANDATORY + 1),
	BYTE(SNAP_CONNECTORS, connector, use_external_dns, 2),
	BYTE(SNAP_CONNECTORS, connector, verbose_log, 2),

	T(SNAP_SPACES, space, text), T(SNAP_SPACES, space, type),
	MUST(SNAP_SPACES, space, connector, SNAP_CONNECTORS),

	NAMED(SNAP_RECEIVE, receive), T(SNAP_RECEIVE, receive, fqdn),
	T(SNAP_RECEIVE, receive, banner), MUST(SNAP_RECEIVE, receive, server, SNAP_SERVERS),
	TS(SNAP_RECEIVE, receive, bindings), SPAN(SNAP_RECEIVE, receive, ranges, SNAP_RANGES),
	IX(SNAP_RECEIVE, receive, linked_connector, SNAP_CONNECTORS),
	BYTE(SNAP_RECEIVE, receive, require_tls, 2), BYTE(SNAP_RECEIVE, receive, enabled, 2),
	BYTE(SNAP_RECEIVE, receive, verbose_log, 2),

	NAMED(SNAP_DOMAINS, domain), T(SNAP_DOMAINS, domain, domain),
	T(SNAP_DOMAINS, domain, catch_all), IX(SNAP_DOMAINS, domain, default_home, SNAP_SERVERS),
	BYTE(SNAP_DOMAINS, domain, type, DOMAIN_EXTERNAL_RELAY + 1),
	BYTE(SNAP_DOMAINS, domain, wildcard, 2), BYTE(SNAP_DOMAINS, domain, is_default, 2),
	BYTE(SNAP_DOMAINS, domain, lookup, 2),

	NAMED(SNAP_REMOTES, remote), T(SNAP_REMOTES, remote, domain),
	{ SNAP_DIAGS, CHECK_WORD, AT(diag, row), DIAG_COUNT }, T(SNAP_DIAGS, diag, dn),
	T(SNAP_DIAGS, diag, attribute), T(SNAP_DIAGS, diag, value),

	T(SNAP_NODES, node, type), T(SNAP_NODES, node, text),
	{ SNAP_NODES, CHECK_WORD, AT(node, kind), NODE_KINDS },
	{ SNAP_NODES, CHECK_ITEMS, AT(node, items), 0 },
	SLOTS(SNAP_NODE_SLOTS, CHECK_INDEX, SNAP_NODES), SLOTS(SNAP_DN_SLOTS, CHECK_EITHER, 0),
	SLOTS(SNAP_FQDN_SLOTS, CHECK_INDEX, SNAP_SERVERS), SLOTS(SNAP_CERT_SLOTS, CHECK_EITHER, 0),

	NAMED(SNAP_HOMES, home), T(SNAP_HOMES, home, home),
	MUST(SNAP_HOMES, home, server, SNAP_SERVERS),
	SLOTS(SNAP_HOME_SLOTS, CHECK_INDEX, SNAP_HOMES),
};

uint32_t snap_record_size(enum snap_section_id section)
{
	return record_sizes[section];
}

uint64_t snap_header_hash(const struct snap_header *header)
{
	struct snap_header copy = *header;

	copy.header_hash = 0;
	return XXH3_64bits(&copy, sizeof(copy));
}

static int damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_STORE, 0, "the snapshot image is damaged: %s", what);
}

static int check_header(const struct snap_header *h, size_t len, struct err *err)
{
	if (len < sizeof(*h) || memcmp(h->magic, SNAP_MAGIC, sizeof(h->magic)) != 0)
		return damaged(err, "it does not begin like one");
	if (h->format != SNAP_FORMAT || h->byte_order != SNAP_BYTE_ORDER)
		return err_set(err, ERR_STORE, 0, "the snapshot image has format %u, not %u",
			       h->format, SNAP_FORMAT);
	if (h->size != len)
		return damaged(err, "its length is wrong");
	if (h->header_hash != snap_header_hash(h) ||
	    h->hash != XXH3_64bits(h + 1, len - sizeof(*h)))
		return damaged(err, "its checksum is wrong");
	return 0;
}

static int map_section(struct snapshot *snap, const struct snap_header *h, uint32_t s,
		       struct err *err)
{
	uint64_t offset = h->sections[s].offset, count = h->sections[s].count;

	if (h->sections[s].record_size != record_sizes[s] || offset % 8 != 0 ||
	    offset < sizeof(*h) || offset > h->size ||
	    count > (h->size - offset) / record_sizes[s])
		return damaged(err, "a section lies outside");
	snap->sections[s].at = (const char *)h + offset;
	snap->sections[s].count = (uint32_t)count;
	return 0;
}

static bool is_text(const struct snapshot *snap, uint32_t text)
{
	return text < snap->sections[SNAP_TEXT].count;
}

static bool is_index(const struct snapshot *snap, uint32_t i, uint32_t section)
{
	return i < snap->sections[section].count;
}

static bool is_span(struct snap_list list, uint32_t limit)
{
	return list.first <= limit && list.count <= limit - list.first;
}

static bool is_either(const struct snapshot *snap, uint32_t ref)
{
	return ref & SNAP_EDGE_BIT ? is_index(snap, ref & ~SNAP_EDGE_BIT, SNAP_EDGES) :
				     is_index(snap, ref, SNAP_SERVERS);
}

static bool is_item(const struct snapshot *snap, const struct snap_node *node, uint32_t item)
{
	return node->kind >= NODE_ACCEPTED_EXACT ?
		       is_index(snap, item, SNAP_DOMAINS) :
		       is_index(snap, item & ~SNAP_EDGE_BIT, SNAP_SPACES);
}

static bool list_is_good(const struct snapshot *snap, const struct check *check,
			 const void *record, struct snap_list list)
{
	if (!is_span(list, snap->sections[SNAP_WORDS].count))
		return false;
	for (uint32_t i = 0; i < list.count; i++) {
		uint32_t word = snap_word(snap, list, i);

		if (check->kind == CHECK_TEXTS ? !is_text(snap, word) :
		    check->kind == CHECK_ITEMS ? !is_item(snap, record, word) :
						 !is_index(snap, word, check->target))
			return false;
	}
	/* An accepted domain's node is read without looking at the count. */
	return check->kind != CHECK_ITEMS || list.count > 0;
}

static bool field_is_good(const struct snapshot *snap, const struct check *check,
			  const char *record)
{
	const char *field = record + check->offset;
	struct snap_list list;
	uint32_t word;

	if (check->kind == CHECK_BYTE)
		return *(const uint8_t *)field < check->target;
	memcpy(&word, field, sizeof(word));
	switch (check->kind) {
	case CHECK_TEXT:
		return is_text(snap, word);
	case CHECK_INDEX:
		return word == SNAP_NONE || is_index(snap, word, check->target);
	case CHECK_MUST:
		return is_index(snap, word, check->target);
	case CHECK_EITHER:
		return word == SNAP_NONE || is_either(snap, word);
	case CHECK_WORD:
		return word < check->target;
	default:
		memcpy(&list, field, sizeof(list));
		return check->kind == CHECK_SPAN ?
			       is_span(list, snap->sections[check->target].count) :
			       list_is_good(snap, check, record, list);
	}
}

static bool column_is_good(const struct snapshot *snap, const struct check *check)
{
	const struct snap_section *section = &snap->sections[check->section];
	const char *record = section->at;

	for (uint32_t i = 0; i < section->count; i++, record += record_sizes[check->section])
		if (!field_is_good(snap, check, record))
			return false;
	return true;
}

static bool is_power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

static int check_shape(const struct snapshot *snap, struct err *err)
{
	const struct snap_section *text = &snap->sections[SNAP_TEXT];
	const char *octets = text->at;

	if (text->count == 0 || octets[0] != '\0' || octets[text->count - 1] != '\0')
		return damaged(err, "its texts do not end");
	if (snap->sections[SNAP_ORG].count != 1)
		return damaged(err, "it holds no organisation");
	for (uint32_t s = SNAP_NODE_SLOTS; s <= SNAP_CERT_SLOTS; s++)
		if (!is_power_of_two(snap->sections[s].count))
			return damaged(err, "a look-up table has a wrong size");
	return 0;
}

int snapshot_open(struct snapshot *snap, const void *image, size_t len, struct err *err)
{
	const struct snap_header *h = image;

	memset(snap, 0, sizeof(*snap));
	if (check_header(h, len, err) < 0)
		return -1;
	for (uint32_t s = 0; s < SNAP_SECTIONS; s++)
		if (map_section(snap, h, s, err) < 0)
			return -1;
	if (check_shape(snap, err) < 0)
		return -1;
	for (size_t i = 0; i < WP_COUNT(checks); i++)
		if (!column_is_good(snap, &checks[i]))
			return damaged(err, "a reference leads nowhere");
	snap->number = h->number;
	snap->hash = h->hash;
	return 0;
}
