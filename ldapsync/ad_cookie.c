/* Cookies of Active Directory as they are kept. Pure. */
#include "ldapsync/ad_cookie.h"

#include <string.h>

#include "common/dn.h"

static const char magic[4] = { 'A', 'D', 'c', '1' };

struct cookie_head {
	char magic[4];
	uint8_t technique;
	uint8_t owes_links;
	uint8_t pad[2];
	uint64_t usn;
	struct entry_uuid invocation;
	uint32_t server_len, context_len, dirsync_len;
	uint32_t pad2;
};

void ad_cookie_encode(const struct ad_cookie *cookie, struct buf *out)
{
	struct cookie_head head = { .technique = (uint8_t)cookie->technique,
				    .owes_links = cookie->owes_links, .usn = cookie->usn,
				    .invocation = cookie->invocation,
				    .server_len = (uint32_t)strlen(cookie->server),
				    .context_len = (uint32_t)strlen(cookie->context),
				    .dirsync_len = (uint32_t)cookie->dirsync_len };

	memcpy(head.magic, magic, sizeof(magic));
	buf_add(out, &head, sizeof(head));
	buf_add(out, cookie->server, head.server_len);
	buf_add(out, cookie->context, head.context_len);
	buf_add(out, cookie->dirsync, cookie->dirsync_len);
}

bool ad_cookie_decode(TALLOC_CTX *ctx, const void *data, size_t len, struct ad_cookie *cookie_r)
{
	const char *at = data;
	struct cookie_head head;

	if (len < sizeof(head))
		return false;
	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.technique >= AD_TECHNIQUES ||
	    (uint64_t)head.server_len + head.context_len + head.dirsync_len != len - sizeof(head))
		return false;
	*cookie_r = (struct ad_cookie){
		.technique = (enum ad_technique)head.technique,
		.owes_links = head.owes_links != 0,
		.server = talloc_strndup(ctx, at, head.server_len),
		.invocation = head.invocation,
		.context = talloc_strndup(ctx, at + head.server_len, head.context_len),
		.usn = head.usn,
		.dirsync = talloc_memdup(ctx, at + head.server_len + head.context_len,
					 head.dirsync_len),
		.dirsync_len = head.dirsync_len,
	};
	return true;
}

enum ad_cookie_worth ad_cookie_judge(const struct ad_cookie *stored, const struct ad_cookie *here)
{
	if (!dn_equal(stored->context, here->context))
		return AD_COOKIE_USELESS;
	if (ascii_equal(stored->server, here->server)) {
		bool same = entry_uuid_equal(&stored->invocation, &here->invocation);

		return same ? AD_COOKIE_GOOD : AD_COOKIE_RESTORED;
	}
	return AD_COOKIE_FOREIGN;
}
