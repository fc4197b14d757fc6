/*
 * The controls and messages of RFC 4533 (§2.2–2.5) between BER and syncrepl.h. Pure.
 *
 * Any octets may be given. What breaks the grammar is an error, never guessed at.
 */
#ifndef WP_LDAPSYNC_SYNCREPL_BER_H
#define WP_LDAPSYNC_SYNCREPL_BER_H

#include "common/entry.h"
#include "ldapsync/syncrepl.h"

/* Value of a Sync State control; the cookie points into what was decoded. */
struct syncrepl_state_value {
	int state;
	struct entry_uuid uuid;
	struct syncrepl_cookie cookie;
};

int syncrepl_decode_state(const void *data, size_t len, struct syncrepl_state_value *state_r,
			  struct err *err) WP_MUST_CHECK;
/*
 * Value of a Sync Info message; the cookie points into DATA. The UUIDs of an id set go to
 * UUIDS, one after the other (emptied first).
 */
int syncrepl_decode_info(const void *data, size_t len, struct syncrepl_info *info_r,
			 struct buf *uuids, struct err *err) WP_MUST_CHECK;
/* mode of the Sync Request control (§2.2) */
enum syncrepl_mode {
	SYNCREPL_REFRESH_ONLY = 1,
	SYNCREPL_REFRESH_AND_PERSIST = 3,
};

/* Appends the value of the Sync Request control; COOKIE may be empty. The reload hint is false. */
void syncrepl_encode_request(enum syncrepl_mode mode, const struct buf *cookie, struct buf *out);

#endif
