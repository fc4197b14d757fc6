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
	assert_non_null(strstr(profile_recipient_filter(ad), "(!(objectClass=computer))"));
	assert_null(strstr(profile_configuration_filter(waypost), "siteLink)(objectClass=site)"));
	assert_non_null(strstr(profile_folder_filter(waypost), "(objectClass=organizationalUnit)"));
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ad_has_sites_ip_links_and_subnets_of_its_own),
		cmocka_unit_test(test_the_profile_waypost_leaves_entries_alone),
		cmocka_unit_test(test_sources_ask_for_native_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
