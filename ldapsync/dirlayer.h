/*
 * A layer of our own between libldap and a connection's bytes, as liblber's Sockbuf takes them
 * (lber.h): what is read passes a codec, and so does what is written. The thread of the
 * connection only. Reasons: doc/design/directories.md.
 */
#ifndef WP_LDAPSYNC_DIRLAYER_H
#define WP_LDAPSYNC_DIRLAYER_H

#include <ldap.h>

#include "common/buf.h"
#include "common/err.h"

struct dirlayer_codec {
	int level; /* LBER_SBIOD_LEVEL_…: lower levels are nearer to the wire */
	/* LEN octets from the wire, maybe none: appends what they say to PLAIN, and to WIRE what has to
	 * be answered at once. 0; 1: the peer has ended it in order; -1 and ERR. */
	int (*decode)(void *ctx, const char *data, size_t len, struct buf *plain, struct buf *wire,
		      struct err *err);
	/* Appends to WIRE. -1 and ERR. */
	int (*encode)(void *ctx, const char *data, size_t len, struct buf *wire, struct err *err);
	void (*describe)(void *ctx, struct buf *text);
	void (*free)(void *ctx);
};

/* Puts a layer upon those of LD; CTX belongs to LD from here on, also on failure. */
int dirlayer_push(LDAP *ld, const struct dirlayer_codec *codec, void *ctx,
		  struct err *err) WP_MUST_CHECK;
/* liblber's side of LD; null: it is not connected. */
Sockbuf *dirlayer_sockbuf(LDAP *ld);
/* What a layer of LD failed with, if one did: libldap itself only knows that something did. */
bool dirlayer_error(LDAP *ld, struct err *err);
/* Appends what the layers are, "" if there are none. */
void dirlayer_describe(LDAP *ld, struct buf *text);
/* The CTX of the layer of LD that has this codec; null if there is none. */
void *dirlayer_find(LDAP *ld, const struct dirlayer_codec *codec);

#endif
