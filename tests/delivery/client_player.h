/*
 * Plays a written dialogue against the client engine. Test code.
 *
 * One step a line, '#' begins a comment; in texts \r \n \t \0 \s (a space) \\ and \xHH:
 *
 *	config KEY[=VALUE]…      before anything else: helo tls lmtp force-helo max inactivity
 *	                         never-pipeline-dot host address
 *	send ID KEY=VALUE…       from rcpt (several) body size 8bit utf8 ret envid notify orcpt
 *	refuse ID KEY=VALUE…     send that must be refused for lack of room
 *	S TEXT                   the server says TEXT CRLF
 *	R TEXT                   the server says just these octets
 *	C TEXT                   the client has said TEXT CRLF
 *	B TEXT                   the client has said just these octets
 *	E EVENT                  the next event: ready N, starttls, closed, failed OUTCOME,
 *	                         done ID[ untouched]: OUTCOME[ | OUTCOME]…
 *	quit, tls TEXT, tls-failed TEXT, close [WHY], forget-messages
 *	wait MS                  time passes, the engine is called if its deadline came
 *	deadline MS              the deadline is in MS; "none"
 *	stall N                  from now on N octets are written; flow: all again
 *	writes N                 so many writes since the last such line (whole octets only)
 *	state TEXT
 *
 * OUTCOME is "class status code stage text", text up to the end or " | ". At the end no
 * output and no event may be left.
 */
#ifndef WP_TESTS_CLIENT_PLAYER_H
#define WP_TESTS_CLIENT_PLAYER_H

#include <stdbool.h>
#include <stddef.h>

/* How octets travel in both directions. */
enum player_split { PLAYER_WHOLE, PLAYER_BYTEWISE, PLAYER_RANDOM };

/* True if all went as SCRIPT says; else ERROR tells the line and what came instead. */
bool player_run(const char *script, enum player_split split, unsigned seed, char *error,
		size_t error_size);

#endif
