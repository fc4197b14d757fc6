/*
 * Directory entries → image of a snapshot. Pure.
 *
 * Passes in order: organisation, sites, links, subnets, servers, edges, receive connectors,
 * connectors, domains; then what is derived (adjacency, look-up tables, the address-space index,
 * design warnings). Classes, attributes, defaults and ranges come from the table in attrs.h and
 * nowhere else. Nothing in a directory makes it fail: what is wrong becomes a diagnostic in the
 * image and is skipped or defaulted. The same entries in any order give the same image.
 */
#ifndef WP_TOPOLOGY_LOAD_H
#define WP_TOPOLOGY_LOAD_H

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"

/* Whoever holds entries: the replica, an LDIF file, a test. */
struct snapshot_source {
	/*
	 * Calls FN once for every entry that might belong to the model (others are ignored); an
	 * entry has to stay readable only during the call. -1 and ERR if the store fails.
	 */
	int (*each)(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
		    struct err *err);
	void *ctx;
};

/* Whether a class of the model makes ENTRY part of the topology (recipients are not). */
bool snapshot_wants_entry(const struct entry *entry);

/*
 * Builds the image with NUMBER into IMAGE_R (emptied first). BASE: only entries at or below this
 * DN count; null or "": those at or below the waypostOrganization entry, or all if there is
 * none. A base below CN=Services,CN=Configuration of a forest means all of its configuration,
 * where its sites are. -1 only if the source fails.
 */
int snapshot_build(const struct snapshot_source *source, const char *base, uint64_t number,
		   struct buf *image_r, struct err *err) WP_MUST_CHECK;

/*
 * A loader that is kept between images, for who builds one after another: when one entry of the
 * model changed in a way that stays local (anything of a site or site link; of a server all but
 * its names, certificates and roles; of a connector all but the number of its address spaces), the
 * last image is mended, which costs a tenth of a build. One thread.
 *
 * A mended image means the same as a built one, but its octets differ: texts that nobody refers
 * to any more stay in it until they are too many. So it may have another hash; a change that
 * says nothing to the model leaves the hash.
 */
struct snapshot_builder;

struct snapshot_builder *snapshot_builder_new(void);
/* Null inside is fine. */
void snapshot_builder_free(struct snapshot_builder **builder);
/* As snapshot_build, and keeps what is needed to mend. */
int snapshot_builder_build(struct snapshot_builder *builder, const struct snapshot_source *source,
			   const char *base, uint64_t number, struct buf *image_r, struct err *err)
	WP_MUST_CHECK;
/*
 * Takes the new state of an entry into the kept image. False: the change is not a local one, or
 * there is no image; build again.
 */
bool snapshot_builder_change(struct snapshot_builder *builder, const struct entry *entry)
	WP_MUST_CHECK;
/* The mended image, after changes that were all local. IMAGE_R is emptied first. */
void snapshot_builder_mend(struct snapshot_builder *builder, uint64_t number, struct buf *image_r);
/* Forgets the image, so that the next change asks for a build: its entries were not stored. */
void snapshot_builder_forget(struct snapshot_builder *builder);

/* A source over a list; LIST has to outlive it. */
struct snapshot_source snapshot_source_of_list(const struct entry_list *list);

#endif
