/*
 * The profile ad: Active Directory's own sites, site links and subnets, and our classes for all
 * that it lacks. Pure.
 *
 * Its recipients need no rows: the names of AD are among those that the model knows.
 */
#include <string.h>

#include "common/compiler.h"
#include "common/dn.h"
#include "topology/profile_private.h"

static const struct profile_use site_uses[] = {
	PROFILE_COPY("description", "description"),
	PROFILE_COPY("waypostHubSite", "waypostHubSite"),
	PROFILE_COPY("waypostInboundMail", "waypostInboundMail"),
};
static const struct profile_use link_uses[] = {
	PROFILE_COPY("description", "description"),
	PROFILE_COPY("siteList", "waypostLinkedSite"),
	PROFILE_COPY("cost", "waypostCost"),
	PROFILE_COPY("waypostMailCost", "waypostMailCost"),
	PROFILE_COPY("waypostMaxMessageSize", "waypostMaxMessageSize"),
};
static const struct profile_use subnet_uses[] = {
	PROFILE_COPY("description", "description"),
	PROFILE_COPY("siteObject", "waypostSiteDN"),
};

bool profile_is_ip_link(const struct assumptions *assumed, const struct entry *entry)
{
	static const char transport[] = "cn=ip,cn=inter-site transports,";
	char *key = dn_key(NULL, entry->dn);
	bool found = key != NULL &&
		     strncmp(dn_key_parent(key), transport, strlen(transport)) == 0;

	(void)assumed;
	talloc_free(key);
	return found;
}

#define USES(table) .uses = table, .n_uses = WP_COUNT(table)

static const struct profile_class classes[] = {
	{ "site", .model = "waypostSite", USES(site_uses) },
	{ "siteLink", .fits = profile_is_ip_link, .model = "waypostSiteLink", USES(link_uses) },
	{ .native = "siteLink" },
	{ "subnet", .model = "waypostSubnet", USES(subnet_uses) },
	/* Whatever a computer's attributes say, nobody reads mail there. */
	{ .native = "computer" },
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
	/* No "not": a server without a class cannot say that an entry is not of it. */
	.recipients = "(|(mail=*)(proxyAddresses=*))",
};
