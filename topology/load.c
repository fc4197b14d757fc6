/*
 * The loader's driver: gather, order, fill, derive, check, finish. Pure.
 *
 * Entries may come in any order and live only while they are handed over; names and DNs of all
 * are known before the first record is filled.
 */
#include "config.h" /* qsort_r */

#include "topology/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "topology/load_private.h"

void load_diag(struct loader *ld, enum diag_id row, const char *dn, const char *attribute,
	       const char *value, size_t len)
{
	struct snap_diag diag = { .row = row };
	char shown[256] = "";

	/* DN and VALUE may lie in the image's texts, which move when one is added. */
	if (value != NULL && len < sizeof(shown) && name_is_text(value, len))
		memcpy(shown, value, len);
	else if (value != NULL)
		strcpy(shown, "(binary or long)");
	if (dn != NULL && name_is_text(dn, strlen(dn)))
		diag.dn = image_text(&ld->image, dn);
	diag.attribute = image_text(&ld->image, attribute);
	diag.value = image_text(&ld->image, shown);
	if ((ld->n_diags & (ld->n_diags + 1)) == 0)
		ld->diags = talloc_realloc(ld->ctx, ld->diags, struct snap_diag,
					   ld->n_diags * 2 + 1);
	ld->diags[ld->n_diags++] = diag;
}

static void fill_organisation(struct loader *ld)
{
	struct snap_org org = { .max_recipients = 5000, .expansion_limit = 1000,
				.default_home = SNAP_NONE };

	if (image_count(&ld->image, SNAP_ORG) == 0) {
		load_diag(ld, DIAG_NO_ORGANIZATION, NULL, "", NULL, 0);
		image_add(&ld->image, SNAP_ORG, &org);
	}
}

static int compare_diags(const void *a, const void *b, void *arg)
{
	const struct image *image = arg;
	const struct snap_diag *x = a, *y = b;
	int order = strcmp(image_str(image, x->dn), image_str(image, y->dn));

	if (order == 0)
		order = (x->row > y->row) - (x->row < y->row);
	if (order == 0)
		order = strcmp(image_str(image, x->attribute), image_str(image, y->attribute));
	return order != 0 ? order : strcmp(image_str(image, x->value), image_str(image, y->value));
}

static void emit_diags(struct loader *ld)
{
	if (ld->n_diags > 0)
		qsort_r(ld->diags, ld->n_diags, sizeof(*ld->diags), compare_diags, &ld->image);
	for (size_t i = 0; i < ld->n_diags; i++)
		image_add(&ld->image, SNAP_DIAGS, &ld->diags[i]);
}

static void build(struct loader *ld, const char *base)
{
	load_order(ld, base);
	for (size_t i = 0; i < ld->n_items; i++)
		load_record(ld, ld->items[i]);
	fill_organisation(ld);
	load_derive(ld);
	load_index(ld);
	load_check(ld);
	emit_diags(ld);
}

int snapshot_build(const struct snapshot_source *source, const char *base, uint64_t number,
		   struct buf *image_r, struct err *err)
{
	struct loader ld = { .ctx = talloc_new(NULL) };
	int rc;

	if (ld.ctx == NULL)
		mem_fatal(0);
	ld.arena.ctx = ld.ctx;
	image_init(&ld.image);
	rc = source->each(source->ctx, load_gather, &ld, err);
	if (rc == 0) {
		build(&ld, base);
		image_finish(&ld.image, number, image_r);
	}
	image_fini(&ld.image);
	talloc_free(ld.ctx);
	return rc < 0 ? -1 : 0;
}

static int each_of_list(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
			struct err *err)
{
	const struct entry_list *list = ctx;

	(void)err;
	for (size_t i = 0; i < list->count; i++)
		fn(arg, list->items[i]);
	return 0;
}

struct snapshot_source snapshot_source_of_list(const struct entry_list *list)
{
	return (struct snapshot_source){ each_of_list, (void *)(uintptr_t)list };
}
