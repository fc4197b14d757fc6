/*
 * Opening the log: reads the segments that matter into the index and seals the last one.
 *
 * Invariants 2, 3, 6 and 10. Nothing on the disk changes (but for links in quarantine/) before it
 * is certain that the start goes on. One thread, before all others.
 */
#ifndef WP_DELIVERY_SPOOL_RECOVER_H
#define WP_DELIVERY_SPOOL_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "delivery/spool.h"
#include "delivery/spool_log.h"

struct spool_recovered {
	uint32_t last_segment; /* 0: the spool is new */
	uint32_t last_commit;
	uint32_t damages;
};

/*
 * LOG holds the sealed segments afterwards. Tells events->on_message of every live message,
 * oldest first, and events->on_damage. BODY_DIR is cleared of what no record names.
 */
int spool_recover(struct spool_log *log, int body_dir, const struct spool_options *options,
		  const struct spool_events *events, struct spool_recovered *recovered_r,
		  struct err *e) WP_MUST_CHECK;

/* Keeps a damaged file when its own name goes: NAME in DIR is also quarantine/AS. */
void spool_quarantine(int spool_dir, int dir, const char *name, const char *as);

#endif
