/* What the client is to write: commands and bodies as one sequence, without copying bodies. */
#include "delivery/client_private.h"

#include <string.h>

enum { KEEP_BYTES = 65536 };

void client_output_fini(struct client_output *out)
{
	buf_free(&out->head);
	buf_free(&out->tail);
	memset(out, 0, sizeof(*out));
}

void client_output_add(struct client_output *out, const char *data, size_t len)
{
	buf_add(out->body ? &out->tail : &out->head, data, len);
	out->queued += len;
}

void client_output_adds(struct client_output *out, const char *text)
{
	client_output_add(out, text, strlen(text));
}

void client_output_body(struct client_output *out, const struct span_list *body)
{
	if (!body->total_bytes)
		return;
	out->body = body;
	memset(&out->body_pos, 0, sizeof(out->body_pos));
	out->queued += body->total_bytes;
}

static int fill_buf(const struct buf *b, size_t pos, struct iovec *iov, int max)
{
	if (max < 1 || pos >= b->len)
		return 0;
	iov[0].iov_base = b->data + pos;
	iov[0].iov_len = b->len - pos;
	return 1;
}

int client_output_fill(struct client_output *out, struct iovec *iov, int max)
{
	int n = fill_buf(&out->head, out->head_pos, iov, max);

	if (out->body) {
		n += span_fill_iov(out->body, &out->body_pos, iov + n, max - n);
		n += fill_buf(&out->tail, 0, iov + n, max - n);
	}
	out->given = out->written;
	for (int i = 0; i < n; i++)
		out->given += iov[i].iov_len;
	return n;
}

/* The body has left: what stood behind it comes first now. */
static void turn(struct client_output *out)
{
	struct buf head = out->head;

	out->body = NULL;
	out->head = out->tail;
	out->tail = head;
	buf_clear(&out->tail);
	out->head_pos = 0;
}

void client_output_wrote(struct client_output *out, size_t n)
{
	if (n > out->queued - out->written)
		n = (size_t)(out->queued - out->written);
	out->written += n;
	while (n) {
		size_t left = out->head.len - out->head_pos;

		if (left) {
			size_t step = n < left ? n : left;

			out->head_pos += step;
			n -= step;
		} else {
			uint64_t before = out->body_pos.position;

			span_advance(out->body, &out->body_pos, n);
			n -= (size_t)(out->body_pos.position - before);
			if (out->body_pos.position == out->body->total_bytes)
				turn(out);
		}
	}
	if (out->head_pos == out->head.len) {
		if (out->head.cap > KEEP_BYTES) /* thousands of recipients */
			buf_free(&out->head);
		buf_clear(&out->head);
		out->head_pos = 0;
	}
}
