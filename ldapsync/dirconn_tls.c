/*
 * TLS of a connection: our own handshake, so that it has a deadline, can be stopped, and says what
 * is wrong with a certificate. Files are read for each connection: one that was renewed counts
 * from the next on.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/ipaddr.h"
#include "common/tls.h"
#include "ldapsync/dirconn_private.h"
#include "ldapsync/dirlayer.h"

enum { CHUNK_SIZE = 16 * 1024 };

/* What the layer has. */
struct channel {
	struct tls *tls;
	char *bound; /* in words; null: no bind was tied to it */
};

static void take_output(struct tls *tls, struct buf *wire)
{
	size_t len;
	const char *data = tls_output(tls, &len);

	if (len > 0)
		buf_add(wire, data, len);
	tls_output_done(tls, len);
}

/* ---- the layer ---- */

static int tls_decode(void *ctx, const char *data, size_t len, struct buf *plain,
		      struct buf *wire, struct err *err)
{
	struct tls *tls = ((struct channel *)ctx)->tls;
	int n;

	if (len > 0)
		tls_feed(tls, data, len);
	do {
		buf_reserve(plain, CHUNK_SIZE);
		n = tls_read(tls, plain->data + plain->len, CHUNK_SIZE, err);
		if (n > 0)
			plain->len += (size_t)n;
	} while (n > 0);
	take_output(tls, wire);
	if (n == -2)
		return 1;
	return n;
}

static int tls_encode(void *ctx, const char *data, size_t len, struct buf *wire, struct err *err)
{
	struct tls *tls = ((struct channel *)ctx)->tls;

	if (tls_write(tls, data, len, err) < 0)
		return -1;
	take_output(tls, wire);
	return 0;
}

static void describe(void *ctx, struct buf *text)
{
	char words[100];

	tls_describe(((struct channel *)ctx)->tls, words, sizeof(words));
	buf_printf(text, "%s%s", text->len > 0 ? ", " : "", words);
}

static void free_channel(void *ctx)
{
	struct channel *channel = ctx;

	tls_free(channel->tls);
	free(channel->bound);
	free(channel);
}

static const struct dirlayer_codec tls_codec = {
	.level = LBER_SBIOD_LEVEL_TRANSPORT,
	.decode = tls_decode,
	.encode = tls_encode,
	.describe = describe,
	.free = free_channel,
};

/* ---- the handshake ---- */

static int send_output(const struct dial *dial, struct tls *tls, int fd, struct err *err)
{
	for (;;) {
		size_t len;
		const char *data = tls_output(tls, &len);
		ssize_t n = len > 0 ? send(fd, data, len, MSG_NOSIGNAL) : 0;

		if (len == 0)
			return 0;
		if (n > 0)
			tls_output_done(tls, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			return err_set(err, ERR_TLS, errno, "TLS handshake: %s", strerror(errno));
		else if (dirconn_wait_socket(dial, fd, POLLOUT, dial->deadline_ms, "TLS handshake",
					     err) < 0)
			return -1;
	}
}

static int receive(const struct dial *dial, struct tls *tls, int fd, struct err *err)
{
	char chunk[CHUNK_SIZE];
	ssize_t n;

	if (dirconn_wait_socket(dial, fd, POLLIN, dial->deadline_ms, "TLS handshake", err) < 0)
		return -1;
	n = recv(fd, chunk, sizeof(chunk), 0);
	if (n > 0)
		tls_feed(tls, chunk, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	err_set(err, ERR_TLS, n < 0 ? errno : 0, "TLS handshake: %s",
		n < 0 ? strerror(errno) : "the server closed the connection");
	return err_remedy(err, "see that the server has a certificate and speaks TLS on this port");
}

static int shake_hands(const struct dial *dial, struct tls *tls, int fd, struct err *err)
{
	for (;;) {
		int rc = tls_handshake(tls, err);
		struct err later;

		/* An alert to the server, or our last words. */
		if (send_output(dial, tls, fd, rc < 0 ? &later : err) < 0 || rc < 0)
			return -1;
		if (rc == 1)
			return 0;
		if (receive(dial, tls, fd, err) < 0)
			return -1;
	}
}

static struct tls *new_session(const struct dial *dial, struct err *err)
{
	const struct host_directory *directory = dial->directory;
	const struct tls_files files = { .cert = directory->tls_cert, .key = directory->tls_key,
					 .ca = directory->tls_ca };
	struct tls_context *context = tls_context_new(TLS_CLIENT, &files, err);
	const char *host = dial->uri->host;
	struct ipaddr address;
	struct tls *tls;

	if (context == NULL)
		return NULL;
	tls = tls_new(context, ipaddr_parse(host, strlen(host), &address) ? NULL : host);
	tls_context_free(context);
	return tls;
}

int dirconn_tls(const struct dial *dial, struct err *err)
{
	struct tls *tls = new_session(dial, err);
	struct channel *channel;
	int fd = -1;

	if (tls == NULL)
		return -1;
	ldap_get_option(dial->ld, LDAP_OPT_DESC, &fd);
	if (shake_hands(dial, tls, fd, err) < 0 || !tls_verify_peer(tls, dial->uri->host, err)) {
		tls_free(tls);
		return -1;
	}
	channel = mem_zero(1, sizeof(*channel));
	channel->tls = tls;
	return dirlayer_push(dial->ld, &tls_codec, channel, err);
}

/* ---- what is bound to it ---- */

bool dirconn_tls_channel(LDAP *ld, struct buf *binding)
{
	const struct channel *channel = dirlayer_find(ld, &tls_codec);

	return channel != NULL && tls_channel_binding(channel->tls, binding);
}

void dirconn_tls_keep(LDAP *ld, const char *words)
{
	struct channel *channel = dirlayer_find(ld, &tls_codec);

	free(channel->bound);
	channel->bound = mem_strdup(words);
}

const char *dirconn_tls_kept(LDAP *ld)
{
	const struct channel *channel = dirlayer_find(ld, &tls_codec);

	return channel != NULL ? channel->bound : NULL;
}
