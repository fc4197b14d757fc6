/* topology/profile: native entries in the model's terms, and what a source has to ask for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "common/ldif.h"
#include "topology/profile.h"
#include "topology/recipient.h"

#define CONFIGURATION "CN=Configuration,DC=example,DC=com"

static struct profile *new_profile(TALLOC_CTX *ctx, enum host_profile id)
{
	struct err err;
	struct profile *profile = profile_new(ctx, id, NULL, 0, &err);

	assert_non_null(profile);
	return profile;
}

/* "NAME=VALUE NAME=VALUE" of all attributes. */
static const char *describe(TALLOC_CTX *ctx, const struct entry *entry)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < entry->n_attributes; i++)
		for (size_t v = 0; v < entry->attributes[i].n_values; v++)
			text = talloc_asprintf_append(text, "%s%s=%s", *text != '\0' ? " " : "",
						      entry->attributes[i].name,
						      entry->attributes[i].values[v].data);
	return text;
}

static const char *translated(TALLOC_CTX *ctx, const struct profile *profile, const char *ldif)
{
	struct entry_list list = { NULL, 0 };
	struct err err;
	struct entry *out;

	assert_int_equal(ldif_read(ctx, ldif, strlen(ldif), &list, &err), 0);
	assert_int_equal(list.count, 1);
	out = profile_translate(profile, ctx, list.items[0]);
	assert_string_equal(out->dn, list.items[0]->dn);
	assert_true(entry_uuid_equal(&out->uuid, &list.items[0]->uuid));
	return describe(ctx, out);
}

static void test_ad_has_sites_ip_links_and_subnets_of_its_own(void **state)
{
	static const struct {
		const char *ldif, *model;
	} table[] = {
		{ "dn: CN=Lyon,CN=Sites," CONFIGURATION "\n"
		  "objectClass: top\nobjectClass: site\ncn: Lyon\nlocation: FR\nwaypostHubSite: TRUE\n",
		  "objectClass=waypostSite waypostHubSite=TRUE" },
		{ "dn: CN=A-B,CN=IP,CN=Inter-Site Transports,CN=Sites," CONFIGURATION "\n"
		  "objectClass: top\nobjectClass: siteLink\ncost: 7\nsiteList: CN=A,CN=Sites\n"
		  "siteList: CN=B,CN=Sites\nwaypostMailCost: 3\nreplInterval: 180\n",
		  "objectClass=waypostSiteLink waypostLinkedSite=CN=A,CN=Sites "
		  "waypostLinkedSite=CN=B,CN=Sites waypostCost=7 waypostMailCost=3" },
		/* The SMTP transport's. */
		{ "dn: CN=A-B,CN=SMTP,CN=Inter-Site Transports,CN=Sites," CONFIGURATION "\n"
		  "objectClass: siteLink\ncost: 7\n", "" },
		{ "dn: CN=10.1.0.0/16,CN=Subnets,CN=Sites," CONFIGURATION "\n"
		  "objectClass: subnet\nsiteObject: CN=Lyon,CN=Sites\n",
		  "objectClass=waypostSubnet waypostSiteDN=CN=Lyon,CN=Sites" },
		/* A domain controller is no mail server, and a computer nobody who gets mail. */
		{ "dn: CN=DC1,CN=Servers,CN=Lyon,CN=Sites," CONFIGURATION "\nobjectClass: server\n",
		  "objectClass=server" },
		{ "dn: CN=PC1,CN=Computers,DC=example,DC=com\nobjectClass: user\n"
		  "objectClass: computer\nmail: pc1@example.com\nuserAccountControl: 4098\n", "" },
		/* Ours, and people, are named as in the model. */
		{ "dn: CN=H,CN=Servers,CN=Waypost,CN=Services," CONFIGURATION "\n"
		  "objectClass: waypostServer\nwaypostFqdn: h.example.com\n",
		  "objectClass=waypostServer waypostFqdn=h.example.com" },
		{ "dn: CN=Ann,CN=Users,DC=example,DC=com\nobjectClass: user\nmail: a@example.com\n",
		  "objectClass=user mail=a@example.com" },
	};
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct profile *profile = new_profile(ctx, HOST_PROFILE_AD);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(translated(ctx, profile, table[i].ldif), table[i].model);
	talloc_free(ctx);
}

#define SERVERS "CN=Servers,CN=Group," CONFIGURATION
#define CONNECTORS "CN=Connections,CN=Group," CONFIGURATION
#define SERVER(rest) "dn: CN=H1," SERVERS "\nobjectClass: server\n" \
	"objectClass: msExchExchangeServer\nnetworkAddress: netbios:H1\n" rest
#define SEND(rest) "dn: CN=Out," CONNECTORS "\nobjectClass: mailGateway\n" \
	"objectClass: msExchRoutingSMTPConnector\n" rest
#define PERSON(rest) "dn: CN=Ann,DC=example\nobjectClass: user\n" rest

static const struct {
	const char *ldif, *model;
} exchange_rows[] = {
	/* Servers: roles and where they come from. */
	{ SERVER("networkAddress: NCACN_IP_TCP:h1.example.com\nmsExchCurrentServerRoles: 54\n"),
	  "objectClass=waypostExchangeServer waypostFqdn=h1.example.com waypostRole=hub "
	  "waypostRole=mailbox waypostMailboxDelivery=smtp://h1.example.com:25" },
	{ SERVER("dNSHostName: h1.example.com\nmsExchCurrentServerRoles: 32\n"),
	  "objectClass=waypostExchangeServer waypostFqdn=h1.example.com waypostRole=hub" },
	{ SERVER("msExchCurrentServerRoles: 4\n"), "" },
	{ SERVER("msExchServerRole: 1\n"), "objectClass=waypostExchangeServer waypostRole=mailbox" },
	{ SERVER("msExchCurrentServerRoles: many\n"),
	  "objectClass=waypostExchangeServer waypostRole=many waypostRole=mailbox" },
	{ SERVER("msExchCurrentServerRoles: 64\nmsExchEdgeSyncAdamSSLPort: 50636\n"),
	  "objectClass=waypostEdgeSubscription waypostLdapsPort=50636" },
	{ SERVER("objectClass: msExchExchangeServerPolicy\n"), "" },
	/* Connectors. */
	{ SEND("routingList: SMTP:*;1\nmsExchSmtpSmartHostType: 2\n"
	       "msExchSmtpSmartHost: [192.0.2.1], a.example;b.example\n"),
	  "objectClass=waypostSendConnector waypostAddressSpace=SMTP:*;1 waypostDnsRouting=FALSE "
	  "waypostSmartHost=[192.0.2.1] waypostSmartHost=a.example waypostSmartHost=b.example "
	  "waypostMaxMessageSize=0" },
	{ SEND("msExchSmtpSmartHostType: 0\nmsExchSmtpSmartHost: left.over\ndelivContLength: 10\n"),
	  "objectClass=waypostSendConnector waypostDnsRouting=TRUE waypostMaxMessageSize=10240" },
	{ SEND("msExchSmtpSmartHost: a.example\nmsExchSmtpOutboundSecurityFlag: 260\n"),
	  "objectClass=waypostSendConnector waypostSmartHost=a.example "
	  "waypostSmartHostAuth=basicRequireTls waypostCredentialRef=Out waypostRequireTls=TRUE "
	  "waypostMaxMessageSize=0" },
	{ SEND("msExchSmtpSendFlags: 4294967295\nmsExchSmtpSendBindingIPAddress: 0.0.0.0\n"),
	  "objectClass=waypostSendConnector waypostMaxMessageSize=0" },
	{ SEND("delivContLength: big\nmsExchSmtpSendProtocolLoggingLevel: 0\n"),
	  "objectClass=waypostSendConnector waypostMaxMessageSize=big "
	  "waypostProtocolLoggingLevel=none" },
	{ SEND("delivContLength: 9223372036854775807\n"),
	  "objectClass=waypostSendConnector waypostMaxMessageSize=9223372036854775807" },
	{ "dn: CN=Fax," CONNECTORS "\nobjectClass: mailGateway\nroutingList: FAX:*\n"
	  "homeMTA: CN=Microsoft MTA,CN=H1," SERVERS "\nmsExchTransportDropDirectoryName: fax\n",
	  "objectClass=waypostForeignConnector waypostAddressSpace=FAX:* waypostSourceServer=CN=H1,"
	  SERVERS " waypostDropDirectory=fax" },
	/* Domains. */
	{ "dn: CN=D," CONFIGURATION "\nobjectClass: msExchAcceptedDomain\n"
	  "msExchAcceptedDomainName: *.example\nmsExchAcceptedDomainFlags: 6\n",
	  "objectClass=waypostAcceptedDomain waypostDomain=*.example "
	  "waypostDomainType=internalRelay waypostDefaultDomain=TRUE" },
	{ "dn: CN=D," CONFIGURATION "\nobjectClass: msExchAcceptedDomain\n"
	  "msExchAcceptedDomainFlags: 3\n",
	  "objectClass=waypostAcceptedDomain waypostDomainType=3 waypostDefaultDomain=FALSE" },
	{ "dn: CN=Limits," CONFIGURATION "\nobjectClass: msExchTransportSettings\n"
	  "submissionContLength: 10\nmsExchRecipLimit: 7\n",
	  "objectClass=waypostOrganizationSettings waypostMaxSendSize=10240 waypostMaxRecipients=7" },
	/* Sites. */
	{ "dn: CN=Lyon,CN=Sites," CONFIGURATION "\nobjectClass: site\nmsExchTransportSiteFlags: 3\n",
	  "objectClass=waypostSite waypostHubSite=TRUE waypostInboundMail=FALSE" },
	{ "dn: CN=Lyon,CN=Sites," CONFIGURATION "\nobjectClass: site\n"
	  "msExchTransportSiteFlags: -2147483648\nwaypostHubSite: TRUE\n",
	  "objectClass=waypostSite waypostHubSite=TRUE waypostInboundMail=TRUE" },
	/* Recipients: by proxyAddresses and nothing else. */
	{ PERSON("mail: a@example.com\n"), "" },
	{ PERSON("mail: a@example.com\nproxyAddresses: SMTP:b@example.com\nmailHost: x\n"
		 "homeMDB: CN=DB\nmsExchHomeServerName: /o=E/cn=H1\naltRecipient: CN=Bob\n"
		 "deliverAndRedirect: TRUE\ndelivContLength: 2\n"),
	  "objectClass=user proxyAddresses=SMTP:b@example.com waypostForwardDN=CN=Bob "
	  "waypostDeliverAndRedirect=TRUE waypostHomeName=/o=E/cn=H1 waypostHomeServer=CN=DB "
	  "waypostMaxMessageSize=2048" },
	{ "dn: CN=Guards,DC=example\nobjectClass: group\nmember: CN=Ann\n", "" },
	{ "dn: CN=All,DC=example\nobjectClass: msExchDynamicDistributionList\n"
	  "proxyAddresses: SMTP:all@example.com\nmsExchExpansionServerName: /o=E/cn=H1\n",
	  "proxyAddresses=SMTP:all@example.com waypostHomeName=/o=E/cn=H1" },
	/* Ours stand beside them. */
	{ "dn: CN=H," CONFIGURATION "\nobjectClass: waypostServer\nwaypostRole: hub\n",
	  "objectClass=waypostServer waypostRole=hub" },
};

static void test_exchange_in_the_terms_of_the_model(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct profile *profile = new_profile(ctx, HOST_PROFILE_EXCHANGE);

	(void)state;
	for (size_t i = 0; i < sizeof(exchange_rows) / sizeof(exchange_rows[0]); i++)
		assert_string_equal(translated(ctx, profile, exchange_rows[i].ldif),
				    exchange_rows[i].model);
	talloc_free(ctx);
}

static void test_what_is_assumed_decides(void **state)
{
	static const char *const assume[] = {
		"server-roles.hub-bit=0x100", "smart-host.separators=|", "content-length.unit=1",
		"send-flags.scoped-bit=8",    "accepted-domain.flags=otherFlags",
	};
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct err err;
	struct profile *profile = profile_new(ctx, HOST_PROFILE_EXCHANGE, assume, 5, &err);

	(void)state;
	assert_non_null(profile);
	assert_string_equal(translated(ctx, profile, SERVER("msExchCurrentServerRoles: 256\n")),
			    "objectClass=waypostExchangeServer waypostRole=hub");
	assert_string_equal(translated(ctx, profile, SEND("msExchSmtpSmartHost: a,b|c\n"
							  "msExchSmtpSendFlags: 8\n"
							  "delivContLength: 5\n")),
			    "objectClass=waypostSendConnector waypostSmartHost=a,b "
			    "waypostSmartHost=c waypostScoped=TRUE waypostMaxMessageSize=5");
	assert_true(strstr(profile_configuration_filter(profile), "(objectClass=msExchTransportSettings)") != NULL);
	for (size_t i = 0; profile_attributes(profile)[i] != NULL; i++)
		assert_string_not_equal(profile_attributes(profile)[i], "msExchAcceptedDomainFlags");
	assert_null(profile_new(ctx, HOST_PROFILE_EXCHANGE, (const char *const[]){ "x=1" }, 1, &err));
	assert_int_equal(err.domain, ERR_CONFIG);
	talloc_free(ctx);
}

static void test_the_profile_waypost_leaves_entries_alone(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct profile *profile = new_profile(ctx, HOST_PROFILE_WAYPOST);
	struct entry *entry = entry_new(ctx, "cn=Lyon,dc=example");

	(void)state;
	entry_add_text(entry, "objectClass", "site");
	assert_ptr_equal(profile_translate(profile, ctx, entry), entry);
	talloc_free(ctx);
}

static bool asks_for(const struct profile *profile, const char *name)
{
	const char *const *names = profile_attributes(profile);
	size_t count = 0;

	for (size_t i = 0; names[i] != NULL; i++)
		count += ascii_equal(names[i], name);
	assert_true(count <= 1);
	return count == 1;
}

static void test_sources_ask_for_native_names(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct profile *ad = new_profile(ctx, HOST_PROFILE_AD);
	struct profile *waypost = new_profile(ctx, HOST_PROFILE_WAYPOST);

	(void)state;
	assert_true(asks_for(ad, "siteList"));
	assert_true(asks_for(ad, "waypostAddressSpace"));
	assert_true(asks_for(ad, "proxyAddresses"));
	assert_true(asks_for(ad, "objectGUID"));
	assert_false(asks_for(waypost, "siteList"));
	assert_true(asks_for(waypost, "entryUUID"));
	assert_non_null(strstr(profile_configuration_filter(ad), "(objectClass=siteLink)"));
	assert_non_null(strstr(profile_configuration_filter(ad), "(objectClass=waypostServer)"));
	assert_null(strstr(profile_configuration_filter(ad), "(objectClass=computer)"));
	assert_null(strstr(profile_configuration_filter(waypost), "siteLink)(objectClass=site)"));
	assert_non_null(strstr(profile_folder_filter(waypost), "(objectClass=organizationalUnit)"));
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ad_has_sites_ip_links_and_subnets_of_its_own),
		cmocka_unit_test(test_exchange_in_the_terms_of_the_model),
		cmocka_unit_test(test_what_is_assumed_decides),
		cmocka_unit_test(test_the_profile_waypost_leaves_entries_alone),
		cmocka_unit_test(test_sources_ask_for_native_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
