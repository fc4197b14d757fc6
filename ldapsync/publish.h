/*
 * Entries → routing snapshot, inside the transaction that publishes it.
 *
 * The image is written and synced first, then the transaction stores its number, size and
 * hash and its entry in the log; the commit makes it the newest. A crash in between leaves a
 * file that nobody names, which the next start removes. Where a few entries changed in what they
 * say, the last image is mended (topology/load.h); else all entries are read.
 */
#ifndef WP_LDAPSYNC_PUBLISH_H
#define WP_LDAPSYNC_PUBLISH_H

#include "ldapsync/replica_writer.h"

enum publish_result {
	PUBLISH_SAME, /* equal to the newest one: nothing to do */
	PUBLISH_NEW,  /* the transaction has a new one */
	PUBLISH_HELD, /* it would lose all sites or all servers; ERR says so */
};

struct publish_request {
	const char *state_dir;
	const char *base;   /* may be null */
	bool accept_loss;   /* an administrator said so */
	bool anew;          /* even if nothing changed: the image on disk is gone */
	enum history_cause cause;
	uint64_t wall_ms;
};

/*
 * Keeps what the newest snapshot was made from, so that one changed entry does not ask for all
 * entries. It costs about as much memory as three images.
 */
struct publisher;

struct publisher *publisher_new(void);
/* Null inside is fine. */
void publisher_free(struct publisher **publisher);

/* 0, or -1 and ERR. With PUBLISH_HELD ERR is filled too. */
int publish_snapshot(struct publisher *publisher, struct replica_writer *writer,
		     const struct publish_request *request, enum publish_result *result_r,
		     struct err *err) WP_MUST_CHECK;
/* An entry in the log for the newest snapshot, which has an intact image and none. */
int publish_found(struct replica_writer *writer, const char *state_dir, uint64_t wall_ms,
		  struct err *err) WP_MUST_CHECK;
/* Makes writing the snapshot behind NEWEST quicker (snapshot_file.h). */
void publish_make_room(struct publisher *publisher, const char *state_dir,
		       const struct replica_snapshot *newest);
/* How many diagnostics SNAPSHOT holds; its image is read only if it is not the one just made. */
uint64_t publish_diagnostics(const struct publisher *publisher, const char *state_dir,
			     const struct replica_snapshot *snapshot);
/* Whether the image of SNAPSHOT is there and whole; *DIAGNOSTICS_R (may be null): how many. */
bool publish_is_intact(const char *state_dir, const struct replica_snapshot *snapshot,
		       uint64_t *diagnostics_r);

#endif
