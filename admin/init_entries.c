/* What a directory gets by `waypost init --create`. */
#include "admin/init_entries.h"

#include <stdlib.h>
#include <string.h>

#include "common/dn.h"

/* Everybody may hand in mail for the accepted domains, other servers of ours anything. */
static const char *const receive_values[][2] = {
	{ "waypostRemoteRange", "0.0.0.0/0" },	   { "waypostRemoteRange", "::/0" },
	{ "waypostAuthMechanism", "tls" },	   { "waypostAuthMechanism", "serverAuth" },
	{ "waypostPermissionGroup", "anonymous" }, { "waypostPermissionGroup", "servers" },
};

static const struct {
	const char *name;
	bool is_of_sites;
} folders[] = {
	{ "Sites", true },
	{ "Site Links", true },
	{ "Subnets", true },
	{ "Servers", false },
	{ "Send Connectors", false },
	{ "Accepted Domains", false },
	{ "Remote Domains", false },
	{ "Edge Subscriptions", false },
};

/* An entry cn=NAME below PARENT, in LIST. */
static struct entry *add(TALLOC_CTX *ctx, struct entry_list *list, const char *class_name,
			 const char *name, const char *parent)
{
	const char *dn = talloc_asprintf(ctx, "cn=%s,%s", dn_escape(ctx, name), parent);
	struct entry *entry = entry_new(ctx, dn);

	entry_add_text(entry, "objectClass", class_name);
	entry_add_text(entry, "cn", name);
	entry_list_add(ctx, list, entry);
	return entry;
}

static const char *folder(TALLOC_CTX *ctx, const struct init_wish *wish, const char *name)
{
	return talloc_asprintf(ctx, "cn=%s,%s", name, wish->base);
}

struct entry *init_folder_entry(TALLOC_CTX *ctx, const char *base, const char *name)
{
	struct entry_list alone = { 0 };

	return add(ctx, &alone, "waypostContainer", name, base);
}

struct entry *init_suffix_entry(TALLOC_CTX *ctx, const char *dn)
{
	struct entry *entry = entry_new(ctx, dn);
	struct dn_part *parts;
	const char *type;

	if (dn_rdn_parts(ctx, dn, &parts) != 1)
		return NULL;
	type = parts[0].type;
	if (ascii_equal(type, "dc")) {
		entry_add_text(entry, "objectClass", "organization");
		entry_add_text(entry, "objectClass", "dcObject");
		entry_add_text(entry, "o", parts[0].value);
	} else if (ascii_equal(type, "o")) {
		entry_add_text(entry, "objectClass", "organization");
	} else if (ascii_equal(type, "ou")) {
		entry_add_text(entry, "objectClass", "organizationalUnit");
	} else {
		return NULL;
	}
	entry_add_text(entry, type, parts[0].value);
	return entry;
}

/* ---- the server ---- */

static const char *site_dn(TALLOC_CTX *ctx, const struct init_wish *wish)
{
	if (wish->site_dn != NULL)
		return wish->site_dn;
	return talloc_asprintf(ctx, "cn=%s,%s", dn_escape(ctx, wish->site),
			       folder(ctx, wish, "Sites"));
}

static void add_site(TALLOC_CTX *ctx, const struct init_wish *wish, struct entry_list *list)
{
	struct entry *subnet;

	if (wish->site_dn == NULL)
		add(ctx, list, "waypostSite", wish->site, folder(ctx, wish, "Sites"));
	if (wish->subnet == NULL)
		return;
	subnet = add(ctx, list, "waypostSubnet", wish->subnet, folder(ctx, wish, "Subnets"));
	entry_add_text(subnet, "waypostSiteDN", site_dn(ctx, wish));
}

/* The part of ADDRESS:PORT behind the last colon, or null. */
static const char *port_of(const char *listen)
{
	const char *colon = listen != NULL ? strrchr(listen, ':') : NULL;

	return colon != NULL && strchr(colon, ']') == NULL ? colon + 1 : NULL;
}

static void add_receive_connector(TALLOC_CTX *ctx, const struct init_wish *wish,
				  const char *server_dn, struct entry_list *list)
{
	struct entry *receive = add(ctx, list, "waypostReceiveConnector", "Default", server_dn);

	if (wish->listen != NULL) {
		entry_add_text(receive, "waypostBinding", wish->listen);
	} else {
		entry_add_text(receive, "waypostBinding", "0.0.0.0:25");
		entry_add_text(receive, "waypostBinding", "[::]:25");
	}
	for (size_t i = 0; i < WP_COUNT(receive_values); i++)
		entry_add_text(receive, receive_values[i][0], receive_values[i][1]);
}

static struct entry *add_server(TALLOC_CTX *ctx, const struct init_wish *wish,
				struct entry_list *list)
{
	const char *parent = wish->parent != NULL ? wish->parent : folder(ctx, wish, "Servers");
	struct entry *server = add(ctx, list, "waypostServer", wish->server, parent);
	const char *port = port_of(wish->listen);

	entry_add_text(server, "waypostFqdn", wish->fqdn);
	if (wish->address != NULL)
		entry_add_text(server, "waypostAddress", wish->address);
	entry_add_text(server, "waypostRole", "hub");
	if (wish->mailbox != NULL) {
		entry_add_text(server, "waypostRole", "mailbox");
		entry_add_text(server, "waypostMailboxDelivery", wish->mailbox);
	}
	entry_add_text(server, "waypostSiteDN", site_dn(ctx, wish));
	if (port != NULL)
		entry_add_text(server, "waypostSmtpPort", port);
	add_receive_connector(ctx, wish, server->dn, list);
	return server;
}

void init_new_server(TALLOC_CTX *ctx, const struct init_wish *wish, struct entry_list *list)
{
	add_site(ctx, wish, list);
	add_server(ctx, wish, list);
}

/* ---- the organisation ---- */

static void add_domain(TALLOC_CTX *ctx, const struct init_wish *wish, const char *server_dn,
		       struct entry_list *list)
{
	const char *parent = folder(ctx, wish, "Accepted Domains");
	struct entry *domain = add(ctx, list, "waypostAcceptedDomain", wish->domain, parent);

	entry_add_text(domain, "waypostDomain", wish->domain);
	entry_add_text(domain, "waypostDomainType", "authoritative");
	entry_add_text(domain, "waypostDefaultDomain", "TRUE");
	/* Here, and not at the organisation: Active Directory wants what is named to be there.
	 */
	if (wish->mailbox != NULL)
		entry_add_text(domain, "waypostDefaultHomeServer", server_dn);
}

static void add_connector(TALLOC_CTX *ctx, const struct init_wish *wish, const char *server_dn,
			  struct entry_list *list)
{
	const char *parent = folder(ctx, wish, "Send Connectors");
	struct entry *connector = add(ctx, list, "waypostSendConnector", "Internet", parent);

	entry_add_text(connector, "waypostUsage", "internet");
	entry_add_text(connector, "waypostAddressSpace", "SMTP:*;1");
	entry_add_text(connector, "waypostSourceServer", server_dn);
}

void init_new_organisation(TALLOC_CTX *ctx, const struct init_wish *wish,
			   struct entry_list *list)
{
	struct entry *organisation = entry_new(ctx, wish->base), *server;
	const char *name = dn_rdn_value(ctx, wish->base);

	entry_add_text(organisation, "objectClass", "waypostOrganization");
	entry_add_text(organisation, "cn", name != NULL ? name : "Waypost");
	entry_list_add(ctx, list, organisation);
	for (size_t i = 0; i < WP_COUNT(folders); i++)
		if (!folders[i].is_of_sites || !wish->has_foreign_sites)
			entry_list_add(ctx, list,
				       init_folder_entry(ctx, wish->base, folders[i].name));
	add_site(ctx, wish, list);
	server = add_server(ctx, wish, list);
	if (wish->domain != NULL)
		add_domain(ctx, wish, server->dn, list);
	if (wish->wants_connector)
		add_connector(ctx, wish, server->dn, list);
}
