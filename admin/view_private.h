/* The inside of a view, for view.c, view_entries.c and view_past.c. */
#ifndef WP_ADMIN_VIEW_PRIVATE_H
#define WP_ADMIN_VIEW_PRIVATE_H

#include "admin/view.h"
#include "common/buf.h"
#include "common/replica.h"
#include "common/snapshot_file.h"
#include "topology/profile.h"

struct view {
	/* from a file */
	struct buf image;
	struct snapshot built;
	/* from the replica */
	struct replica *replica;
	struct replica_reader *reader;
	struct snapshot_file *file;
	const char *past; /* what is said of a snapshot of the log; null: the live one */
	/* all */
	const struct profile *profile; /* what entries are called; null: as in the model */
	bool keeps_entries;
	struct entry_list entries; /* as the directory calls them */
	const struct snapshot *snapshot;
	struct recipient_source recipients;
	recipient_each *each_recipient;
};

/* An empty view under CTX. */
struct view *view_new(TALLOC_CTX *ctx);
/* Recipients from the replica below STATE, which is opened. */
void view_attach_replica(struct view *v, const char *state);
/* ENTRIES in the model's terms, below CTX. */
struct entry_list view_translate(const struct view *v, TALLOC_CTX *ctx,
				 const struct entry_list *entries);
/* Its snapshot from ENTRIES, which need not live on. */
int view_build(struct view *v, const struct entry_list *entries, const char *base, struct err *e)
	WP_MUST_CHECK;
/* Its recipients from ENTRIES, which need not live on. */
void view_take_recipients(struct view *v, const struct entry_list *entries);
/* Snapshot and recipients, and the entries if V keeps them, of the directory that TEXT names. */
int view_open_directory(struct view *v, struct cli *cli, const char *text, struct err *e)
	WP_MUST_CHECK;
/* Whatever went wrong below, to the command it is a directory that cannot be read. */
int view_unreadable(struct err *e, const char *what);
int view_no_replica(struct err *e);

#endif
