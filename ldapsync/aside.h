/*
 * A call that may block where nobody can interrupt it (the system's resolver, Kerberos), made on
 * a thread of its own, so that whoever needs its result can stop waiting.
 */
#ifndef WP_LDAPSYNC_ASIDE_H
#define WP_LDAPSYNC_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Runs RUN(JOB) and waits for it, until DEADLINE_MS (clock_mono_ms) or until STOP_FD is readable.
 * True: it has returned, and JOB is the caller's. False: JOB is left behind, and its thread ends it
 * with DROP(JOB) once RUN returns; the caller must not touch it again. So RUN's own limits bound
 * how many threads a caller that tries again can leave.
 */
bool aside_run(void (*run)(void *job), void (*drop)(void *job), void *job, int stop_fd,
	       uint64_t deadline_ms);
/* Whether a job that was left behind still runs. */
bool aside_is_any_left(void);

#endif
