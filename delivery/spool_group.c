/* What the writer puts together before it writes. */
#include "delivery/spool_group.h"

#include <stdlib.h>

#include "common/buf.h"

/* Room for one more of SIZE octets in an array. */
static void *grow_array(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 64;
	return mem_grow(array, *cap * size);
}

void spool_group_free(struct spool_group *group)
{
	free(group->iov);
	free(group->piece);
	free(group->chain);
}

/* Records of one batch lie behind each other: one range for all of them. */
static void add_iov(struct spool_group *group, const void *data, size_t len)
{
	struct iovec *last = group->iovs > 0 ? &group->iov[group->iovs - 1] : NULL;

	if (len == 0)
		return;
	if (last != NULL && (char *)last->iov_base + last->iov_len == data) {
		last->iov_len += len;
		return;
	}
	group->iov = grow_array(group->iov, group->iovs, &group->iov_cap, sizeof(*group->iov));
	group->iov[group->iovs++] = (struct iovec){ (void *)(uintptr_t)data, len };
}

void spool_group_stage(struct spool_group *group, char *record, size_t len,
		       const struct iovec *parts, uint32_t count, uint32_t offset)
{
	static const char zeros[SPOOL_ALIGN];
	const struct spool_header *header = (const struct spool_header *)(const void *)record;
	uint64_t size = spool_record_size(header->length), sum = len;

	group->piece = grow_array(group->piece, group->pieces, &group->piece_cap,
				  sizeof(*group->piece));
	group->piece[group->pieces++] =
		(struct staged_piece){ header, record + SPOOL_HEADER_BYTES, offset };
	add_iov(group, record, len);
	for (uint32_t i = 0; i < count; i++) {
		add_iov(group, parts[i].iov_base, parts[i].iov_len);
		sum += parts[i].iov_len;
	}
	add_iov(group, zeros, size - sum);
	group->bytes += size;
}

void spool_group_clear(struct spool_group *group)
{
	group->iovs = group->pieces = 0;
	group->bytes = 0;
}

static void append_mail(struct mail **first, struct mail **last, struct mail *mail)
{
	mail->next = NULL;
	if (*first == NULL)
		*first = mail;
	else
		(*last)->next = mail;
	*last = mail;
}

void spool_group_accept(struct spool_group *group, struct spool_submit *s)
{
	append_mail(&group->accepted, &group->accepted_last, &s->mail);
	group->messages++;
}

void spool_group_refuse(struct spool_group *group, struct spool_submit *s, enum spool_error error)
{
	s->error = error;
	append_mail(&group->refused, &group->refused_last, &s->mail);
}

/* There are as many doors as threads: a search is quicker than a table. */
static struct answer_chain *find_chain(struct spool_group *group, const struct spool_door *door)
{
	for (size_t i = 0; i < group->chains; i++)
		if (group->chain[i].door == door)
			return &group->chain[i];
	group->chain = grow_array(group->chain, group->chains, &group->chain_cap,
				  sizeof(*group->chain));
	group->chain[group->chains] = (struct answer_chain){ .door = door };
	return &group->chain[group->chains++];
}

static void chain_mail(struct spool_group *group, const struct spool_door *door, struct mail *mail)
{
	struct answer_chain *chain = find_chain(group, door);

	append_mail(&chain->first, &chain->last, mail);
}

static void chain_submits(struct spool_group *group, struct mail *mail)
{
	while (mail != NULL) {
		struct spool_submit *s = WP_CONTAINER(mail, struct spool_submit, mail);

		mail = mail->next;
		if (s->error == SPOOL_OK && s->notice != NULL)
			chain_mail(group, s->notice_door, s->notice);
		chain_mail(group, s->door, &s->mail);
	}
}

void spool_group_answer(struct spool_group *group, enum spool_error error)
{
	for (struct mail *mail = group->accepted; mail != NULL; mail = mail->next)
		WP_CONTAINER(mail, struct spool_submit, mail)->error = error;
	chain_submits(group, group->accepted);
	chain_submits(group, group->refused);
	for (size_t i = 0; i < group->chains; i++) {
		const struct answer_chain *chain = &group->chain[i];

		if (mailbox_push_chain(chain->door->box, chain->first, chain->last) &&
		    chain->door->wake != NULL)
			chain->door->wake(chain->door->arg);
	}
	group->accepted = group->refused = NULL;
	group->messages = 0;
	group->chains = 0;
}
