/*
 * How a sink misbehaves on purpose: rules of the form
 *
 *	STAGE[/PATTERN][#N|%N]=ACTION
 *
 * STAGE     connect ehlo starttls mail rcpt data dot sent rset noop quit
 *           ("sent" is the moment after the reply to the dot)
 * PATTERN   fnmatch(3) on the address: sender at mail, recipient at rcpt and, with LMTP, dot
 * #N, %N    the first N times only; every Nth time
 * ACTION    CODE[:STATUS][ TEXT]   that reply; 4yz and 5yz refuse
 *           delay:MS               the reply comes later
 *           stall                  it never comes
 *           close                  the connection is dropped instead
 *           keep-close             at dot: the message is kept, then the connection dropped
 *
 * The first rule that matches decides; a delay goes together with one other.
 */
#ifndef WP_TESTS_TOOLS_SINK_RULES_H
#define WP_TESTS_TOOLS_SINK_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum sink_stage {
	STAGE_CONNECT,
	STAGE_EHLO,
	STAGE_STARTTLS,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_DOT,
	STAGE_SENT,
	STAGE_RSET,
	STAGE_NOOP,
	STAGE_QUIT,
	STAGES
};

enum sink_action { ACTION_ACCEPT, ACTION_REPLY, ACTION_STALL, ACTION_CLOSE, ACTION_KEEP_CLOSE };

struct sink_verdict {
	enum sink_action action;
	const char *reply; /* ACTION_REPLY: code and text without CRLF */
	uint32_t delay_ms;
};

/* Adds the rule TEXT; a wrong one ends the program. */
void sink_rule_add(const char *text);
/* What happens at STAGE to ADDRESS ("" if there is none). Counts as one time. */
struct sink_verdict sink_rules_ask(enum sink_stage stage, const char *address);

#endif
