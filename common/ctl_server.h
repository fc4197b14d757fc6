/*
 * The serving side of a control socket: run/<program>.sock, mode 0660.
 *
 * A thread of its own with a poll loop; it needs no event library, so it fits every daemon.
 * Verbs are rows of a table; arguments are checked against the row before the handler runs,
 * so a handler only reads them. Handlers run in the control thread and must not block: what
 * takes time is passed on to the thread that owns it, together with the struct ctl_call,
 * and answered from there. Every call is answered exactly once with ctl_end or ctl_fail,
 * which consume it; a client that went away makes answers vanish, never fail.
 *
 * Who may do what: SO_PEERCRED. Root and the daemon's own user hold CTL_ADMIN, everybody else
 * who can open the socket (its group) CTL_READ.
 *
 * No client shuts out another for nothing: when all places are taken, who waits for no answer makes
 * way for who comes, the one not heard of for the longest first; else a stranger's call for an
 * administrator. Who is not in the middle of a call has to expect to be sent away.
 *
 * run/<program>.pid is locked as long as the server lives, and only the lock's holder touches
 * the socket: after kill -9 the kernel has released the lock and the next start replaces the
 * stale socket. So the lock also says that a program runs at most once.
 */
#ifndef WP_COMMON_CTL_SERVER_H
#define WP_COMMON_CTL_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum ctl_right { CTL_READ, CTL_ADMIN };
enum ctl_type { CTL_STRING, CTL_INTEGER, CTL_BOOLEAN };

enum {
	CTL_CLIENTS_MAX = 64,                   /* fewer where the process has few descriptors */
	CTL_CALLS_MAX = 32,                     /* unanswered calls of one client */
	CTL_OUTPUT_ENOUGH = 1024 * 1024,        /* a list should end with a cursor */
	CTL_OUTPUT_MAX = 8 * 1024 * 1024,       /* a client that lets this grow is dropped */
};

/* An argument; the list of a verb ends with a null name. Integers are >= 0. */
struct ctl_arg {
	const char *name;
	enum ctl_type type;
	bool is_required;
	const char *help;
};

struct ctl_call;

struct ctl_verb {
	const char *name; /* "queue.list" */
	enum ctl_right right;
	const struct ctl_arg *args; /* null: none */
	const char *help;           /* one line */
	/* ARGS is borrowed for the time of the call (an object, checked against args). */
	void (*handler)(struct ctl_call *call, const json_t *args, void *ctx);
};

struct ctl_server;

/*
 * Locks, binds and starts the thread. The verb "help" (the table as rows) is built in. VERBS
 * (N of them) and CTX are kept. 0, or -1 and E (ERR_SYSTEM; code EALREADY if the program runs
 * already).
 */
int ctl_server_start(const char *run_dir, const char *program, const struct ctl_verb *verbs,
		     size_t n, void *ctx, struct ctl_server **server_r, struct err *e)
	WP_MUST_CHECK;
/*
 * Stops the thread, closes all clients, removes the socket, nulls. Calls that are still held
 * elsewhere stay valid until they are ended; they just reach nobody.
 */
void ctl_server_stop(struct ctl_server **server);

/* ---- answering: any thread, one thread at a time per call ---- */

/*
 * Sends a row; takes over the reference to ROW. 0: sent. 1: sent, and the client has enough
 * for now: a list ends with a cursor. -1: the client is gone or was dropped for being slow;
 * end the call.
 */
int ctl_row(struct ctl_call *call, json_t *row);
/* Whether so much waits to be read that ctl_row would answer 1: a watch leaves out rows then. */
bool ctl_has_enough(const struct ctl_call *call);
/* A watch looks here now and then when it has nothing to send. */
bool ctl_is_gone(const struct ctl_call *call);
/* Ends with success. CURSOR (or null) is what the client passes as argument "cursor" to go on. */
void ctl_end(struct ctl_call *call, const char *cursor);
/* Ends with an error: its domain's name is the code. */
void ctl_fail(struct ctl_call *call, const struct err *e);

/* ---- reading checked arguments ---- */

/* The default if absent. Strings live as long as ARGS. */
const char *ctl_arg_string(const json_t *args, const char *name, const char *otherwise);
int64_t ctl_arg_integer(const json_t *args, const char *name, int64_t otherwise);
bool ctl_arg_boolean(const json_t *args, const char *name, bool otherwise);

#endif
