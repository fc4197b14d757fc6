/* The table of the directory model: see attrs.h. */
#include "topology/attrs.h"

#include <string.h>

#include "common/buf.h"
#include "common/compiler.h"

#define W(name) "waypost" name

static const struct attr_syntax_row syntaxes[ATTR_SYNTAXES] = {
	[ATTR_STRING] = { "S", "", "1.3.6.1.4.1.1466.115.121.1.15", "caseIgnoreMatch", "",
			  "caseIgnoreSubstringsMatch" },
	[ATTR_IA5] = { "IA5", "", "1.3.6.1.4.1.1466.115.121.1.26", "caseIgnoreIA5Match", "",
		       "caseIgnoreIA5SubstringsMatch" },
	[ATTR_INTEGER] = { "I", "", "1.3.6.1.4.1.1466.115.121.1.27", "integerMatch",
			   "integerOrderingMatch", "" },
	[ATTR_SECONDS] = { "T", "s", "1.3.6.1.4.1.1466.115.121.1.27", "integerMatch",
			   "integerOrderingMatch", "" },
	[ATTR_OCTETS_COUNT] = { "Z", "octets", "1.3.6.1.4.1.1466.115.121.1.27", "integerMatch",
				"integerOrderingMatch", "" },
	[ATTR_BOOLEAN] = { "B", "", "1.3.6.1.4.1.1466.115.121.1.7", "booleanMatch", "", "" },
	[ATTR_DN] = { "DN", "", "1.3.6.1.4.1.1466.115.121.1.12", "distinguishedNameMatch", "",
		      "" },
	[ATTR_BINARY] = { "O", "", "1.3.6.1.4.1.1466.115.121.1.40", "octetStringMatch", "", "" },
	[ATTR_TIME] = { "T", "", "1.3.6.1.4.1.1466.115.121.1.24", "generalizedTimeMatch",
			"generalizedTimeOrderingMatch", "" },
};

static const struct attr_type types[] = {
	{ 0, "cn", ATTR_STRING, true, "name" },
	{ 0, "description", ATTR_STRING, true, "comment" },
	{ 1, W("HubSite"), ATTR_BOOLEAN, false, "mail to and through the site stops at a hub of it" },
	{ 2, W("InboundMail"), ATTR_BOOLEAN, false, "the site takes mail from other sites" },
	{ 3, W("LinkedSite"), ATTR_DN, true, "sites joined by the link, every pair is one hop" },
	{ 4, W("Cost"), ATTR_INTEGER, false, "cost of the link" },
	{ 5, W("MailCost"), ATTR_INTEGER, false, "cost of the link for mail, in place of the general cost" },
	{ 6, W("MaxMessageSize"), ATTR_OCTETS_COUNT, false, "largest message, 0 is unlimited" },
	{ 7, W("SiteDN"), ATTR_DN, false, "the site it belongs to" },
	{ 8, W("Fqdn"), ATTR_IA5, false, "fully qualified host name" },
	{ 9, W("Address"), ATTR_IA5, true, "IP address literals" },
	{ 10, W("Role"), ATTR_STRING, true, "hub, edge, mailbox" },
	{ 11, W("ServerState"), ATTR_STRING, false, "active, draining, disabled" },
	{ 12, W("SmtpPort"), ATTR_INTEGER, false, "TCP port of SMTP" },
	{ 13, W("MailboxDelivery"), ATTR_IA5, false, "how mailboxes are delivered to: lmtp://, lmtp+unix://, smtp://" },
	{ 14, W("CertificateHash"), ATTR_IA5, true, "sha256:<hex> of the DER certificate, current and next" },
	{ 15, W("Certificate"), ATTR_BINARY, true, "certificates, DER" },
	{ 16, W("MaxOutboundConnections"), ATTR_INTEGER, false, "outbound connections in total" },
	{ 17, W("MaxPerDomainConnections"), ATTR_INTEGER, false, "outbound connections per destination" },
	{ 18, W("GlitchRetryCount"), ATTR_INTEGER, false, "quick retries after a connection failure" },
	{ 19, W("GlitchRetryInterval"), ATTR_SECONDS, false, "time between quick retries" },
	{ 20, W("TransientRetryCount"), ATTR_INTEGER, false, "retries after the quick ones" },
	{ 21, W("TransientRetryInterval"), ATTR_SECONDS, false, "time between those" },
	{ 22, W("ConnectionFailureRetryInterval"), ATTR_SECONDS, false, "time between all later retries" },
	{ 23, W("MessageRetryInterval"), ATTR_SECONDS, false, "time before a message is tried again after a temporary refusal" },
	{ 24, W("MessageExpiration"), ATTR_SECONDS, false, "a message older than this is returned" },
	{ 25, W("DelayNotification"), ATTR_SECONDS, false, "the sender is told of a delay after this time" },
	{ 26, W("ProtocolLoggingLevel"), ATTR_STRING, false, "none, verbose" },
	{ 27, W("ExternalDnsServer"), ATTR_IA5, true, "DNS servers for external look-ups" },
	{ 28, W("Usage"), ATTR_STRING, false, "custom, internal, internet, partner" },
	{ 29, W("Enabled"), ATTR_BOOLEAN, false, "takes part" },
	{ 30, W("AddressSpace"), ATTR_STRING, true, "TYPE:space;cost" },
	{ 31, W("Scoped"), ATTR_BOOLEAN, false, "visible only in the sites of its source servers" },
	{ 32, W("SourceServer"), ATTR_DN, true, "servers or edge subscriptions that execute the connector" },
	{ 33, W("DnsRouting"), ATTR_BOOLEAN, false, "route by MX records" },
	{ 34, W("SmartHost"), ATTR_IA5, true, "next hops: name, [literal], each with an optional :port" },
	{ 35, W("SmartHostAuth"), ATTR_STRING, false, "none, basic, basicRequireTls, serverAuth, externallySecured" },
	{ 36, W("SaslMechanism"), ATTR_STRING, true, "allowed mechanisms, in order" },
	{ 37, W("CredentialRef"), ATTR_STRING, false, "name of a credential in the host's protected file" },
	{ 38, W("Port"), ATTR_INTEGER, false, "TCP port of the smart hosts" },
	{ 39, W("ForceHelo"), ATTR_BOOLEAN, false, "greet with HELO" },
	{ 40, W("IgnoreStartTls"), ATTR_BOOLEAN, false, "never use STARTTLS" },
	{ 41, W("RequireTls"), ATTR_BOOLEAN, false, "refuse to go on without TLS" },
	{ 42, W("TlsAuthLevel"), ATTR_STRING, false, "encryptionOnly, certificateValidation, domainValidation" },
	{ 43, W("TlsDomain"), ATTR_IA5, false, "name to validate" },
	{ 44, W("DomainSecure"), ATTR_BOOLEAN, false, "mutual TLS with listed domains" },
	{ 45, W("Dane"), ATTR_STRING, false, "off, opportunistic, mandatory" },
	{ 46, W("MtaSts"), ATTR_STRING, false, "off, opportunistic, mandatory" },
	{ 47, W("ErrorPolicy"), ATTR_STRING, true, "default, downgradeDnsFailures, downgradeCustomFailures, upgradeCustomFailures" },
	{ 48, W("InactivityTimeout"), ATTR_SECONDS, false, "longest wait for any one step" },
	{ 49, W("MaxMessagesPerConnection"), ATTR_INTEGER, false, "messages on one connection" },
	{ 50, W("MaxConnections"), ATTR_INTEGER, false, "concurrent connections" },
	{ 51, W("SourceAddress"), ATTR_IA5, true, "local address to bind" },
	{ 52, W("UseExternalDns"), ATTR_BOOLEAN, false, "resolve with the server's external DNS servers" },
	{ 53, W("LinkedReceiveConnector"), ATTR_DN, false, "all mail received there leaves here" },
	{ 54, W("DropDirectory"), ATTR_STRING, false, "where a foreign connector puts its messages" },
	{ 55, W("DropQuota"), ATTR_OCTETS_COUNT, false, "largest total in the drop directory" },
	{ 56, W("Binding"), ATTR_IA5, true, "address:port to listen on" },
	{ 57, W("RemoteRange"), ATTR_IA5, true, "clients: CIDR or a-b" },
	{ 58, W("AuthMechanism"), ATTR_STRING, true, "tls, basic, basicRequireTls, gssapi, serverAuth, externallySecured" },
	{ 59, W("PermissionGroup"), ATTR_STRING, true, "anonymous, users, servers, partners" },
	{ 60, W("Banner"), ATTR_STRING, false, "text of the greeting" },
	{ 61, W("MaxRecipients"), ATTR_INTEGER, false, "recipients of a message" },
	{ 62, W("MaxHeaderSize"), ATTR_OCTETS_COUNT, false, "largest header" },
	{ 63, W("MaxHops"), ATTR_INTEGER, false, "most Received fields" },
	{ 64, W("ConnectionTimeout"), ATTR_SECONDS, false, "longest life of a connection" },
	{ 65, W("MaxConnectionsPerSource"), ATTR_INTEGER, false, "concurrent connections from one address" },
	{ 66, W("MaxProtocolErrors"), ATTR_INTEGER, false, "errors before the connection is closed" },
	{ 67, W("MaxLogonFailures"), ATTR_INTEGER, false, "failed logons before the connection is closed" },
	{ 68, W("MessageRate"), ATTR_INTEGER, false, "messages a minute from one address" },
	{ 69, W("TarpitInterval"), ATTR_SECONDS, false, "delay of refusals" },
	{ 70, W("Domain"), ATTR_IA5, false, "example.com or *.example.com" },
	{ 71, W("DomainType"), ATTR_STRING, false, "authoritative, internalRelay, externalRelay" },
	{ 72, W("DefaultDomain"), ATTR_BOOLEAN, false, "the organisation's own name" },
	{ 73, W("RecipientLookup"), ATTR_BOOLEAN, false, "unknown recipients are rejected" },
	{ 74, W("CatchAll"), ATTR_DN, false, "the entry that takes unknown recipients" },
	{ 75, W("DefaultHomeServer"), ATTR_DN, false, "home of recipients without one" },
	{ 76, W("AllowDeliveryReports"), ATTR_BOOLEAN, false, "send delivery reports there" },
	{ 77, W("AllowNdr"), ATTR_BOOLEAN, false, "send failure reports there" },
	{ 78, W("AllowAutoReply"), ATTR_BOOLEAN, false, "send automatic replies there" },
	{ 79, W("AllowAutoForward"), ATTR_BOOLEAN, false, "send automatic forwards there" },
	{ 80, W("LdapsPort"), ATTR_INTEGER, false, "TCP port of LDAP over TLS" },
	{ 81, W("SoftwareVersion"), ATTR_STRING, false, "version of the edge" },
	{ 82, W("SubscribedAt"), ATTR_TIME, false, "when the edge was subscribed" },
	{ 83, W("EnrolmentExpires"), ATTR_TIME, false, "until when the edge may enrol" },
	{ 84, W("RecipientScope"), ATTR_STRING, false, "filter of the recipients pushed" },
	{ 85, W("RecipientKey"), ATTR_BINARY, false, "key of recipient hashes, encrypted to the hubs of the site" },
	{ 86, W("ListAction"), ATTR_STRING, false, "allow, block" },
	{ 87, W("Expires"), ATTR_TIME, false, "end of validity" },
	{ 88, W("InternalAddress"), ATTR_IA5, false, "address or domain inside" },
	{ 89, W("ExternalAddress"), ATTR_IA5, false, "address or domain outside" },
	{ 90, W("OutboundOnly"), ATTR_BOOLEAN, false, "rewrite outbound mail only" },
	{ 91, W("RewriteException"), ATTR_IA5, true, "domains left alone" },
	{ 92, W("MaxSendSize"), ATTR_OCTETS_COUNT, false, "largest message sent by inside senders, 0 is unlimited" },
	{ 93, W("MaxReceiveSize"), ATTR_OCTETS_COUNT, false, "largest message received by own recipients, 0 is unlimited" },
	{ 94, W("ExpansionLimit"), ATTR_INTEGER, false, "recipients in one copy" },
	{ 95, W("Postmaster"), ATTR_IA5, false, "address that mail to postmaster goes to" },
	{ 96, W("SizeAwareRouting"), ATTR_BOOLEAN, false, "paths are computed per size" },
	{ 97, W("SubaddressDelimiter"), ATTR_STRING, false, "character between user and tag" },
	{ 98, W("HomeServer"), ATTR_DN, false, "mailbox server" },
	{ 99, W("RequireAuth"), ATTR_BOOLEAN, false, "inside senders only" },
};

static const struct attr_word logging_words[] = { { "none", 0 }, { "verbose", 1 }, { NULL, 0 } };
static const struct attr_word role_words[] = {
	{ "hub", ROLE_HUB }, { "edge", ROLE_EDGE }, { "mailbox", ROLE_MAILBOX }, { NULL, 0 }
};
static const struct attr_word state_words[] = {
	{ "active", SERVER_ACTIVE }, { "draining", SERVER_DRAINING },
	{ "disabled", SERVER_DISABLED }, { NULL, 0 }
};
static const struct attr_word usage_words[] = {
	{ "custom", USAGE_CUSTOM }, { "internal", USAGE_INTERNAL },
	{ "internet", USAGE_INTERNET }, { "partner", USAGE_PARTNER }, { NULL, 0 }
};
static const struct attr_word smarthost_auth_words[] = {
	{ "none", SMARTHOST_AUTH_NONE }, { "basic", SMARTHOST_AUTH_BASIC },
	{ "basicRequireTls", SMARTHOST_AUTH_BASIC_REQUIRE_TLS },
	{ "serverAuth", SMARTHOST_AUTH_SERVER },
	{ "externallySecured", SMARTHOST_AUTH_EXTERNAL }, { NULL, 0 }
};
static const struct attr_word tls_level_words[] = {
	{ "encryptionOnly", TLS_LEVEL_ENCRYPTION },
	{ "certificateValidation", TLS_LEVEL_CERTIFICATE },
	{ "domainValidation", TLS_LEVEL_DOMAIN }, { NULL, 0 }
};
static const struct attr_word policy_words[] = {
	{ "off", POLICY_OFF }, { "opportunistic", POLICY_OPPORTUNISTIC },
	{ "mandatory", POLICY_MANDATORY }, { NULL, 0 }
};
static const struct attr_word error_policy_words[] = {
	{ "default", ERROR_POLICY_DEFAULT },
	{ "downgradeDnsFailures", ERROR_POLICY_DOWNGRADE_DNS },
	{ "downgradeCustomFailures", ERROR_POLICY_DOWNGRADE_CUSTOM },
	{ "upgradeCustomFailures", ERROR_POLICY_UPGRADE_CUSTOM }, { NULL, 0 }
};
static const struct attr_word auth_words[] = {
	{ "tls", RECEIVE_AUTH_TLS }, { "basic", RECEIVE_AUTH_BASIC },
	{ "basicRequireTls", RECEIVE_AUTH_BASIC_REQUIRE_TLS }, { "gssapi", RECEIVE_AUTH_GSSAPI },
	{ "serverAuth", RECEIVE_AUTH_SERVER }, { "externallySecured", RECEIVE_AUTH_EXTERNAL },
	{ NULL, 0 }
};
static const struct attr_word permit_words[] = {
	{ "anonymous", PERMIT_ANONYMOUS }, { "users", PERMIT_USERS },
	{ "servers", PERMIT_SERVERS }, { "partners", PERMIT_PARTNERS }, { NULL, 0 }
};
static const struct attr_word domain_type_words[] = {
	{ "authoritative", DOMAIN_AUTHORITATIVE }, { "internalRelay", DOMAIN_INTERNAL_RELAY },
	{ "externalRelay", DOMAIN_EXTERNAL_RELAY }, { NULL, 0 }
};
static const struct attr_word list_action_words[] = { { "allow", 0 }, { "block", 1 }, { NULL, 0 } };

/* Rows by what becomes of the value; R is the record (snap_R), M its member. */
#define AT(r, m) .offset = offsetof(struct snap_##r, m)
#define NAME(r, m) { .attribute = "cn", .must = true, .field = FIELD_NAME, AT(r, m) }
#define DESCRIPTION { .attribute = "description" }
#define SCHEMA(a) { .attribute = W(a) }
#define SCHEMA_MUST(a) { .attribute = W(a), .must = true }
#define PASS(a) { .attribute = W(a), .field = FIELD_PASS }
#define PASS_MUST(a) { .attribute = W(a), .must = true, .field = FIELD_PASS }
#define TEXT(a, r, m) { .attribute = W(a), .field = FIELD_TEXT, AT(r, m) }
#define TEXTS(a, r, m) { .attribute = W(a), .field = FIELD_TEXTS, AT(r, m) }
#define KIND(k, a, r, m) { .attribute = W(a), .field = FIELD_##k, AT(r, m) }
#define BOOL(a, r, m, d) { .attribute = W(a), .field = FIELD_BOOL, .fallback = d, AT(r, m) }
#define U32(a, r, m, d, lo, hi) { .attribute = W(a), .field = FIELD_U32, .fallback = d, \
	.min = lo, .max = hi, AT(r, m) }
#define U32_EDGE(a, r, m, d, e, lo, hi) { .attribute = W(a), .field = FIELD_U32, .fallback = d, \
	.edge_fallback = e, .min = lo, .max = hi, AT(r, m) }
#define SIZE(a, r, m, d) { .attribute = W(a), .field = FIELD_U64, .fallback = d, AT(r, m) }
#define WORD(a, r, m, d, w) { .attribute = W(a), .field = FIELD_WORD, .fallback = d, .words = w, \
	AT(r, m) }
#define FLAGS(a, r, m, d, w) { .attribute = W(a), .field = FIELD_FLAGS, .fallback = d, \
	.words = w, AT(r, m) }
#define REF(a, r, m, t) { .attribute = W(a), .field = FIELD_REF, .target = t, AT(r, m) }
#define REFS(a, r, m, t) { .attribute = W(a), .field = FIELD_REFS, .target = t, AT(r, m) }

enum { YEAR = 366 * 86400, MANY = 1000000 };

static const struct attr_use organization_uses[] = {
	NAME(org, name),
	DESCRIPTION,
	SIZE("MaxSendSize", org, max_send_size, "0"),
	SIZE("MaxReceiveSize", org, max_receive_size, "0"),
	U32("MaxRecipients", org, max_recipients, "5000", 1, 0),
	U32("ExpansionLimit", org, expansion_limit, "1000", 1, 0),
	TEXT("Postmaster", org, postmaster),
	BOOL("SizeAwareRouting", org, size_aware, "FALSE"),
	REF("DefaultHomeServer", org, default_home, SNAP_SERVERS),
	TEXT("SubaddressDelimiter", org, subaddress_delimiter),
};
static const struct attr_use site_uses[] = {
	NAME(site, name),
	{ .attribute = "description", .field = FIELD_TEXT, AT(site, description) },
	BOOL("HubSite", site, is_hub, "FALSE"),
	BOOL("InboundMail", site, inbound, "TRUE"),
};
static const struct attr_use link_uses[] = {
	NAME(link, name),
	DESCRIPTION,
	REFS("LinkedSite", link, sites, SNAP_SITES),
	U32("Cost", link, cost, "100", 1, 99999),
	/* Behind Cost: where it is present it takes its place. */
	U32("MailCost", link, cost, NULL, 1, 99999),
	SIZE("MaxMessageSize", link, max_size, "0"),
};
static const struct attr_use subnet_uses[] = {
	NAME(subnet, name),
	DESCRIPTION,
	{ .attribute = W("SiteDN"), .must = true, .field = FIELD_REF, .target = SNAP_SITES,
	  AT(subnet, site) },
};
static const struct attr_use server_uses[] = {
	NAME(server, peer.name),
	DESCRIPTION,
	KIND(HOST, "Fqdn", server, peer.fqdn),
	KIND(ADDRESSES, "Address", server, peer.addresses),
	FLAGS("Role", server, roles, "hub", role_words),
	REF("SiteDN", server, peer.site, SNAP_SITES),
	WORD("ServerState", server, state, "active", state_words),
	U32("SmtpPort", server, peer.smtp_port, "25", 1, 65535),
	TEXT("MailboxDelivery", server, mailbox_delivery),
	KIND(HASHES, "CertificateHash", server, peer.cert_hashes),
	SCHEMA("Certificate"),
	U32("MaxOutboundConnections", server, max_outbound_connections, "1000", 1, MANY),
	U32("MaxPerDomainConnections", server, max_per_domain_connections, "20", 1, MANY),
	U32("GlitchRetryCount", server, glitch_retry_count, "4", 0, MANY),
	U32("GlitchRetryInterval", server, glitch_retry_interval, "60", 1, YEAR),
	U32("TransientRetryCount", server, transient_retry_count, "6", 0, MANY),
	U32_EDGE("TransientRetryInterval", server, transient_retry_interval, "300", "600", 1, YEAR),
	U32_EDGE("ConnectionFailureRetryInterval", server, connection_failure_retry_interval,
		 "600", "1800", 1, YEAR),
	U32("MessageRetryInterval", server, message_retry_interval, "60", 1, YEAR),
	U32("MessageExpiration", server, message_expiration, "172800", 1, YEAR),
	U32("DelayNotification", server, delay_notification, "14400", 1, YEAR),
	WORD("ProtocolLoggingLevel", server, verbose_log, "none", logging_words),
	KIND(ADDRESSES, "ExternalDnsServer", server, external_dns),
	/* Of the class that a profile makes, not of the schema's: it stays the last. */
	TEXT("LegacyName", server, legacy_name),
};
static const struct attr_use connector_uses[] = {
	NAME(connector, name),
	{ .attribute = "description", .field = FIELD_TEXT, AT(connector, description) },
	WORD("Usage", connector, usage, "custom", usage_words),
	BOOL("Enabled", connector, enabled, "TRUE"),
	PASS("AddressSpace"),
	BOOL("Scoped", connector, scoped, "FALSE"),
	PASS("SourceServer"),
	BOOL("DnsRouting", connector, dns_routing, "TRUE"),
	KIND(SMART_HOSTS, "SmartHost", connector, smart_hosts),
	WORD("SmartHostAuth", connector, smarthost_auth, "none", smarthost_auth_words),
	TEXTS("SaslMechanism", connector, sasl_mechanisms),
	TEXT("CredentialRef", connector, credential_ref),
	U32("Port", connector, port, "25", 1, 65535),
	KIND(HOST, "Fqdn", connector, fqdn),
	BOOL("ForceHelo", connector, force_helo, "FALSE"),
	BOOL("IgnoreStartTls", connector, ignore_starttls, "FALSE"),
	BOOL("RequireTls", connector, require_tls, "FALSE"),
	WORD("TlsAuthLevel", connector, tls_level, NULL, tls_level_words),
	KIND(HOST, "TlsDomain", connector, tls_domain),
	BOOL("DomainSecure", connector, domain_secure, "FALSE"),
	WORD("Dane", connector, dane, "opportunistic", policy_words),
	WORD("MtaSts", connector, mta_sts, "opportunistic", policy_words),
	FLAGS("ErrorPolicy", connector, error_policy, "default", error_policy_words),
	SIZE("MaxMessageSize", connector, max_message_size, "36700160"),
	U32("InactivityTimeout", connector, inactivity_timeout, "600", 1, YEAR),
	U32("MaxMessagesPerConnection", connector, max_messages_per_connection, "100", 1, MANY),
	U32("MaxConnections", connector, max_connections, "0", 0, MANY),
	KIND(ADDRESSES, "SourceAddress", connector, source_addresses),
	BOOL("UseExternalDns", connector, use_external_dns, "FALSE"),
	WORD("ProtocolLoggingLevel", connector, verbose_log, "none", logging_words),
	REF("LinkedReceiveConnector", connector, linked_receive, SNAP_RECEIVE),
};
static const struct attr_use foreign_uses[] = {
	NAME(connector, name),
	{ .attribute = "description", .field = FIELD_TEXT, AT(connector, description) },
	PASS("AddressSpace"),
	PASS("SourceServer"),
	BOOL("Enabled", connector, enabled, "TRUE"),
	BOOL("Scoped", connector, scoped, "FALSE"),
	TEXT("DropDirectory", connector, drop_directory),
	SIZE("DropQuota", connector, drop_quota, "0"),
	SIZE("MaxMessageSize", connector, max_message_size, "0"),
};
static const struct attr_use receive_uses[] = {
	NAME(receive, name),
	DESCRIPTION,
	KIND(BINDINGS, "Binding", receive, bindings),
	KIND(RANGES, "RemoteRange", receive, ranges),
	FLAGS("AuthMechanism", receive, auth, "tls", auth_words),
	FLAGS("PermissionGroup", receive, permit, "anonymous,servers", permit_words),
	BOOL("RequireTls", receive, require_tls, "FALSE"),
	KIND(HOST, "Fqdn", receive, fqdn),
	TEXT("Banner", receive, banner),
	SIZE("MaxMessageSize", receive, max_message_size, "36700160"),
	U32("MaxRecipients", receive, max_recipients, "0", 0, MANY),
	U32("MaxHeaderSize", receive, max_header_size, "262144", 1024, 1 << 30),
	U32("MaxHops", receive, max_hops, "100", 1, 1000),
	U32_EDGE("ConnectionTimeout", receive, connection_timeout, "600", "300", 1, YEAR),
	U32_EDGE("InactivityTimeout", receive, inactivity_timeout, "300", "60", 1, YEAR),
	U32("MaxConnections", receive, max_connections, "5000", 1, MANY),
	U32("MaxConnectionsPerSource", receive, max_connections_per_source, "0", 0, MANY),
	U32("MaxProtocolErrors", receive, max_protocol_errors, "5", 1, MANY),
	U32("MaxLogonFailures", receive, max_logon_failures, "3", 1, MANY),
	U32("MessageRate", receive, message_rate, "0", 0, MANY),
	U32("TarpitInterval", receive, tarpit_interval, "5", 0, 600),
	WORD("ProtocolLoggingLevel", receive, verbose_log, "none", logging_words),
	BOOL("Enabled", receive, enabled, "TRUE"),
};
static const struct attr_use domain_uses[] = {
	NAME(domain, name),
	DESCRIPTION,
	PASS_MUST("Domain"),
	WORD("DomainType", domain, type, "authoritative", domain_type_words),
	BOOL("DefaultDomain", domain, is_default, "FALSE"),
	BOOL("RecipientLookup", domain, lookup, NULL),
	KIND(DN_KEY, "CatchAll", domain, catch_all),
	REF("DefaultHomeServer", domain, default_home, SNAP_SERVERS),
};
static const struct attr_use remote_uses[] = {
	NAME(remote, name),
	DESCRIPTION,
	PASS_MUST("Domain"),
	BOOL("AllowDeliveryReports", remote, delivery_reports, "TRUE"),
	BOOL("AllowNdr", remote, ndr, "TRUE"),
	BOOL("AllowAutoReply", remote, auto_reply, "FALSE"),
	BOOL("AllowAutoForward", remote, auto_forward, "FALSE"),
};
static const struct attr_use edge_uses[] = {
	NAME(edge, peer.name),
	DESCRIPTION,
	KIND(HOST, "Fqdn", edge, peer.fqdn),
	KIND(ADDRESSES, "Address", edge, peer.addresses),
	REF("SiteDN", edge, peer.site, SNAP_SITES),
	U32("LdapsPort", edge, ldaps_port, "50636", 1, 65535),
	U32("SmtpPort", edge, peer.smtp_port, "25", 1, 65535),
	KIND(HASHES, "CertificateHash", edge, peer.cert_hashes),
	SCHEMA("Certificate"),
	TEXT("SoftwareVersion", edge, software_version),
	TEXT("SubscribedAt", edge, subscribed_at),
	TEXT("EnrolmentExpires", edge, enrolment_expires),
	TEXT("RecipientScope", edge, recipient_scope),
	SCHEMA("RecipientKey"),
	BOOL("Enabled", edge, enabled, "TRUE"),
};
static const struct attr_use ip_list_uses[] = {
	{ .attribute = "cn", .must = true }, DESCRIPTION, SCHEMA_MUST("RemoteRange"),
	{ .attribute = W("ListAction"), .must = true, .words = list_action_words },
	SCHEMA("Expires"),
};
static const struct attr_use rewrite_uses[] = {
	{ .attribute = "cn", .must = true }, DESCRIPTION, SCHEMA_MUST("InternalAddress"),
	SCHEMA_MUST("ExternalAddress"), SCHEMA("OutboundOnly"), SCHEMA("RewriteException"),
};
static const struct attr_use container_uses[] = {
	{ .attribute = "cn", .must = true }, DESCRIPTION,
};
static const struct attr_use recipient_uses[] = {
	SCHEMA("HomeServer"), SCHEMA("RequireAuth"), SCHEMA("MaxMessageSize"),
};
static const struct attr_use site_option_uses[] = { SCHEMA("HubSite"), SCHEMA("InboundMail") };
static const struct attr_use link_option_uses[] = { SCHEMA("MailCost"), SCHEMA("MaxMessageSize") };

/* What only profiles make: a mailbox database is a name that leads to its server. */
static const struct attr_use database_uses[] = {
	NAME(home, name),
	REF("OwningServer", home, server, SNAP_SERVERS),
};

#define USES(table) .uses = table, .n_uses = WP_COUNT(table)

static const struct attr_class classes[] = {
	{ 1, W("Organization"), .section = SNAP_ORG, USES(organization_uses),
	  .text = "the organisation: base of the tree and its settings" },
	{ 2, W("Site"), .section = SNAP_SITES, USES(site_uses), .text = "a site" },
	{ 3, W("SiteLink"), .section = SNAP_LINKS, USES(link_uses),
	  .text = "a link between two or more sites" },
	{ 4, W("Subnet"), .section = SNAP_SUBNETS, USES(subnet_uses),
	  .text = "a prefix of addresses and its site" },
	{ 5, W("Server"), .section = SNAP_SERVERS, .uses = server_uses,
	  .n_uses = WP_COUNT(server_uses) - 1,
	  .text = "a hub, edge or mailbox server" },
	{ 6, W("ReceiveConnector"), .section = SNAP_RECEIVE, USES(receive_uses),
	  .text = "where and from whom a server takes mail" },
	{ 7, W("SendConnector"), .section = SNAP_CONNECTORS, .kind = CONNECTOR_SEND,
	  USES(connector_uses), .text = "a way out by SMTP" },
	{ 8, W("ForeignConnector"), .section = SNAP_CONNECTORS, .kind = CONNECTOR_FOREIGN,
	  USES(foreign_uses), .text = "a way out by a drop directory" },
	{ 9, W("AcceptedDomain"), .section = SNAP_DOMAINS, USES(domain_uses),
	  .text = "a domain the organisation takes mail for" },
	{ 10, W("RemoteDomain"), .section = SNAP_REMOTES, USES(remote_uses),
	  .text = "what may be sent to a foreign domain" },
	{ 11, W("EdgeSubscription"), .section = SNAP_EDGES, USES(edge_uses),
	  .text = "a gateway subscribed to a site" },
	{ 12, W("IpListEntry"), .section = SNAP_SECTIONS, USES(ip_list_uses),
	  .text = "an allowed or blocked range of clients" },
	{ 13, W("AddressRewrite"), .section = SNAP_SECTIONS, USES(rewrite_uses),
	  .text = "an inside address and the one shown outside" },
	{ 14, W("Container"), .section = SNAP_SECTIONS, USES(container_uses),
	  .text = "a folder of the tree" },
	{ 15, W("Recipient"), .auxiliary = true, .section = SNAP_SECTIONS, USES(recipient_uses),
	  .text = "mail settings of a person or group" },
	{ 16, W("SiteOptions"), .auxiliary = true, .section = SNAP_SECTIONS,
	  USES(site_option_uses), .text = "mail settings of another schema's site" },
	{ 17, W("SiteLinkOptions"), .auxiliary = true, .section = SNAP_SECTIONS,
	  USES(link_option_uses), .text = "mail settings of another schema's site link" },
	/* From here on: made by profiles only. */
	{ 0, W("ExchangeServer"), .section = SNAP_SERVERS, USES(server_uses),
	  .text = "a server that recipients may name by its legacy name" },
	{ 0, W("MailboxDatabase"), .section = SNAP_HOMES, USES(database_uses),
	  .text = "a database of mailboxes, and its server" },
	{ 0, W("OrganizationSettings"), .extends = true, .section = SNAP_ORG,
	  USES(organization_uses), .text = "settings of the organisation in an object below it" },
};

static size_t count_published(void)
{
	size_t n = 0;

	while (n < WP_COUNT(classes) && classes[n].number != 0)
		n++;
	return n;
}

const struct attr_type *attr_types(size_t *count_r)
{
	*count_r = WP_COUNT(types);
	return types;
}

const struct attr_class *attr_classes(size_t *count_r)
{
	*count_r = count_published();
	return classes;
}

const struct attr_class *attr_all_classes(size_t *count_r)
{
	*count_r = WP_COUNT(classes);
	return classes;
}

const struct attr_type *attr_find_type(const char *name)
{
	for (size_t i = 0; i < WP_COUNT(types); i++)
		if (ascii_equal(types[i].name, name))
			return &types[i];
	return NULL;
}

const struct attr_class *attr_find_class(const char *name)
{
	const size_t prefix = strlen(W(""));
	size_t rest;

	if (!ascii_equal_n(name, W(""), prefix))
		return NULL;
	rest = strlen(name + prefix) + 1; /* with its NUL */
	for (size_t i = 0; i < WP_COUNT(classes); i++)
		if (ascii_equal_n(classes[i].name + prefix, name + prefix, rest))
			return &classes[i];
	return NULL;
}

const struct attr_syntax_row *attr_syntax(enum attr_syntax syntax)
{
	return &syntaxes[syntax];
}
