/*
 * The directory doctor, `waypost config check`: looks at this host and at every server of every
 * directory of its host file, and says of each thing how it is and how it is put right.
 *
 * Checks are rows of tables (doctor.c, doctor_host.c). A row says what has to be known before
 * it makes sense; what could not be asked for is named once. Whatever a server does, a check
 * ends within some seconds, and the others go on. One thread, which blocks.
 */
#ifndef WP_ADMIN_DOCTOR_H
#define WP_ADMIN_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "admin/cli.h"
#include "admin/progress.h"
#include "common/buf.h"

enum doctor_severity {
	DOCTOR_OK,
	DOCTOR_NOTE,
	DOCTOR_WARNING,
	DOCTOR_FAILED,
	DOCTOR_SEVERITIES
};

/*
 * What was found. Members of a row: check, directory and server (where it concerns one),
 * severity (ok, note, warning, failed), ok (it has not failed), text, remedy (what to do, in
 * words), commands (lines to paste, where there are any).
 */
struct doctor {
	struct cli *cli;
	const struct hostfile *host;
	json_t *rows;
	unsigned counts[DOCTOR_SEVERITIES];
	struct progress progress;
	uint32_t done, all;			/* checks, for the progress */
	const char *check, *directory, *server; /* what is looked at now; null: none */
};

/* HOST is kept: its directories and name servers are those that count. */
void doctor_init(struct doctor *doctor, struct cli *cli, const struct hostfile *host);
void doctor_fini(struct doctor *doctor);

/* The two halves of the visit. */
void doctor_see_host(struct doctor *doctor);
void doctor_see_directories(struct doctor *doctor);

/*
 * Looks at name, connection and certificate of the servers of HOST's first directory in their
 * order: the first that is well into *URI_R, talloc'd under CTX. -1 and E: what is wrong with the
 * first of them.
 */
int doctor_reach(struct cli *cli, TALLOC_CTX *ctx, const struct hostfile *host,
		 struct host_uri *uri_r, struct err *e) WP_MUST_CHECK;

/* For people: by directory and server, each finding with its fix. */
void doctor_print(const struct doctor *doctor, bool colour, int width, struct buf *out);

/* ---- for checks: one row each, about what is looked at now ---- */

void doctor_say(struct doctor *doctor, enum doctor_severity severity, const char *fmt, ...)
	WP_PRINTF(3, 4);
/* Its fix: a sentence, and lines to paste. Of the row said last. */
void doctor_fix(struct doctor *doctor, const char *fmt, ...) WP_PRINTF(2, 3);
void doctor_commands(struct doctor *doctor, const char *fmt, ...) WP_PRINTF(2, 3);
/* E is what was found; its remedy is the fix. */
void doctor_say_error(struct doctor *doctor, enum doctor_severity severity,
		      const struct err *e);

#endif
