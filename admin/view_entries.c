/* Views with their entries, and what a change makes of them: for plans. */
#include <string.h>

#include "admin/view_private.h"
#include "common/dn.h"
#include "common/ldif_change.h"
#include "topology/amend.h"
#include "topology/recipient_overlay.h"

recipient_each *view_each_recipient(const struct view *view)
{
	return view->each_recipient;
}

const struct entry_list *view_entries(const struct view *view)
{
	return &view->entries;
}

bool view_is_replica(const struct view *view)
{
	return view->reader != NULL;
}

/* The entry below which the host's directories have their topology; null: not said. */
static const char *base_of(const struct hostfile *host)
{
	for (size_t i = 0; i < host->n_directories; i++)
		if (host->directories[i].base != NULL)
			return host->directories[i].base;
	return NULL;
}

static void keep_entry(void *arg, const struct entry *entry)
{
	struct view *v = arg;

	entry_list_add(v, &v->entries, entry_copy(v, entry));
}

static int read_replica(struct view *v, struct cli *cli, struct err *e)
{
	int rc;

	if (view_begin(v, e) < 0)
		return -1;
	rc = replica_each_topology(v->reader, keep_entry, v, e);
	view_end(v);
	if (rc < 0)
		return view_unreadable(e, "the replica of this host");
	return view_build(v, &v->entries, base_of(cli->host), e);
}

int view_open_other(struct cli *cli, const char *text, struct view **view_r, struct err *e)
{
	*view_r = view_new(cli->ctx);
	(*view_r)->keeps_entries = true;
	return view_open_directory(*view_r, cli, text, e);
}

int view_open_entries(struct cli *cli, struct view **view_r, struct err *e)
{
	const char *directory = cli_value(cli, "directory");

	if (directory != NULL)
		return view_open_other(cli, directory, view_r, e);
	if (view_open(cli, view_r, e) < 0)
		return -1;
	return read_replica(*view_r, cli, e);
}

/* ---- after a change ---- */

/*
 * A replica has no entries of recipients. One that is deleted gets a stand-in in ENTRIES to be
 * deleted, and is hidden; one that is to be changed in another way cannot be planned for here.
 */
static int meet_recipient(struct view *before, TALLOC_CTX *ctx, const struct ldif_change *change,
			  struct entry_list *entries, struct recipient_overlay *overlay,
			  struct err *e)
{
	struct replica_record record;
	struct entry *stand_in;
	char *key = dn_key(ctx, change->dn);
	int rc = key != NULL ? replica_by_dn(before->reader, key, &record, e) : 0;

	if (rc <= 0 || record.recipient == NULL || record.entry != NULL)
		return rc < 0 ? -1 : 0;
	if (change->type == LDIF_MODIFY || change->type == LDIF_RENAME) {
		err_set(e, ERR_DIRECTORY, 0, "line %zu: %s is a recipient, of which the replica keeps no "
			"attributes", change->line, change->dn);
		return err_remedy(e, "read the directory itself: --directory ldap://HOST/DN or a file");
	}
	stand_in = entry_new(ctx, change->dn);
	stand_in->uuid = record.uuid;
	entry_list_add(ctx, entries, stand_in);
	if (change->type == LDIF_DELETE)
		recipient_overlay_hide(overlay, &record.uuid);
	return 0;
}

static bool is_met(const struct entry_list *entries, size_t from, const char *dn)
{
	for (size_t i = from; i < entries->count; i++)
		if (dn_equal(entries->items[i]->dn, dn))
			return true;
	return false;
}

/* The entries of a replica with stand-ins for the recipients that CHANGES name. */
static int meet_recipients(struct view *v, struct view *before,
			   const struct ldif_change_list *changes, struct recipient_overlay *overlay,
			   struct err *e)
{
	struct entry_list *entries = &v->entries;
	int rc = 0;

	for (size_t i = 0; i < before->entries.count; i++)
		entry_list_add(v, entries, before->entries.items[i]);
	if (view_begin(before, e) < 0)
		return -1;
	for (size_t i = 0; i < changes->count && rc == 0; i++)
		if (!is_met(entries, before->entries.count, changes->items[i]->dn))
			rc = meet_recipient(before, v, changes->items[i], entries, overlay, e);
	view_end(before);
	return rc;
}

static int amend_replica(struct view *v, struct view *before, const char *base,
			 const struct ldif_change_list *changes, struct err *e)
{
	struct recipient_overlay *overlay = recipient_overlay_new(v, &before->recipients,
								  before->each_recipient);

	if (meet_recipients(v, before, changes, overlay, e) < 0 ||
	    amend_entries(v, &v->entries, changes, e) < 0)
		return -1;
	recipient_overlay_add_list(overlay, &v->entries);
	v->recipients = recipient_overlay_source(overlay);
	v->each_recipient = recipient_overlay_each;
	if (recipient_overlay_is_empty(overlay)) {
		v->recipients = before->recipients;
		v->each_recipient = before->each_recipient;
	}
	return view_build(v, &v->entries, base, e);
}

int view_open_amended(struct cli *cli, struct view *before, const struct ldif_change_list *changes,
		      struct view **view_r, struct err *e)
{
	struct view *v = view_new(cli->ctx);
	struct entry_list list;

	*view_r = v;
	if (view_is_replica(before))
		return amend_replica(v, before, base_of(cli->host), changes, e);
	v->entries = before->entries;
	v->profile = before->profile;
	if (amend_entries(v, &v->entries, changes, e) < 0)
		return -1;
	list = view_translate(v, v, &v->entries);
	if (view_build(v, &list, NULL, e) < 0)
		return -1;
	view_take_recipients(v, &list);
	return 0;
}
