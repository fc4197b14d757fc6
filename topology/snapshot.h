/*
 * The routing snapshot: a position-independent image of the whole directory model, and the
 * read-only view through which everybody reads it. Pure.
 *
 * An image is made by snapshot_build() (topology/load.h), stored as a file, mapped by every
 * process. It holds sections, each an array of one record type; records refer to each other by
 * index, to texts by offset, to lists by a range of the section of words. snapshot_open()
 * checks everything that a reader relies on, so no later access can leave the image, whatever
 * its bytes are. An image is for the byte order and the version that made it; any other is
 * refused and rebuilt from the entries.
 *
 * Records of one section are sorted by name key (names.h), so comparing two indexes of one
 * section is comparing two names. Names are unique within a section; a second bearer of a name
 * became a diagnostic.
 *
 * A view is a small value over memory it does not own; it may be read by any number of threads
 * while that memory lives. Layout and rules: doc/ directory and routing documents.
 */
#ifndef WP_TOPOLOGY_SNAPSHOT_H
#define WP_TOPOLOGY_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ipaddr.h"

#define SNAP_FORMAT 2u
#define SNAP_NONE UINT32_MAX /* no such index */

typedef uint32_t snap_text; /* offset of a NUL-terminated text; 0 is "" and means absent */

/* COUNT words from FIRST: texts or indexes, as the field says. */
struct snap_list {
	uint32_t first, count;
};

enum snap_domain_type { DOMAIN_AUTHORITATIVE, DOMAIN_INTERNAL_RELAY, DOMAIN_EXTERNAL_RELAY };
enum snap_server_state { SERVER_ACTIVE, SERVER_DRAINING, SERVER_DISABLED };
enum { ROLE_HUB = 1, ROLE_EDGE = 2, ROLE_MAILBOX = 4 };
enum snap_usage { USAGE_CUSTOM, USAGE_INTERNAL, USAGE_INTERNET, USAGE_PARTNER };
enum snap_smarthost_auth {
	SMARTHOST_AUTH_NONE,
	SMARTHOST_AUTH_BASIC,
	SMARTHOST_AUTH_BASIC_REQUIRE_TLS,
	SMARTHOST_AUTH_SERVER,
	SMARTHOST_AUTH_EXTERNAL, /* externallySecured */
};
enum snap_tls_level { TLS_LEVEL_NONE, TLS_LEVEL_ENCRYPTION, TLS_LEVEL_CERTIFICATE, TLS_LEVEL_DOMAIN };
enum snap_policy { POLICY_OFF, POLICY_OPPORTUNISTIC, POLICY_MANDATORY }; /* DANE, MTA-STS */
enum { /* ErrorPolicy */
	ERROR_POLICY_DEFAULT = 1,
	ERROR_POLICY_DOWNGRADE_DNS = 2,
	ERROR_POLICY_DOWNGRADE_CUSTOM = 4,
	ERROR_POLICY_UPGRADE_CUSTOM = 8,
};
enum { /* AuthMechanism of a receive connector */
	RECEIVE_AUTH_TLS = 1,
	RECEIVE_AUTH_BASIC = 2,
	RECEIVE_AUTH_BASIC_REQUIRE_TLS = 4,
	RECEIVE_AUTH_GSSAPI = 8,
	RECEIVE_AUTH_SERVER = 16,
	RECEIVE_AUTH_EXTERNAL = 32, /* externallySecured: every client counts as an own server */
};
enum { /* PermissionGroup of a receive connector */
	PERMIT_ANONYMOUS = 1,
	PERMIT_USERS = 2,
	PERMIT_SERVERS = 4,
	PERMIT_PARTNERS = 8,
};

/* Sizes are octets, 0 = unlimited. Times are seconds. Counts of 0 mean what the field says. */

struct snap_org {
	uint64_t max_send_size, max_receive_size;
	snap_text name, key, dn;
	snap_text postmaster;           /* never absent once a default domain exists */
	snap_text subaddress_delimiter; /* "" : none */
	uint32_t max_recipients, expansion_limit;
	uint32_t default_home;   /* servers */
	uint32_t default_domain; /* domains */
	uint8_t size_aware;
	uint8_t pad[3];
};

struct snap_site {
	snap_text name, key, dn, description;
	struct snap_list links;   /* of links: the sites' half of the bipartite graph */
	struct snap_list hubs;    /* of servers with role hub, whatever their state, by name */
	struct snap_list mailboxes; /* of servers with role mailbox, by name */
	struct snap_list edges;   /* of enabled edges subscribed to the site, by name */
	uint8_t is_hub, inbound;  /* HubSite, InboundMail */
	uint8_t has_active_hub;
	uint8_t pad[1];
};

struct snap_link {
	uint64_t max_size;
	snap_text name, key, dn;
	uint32_t cost; /* effective: MailCost, else Cost, clamped to 1–99999 */
	struct snap_list sites; /* of sites, ascending: the links' half of the graph */
};

struct snap_subnet {
	struct ipaddr_range range;
	snap_text name, key, dn;
	uint32_t site;
	uint32_t length; /* of the prefix in bits of an IPv6 address: IPv4 has 96 more */
};

/* What delivery needs to reach an own server or a subscribed edge. */
struct snap_peer {
	snap_text name, key, dn;
	snap_text dn_key; /* dn.h */
	snap_text fqdn;   /* A-labels in lower case, or [an address] */
	struct snap_list addresses;   /* of texts, IP literals; empty: ask the DNS for fqdn */
	struct snap_list cert_hashes; /* of texts, "sha256:" and 64 lower-case digits */
	uint32_t smtp_port;
	uint32_t site; /* SNAP_NONE: unknown */
};

struct snap_server {
	struct snap_peer peer;
	snap_text mailbox_delivery;
	snap_text legacy_name; /* Exchange's legacyExchangeDN */
	struct snap_list external_dns; /* of texts */
	struct snap_list receive;      /* of receive connectors, by name */
	uint32_t max_outbound_connections, max_per_domain_connections;
	uint32_t glitch_retry_count, glitch_retry_interval;
	uint32_t transient_retry_count, transient_retry_interval;
	uint32_t connection_failure_retry_interval;
	uint32_t message_retry_interval, message_expiration, delay_notification;
	uint32_t roles; /* ROLE_… */
	uint8_t state;  /* enum snap_server_state */
	uint8_t verbose_log;
	uint8_t pad[2];
};

struct snap_edge {
	struct snap_peer peer; /* site: the subscribed one */
	snap_text software_version, recipient_scope, subscribed_at, enrolment_expires;
	uint32_t ldaps_port;
	uint8_t enabled;
	uint8_t pad[3];
};

enum snap_connector_kind { CONNECTOR_SEND, CONNECTOR_FOREIGN };

struct snap_connector {
	uint64_t max_message_size;
	uint64_t drop_quota;
	snap_text name, key, dn, description;
	struct snap_list spaces;  /* of spaces (SNAP_SPACES, not words), in the order of the text */
	struct snap_list servers; /* of servers: source servers, by name */
	struct snap_list edges;   /* of edges: source subscriptions, by name; never both */
	struct snap_list smart_hosts; /* of texts: "name", "[literal]", each with ":port"; "--" */
	struct snap_list sasl_mechanisms, source_addresses; /* of texts */
	snap_text credential_ref, fqdn, tls_domain, drop_directory;
	uint32_t port;
	uint32_t inactivity_timeout;
	uint32_t max_messages_per_connection;
	uint32_t max_connections; /* 0: the server's */
	uint32_t error_policy;    /* ERROR_POLICY_… */
	uint32_t linked_receive;  /* receive connectors */
	uint8_t kind;             /* enum snap_connector_kind */
	uint8_t enabled, scoped;
	uint8_t usage;            /* enum snap_usage */
	uint8_t dns_routing, force_helo, ignore_starttls, require_tls;
	uint8_t smarthost_auth;   /* enum snap_smarthost_auth */
	uint8_t tls_level;        /* enum snap_tls_level */
	uint8_t domain_secure;
	uint8_t dane, mta_sts;    /* enum snap_policy */
	uint8_t use_external_dns, verbose_log;
	uint8_t pad[1];
};

/* One address space of a connector; which domains it matches is in the index (addrspace.h). */
struct snap_space {
	snap_text text; /* "TYPE:space;cost" as the directory spells it */
	snap_text type; /* "SMTP", capitals */
	uint32_t connector;
	uint32_t cost;
};

struct snap_receive {
	uint64_t max_message_size;
	snap_text name, key, dn;
	snap_text fqdn, banner;
	uint32_t server;
	struct snap_list bindings; /* of texts: "0.0.0.0:25", "[::]:25" */
	struct snap_list ranges;   /* of ranges (SNAP_RANGES, not words); empty: everybody */
	uint32_t linked_connector; /* the connector all its mail leaves by, or SNAP_NONE */
	uint32_t auth;   /* RECEIVE_AUTH_… */
	uint32_t permit; /* PERMIT_… */
	uint32_t max_recipients; /* 0: 5000 from own servers, 200 from others */
	uint32_t max_header_size, max_hops;
	uint32_t connection_timeout, inactivity_timeout;
	uint32_t max_connections;
	uint32_t max_connections_per_source; /* 0: 20, unlimited for own servers */
	uint32_t max_protocol_errors, max_logon_failures;
	uint32_t message_rate; /* messages a minute and source; 0: unlimited */
	uint32_t tarpit_interval;
	uint8_t require_tls, enabled, verbose_log;
	uint8_t pad[1];
};

struct snap_domain {
	snap_text name, key, dn;
	snap_text domain;   /* A-labels, without the "*." */
	snap_text catch_all; /* key (dn.h) of the entry that takes unknown recipients, or "" */
	uint32_t default_home; /* servers */
	uint8_t type; /* enum snap_domain_type */
	uint8_t wildcard, is_default, lookup;
};

struct snap_remote {
	snap_text name, key, dn;
	snap_text domain; /* A-labels without "*."; "*" for all */
	uint8_t wildcard;
	uint8_t delivery_reports, ndr, auto_reply, auto_forward;
	uint8_t pad[3];
};

/* What recipients may name as their home beside a server: its legacy name, a database. */
struct snap_home {
	snap_text name, key, dn; /* of a database; absent for a legacy name */
	snap_text home;   /* the key of a DN, or of a legacy name, which begins with "/" */
	uint32_t server;
};

/* What was wrong in the directory; ROW tells id, severity and what was done (diag.h). */
struct snap_diag {
	uint32_t row;
	snap_text dn, attribute, value;
};

enum snap_section_id {
	SNAP_TEXT, /* octets */
	SNAP_WORDS, /* uint32_t */
	SNAP_ORG,  /* exactly one */
	SNAP_SITES,
	SNAP_LINKS,
	SNAP_SUBNETS, /* longest prefix first, then by address */
	SNAP_SERVERS,
	SNAP_EDGES,
	SNAP_CONNECTORS, /* send and foreign */
	SNAP_SPACES,
	SNAP_RECEIVE, /* by server, then by name */
	SNAP_RANGES,  /* struct ipaddr_range */
	SNAP_DOMAINS,
	SNAP_REMOTES,
	SNAP_DIAGS,
	SNAP_NODES,   /* the address-space index: addrspace.h */
	SNAP_NODE_SLOTS,
	SNAP_DN_SLOTS,   /* DN key → servers and edges */
	SNAP_FQDN_SLOTS, /* host name → servers */
	SNAP_CERT_SLOTS, /* certificate hash → servers and edges */
	SNAP_HOMES,
	SNAP_HOME_SLOTS, /* what a recipient calls its home → homes */
	SNAP_SECTIONS,
};

struct snap_section {
	const void *at;
	uint32_t count;
};

/* The view. Fields are for snapshot_private.h; use the functions below. */
struct snapshot {
	struct snap_section sections[SNAP_SECTIONS];
	uint64_t number;
	uint64_t hash; /* XXH3 of the image: equal hashes, equal routing */
};

/*
 * Makes a view over IMAGE (LEN octets, 8-aligned), which stays the caller's and has to live as
 * long as the view. -1 and ERR (ERR_STORE) for anything damaged or of another format.
 */
int snapshot_open(struct snapshot *snap, const void *image, size_t len, struct err *err)
	WP_MUST_CHECK;

/* The number it was built with. Never part of a routing decision. */
uint64_t snapshot_number(const struct snapshot *snap);
/* The hash of an image's content without its number: unchanged means nothing changed. */
uint64_t snapshot_hash(const struct snapshot *snap);

const char *snap_str(const struct snapshot *snap, snap_text text);
static inline bool snap_has(snap_text text)
{
	return text != 0;
}
/* Word I of LIST: an index, or a text for snap_str. */
uint32_t snap_word(const struct snapshot *snap, struct snap_list list, uint32_t i);
const char *snap_list_str(const struct snapshot *snap, struct snap_list list, uint32_t i);

uint32_t snap_count(const struct snapshot *snap, enum snap_section_id section);
const struct snap_org *snap_org(const struct snapshot *snap);
/* Record I of a section; I has to be below its count. */
const struct snap_site *snap_site(const struct snapshot *snap, uint32_t i);
const struct snap_link *snap_link(const struct snapshot *snap, uint32_t i);
const struct snap_subnet *snap_subnet(const struct snapshot *snap, uint32_t i);
const struct snap_server *snap_server(const struct snapshot *snap, uint32_t i);
const struct snap_edge *snap_edge(const struct snapshot *snap, uint32_t i);
const struct snap_connector *snap_connector(const struct snapshot *snap, uint32_t i);
const struct snap_space *snap_space(const struct snapshot *snap, uint32_t i);
const struct snap_receive *snap_receive(const struct snapshot *snap, uint32_t i);
const struct ipaddr_range *snap_range(const struct snapshot *snap, struct snap_list list, uint32_t i);
const struct snap_domain *snap_domain(const struct snapshot *snap, uint32_t i);
const struct snap_remote *snap_remote(const struct snapshot *snap, uint32_t i);
const struct snap_diag *snap_diag(const struct snapshot *snap, uint32_t i);

/* Look-ups by name (any case and normal form): the index or SNAP_NONE. O(log n). */
uint32_t snapshot_find_site(const struct snapshot *snap, const char *name);
uint32_t snapshot_find_link(const struct snapshot *snap, const char *name);
uint32_t snapshot_find_server(const struct snapshot *snap, const char *name);
uint32_t snapshot_find_edge(const struct snapshot *snap, const char *name);
uint32_t snapshot_find_connector(const struct snapshot *snap, const char *name);
uint32_t snapshot_find_receive(const struct snapshot *snap, uint32_t server, const char *name);
/* By host name (waypostFqdn), any case, a final dot allowed. O(1). */
uint32_t snapshot_find_server_fqdn(const struct snapshot *snap, const char *fqdn);
/* By a DN's key (dn.h). O(1). */
uint32_t snapshot_find_server_dn(const struct snapshot *snap, const char *dn_key);
/*
 * The server that a recipient means by HOME: the key of a DN (a server's, a mailbox database's)
 * or of a legacy name. O(1).
 */
uint32_t snapshot_find_home(const struct snapshot *snap, const char *home);
/*
 * By certificate hash "sha256:<hex>": the server or subscribed edge that publishes it (current
 * or next), or null; *EDGE_R tells which. O(1).
 */
const struct snap_peer *snapshot_find_certificate(const struct snapshot *snap, const char *hash,
						  bool *edge_r);
/* The site of an address by its longest prefix, or SNAP_NONE. */
uint32_t snapshot_site_of_address(const struct snapshot *snap, const struct ipaddr *addr);
/*
 * The accepted domain that decides about DOMAIN (A-labels, lower case): exact before the longest
 * "*.suffix"; SNAP_NONE if it is not accepted. O(labels).
 */
uint32_t snapshot_accepted_domain(const struct snapshot *snap, const char *domain);
/*
 * Whether RECEIVE takes clients from ADDR: the most specific matching range, or null. Among the
 * connectors of one binding the caller takes the one whose range is the most specific.
 */
const struct ipaddr_range *snapshot_receive_range(const struct snapshot *snap,
						  const struct snap_receive *receive,
						  const struct ipaddr *addr);

/* Severity and texts of a diagnostic are in diag.h. */

#endif
