/*
 * The index of address spaces and accepted domains: pairs (node, item), sorted and grouped by
 * node, and the table that finds a node by what it matches. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mailaddr.h"
#include "topology/addrspace.h"
#include "topology/load_private.h"

#define EACH(ld, section, i) \
	for (uint32_t i = 0; i < image_count(&(ld)->image, section); i++)

/* One pair (node, item) of the address-space index before grouping. */
struct pair {
	snap_text type, text;
	uint32_t kind, item, order;
};

struct pairs {
	struct pair *list;
	uint32_t count;
};

static void pair_add(struct loader *ld, struct pairs *pairs, enum snap_node_kind kind,
		     const char *type, const char *text, uint32_t item)
{
	if ((pairs->count & (pairs->count + 1)) == 0)
		pairs->list = talloc_realloc(ld->ctx, pairs->list, struct pair,
					     pairs->count * 2 + 1);
	pairs->list[pairs->count] = (struct pair){ image_text(&ld->image, type),
						   image_text(&ld->image, text), (uint32_t)kind,
						   item, pairs->count };
	pairs->count++;
}

static void pair_domains(struct loader *ld, struct pairs *pairs, bool as_space, uint32_t item)
{
	EACH(ld, SNAP_DOMAINS, i) {
		const struct snap_domain *domain = image_at(&ld->image, SNAP_DOMAINS, i);
		bool wild = domain->wildcard;
		char text[MAILADDR_DOMAIN_MAX + 1];

		/* image_text may move what image_str points to. */
		strcpy(text, image_str(&ld->image, domain->domain));
		if (!as_space)
			pair_add(ld, pairs, wild ? NODE_ACCEPTED_SUFFIX : NODE_ACCEPTED_EXACT, "",
				 text, i);
		else if (domain->type != DOMAIN_EXTERNAL_RELAY)
			pair_add(ld, pairs, wild ? NODE_SUFFIX : NODE_EXACT, "SMTP", text,
				 item | SNAP_EDGE_BIT);
	}
}

static void pair_space(struct loader *ld, struct pairs *pairs, uint32_t i)
{
	const struct snap_space *record = image_at(&ld->image, SNAP_SPACES, i);
	const char *value = image_str(&ld->image, record->text);
	struct addrspace space;

	if (addrspace_parse(value, strlen(value), &space) != ADDRSPACE_OK)
		return;
	if (space.is_dashes)
		pair_domains(ld, pairs, true, i);
	else
		pair_add(ld, pairs, space.kind, space.type, space.text, i);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->text != y->text)
		return x->text < y->text ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool is_same_node(const struct pair *a, const struct pair *b)
{
	return a->kind == b->kind && a->type == b->type && a->text == b->text;
}

/* One node from the pairs FROM … TO of one key. */
static void node_add(struct loader *ld, const struct pair *list, uint32_t from, uint32_t to)
{
	uint32_t *items = talloc_array(ld->ctx, uint32_t, to - from);
	struct snap_node node = { list[from].type, list[from].text, list[from].kind, { 0, 0 } };

	for (uint32_t i = from; i < to; i++)
		items[i - from] = list[i].item;
	if (node.kind >= NODE_ACCEPTED_EXACT && to - from > 1) {
		const struct snap_domain *second = image_at(&ld->image, SNAP_DOMAINS, items[1]);

		load_diag(ld, DIAG_DUPLICATE_DOMAIN, image_str(&ld->image, second->dn),
			  "waypostDomain", NULL, 0);
	}
	node.items = image_list(&ld->image, items, to - from);
	image_add(&ld->image, SNAP_NODES, &node);
	talloc_free(items);
}

void load_index(struct loader *ld)
{
	struct image *image = &ld->image;
	struct pairs pairs = { NULL, 0 };

	ld->diags[LOAD_INDEX].count = 0;
	buf_clear(&image->sections[SNAP_NODES]);
	EACH(ld, SNAP_SPACES, i)
		pair_space(ld, &pairs, i);
	pair_domains(ld, &pairs, false, 0);
	if (pairs.count > 0)
		qsort(pairs.list, pairs.count, sizeof(*pairs.list), compare_pairs);
	for (uint32_t from = 0, to; from < pairs.count; from = to) {
		for (to = from + 1; to < pairs.count; to++)
			if (!is_same_node(&pairs.list[from], &pairs.list[to]))
				break;
		node_add(ld, pairs.list, from, to);
	}
	talloc_free(pairs.list);
	image_table(image, SNAP_NODE_SLOTS, image_count(image, SNAP_NODES));
	EACH(ld, SNAP_NODES, i) {
		const struct snap_node *node = image_at(image, SNAP_NODES, i);

		image_table_add(image, SNAP_NODE_SLOTS,
				snap_hash_node(node->kind, image_str(image, node->type),
					       image_str(image, node->text)), i);
	}
}
