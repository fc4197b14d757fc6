/*
 * The loader's driver: gather, order, fill, derive, index, check, finish; and the builder that
 * keeps a loader to mend its image. Pure.
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
	struct diag_list *diags = &ld->diags[ld->stage];
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
	if ((diags->count & (diags->count + 1)) == 0)
		diags->list = talloc_realloc(ld->ctx, diags->list, struct snap_diag,
					     diags->count * 2 + 1);
	diags->list[diags->count++] = diag;
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

/* What all stages noted, in one order. */
static void emit_diags(struct loader *ld)
{
	struct buf *section = &ld->image.sections[SNAP_DIAGS];
	uint32_t count;

	buf_clear(section);
	for (int stage = 0; stage < LOAD_STAGES; stage++)
		for (size_t i = 0; i < ld->diags[stage].count; i++)
			image_add(&ld->image, SNAP_DIAGS, &ld->diags[stage].list[i]);
	count = image_count(&ld->image, SNAP_DIAGS);
	if (count > 0)
		qsort_r(section->data, count, sizeof(struct snap_diag), compare_diags, &ld->image);
}

static void run_stages(struct loader *ld, const char *base)
{
	load_order(ld, base);
	for (size_t i = 0; i < ld->n_items; i++)
		load_record(ld, ld->items[i]);
	fill_organisation(ld);
	ld->stage = LOAD_DERIVE;
	load_derive(ld);
	ld->stage = LOAD_INDEX;
	load_index(ld);
	ld->stage = LOAD_CHECK;
	load_check(ld);
	emit_diags(ld);
}

/* ---- the builder ---- */

struct snapshot_builder {
	struct loader ld;
	bool has_image;
	size_t built_text, built_words; /* octets of these sections after the last build */
	unsigned taken;                 /* changes since then */
};

static void clear_scratch(struct loader *ld)
{
	talloc_free(ld->scratch.ctx);
	ld->scratch = (struct arena){ .ctx = talloc_new(ld->ctx) };
}

static void clear_loader(struct loader *ld)
{
	if (ld->ctx != NULL)
		image_fini(&ld->image);
	talloc_free(ld->ctx);
	*ld = (struct loader){ .ctx = NULL };
}

static void init_loader(struct loader *ld)
{
	clear_loader(ld);
	ld->ctx = talloc_new(NULL);
	if (ld->ctx == NULL)
		mem_fatal(0);
	ld->arena.ctx = ld->ctx;
	clear_scratch(ld);
	image_init(&ld->image);
}

struct snapshot_builder *snapshot_builder_new(void)
{
	return mem_zero(1, sizeof(struct snapshot_builder));
}

void snapshot_builder_forget(struct snapshot_builder *builder)
{
	clear_loader(&builder->ld);
	builder->has_image = false;
}

void snapshot_builder_free(struct snapshot_builder **builder)
{
	if (*builder == NULL)
		return;
	snapshot_builder_forget(*builder);
	free(*builder);
	*builder = NULL;
}

int snapshot_builder_build(struct snapshot_builder *builder, const struct snapshot_source *source,
			   const char *base, uint64_t number, struct buf *image_r, struct err *err)
{
	struct loader *ld = &builder->ld;

	builder->has_image = false;
	init_loader(ld);
	if (source->each(source->ctx, load_gather, ld, err) < 0) {
		clear_loader(ld);
		return -1;
	}
	run_stages(ld, base);
	image_finish(&ld->image, number, image_r);
	/* Items are found by DN from now on; what they said is in the image. */
	TALLOC_FREE(ld->items);
	ld->n_items = 0;
	clear_scratch(ld);
	builder->taken = 0;
	builder->built_text = ld->image.sections[SNAP_TEXT].len;
	builder->built_words = ld->image.sections[SNAP_WORDS].len;
	builder->has_image = true;
	return 0;
}

enum { TAKEN_MAX = 20000 };

/* Mending leaves behind what nobody refers to; half as much again is enough. A change that says
 * nothing leaves its item. */
static bool is_littered(const struct snapshot_builder *builder)
{
	const struct buf *sections = builder->ld.image.sections;

	return builder->taken >= TAKEN_MAX ||
	       sections[SNAP_TEXT].len > builder->built_text / 2 * 3 + 65536 ||
	       sections[SNAP_WORDS].len > builder->built_words / 2 * 3 + 65536;
}

bool snapshot_builder_change(struct snapshot_builder *builder, const struct entry *entry)
{
	if (builder->has_image && !is_littered(builder) && load_change(&builder->ld, entry)) {
		builder->taken++;
		return true;
	}
	snapshot_builder_forget(builder);
	return false;
}

void snapshot_builder_mend(struct snapshot_builder *builder, uint64_t number, struct buf *image_r)
{
	load_redo(&builder->ld);
	emit_diags(&builder->ld);
	image_finish(&builder->ld.image, number, image_r);
	clear_scratch(&builder->ld);
}

int snapshot_build(const struct snapshot_source *source, const char *base, uint64_t number,
		   struct buf *image_r, struct err *err)
{
	struct snapshot_builder *builder = snapshot_builder_new();
	int rc = snapshot_builder_build(builder, source, base, number, image_r, err);

	snapshot_builder_free(&builder);
	return rc;
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
