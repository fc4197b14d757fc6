/*
 * Profiles: what the objects of a directory are called (the directory document, §1). Pure.
 *
 * A profile is a table from native classes and attributes to those of the model. An entry is
 * translated before it goes into the replica, so that replica, loader and differences know
 * only the model's own names. DNs stay as the directory has them. How changes are followed is
 * not a profile's business: any directory, and an LDIF file, can have any of them. What needs two
 * objects (the server of a mailbox database) is resolved in the snapshot, not here.
 *
 * A profile is immutable: any thread may read it while its context lives.
 */
#ifndef WP_TOPOLOGY_PROFILE_H
#define WP_TOPOLOGY_PROFILE_H

#include <stddef.h>

#include <talloc.h>

#include "common/entry.h"
#include "common/err.h"
#include "common/host_profile.h"

struct profile;

/*
 * The profile ID under CTX, with what the host file assumes in place of the defaults: N texts
 * "NAME=VALUE". Null and ERR (ERR_CONFIG) for a name or value that is none.
 */
struct profile *profile_new(TALLOC_CTX *ctx, enum host_profile id, const char *const *assume,
			    size_t n, struct err *err) WP_MUST_CHECK;

/* Native names that a source has to ask for, null-terminated; live with the profile. */
const char *const *profile_attributes(const struct profile *profile);
/* Those of them that recipients and folders need, and that tell whether an entry is one or of the
 * topology; in some profiles that takes all of them. */
const char *const *profile_recipient_attributes(const struct profile *profile);
/* An LDAP filter for the objects of the topology. */
const char *profile_configuration_filter(const struct profile *profile);
/* One for recipients, where the host file names none. */
const char *profile_recipient_filter(const struct profile *profile);
/* One for the folders that either lie in: a renamed one is a single event, its children get none. */
const char *profile_folder_filter(const struct profile *profile);

/*
 * ENTRY, or a new one under CTX, in the model's terms: the name and UUID stay. What is no object
 * of the model comes out without class and address. Bad values go on to where the model's are
 * judged. The result shares values with ENTRY, which has to outlive it; neither is changed then.
 */
struct entry *profile_translate(const struct profile *profile, TALLOC_CTX *ctx, struct entry *entry)
	WP_MUST_CHECK;

#endif
