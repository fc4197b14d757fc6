/*
 * One changed entry → the image that is there already. Pure.
 *
 * The record is filled anew, compared with the old one, and takes its place. What other records
 * or tables hold of it (names, certificates, subnets, the roles that make a source server, the
 * number of address spaces) may not have changed: then everything is built again, which is always
 * right. Half of the work lies in saying what is local, so that list is kept short.
 */
#include <string.h>

#include "common/names.h"
#include "topology/load_private.h"

enum { REDO_LINKS = 1, REDO_SITES = 2, REDO_INDEX = 4 };

static bool is_same_list(const struct loader *ld, struct snap_list a, struct snap_list b)
{
	const char *words = ld->image.sections[SNAP_WORDS].data;

	return a.count == b.count &&
	       (a.count == 0 || memcmp(words + a.first * sizeof(uint32_t),
				       words + b.first * sizeof(uint32_t),
				       a.count * sizeof(uint32_t)) == 0);
}

static bool change_site(struct loader *ld, const void *old_record, void *new_record)
{
	const struct snap_site *old = old_record;
	struct snap_site *new = new_record;

	(void)ld;
	new->links = old->links;
	new->hubs = old->hubs;
	new->mailboxes = old->mailboxes;
	new->edges = old->edges;
	new->has_active_hub = old->has_active_hub;
	return true;
}

static bool change_link(struct loader *ld, const void *old_record, void *new_record)
{
	const struct snap_link *old = old_record, *new = new_record;

	if (!is_same_list(ld, old->sites, new->sites))
		ld->redo |= REDO_LINKS;
	return true;
}

static bool change_server(struct loader *ld, const void *old_record, void *new_record)
{
	const struct snap_server *old = old_record;
	struct snap_server *new = new_record;

	new->receive = old->receive;
	new->peer.dn_key = old->peer.dn_key;
	/* Without a site a subnet would have to be looked for. */
	if (new->peer.site == SNAP_NONE || new->peer.fqdn != old->peer.fqdn ||
	    new->legacy_name != old->legacy_name ||
	    ((new->roles ^ old->roles) & (ROLE_HUB | ROLE_EDGE)) != 0 ||
	    /* Its receive connectors have other defaults. */
	    (new->roles == ROLE_EDGE) != (old->roles == ROLE_EDGE) ||
	    !is_same_list(ld, new->peer.cert_hashes, old->peer.cert_hashes))
		return false;
	if (new->peer.site != old->peer.site || new->roles != old->roles || new->state != old->state)
		ld->redo |= REDO_SITES;
	return true;
}

/* The new spaces, which were added behind all others, take the places of the old ones. */
static void move_spaces(struct loader *ld, struct snap_list from, struct snap_list to)
{
	struct snap_space *source = image_at(&ld->image, SNAP_SPACES, from.first);
	struct snap_space *target = image_at(&ld->image, SNAP_SPACES, to.first);

	if (memcmp(source, target, to.count * sizeof(*target)) != 0)
		ld->redo |= REDO_INDEX;
	memcpy(target, source, to.count * sizeof(*target));
	ld->image.sections[SNAP_SPACES].len -= to.count * sizeof(*target);
}

static bool change_connector(struct loader *ld, const void *old_record, void *new_record)
{
	const struct snap_connector *old = old_record;
	struct snap_connector *new = new_record;

	if (new->spaces.count != old->spaces.count || new->linked_receive != old->linked_receive)
		return false;
	if (old->spaces.count > 0)
		move_spaces(ld, new->spaces, old->spaces);
	new->spaces = old->spaces;
	return true;
}

/* By section: completes the new record from the old one; false: not a local change. */
static bool (*const changers[SNAP_SECTIONS])(struct loader *, const void *, void *) = {
	[SNAP_SITES] = change_site,
	[SNAP_LINKS] = change_link,
	[SNAP_SERVERS] = change_server,
	[SNAP_CONNECTORS] = change_connector,
};

/* Takes back what was noted about the entry's values. False: it has a rival of its name. */
static bool take_back_diags(struct loader *ld, const char *dn)
{
	struct diag_list *diags = &ld->diags[LOAD_FILL];
	snap_text text = image_text(&ld->image, dn);
	size_t kept = 0;

	for (size_t i = 0; i < diags->count; i++) {
		if (diags->list[i].dn == text && diags->list[i].row == DIAG_DUPLICATE_NAME)
			return false;
		if (diags->list[i].dn != text)
			diags->list[kept++] = diags->list[i];
	}
	diags->count = kept;
	return true;
}

/* What was noted of an entry is found by its DN as it was spelt. */
static bool replaces(const struct item *old, const struct item *new)
{
	return old != NULL && old->class == new->class && strcmp(old->key, new->key) == 0 &&
	       strcmp(old->dn, new->dn) == 0 && name_is_text(new->dn, strlen(new->dn)) &&
	       old->index != SNAP_NONE && old->twin == NULL &&
	       changers[old->class->section] != NULL;
}

static void keep_list(const struct loader *ld, const char *old, char *new, size_t offset)
{
	const struct snap_list *was = (const void *)(old + offset);
	struct snap_list *is = (void *)(new + offset);

	if (is_same_list(ld, *was, *is))
		*is = *was;
}

/* Names and lists that say the same stay where they are, so that records can be compared. */
static void keep_places(const struct loader *ld, const struct attr_class *class, const char *old,
			char *new)
{
	for (size_t i = 0; i < class->n_uses; i++) {
		const struct attr_use *use = &class->uses[i];
		const snap_text *was = (const void *)(old + use->offset);
		snap_text *is = (void *)(new + use->offset);

		if (use->field == FIELD_TEXTS || use->field == FIELD_ADDRESSES ||
		    use->field == FIELD_HASHES || use->field == FIELD_SMART_HOSTS ||
		    use->field == FIELD_BINDINGS || use->field == FIELD_REFS)
			keep_list(ld, old, new, use->offset);
		for (int text = 0; use->field == FIELD_NAME && text < 3; text++)
			if (strcmp(image_str(&ld->image, was[text]),
				   image_str(&ld->image, is[text])) == 0)
				is[text] = was[text];
	}
	if (class->section == SNAP_CONNECTORS) {
		keep_list(ld, old, new, offsetof(struct snap_connector, servers));
		keep_list(ld, old, new, offsetof(struct snap_connector, edges));
	}
}

/* How far the image went before a change, to take back what an unchanged record added. */
struct mark {
	size_t text, words;
	uint32_t texts_used;
};

static struct mark mark_image(const struct image *image)
{
	return (struct mark){ image->sections[SNAP_TEXT].len, image->sections[SNAP_WORDS].len,
			      image->texts_used };
}

static void take_back(struct image *image, struct mark mark)
{
	/* A text that is looked up by others has to stay. */
	if (image->texts_used == mark.texts_used)
		image->sections[SNAP_TEXT].len = mark.text;
	image->sections[SNAP_WORDS].len = mark.words;
}

static bool replace_record(struct loader *ld, const struct item *item)
{
	enum snap_section_id section = item->class->section;
	struct mark mark = mark_image(&ld->image);
	unsigned redo = ld->redo;
	union any_record record;
	void *place;

	if (!load_fill(ld, item, &record))
		return false;
	place = image_at(&ld->image, section, item->index);
	keep_places(ld, item->class, place, (char *)&record);
	if (!changers[section](ld, place, &record))
		return false;
	if (redo == ld->redo && memcmp(place, &record, snap_record_size(section)) == 0)
		take_back(&ld->image, mark);
	memcpy(place, &record, snap_record_size(section));
	return true;
}

bool load_change(struct loader *ld, const struct entry *entry)
{
	struct item *old, *new;

	ld->stage = LOAD_FILL;
	new = load_item(ld, entry);
	old = new != NULL ? load_find_dn(ld, entry->dn) : NULL;
	if (new == NULL || !replaces(old, new) || !take_back_diags(ld, old->dn))
		return false;
	new->index = old->index;
	if (!replace_record(ld, new))
		return false;
	old->name = new->name;
	return true;
}

void load_redo(struct loader *ld)
{
	ld->stage = LOAD_DERIVE;
	if (ld->redo & REDO_LINKS)
		load_derive_links(ld);
	if (ld->redo & REDO_SITES)
		load_derive_sites(ld);
	ld->stage = LOAD_INDEX;
	if (ld->redo & REDO_INDEX)
		load_index(ld);
	ld->stage = LOAD_CHECK;
	load_check(ld);
	ld->redo = 0;
}
