/*
 * What Active Directory wants written and writes in forms of its own: the values of its controls,
 * names of attributes with a range, names and filters by GUID. Pure.
 *
 * [MS-ADTS] 3.1.1.3.4.1.3 (DirSync), 3.1.1.3.1.3.3 (ranges), 3.1.1.3.1.2.4 (<GUID=…>); RFC 2696
 * (pages). Any octets may be given; what breaks the grammar is an error, never guessed at.
 */
#ifndef WP_LDAPSYNC_AD_WIRE_H
#define WP_LDAPSYNC_AD_WIRE_H

#include "common/entry.h"

#define AD_CONTROL_DIRSYNC "1.2.840.113556.1.4.841"
#define AD_CONTROL_NOTIFICATION "1.2.840.113556.1.4.528"
#define AD_CONTROL_SHOW_DELETED "1.2.840.113556.1.4.417"
#define AD_CONTROL_DOMAIN_SCOPE "1.2.840.113556.1.4.1339" /* no references to other contexts */
#define AD_CONTROL_PAGES "1.2.840.113556.1.4.319"

enum ad_dirsync_flags {
	AD_OBJECT_SECURITY = 0x1, /* only what the caller may read, without a special right */
};

/* Octets inside of what was decoded. */
struct ad_octets {
	const void *data;
	size_t len;
};

/* Appends the value of a DirSync control. FLAGS go as a signed number of 32 bits. */
void ad_encode_dirsync(uint32_t flags, int32_t max_bytes, const struct buf *cookie,
		       struct buf *out);
/* MORE_R: there is more to be had at once. */
int ad_decode_dirsync(const void *data, size_t len, bool *more_r, struct ad_octets *cookie_r,
		      struct err *err) WP_MUST_CHECK;
/* The same for a page of at most SIZE entries; an empty cookie is the first page and the last. */
void ad_encode_page(int32_t size, const struct buf *cookie, struct buf *out);
int ad_decode_page(const void *data, size_t len, struct ad_octets *cookie_r, struct err *err)
	WP_MUST_CHECK;

/* "member;range=0-1499": the name's length, the last value, or that there is no further one. */
struct ad_range {
	size_t name_len;
	uint32_t first, last;
	bool is_last;
};
/* Whether NAME bears a range; options before it belong to the name. */
bool ad_parse_range(const char *name, struct ad_range *range_r);

/* "<GUID=…>" as the base of a search. */
enum { AD_GUID_BASE_SIZE = 6 + 32 + 1 + 1 };
void ad_guid_base(const struct entry_uuid *guid, char base_r[static AD_GUID_BASE_SIZE]);
/* Appends "(objectGUID=\xx…)" or "(NAME=VALUE)", escaped as RFC 4515 §3 wants. */
void ad_filter_guid(const struct entry_uuid *guid, struct buf *out);
void ad_filter_equal(const char *name, const char *value, struct buf *out);

#endif
