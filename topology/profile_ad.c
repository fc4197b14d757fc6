/*
 * The profile ad: Active Directory's own sites, site links and subnets, and our classes for all
 * that it lacks. Pure.
 *
 * Its recipients need no rows: the names of AD are among those that the model knows.
 */
#include "common/compiler.h"
#include "topology/profile_private.h"

static const struct profile_use site_uses[] = {
	{ "description", "description", NULL },
	{ "waypostHubSite", "waypostHubSite", NULL },
	{ "waypostInboundMail", "waypostInboundMail", NULL },
};
static const struct profile_use link_uses[] = {
	{ "description", "description", NULL },
	{ "siteList", "waypostLinkedSite", NULL },
	{ "cost", "waypostCost", NULL },
	{ "waypostMailCost", "waypostMailCost", NULL },
	{ "waypostMaxMessageSize", "waypostMaxMessageSize", NULL },
};
static const struct profile_use subnet_uses[] = {
	{ "description", "description", NULL },
	{ "siteObject", "waypostSiteDN", NULL },
};

#define USES(table) table, WP_COUNT(table)

static const struct profile_class classes[] = {
	{ "site", NULL, "waypostSite", USES(site_uses) },
	/* Links of the SMTP transport do not count. */
	{ "siteLink", "cn=ip,cn=inter-site transports,", "waypostSiteLink", USES(link_uses) },
	{ "siteLink", NULL, NULL, NULL, 0 },
	{ "subnet", NULL, "waypostSubnet", USES(subnet_uses) },
	{ "computer", NULL, NULL, NULL, 0 },
};

static const char *const extra[] = { "objectGUID", NULL };
static const char *const folders[] = {
	"organizationalUnit", "container", "domain", "configuration", "sitesContainer",
	"subnetContainer", "interSiteTransportContainer", "interSiteTransport", NULL
};

const struct profile_table profile_table_ad = {
	.classes = classes,
	.n_classes = WP_COUNT(classes),
	.extra = extra,
	.folders = folders,
	.recipients = "(&(|(mail=*)(proxyAddresses=*))(!(objectClass=computer)))",
};
