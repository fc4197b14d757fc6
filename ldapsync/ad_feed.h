/*
 * The feed of Active Directory: which objects have changed. Pure.
 *
 * A feed is asked again and again; each answer names objects and ends with a result. It tells
 * only WHICH objects changed: they are read whole afterwards, so a change is always the latest
 * state, and several changes of one object in one answer become one. Techniques, best first:
 *
 *   DirSync               needs the right Replicating Directory Changes
 *   DirSync, security     what the account may read; deleted objects only if it may see them
 *   USN polling           objects with uSNChanged above the last one, for what has no DirSync
 *
 * A server that refuses one makes the feed take the next, for as long as the session lasts.
 * Nothing of a cookie is believed that a server has refused: then everything is read anew.
 */
#ifndef WP_LDAPSYNC_AD_FEED_H
#define WP_LDAPSYNC_AD_FEED_H

#include "common/entry.h"

struct ad_slot;

enum ad_technique { AD_DIRSYNC, AD_DIRSYNC_SECURITY, AD_USN };
enum { AD_TECHNIQUES = 3 };

/* As `sync status` shows it. */
const char *ad_technique_name(enum ad_technique technique);

/* What one answer, or several about the same object, say of it. */
struct ad_change {
	struct entry_uuid guid;
	const char *dn;  /* the newest */
	const char *old; /* of a deleted object: the DN that it had, or null */
	bool is_deleted;
	bool is_new;     /* made since the last answer */
	bool is_moved;   /* may have another name or parent than before */
	bool may_have_children; /* with is_moved: they moved too, without a word */
};

struct ad_feed {
	enum ad_technique technique;
	bool has_cookie;      /* dirsync or usn says since when */
	bool cookie_is_own;   /* this session got it from this very server */
	struct buf dirsync;   /* the cookie of DirSync */
	uint64_t usn, target; /* everything up to usn is here; with this answer up to target */
	TALLOC_CTX *ctx;
	struct ad_slot *slots; /* by GUID */
	struct ad_change **changes; /* in order of first mention */
	size_t n_changes;
};

void ad_feed_init(struct ad_feed *feed);
void ad_feed_fini(struct ad_feed *feed);
/* Forgets the changes of the last answer: before the next is asked for. TARGET: of USN polling. */
void ad_feed_begin(struct ad_feed *feed, uint64_t target);
/*
 * What ENTRY of an answer says: objectGUID, isDeleted, and for DirSync which of name and
 * whenCreated are there, for USN polling objectClass and uSNCreated. False: it has no GUID, so which
 * object changed cannot be known.
 */
bool ad_feed_on_entry(struct ad_feed *feed, const struct entry *entry) WP_MUST_CHECK;

enum ad_feed_step {
	AD_FEED_DONE,    /* the changes count, and so does the cookie behind them */
	AD_FEED_MORE,    /* the same, and there is more to ask for at once */
	AD_FEED_CHANGED, /* the technique was refused: ask with the next, everything is read anew */
	AD_FEED_RELOAD,  /* the cookie was refused: everything is read anew */
	AD_FEED_FAILED,  /* something else: the session ends */
};
/*
 * The result CODE of an answer, with the value of its DirSync control (null: none came). After
 * anything but DONE and MORE the changes are void and the cookie is dropped. ERR is filled for
 * FAILED.
 */
enum ad_feed_step ad_feed_on_result(struct ad_feed *feed, int code, const void *control, size_t len,
				    struct err *err);

#endif
