/*
 * What happened to a recipient, a message or a connection: the one carrier that retry,
 * notifications, tracking and the tools read, so that they cannot disagree.
 *
 * An outcome is immutable once made: one plain-malloc block with an atomic count, so it may
 * cross threads and be shared by all recipients that one reply answered. Unknown is the
 * empty string, never null. Texts are one line, printable, safe for logs and headers.
 * Pure. Rules: routing.md §3.4 (unavailable), RFC 5321 §4.2, RFC 3463.
 */
#ifndef WP_DELIVERY_OUTCOME_H
#define WP_DELIVERY_OUTCOME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/compiler.h"

struct smtp_reply;

enum outcome_class {
	OUTCOME_DELIVERED,	  /* the next hop took responsibility */
	OUTCOME_DEFERRED,	  /* try again later, same place */
	OUTCOME_FAILED,		  /* never again: notify */
	OUTCOME_HOST_UNAVAILABLE, /* this host did not judge the message: the next one may */
	OUTCOME_CLASSES
};

/* What was awaited when it happened; ordered as a session goes. */
enum outcome_stage {
	OUTCOME_STAGE_NONE, /* no connection was involved */
	OUTCOME_STAGE_RESOLVE,
	OUTCOME_STAGE_CONNECT,
	OUTCOME_STAGE_BANNER,
	OUTCOME_STAGE_EHLO,
	OUTCOME_STAGE_STARTTLS, /* the command, the handshake, the peer's identity */
	OUTCOME_STAGE_MAIL,
	OUTCOME_STAGE_RCPT,
	OUTCOME_STAGE_DATA,
	OUTCOME_STAGE_DOT,
	OUTCOME_STAGE_QUIT,
	OUTCOME_STAGES
};

/* Who wrote `reply`: RFC 3464 §2.3.6 diagnostic-type. */
enum outcome_diagnostic {
	OUTCOME_DIAGNOSTIC_LOCAL, /* this server, in plain words ("x-waypost") */
	OUTCOME_DIAGNOSTIC_SMTP,  /* the peer: smtp_code and the text of its reply */
	OUTCOME_DIAGNOSTICS
};

#define OUTCOME_STATUS_SIZE 12	/* "5.123.123" and the NUL */
#define OUTCOME_REPLY_MAX   900 /* octets kept of a reply or a sentence */
#define OUTCOME_NAME_MAX    255 /* octets kept of host, address, tls */

struct outcome {
	_Atomic(uint32_t) refs;
	enum outcome_class class;
	enum outcome_stage stage;
	enum outcome_diagnostic diagnostic;
	uint16_t smtp_code;		  /* 0: no reply */
	char status[OUTCOME_STATUS_SIZE]; /* RFC 3463, "" only if DELIVERED without one */
	const char *reply;		  /* without code and status; or our own sentence */
	const char *host;		  /* the peer's name, as it was looked up */
	const char *address;		  /* its address and port: "192.0.2.1:25" */
	const char *tls;		  /* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear */
};

/* The peer of a connection, for the constructors; a null member counts as "". */
struct outcome_peer {
	const char *host;
	const char *address;
	const char *tls;
};

/*
 * A new outcome with the values of LIKE (its count is ignored, null strings become ""), one
 * reference held. Control characters become spaces or '?', octets above 126 '?', long texts
 * are cut.
 */
struct outcome *outcome_new(const struct outcome *like);
struct outcome *outcome_ref(struct outcome *o);
/* Null is accepted; the last one frees. Any thread. */
void outcome_unref(struct outcome *o);

/* Decided here, not by a peer: "5.4.6", "Mail loop: …". PEER may be null. */
struct outcome *outcome_local(enum outcome_class class, enum outcome_stage stage,
			      const char *status, const struct outcome_peer *peer,
			      const char *fmt, ...) WP_PRINTF(5, 6);
/*
 * What REPLY means at STAGE: 2yz (and 354 never gets here) delivered, 4yz deferred, 5yz
 * failed, host-unavailable where routing.md §3.4 says so. Without a status of its own the
 * reply gets one from its code and stage.
 */
struct outcome *outcome_from_reply(enum outcome_stage stage, const struct smtp_reply *reply,
				   const struct outcome_peer *peer);
/*
 * The connection broke, timed out or lost its protocol at STAGE: deferred, or
 * host-unavailable as §3.4 says. STATUS is "4.4.1" (no answer), "4.4.2" (lost), "4.5.0"…
 */
struct outcome *outcome_broken(enum outcome_stage stage, const char *status,
			       const struct outcome_peer *peer, const char *fmt, ...)
	WP_PRINTF(4, 5);

/*
 * routing.md §3.4: does this mean that the *host* is unavailable, so that the next candidate
 * is tried at once? Connect failure or timeout, TLS or identity failure, any reply but 2yz
 * before MAIL; 421 or 4.3.x to MAIL, and MAIL left without any reply. Replies about the
 * message (MAIL, RCPT, DATA, dot) never move it elsewhere. Takes the plain values, so
 * that it can be asked before an outcome exists; CODE 0 is "no reply".
 */
bool outcome_host_unavailable(enum outcome_stage stage, unsigned code, const char *status);

/* "delivered", "deferred", "failed", "unavailable". */
const char *outcome_class_name(enum outcome_class class);
/* "connect", "banner", "ehlo", … */
const char *outcome_stage_name(enum outcome_stage stage);

/* The stored form, for spool records: appended to OUT; stable, at most 2 KiB. */
void outcome_encode(const struct outcome *o, struct buf *out);
/* Null if DATA is not a stored outcome. */
struct outcome *outcome_decode(const void *data, size_t len);

#endif
