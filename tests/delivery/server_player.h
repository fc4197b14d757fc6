/*
 * Plays a written dialogue against the server engine. Test code.
 *
 * One step a line, '#' begins a comment; in texts \r \n \t \0 \s (a space) \\ and \xHH:
 *
 *	config KEY[=VALUE]…  before anything else; keys: the table in server_player.c
 *	V EVENT VERDICT      the verdict on the next event of that kind (else it is accepted):
 *	                     accept|refuse|close [CODE [C.S.D ]TEXT] | hold MS
 *	C TEXT               the client says TEXT CRLF; neighbouring C and R lines are one group
 *	R TEXT               the client says just these octets
 *	S TEXT               the server has said TEXT CRLF
 *	E EVENT              the next event since the client spoke last, "none" for no more
 *	B TEXT               the message begins (goes on) with these octets; "end": that was all
 *	F KEY=VALUE…         facts of the last message: stored unstuffed accepted dots header
 *	                     longest received 8bit nul bare
 *	wait MS              time passes, the engine is called if its deadline came
 *	deadline MS          the deadline is in MS; "none"
 *	writes N             so many writes since the last such line (whole octets only)
 *	state NAME, tls, eof, drain, shut [CODE …], finished
 *
 * At the end no output may be left.
 */
#ifndef WP_TESTS_SERVER_PLAYER_H
#define WP_TESTS_SERVER_PLAYER_H

#include <stdbool.h>
#include <stddef.h>

/* How the client's octets arrive. */
enum server_player_split { SERVER_PLAYER_WHOLE, SERVER_PLAYER_BYTEWISE, SERVER_PLAYER_RANDOM };

struct server_player_mode {
	enum server_player_split split;
	bool is_late; /* events are answered when the engine takes no more, or all was said */
	unsigned seed;
};

/* True if all went as SCRIPT says; else ERROR tells the line and what came instead. */
bool server_player_run(const char *script, const struct server_player_mode *mode, char *error,
		       size_t error_size);

#endif
