/* Layers as Sockbuf_IO of liblber: read and decode, encode and write. */
#include "ldapsync/dirlayer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "ldapsync/dirconn.h"

/* Our questions to a layer, beyond those of liblber (LBER_SB_OPT_OPT_MAX). */
enum { ASK_ERROR = 0x5750, ASK_DESCRIPTION, ASK_CTX };

enum { CHUNK_SIZE = 64 * 1024 };

struct wanted {
	const struct dirlayer_codec *codec;
	void *ctx;
};

struct layer {
	const struct dirlayer_codec *codec;
	void *ctx;
	struct buf plain, wire;
	size_t plain_at; /* of what libldap has not taken yet */
	bool is_ended;   /* by the peer, in order */
	struct err err;  /* why it broke, domain ERR_NONE before */
	char chunk[CHUNK_SIZE];
};

static bool wait_writable(Sockbuf_IO_Desc *io, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = -1, .events = POLLOUT };
	uint64_t now = clock_mono_ms();

	LBER_SBIOD_CTRL_NEXT(io, LBER_SB_OPT_GET_FD, &p.fd);
	return now < deadline_ms && poll(&p, 1, (int)(deadline_ms - now)) > 0;
}

/* All of what is encoded. Requests are small: a peer that does not take them is gone. */
static int flush(Sockbuf_IO_Desc *io, struct layer *layer)
{
	uint64_t deadline = clock_mono_ms() + DIRCONN_ANSWER_MS;
	size_t at = 0;

	while (at < layer->wire.len) {
		ber_slen_t n = LBER_SBIOD_WRITE_NEXT(io, layer->wire.data + at,
						     layer->wire.len - at);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR &&
			 ((errno != EAGAIN && errno != EWOULDBLOCK) || !wait_writable(io, deadline)))
			return -1;
	}
	buf_clear(&layer->wire);
	return 0;
}

static int decode(Sockbuf_IO_Desc *io, struct layer *layer, size_t len)
{
	int rc;

	layer->plain_at = 0;
	buf_clear(&layer->plain);
	rc = layer->codec->decode(layer->ctx, layer->chunk, len, &layer->plain, &layer->wire,
				  &layer->err);
	layer->is_ended |= rc == 1;
	return rc < 0 ? -1 : flush(io, layer);
}

/* Octets for libldap; 0 at the end, -1 with errno, EAGAIN where there is nothing yet. */
static ber_slen_t layer_read(Sockbuf_IO_Desc *io, void *data, ber_len_t len)
{
	struct layer *layer = io->sbiod_pvt;

	while (layer->plain_at == layer->plain.len) {
		ber_slen_t n;

		if (layer->is_ended)
			return 0;
		n = LBER_SBIOD_READ_NEXT(io, layer->chunk, sizeof(layer->chunk));
		if (n <= 0)
			return n;
		if (layer->err.domain != ERR_NONE || decode(io, layer, (size_t)n) < 0) {
			errno = EIO;
			return -1;
		}
	}
	if (len > layer->plain.len - layer->plain_at)
		len = layer->plain.len - layer->plain_at;
	memcpy(data, layer->plain.data + layer->plain_at, len);
	layer->plain_at += len;
	return (ber_slen_t)len;
}

static ber_slen_t layer_write(Sockbuf_IO_Desc *io, void *data, ber_len_t len)
{
	struct layer *layer = io->sbiod_pvt;

	if (layer->err.domain != ERR_NONE ||
	    layer->codec->encode(layer->ctx, data, len, &layer->wire, &layer->err) < 0) {
		errno = EIO;
		return -1;
	}
	return flush(io, layer) < 0 ? -1 : (ber_slen_t)len;
}

static int layer_ctrl(Sockbuf_IO_Desc *io, int opt, void *arg)
{
	struct layer *layer = io->sbiod_pvt;

	switch (opt) {
	case LBER_SB_OPT_DATA_READY:
		if (layer->plain_at < layer->plain.len)
			return 1;
		break;
	case ASK_ERROR:
		if (layer->err.domain != ERR_NONE) {
			*(struct err *)arg = layer->err;
			return 1;
		}
		break;
	case ASK_DESCRIPTION:
		layer->codec->describe(layer->ctx, arg);
		break;
	case ASK_CTX:
		if (layer->codec == ((struct wanted *)arg)->codec) {
			((struct wanted *)arg)->ctx = layer->ctx;
			return 1;
		}
		break;
	}
	return LBER_SBIOD_CTRL_NEXT(io, opt, arg);
}

static int layer_setup(Sockbuf_IO_Desc *io, void *arg)
{
	struct layer *layer = arg;

	io->sbiod_pvt = layer;
	return decode(io, layer, 0); /* what came along with the handshake */
}

static int layer_remove(Sockbuf_IO_Desc *io)
{
	struct layer *layer = io->sbiod_pvt;

	layer->codec->free(layer->ctx);
	buf_free(&layer->plain);
	buf_free(&layer->wire);
	free(layer);
	io->sbiod_pvt = NULL;
	return 0;
}

static Sockbuf_IO layer_io = {
	.sbi_setup = layer_setup,
	.sbi_remove = layer_remove,
	.sbi_ctrl = layer_ctrl,
	.sbi_read = layer_read,
	.sbi_write = layer_write,
};

Sockbuf *dirlayer_sockbuf(LDAP *ld)
{
	Sockbuf *sockbuf = NULL;
	ber_socket_t fd;

	ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sockbuf);
	/* Without layers liblber follows a null pointer. */
	if (sockbuf != NULL && ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_GET_FD, &fd) != 1)
		sockbuf = NULL;
	return sockbuf;
}

int dirlayer_push(LDAP *ld, const struct dirlayer_codec *codec, void *ctx, struct err *err)
{
	struct layer *layer = mem_zero(1, sizeof(*layer));

	layer->codec = codec;
	layer->ctx = ctx;
	/* liblber keeps a layer whose set-up failed, so it is freed with the connection. */
	if (ber_sockbuf_add_io(dirlayer_sockbuf(ld), &layer_io, codec->level, layer) == 0)
		return 0;
	if (!dirlayer_error(ld, err))
		err_set(err, ERR_DIRECTORY, LDAP_SERVER_DOWN, "the connection broke");
	return -1;
}

bool dirlayer_error(LDAP *ld, struct err *err)
{
	Sockbuf *sockbuf = dirlayer_sockbuf(ld);

	return sockbuf != NULL && err != NULL && ber_sockbuf_ctrl(sockbuf, ASK_ERROR, err) == 1;
}

void dirlayer_describe(LDAP *ld, struct buf *text)
{
	Sockbuf *sockbuf = dirlayer_sockbuf(ld);

	if (sockbuf != NULL)
		ber_sockbuf_ctrl(sockbuf, ASK_DESCRIPTION, text);
}

void *dirlayer_find(LDAP *ld, const struct dirlayer_codec *codec)
{
	Sockbuf *sockbuf = dirlayer_sockbuf(ld);
	struct wanted wanted = { .codec = codec };

	if (sockbuf != NULL)
		ber_sockbuf_ctrl(sockbuf, ASK_CTX, &wanted);
	return wanted.ctx;
}
