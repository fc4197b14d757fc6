/* The shared payload of a message's copies. Any thread. */
#include "delivery/message.h"

#include <stdlib.h>

#include "common/buf.h"
#include "delivery/body.h"
#include "delivery/envelope.h"
#include "delivery/spool.h"

struct message *message_new(uint64_t spool_id, struct envelope *envelope, struct body *body)
{
	struct message *message = mem_zero(1, sizeof(*message));

	atomic_init(&message->refs, 1);
	message->spool_id = spool_id;
	message->envelope = envelope;
	message->body = body;
	message->memory = sizeof(*message) + sizeof(*body) + body->cap + body->headroom +
			  256 + 128 * (size_t)envelope->rcpt_count;
	return message;
}

struct message *message_from_spool(struct spool_read *read)
{
	struct body *body;

	if (read->error != SPOOL_OK || read->envelope == NULL || read->body == NULL)
		return NULL;
	body = body_new(0, 0);
	free(body->mem);
	body->mem = read->body;
	body->len = body->cap = read->body_len;
	body->facts = read->envelope->body;
	read->body = NULL;
	return message_new(read->id, envelope_ref(read->envelope), body);
}

struct message *message_of_envelope(const struct spool_read *read)
{
	if (read->error != SPOOL_DAMAGED || read->envelope == NULL)
		return NULL;
	return message_new(read->id, envelope_ref(read->envelope), body_new(0, 0));
}

struct message *message_ref(struct message *message)
{
	atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
	return message;
}

void message_unref(struct message *message)
{
	if (message == NULL ||
	    atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) != 1)
		return;
	envelope_unref(message->envelope);
	body_unref(message->body);
	free(message);
}
