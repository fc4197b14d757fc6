/*
 * The profile exchange: an Exchange organisation in Active Directory, which is only read. Pure.
 *
 * The names are Microsoft's, public in its schema references and routing documents; what no
 * document tells is in common/assumption_rows.h and nowhere here. Our own classes are taken as
 * they are, so hosts of ours can stand beside servers of Exchange. Routing group connectors of
 * 2003 are not read: all servers since 2007 are in one routing group.
 */
#include <string.h>

#include "common/compiler.h"
#include "topology/load.h"
#include "topology/profile_private.h"

#define COPY PROFILE_COPY
#define PUT_ELSE(name, model_name, fn, what, otherwise) \
	{ .native = name, .model = model_name, .put = profile_put_##fn, .assume = ASSUME_##what, \
	  .absent = otherwise }
#define PUT(name, model_name, fn, what) PUT_ELSE(name, model_name, fn, what, NULL)
#define SIZE(model) PUT("delivContLength", model, product, LENGTH_UNIT)

static const struct profile_use organization_uses[] = {
	COPY("description", "description"),
	SIZE("waypostMaxReceiveSize"),
	PUT("submissionContLength", "waypostMaxSendSize", product, LENGTH_UNIT),
	COPY("msExchRecipLimit", "waypostMaxRecipients"),
};
static const struct profile_use site_uses[] = {
	COPY("description", "description"),
	COPY("waypostHubSite", "waypostHubSite"),
	COPY("waypostInboundMail", "waypostInboundMail"),
	PUT("msExchTransportSiteFlags", "waypostHubSite", bit, SITE_HUB_BIT),
	PUT("msExchTransportSiteFlags", "waypostInboundMail", no_bit, SITE_NO_INBOUND_BIT),
};
static const struct profile_use link_uses[] = {
	COPY("description", "description"),
	COPY("siteList", "waypostLinkedSite"),
	COPY("cost", "waypostCost"),
	COPY("waypostMailCost", "waypostMailCost"),
	COPY("msExchCost", "waypostMailCost"),
	COPY("waypostMaxMessageSize", "waypostMaxMessageSize"),
	SIZE("waypostMaxMessageSize"),
};
static const struct profile_use subnet_uses[] = {
	COPY("description", "description"),
	COPY("siteObject", "waypostSiteDN"),
};

#define SERVER_COMMON \
	PUT("networkAddress", "waypostFqdn", host, NETWORK_PREFIX), \
	COPY("dNSHostName", "waypostFqdn"), \
	COPY("msExchServerSite", "waypostSiteDN")

static profile_put put_roles, put_delivery;

static const struct profile_use server_uses[] = {
	SERVER_COMMON,
	COPY("legacyExchangeDN", "waypostLegacyName"),
	/* These look at the roles, which may be absent; behind the row of waypostFqdn. */
	{ .native = "objectClass", .model = "waypostRole", .put = put_roles },
	{ .native = "objectClass", .model = "waypostMailboxDelivery", .put = put_delivery },
};
static const struct profile_use edge_uses[] = {
	SERVER_COMMON,
	COPY("msExchEdgeSyncAdamSSLPort", "waypostLdapsPort"),
	COPY("serialNumber", "waypostSoftwareVersion"),
};
static const struct profile_use database_uses[] = {
	COPY("msExchOwningServer", "waypostOwningServer"),
};

#define FLAG(model, bit, bit_id) PUT("msExchSmtpSendFlags", model, bit, bit_id)

static const struct profile_use send_uses[] = {
	COPY("description", "description"),
	COPY("msExchSmtpSendEnabled", "waypostEnabled"),
	COPY("routingList", "waypostAddressSpace"),
	COPY("msExchSourceBridgeheadServersDN", "waypostSourceServer"),
	PUT("msExchSmtpSmartHostType", "waypostDnsRouting", dns_routing, NOTHING),
	PUT("msExchSmtpSmartHost", "waypostSmartHost", smart_hosts, SMART_HOST_SEPARATORS),
	PUT("msExchSmtpOutboundSecurityFlag", "waypostSmartHostAuth", security, NOTHING),
	COPY("msExchSmtpSendPort", "waypostPort"),
	COPY("msExchSMTPSendConnectorFQDN", "waypostFqdn"),
	FLAG("waypostForceHelo", bit, SEND_HELO_BIT),
	FLAG("waypostIgnoreStartTls", bit, SEND_NO_TLS_BIT),
	PUT("msExchSmtpOutboundSecurityFlag", "waypostRequireTls", bit, SECURITY_TLS_BIT),
	FLAG("waypostRequireTls", bit, SEND_TLS_BIT),
	FLAG("waypostDomainSecure", bit, SEND_DOMAIN_BIT),
	FLAG("waypostUseExternalDns", bit, SEND_DNS_BIT),
	FLAG("waypostScoped", bit, SEND_SCOPED_BIT),
	/* Absent is unlimited there, and another default with us. */
	PUT_ELSE("delivContLength", "waypostMaxMessageSize", product, LENGTH_UNIT, "0"),
	PUT("msExchSmtpSendConnectionTimeout", "waypostInactivityTimeout", product,
	    SEND_TIMEOUT_UNIT),
	PUT("msExchSmtpSendBindingIPAddress", "waypostSourceAddress", address, NOTHING),
	PUT("msExchSmtpSendProtocolLoggingLevel", "waypostProtocolLoggingLevel", verbose,
	    LOGGING_VERBOSE),
	COPY("msExchSmtpSendReceiveConnectorLink", "waypostLinkedReceiveConnector"),
};
static const struct profile_use foreign_uses[] = {
	COPY("description", "description"),
	COPY("msExchSmtpSendEnabled", "waypostEnabled"),
	COPY("routingList", "waypostAddressSpace"),
	COPY("msExchSourceBridgeheadServersDN", "waypostSourceServer"),
	/* The owning MTA lies below its server. */
	PUT("homeMTA", "waypostSourceServer", parent, NOTHING),
	{ .model = "waypostDropDirectory", .by = ASSUME_DROP_ATTRIBUTE },
	SIZE("waypostMaxMessageSize"),
};
static const struct profile_use receive_uses[] = {
	COPY("description", "description"),
	COPY("msExchSmtpReceiveBindings", "waypostBinding"),
	COPY("msExchSmtpReceiveRemoteIPRanges", "waypostRemoteRange"),
	COPY("msExchSmtpReceiveEnabled", "waypostEnabled"),
	COPY("msExchSmtpReceiveBanner", "waypostBanner"),
	COPY("msExchSmtpReceiveAdvertisedDomain", "waypostFqdn"),
};
static const struct profile_use accepted_uses[] = {
	COPY("description", "description"),
	COPY("msExchAcceptedDomainName", "waypostDomain"),
	{ .model = "waypostDomainType", .put = profile_put_domain_type, .by = ASSUME_DOMAIN_FLAGS },
	{ .model = "waypostDefaultDomain", .put = profile_put_bit, .assume = ASSUME_DOMAIN_DEFAULT_BIT,
	  .by = ASSUME_DOMAIN_FLAGS },
};

#define REMOTE(model_name, what) \
	{ .model = model_name, .put = profile_put_bit, .assume = ASSUME_##what, .by = ASSUME_REMOTE_FLAGS }

static const struct profile_use remote_uses[] = {
	COPY("description", "description"),
	COPY("domainName", "waypostDomain"),
	REMOTE("waypostAllowDeliveryReports", REMOTE_REPORTS_BIT),
	REMOTE("waypostAllowNdr", REMOTE_NDR_BIT),
	REMOTE("waypostAllowAutoReply", REMOTE_REPLY_BIT),
	REMOTE("waypostAllowAutoForward", REMOTE_FORWARD_BIT),
};
static const struct profile_use recipient_uses[] = {
	COPY("objectClass", "objectClass"),
	COPY("cn", "cn"),
	COPY("proxyAddresses", "proxyAddresses"),
	COPY("member", "member"),
	COPY("targetAddress", "targetAddress"),
	COPY("altRecipient", "waypostForwardDN"),
	COPY("deliverAndRedirect", "waypostDeliverAndRedirect"),
	COPY("msExchHomeServerName", "waypostHomeName"),
	COPY("homeMDB", "waypostHomeServer"),
	COPY("msExchRequireAuthToSendTo", "waypostRequireAuth"),
	SIZE("waypostMaxMessageSize"),
};
/* Only the server that expands it knows the members of such a group. */
static const struct profile_use dynamic_group_uses[] = {
	COPY("cn", "cn"),
	COPY("proxyAddresses", "proxyAddresses"),
	COPY("msExchExpansionServerName", "waypostHomeName"),
	COPY("msExchRequireAuthToSendTo", "waypostRequireAuth"),
	SIZE("waypostMaxMessageSize"),
};

static uint64_t roles_of(const struct assumptions *assumed, const struct entry *entry)
{
	uint64_t mask;

	return profile_number(entry, "msExchCurrentServerRoles", &mask) ?
		       mask : assumed->numbers[ASSUME_ROLES_ABSENT];
}

static bool is_edge(const struct assumptions *assumed, const struct entry *entry)
{
	return (roles_of(assumed, entry) & assumed->numbers[ASSUME_ROLE_EDGE]) != 0;
}

/* A server for clients or for voice has nothing to do with routes. */
static bool moves_mail(const struct assumptions *assumed, const struct entry *entry)
{
	return (roles_of(assumed, entry) & (assumed->numbers[ASSUME_ROLE_HUB] |
					    assumed->numbers[ASSUME_ROLE_MAILBOX])) != 0;
}

static void put_roles(const struct translation *t, const struct profile_use *use,
		      const struct entry_attribute *found)
{
	uint64_t mask = roles_of(t->assumed, t->entry), ignored;
	const struct entry_attribute *given = entry_find(t->entry, "msExchCurrentServerRoles");

	(void)found;
	/* To be told of; the good values behind it count. */
	if (given != NULL && !profile_number(t->entry, given->name, &ignored))
		entry_add(t->out, use->model, given->values[0].data, given->values[0].len);
	if (mask & t->assumed->numbers[ASSUME_ROLE_HUB])
		entry_add_text(t->out, use->model, "hub");
	if (mask & t->assumed->numbers[ASSUME_ROLE_MAILBOX])
		entry_add_text(t->out, use->model, "mailbox");
}

/* A server of both roles is the SMTP server of its own mailboxes. */
static void put_delivery(const struct translation *t, const struct profile_use *use,
			 const struct entry_attribute *found)
{
	const char *fqdn = entry_text(t->out, "waypostFqdn");
	uint64_t both = t->assumed->numbers[ASSUME_ROLE_HUB] |
			t->assumed->numbers[ASSUME_ROLE_MAILBOX];
	char *text;

	(void)found;
	if (t->assumed->numbers[ASSUME_SMTP_DELIVERY] == 0 || fqdn == NULL ||
	    (roles_of(t->assumed, t->entry) & both) != both)
		return;
	text = talloc_asprintf(NULL, "smtp://%s:25", fqdn);
	entry_add_text(t->out, use->model, text);
	talloc_free(text);
}

static bool is_ours(const struct assumptions *assumed, const struct entry *entry)
{
	(void)assumed;
	return snapshot_wants_entry(entry);
}

/* Exchange looks at nothing else, so no more do we. */
static bool has_address(const struct assumptions *assumed, const struct entry *entry)
{
	(void)assumed;
	return entry_find(entry, "proxyAddresses") != NULL;
}

#define USES(table) .uses = table, .n_uses = WP_COUNT(table)

static const struct profile_class classes[] = {
	{ NULL, .fits = is_ours, .model = PROFILE_AS_IS },
	{ "msExchOrganizationContainer", .model = "waypostOrganization", USES(organization_uses) },
	{ NULL, .by = ASSUME_LIMITS_CLASS, .model = "waypostOrganizationSettings",
	  USES(organization_uses) },
	{ "site", .model = "waypostSite", USES(site_uses) },
	{ "siteLink", .fits = profile_is_ip_link, .model = "waypostSiteLink", USES(link_uses) },
	{ .native = "siteLink" },
	{ "subnet", .model = "waypostSubnet", USES(subnet_uses) },
	{ .native = "msExchExchangeServerPolicy" }, /* a kind of server by class, a set of rules by nature */
	{ "msExchExchangeServer", .fits = is_edge, .model = "waypostEdgeSubscription",
	  USES(edge_uses) },
	{ "msExchExchangeServer", .fits = moves_mail, .model = "waypostExchangeServer",
	  USES(server_uses) },
	{ .native = "msExchExchangeServer" },
	{ "msExchMDB", .model = "waypostMailboxDatabase", USES(database_uses) },
	{ "msExchPrivateMDB", .model = "waypostMailboxDatabase", USES(database_uses) },
	{ "msExchRoutingSMTPConnector", .model = "waypostSendConnector", USES(send_uses) },
	{ "mailGateway", .model = "waypostForeignConnector", USES(foreign_uses) },
	{ "msExchSmtpReceiveConnector", .model = "waypostReceiveConnector", USES(receive_uses) },
	{ "msExchAcceptedDomain", .model = "waypostAcceptedDomain", USES(accepted_uses) },
	{ "msExchDomainContentConfig", .model = "waypostRemoteDomain", USES(remote_uses) },
	{ .native = "computer" },
	{ "msExchDynamicDistributionList", .model = "", USES(dynamic_group_uses) },
	{ NULL, .fits = has_address, .model = "", USES(recipient_uses) },
	{ .native = NULL },
};

static const char *const extra[] = { "objectGUID", "msExchCurrentServerRoles", NULL };
static const char *const folders[] = {
	"organizationalUnit", "container", "domain", "configuration", "sitesContainer",
	"subnetContainer", "interSiteTransportContainer", "interSiteTransport",
	"msExchConfigurationContainer", "msExchAdminGroupContainer", "msExchAdminGroup",
	"msExchServersContainer", "msExchRoutingGroupContainer", "msExchRoutingGroup",
	"msExchConnectors", "msExchContentConfigContainer", "msExchInformationStore",
	"msExchStorageGroup", "protocolCfgSharedContainer", NULL
};

const struct profile_table profile_table_exchange = {
	.classes = classes,
	.n_classes = WP_COUNT(classes),
	.extra = extra,
	.folders = folders,
	.recipients = "(proxyAddresses=*)",
};
