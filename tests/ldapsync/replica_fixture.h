/* A state directory of its own for each test, and entries in a line. */
#ifndef WP_TESTS_REPLICA_FIXTURE_H
#define WP_TESTS_REPLICA_FIXTURE_H

#include <stddef.h>

#include "common/entry.h"

/* cmocka set-up and tear-down: *STATE is the path of an empty directory below $TMPDIR. */
int state_dir_setup(void **state);
int state_dir_teardown(void **state);

/* An entry whose UUID is made from ID. ATTRIBUTES: "name", "value", …, null. */
struct entry *make_entry(unsigned id, const char *dn, const char *const *attributes);
struct entry_uuid make_uuid(unsigned id);
/* A person with one address. */
struct entry *make_person(unsigned id, const char *dn, const char *mail);
/* A container. */
struct entry *make_unit(unsigned id, const char *dn);
/* A site or a server of that site. */
struct entry *make_site(unsigned id, const char *dn);
struct entry *make_server(unsigned id, const char *dn, const char *site_dn);

#endif
