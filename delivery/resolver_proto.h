/*
 * What the delivery process and waypost-resolver say to each other: one message per packet
 * of a SOCK_SEQPACKET pair, numbers in host order, since both are of one build and machine.
 *
 *	loop ──QUESTION──► resolver ──ANSWER──► loop
 *	service ──GONE──► loop             the resolver died: what is open will not be answered
 *	resolver ──DNSSEC──► service       whether the configured servers pass it
 *
 * Pure. The delivery process trusts the resolver with the truth of an answer, never with its
 * memory: every message is checked like a foreign one.
 */
#ifndef WP_DELIVERY_RESOLVER_PROTO_H
#define WP_DELIVERY_RESOLVER_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "delivery/dns_message.h"

/* No packet is longer. */
#define RESOLVER_PACKET_MAX (96 * 1024)

enum resolver_packet {
	RESOLVER_QUESTION = 1,
	RESOLVER_ANSWER,
	RESOLVER_GONE,
	RESOLVER_DNSSEC,
};

enum resolver_dnssec {
	RESOLVER_DNSSEC_UNKNOWN, /* not found out: answers are not validated */
	RESOLVER_DNSSEC_YES,
	RESOLVER_DNSSEC_NO, /* answers are not validated */
};

struct resolver_question {
	uint64_t id;
	uint32_t deadline_ms; /* from when it is read */
	uint16_t type;
	char name[DNS_NAME_TEXT];
};

/* Each replaces the contents of OUT by one packet. */
void resolver_put_question(struct buf *out, const struct resolver_question *question);
/* An answer too long for a packet becomes a temporary failure. */
void resolver_put_answer(struct buf *out, uint64_t id, const struct dns_answer *answer);
void resolver_put_gone(struct buf *out);
void resolver_put_dnssec(struct buf *out, enum resolver_dnssec state);

/* The kind of a packet; 0: it is none. */
enum resolver_packet resolver_kind(const void *packet, size_t len);
/* Each false: malformed, or another kind. */
bool resolver_get_question(const void *packet, size_t len, struct resolver_question *question_r);
/* *ANSWER_R is the caller's. */
bool resolver_get_answer(const void *packet, size_t len, uint64_t *id_r,
			 struct dns_answer **answer_r);
bool resolver_get_dnssec(const void *packet, size_t len, enum resolver_dnssec *state_r);

#endif
