/*
 * The envelope of a stored message: everything about it that is not the message itself.
 *
 * A caller describes a message in a struct envelope of its own, pointing wherever it likes, and
 * makes the shared form with envelope_new(): one plain-malloc block whose pointers lead into
 * itself. The shared form never changes and is counted atomically, so it crosses threads.
 * envelope_encode() and envelope_decode() are its form in the spool: a version and TLVs
 * (delivery/tlv.h); a field this program does not know is skipped when it is marked optional,
 * else the envelope is refused with the version that wrote it. Pure.
 */
#ifndef WP_DELIVERY_ENVELOPE_H
#define WP_DELIVERY_ENVELOPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum { ENVELOPE_GUID_BYTES = 16, ENVELOPE_VERSION = 1 };

/* How the body is stored: wire lines with their dots stuffed, or the octets of BINARYMIME. */
enum body_form { BODY_LINES, BODY_OCTETS };

/* RFC 3461 §4.3 */
enum envelope_ret { ENVELOPE_RET_UNSET, ENVELOPE_RET_FULL, ENVELOPE_RET_HDRS };

/* RFC 3461 §4.1, as bits; none set: NOTIFY was not given. */
enum { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };

/* What is known of the stored octets, so that nobody has to read them again. Sizes in octets. */
struct body_facts {
	enum body_form form;
	bool has_8bit;
	uint64_t stored_size;    /* as it lies in the spool */
	uint64_t unstuffed_size; /* as BDAT would send it */
	uint64_t accepted_size;  /* what the first own server accepted: limits compare with this */
	uint64_t stuffed_dots;
	uint32_t header_length; /* up to and with the empty line */
	uint32_t longest_line;  /* without CRLF */
	uint32_t received_count;
};

/* Who handed the message to the organisation. Unknown text is "". */
struct envelope_client {
	const char *ip;
	const char *helo;
	const char *name;      /* by reverse look-up */
	const char *connector; /* the receive connector */
	bool is_authenticated;
	bool is_own_server;
};

/* A recipient after resolution. Text that does not apply is "". */
struct envelope_rcpt {
	const char *address;
	const char *orcpt;       /* "rfc822;…" still in xtext, RFC 3461 §4.2 */
	const char *home_server; /* DN: it is a mailbox there */
	const char *connector;   /* the linked connector, by DN */
	uint32_t original;       /* index into the original recipients */
	uint32_t branch;         /* copies whose contents or notifications differ: 0, 1, … */
	uint8_t notify;          /* NOTIFY_* */
};

struct envelope {
	atomic_uint refs; /* of the shared form; 0 in a description */
	uint8_t guid[ENVELOPE_GUID_BYTES];
	uint64_t arrival_ms;     /* wall clock */
	const char *transaction; /* the id of the SMTP transaction, as the logs show it */
	const char *sender;      /* "": the null sender */
	const char *envid;       /* still in xtext; "": none */
	enum envelope_ret ret;
	bool is_smtputf8;
	struct envelope_client client;
	struct body_facts body;
	uint32_t original_count;
	uint32_t rcpt_count;
	const char *const *original;      /* the addresses of RCPT TO */
	const struct envelope_rcpt *rcpt; /* what they resolved to */
};

/*
 * The shared form of DESCRIPTION, with one reference; null text becomes "". Every back-reference
 * has to be below original_count.
 */
struct envelope *envelope_new(const struct envelope *description);
/* Any thread. Returns ENV. */
struct envelope *envelope_ref(struct envelope *env);
/* Any thread; null is allowed. The last one frees. */
void envelope_unref(struct envelope *env);

/* Appends the spool form to OUT. Works on a description as well. */
void envelope_encode(const struct envelope *env, struct buf *out);
/* The shared form of DATA, or -1 and E (ERR_STORE). */
int envelope_decode(const void *data, size_t len, struct envelope **env_r, struct err *e)
	WP_MUST_CHECK;

/* The name of a form, as logs and tools show it. */
const char *body_form_name(enum body_form form);

#endif
