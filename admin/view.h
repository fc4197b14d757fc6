/*
 * What a command looks at: a routing snapshot and its recipients, from this host's replica or
 * from a directory named with --directory, which needs no daemon. One thread.
 */
#ifndef WP_ADMIN_VIEW_H
#define WP_ADMIN_VIEW_H

#include "admin/cli.h"
#include "admin/signin.h"
#include "topology/recipient.h"
#include "topology/snapshot.h"
#include "topology/viewpoint.h"

/* Rows for the option table of a command that calls view_open. */
#define VIEW_OPTIONS                                                                      \
	{ "directory", 0, "URI|FILE", "look at this directory, not at the host's replica" },  \
		{ "profile", 0, "waypost|ad|exchange", "what its objects are called" },       \
		SIGNIN_OPTIONS

/* One more for a command that also looks at the past. */
#define VIEW_PAST_OPTION \
	{ "snapshot", 0, "N", "look at snapshot N of topology log; recipients are today's" }

struct view;

/*
 * Opens what `--directory` of the command names (an LDIF file; or ldap://HOST/DN and its kin, all
 * of which is read at once), else the replica of the host file, with its live snapshot or the
 * one that `--snapshot` names. Lives under cli->ctx. -1: ERR_DIRECTORY if it cannot be read.
 */
int view_open(struct cli *cli, struct view **view_r, struct err *e) WP_MUST_CHECK;
/* The same from the LDIF file PATH, with the profile of the host file's directory that it is. */
int view_open_file(struct cli *cli, const char *path, struct view **view_r, struct err *e)
	WP_MUST_CHECK;
const struct snapshot *view_snapshot(const struct view *view);

/*
 * The replica of the host file with snapshot NUMBER of its log. -1: ERR_NOT_FOUND if it is not
 * kept; the remedy names those that are. ERR_USAGE with `--directory`.
 */
int view_open_snapshot(struct cli *cli, uint64_t number, struct view **view_r, struct err *e)
	WP_MUST_CHECK;
/* Another snapshot beside VIEW, which is of the replica and lives on: a process opens that once.
 * Recipients, begin and end are VIEW's. */
int view_open_beside(struct cli *cli, struct view *view, uint64_t number, struct view **view_r,
		     struct err *e) WP_MUST_CHECK;
/* The log of VIEW's replica, as replica_each_history. */
struct history_entry;
int view_each_history(struct view *view, bool (*fn)(void *arg, const struct history_entry *entry),
		      void *arg, struct err *e) WP_MUST_CHECK;
/* "snapshot 3 of 2026-01-31T12:34:56.789Z" of a view of the past, else null. */
const char *view_past(const struct view *view);

/* Look-ups only between view_begin and view_end. */
const struct recipient_source *view_recipients(const struct view *view);
int view_begin(struct view *view, struct err *e) WP_MUST_CHECK;
void view_end(struct view *view);

/* For every recipient; as look-ups. */
recipient_each *view_each_recipient(const struct view *view);

/*
 * The same with its entries: all of a directory, those of the topology of a replica. To compare
 * a replica with what a change makes of it, its snapshot is made anew from them.
 */
int view_open_entries(struct cli *cli, struct view **view_r, struct err *e) WP_MUST_CHECK;
/* The same for the directory TEXT, as --directory would name it. */
int view_open_other(struct cli *cli, const char *text, struct view **view_r, struct err *e)
	WP_MUST_CHECK;
/*
 * What BEFORE, which has its entries, would be after CHANGES. BEFORE has to live on, and recipients
 * are looked up only between its view_begin and view_end. -1: ERR_DIRECTORY, the line of what
 * cannot be done.
 */
struct ldif_change_list;
int view_open_amended(struct cli *cli, struct view *before, const struct ldif_change_list *changes,
		      struct view **view_r, struct err *e) WP_MUST_CHECK;
const struct entry_list *view_entries(const struct view *view);
bool view_is_replica(const struct view *view);

/* What was wrong with stored entries beyond the snapshot's own diagnostics; nothing of the past. */
struct replica_diagnostic;
int view_each_diagnostic(struct view *view,
			 void (*fn)(void *arg, const struct replica_diagnostic *diagnostic),
			 void *arg, struct err *e) WP_MUST_CHECK;

/* This host's server: by its name in the host file, else by the host's own name. */
uint32_t view_host_server(const struct view *view, const struct hostfile *host);
/*
 * The server that the command speaks for: the one --from names, else this host's (but with
 * --directory only if --config is given too). SNAP_NONE and E if there is none: ERR_USAGE without
 * a name, ERR_NOT_FOUND for one that the directory lacks.
 */
uint32_t view_server(struct cli *cli, const struct view *view, struct err *e);

#endif
