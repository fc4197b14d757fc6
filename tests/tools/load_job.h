/*
 * The messages that a load generator has to get rid of: which is next, what it looks like,
 * who has acknowledged it.
 *
 * Patterns of addresses: %s number of the message, %r of the recipient in it, %u a user below
 * --users, %d a domain below --domains (of that user, always the same).
 */
#ifndef WP_TESTS_TOOLS_LOAD_JOB_H
#define WP_TESTS_TOOLS_LOAD_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct load_config {
	uint64_t messages, first_seq;
	uint64_t size_min, size_max; /* octets of the body */
	uint64_t rcpts, users, domains;
	uint64_t rate; /* messages per second, 0: as fast as it goes */
	const char *from, *to;
	bool dots;		 /* lines that begin with dots */
	bool retry;		 /* what was not acknowledged is sent again */
	uint64_t retry_delay_ns;
	const char *acked_path; /* a line "NUMBER ATTEMPT RECIPIENTS" per acknowledged message */
};
extern struct load_config load_config;

struct load_job {
	uint64_t seq, attempt;
	uint64_t due_ns;
};

struct load_totals {
	uint64_t accepted, failed, refused, rcpts_refused;
	uint64_t last_ns;
	char first_error[160];
};
extern struct load_totals load_totals;

void load_jobs_open(uint64_t begin_ns);
/* The next message that is due. False: none now. */
bool load_job_next(uint64_t now_ns, struct load_job *job_r);
/* All are accepted or given up. */
bool load_jobs_are_done(void);
/* No new ones from now on; those that failed are still sent again. */
void load_jobs_stop(void);
/* When the next one is due; UINT64_MAX: not known yet, or never. */
uint64_t load_jobs_due_ns(void);

/* A 250 came: written down before anything else happens. */
void load_job_acknowledged(const struct load_job *job, unsigned rcpts, uint64_t now_ns);
/* Refused, or the connection was lost: sent again or given up. */
void load_job_failed(const struct load_job *job, bool permanent, uint64_t now_ns);
/* Remembers the first reply that refused something. */
void load_note_error(const char *text, size_t len);

void load_sender(const struct load_job *job, struct buf *out);
void load_rcpt(const struct load_job *job, uint64_t index, struct buf *out);
/* Header, body and dot, as they go over the wire. */
void load_message(const struct load_job *job, uint64_t now_ns, struct buf *out);

#endif
