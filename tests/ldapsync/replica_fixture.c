/* A state directory of its own for each test, and entries in a line. */
#include "config.h"

#include "tests/ldapsync/replica_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dn.h"

int state_dir_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *path = talloc_asprintf(NULL, "%s/wp-replica-XXXXXX", tmp != NULL ? tmp : "/tmp");

	*state = path;
	return mkdtemp(path) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
	(void)info;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int state_dir_teardown(void **state)
{
	nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	talloc_free(*state);
	return 0;
}

struct entry_uuid make_uuid(unsigned id)
{
	struct entry_uuid uuid = { { 0x11 } };

	memcpy(uuid.bytes + 12, &id, sizeof(id));
	return uuid;
}

struct entry *make_entry(unsigned id, const char *dn, const char *const *attributes)
{
	struct entry *entry = entry_new(NULL, dn);

	entry->uuid = make_uuid(id);
	for (; *attributes != NULL; attributes += 2)
		entry_add_text(entry, attributes[0], attributes[1]);
	return entry;
}

struct entry *make_person(unsigned id, const char *dn, const char *mail)
{
	return make_entry(id, dn, (const char *[]){ "objectClass", "inetOrgPerson", "mail", mail,
						    NULL });
}

struct entry *make_unit(unsigned id, const char *dn)
{
	return make_entry(id, dn, (const char *[]){ "objectClass", "organizationalUnit", NULL });
}

static struct entry *with_name(struct entry *entry)
{
	char *name = dn_rdn_value(entry, entry->dn);

	entry_add_text(entry, "cn", name);
	return entry;
}

struct entry *make_site(unsigned id, const char *dn)
{
	return with_name(make_entry(id, dn, (const char *[]){ "objectClass", "waypostSite", NULL }));
}

struct entry *make_server(unsigned id, const char *dn, const char *site_dn)
{
	return with_name(make_entry(id, dn, (const char *[]){ "objectClass", "waypostServer",
							      "waypostRole", "hub", "waypostFqdn",
							      "hub.example.com", "waypostSiteDN",
							      site_dn, NULL }));
}
