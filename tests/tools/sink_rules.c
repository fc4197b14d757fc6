/* How a sink misbehaves on purpose: see sink_rules.h. */
#include "config.h"

#include "tests/tools/sink_rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/peer.h"

#define RULES_MAX 64

static const char *const stage_names[STAGES] = {
	[STAGE_CONNECT] = "connect", [STAGE_EHLO] = "ehlo", [STAGE_STARTTLS] = "starttls",
	[STAGE_MAIL] = "mail",	     [STAGE_RCPT] = "rcpt", [STAGE_DATA] = "data",
	[STAGE_DOT] = "dot",	     [STAGE_SENT] = "sent", [STAGE_RSET] = "rset",
	[STAGE_NOOP] = "noop",	     [STAGE_QUIT] = "quit",
};

struct rule {
	enum sink_stage stage;
	char *pattern; /* null: any */
	uint64_t first, every, seen;
	bool is_delay;
	struct sink_verdict verdict;
};

static struct rule rules[RULES_MAX];
static size_t rule_count;

static enum sink_stage stage_of(const char *text, size_t len, const char *rule)
{
	for (int i = 0; i < STAGES; i++) {
		if (strlen(stage_names[i]) == len && memcmp(stage_names[i], text, len) == 0)
			return (enum sink_stage)i;
	}
	peer_die("rule %s: unknown stage", rule);
}

/* "550:5.1.1 text" → "550 5.1.1 text" */
static char *reply_of(const char *text, const char *rule)
{
	size_t digits = strspn(text, "0123456789");
	char *reply = mem_strdup(text);

	if (digits != 3 || (text[3] != '\0' && text[3] != ':' && text[3] != ' '))
		peer_die("rule %s: unknown action", rule);
	if (reply[3] == ':')
		reply[3] = ' ';
	return reply;
}

static void read_action(struct rule *r, const char *text, const char *rule)
{
	if (strncmp(text, "delay:", 6) == 0) {
		r->is_delay = true;
		r->verdict.delay_ms = (uint32_t)peer_number("rule", text + 6, 3600000);
	} else if (strcmp(text, "stall") == 0) {
		r->verdict.action = ACTION_STALL;
	} else if (strcmp(text, "close") == 0) {
		r->verdict.action = ACTION_CLOSE;
	} else if (strcmp(text, "keep-close") == 0) {
		r->verdict.action = ACTION_KEEP_CLOSE;
	} else {
		r->verdict.action = ACTION_REPLY;
		r->verdict.reply = reply_of(text, rule);
	}
}

/* Cuts "#N" or "%N" off the end of WHERE. */
static void read_times(struct rule *r, char *where)
{
	char *mark = strpbrk(where, "#%");

	if (mark == NULL)
		return;
	*(*mark == '#' ? &r->first : &r->every) = peer_number("rule", mark + 1, UINT32_MAX);
	*mark = '\0';
}

void sink_rule_add(const char *text)
{
	struct rule *r = &rules[rule_count];
	const char *equals = strchr(text, '=');
	char *where, *slash;

	if (rule_count == RULES_MAX || equals == NULL)
		peer_die("rule %s: not of the form STAGE=ACTION, or too many", text);
	where = strndup(text, (size_t)(equals - text));
	read_times(r, where);
	slash = strchr(where, '/');
	r->stage = stage_of(where, slash == NULL ? strlen(where) : (size_t)(slash - where), text);
	r->pattern = slash == NULL ? NULL : mem_strdup(slash + 1);
	free(where);
	read_action(r, equals + 1, text);
	rule_count++;
}

static bool is_hit(struct rule *r, enum sink_stage stage, const char *address)
{
	if (r->stage != stage)
		return false;
	if (r->pattern != NULL && fnmatch(r->pattern, address, 0) != 0)
		return false;
	r->seen++;
	if (r->first > 0)
		return r->seen <= r->first;
	return r->every == 0 || r->seen % r->every == 0;
}

struct sink_verdict sink_rules_ask(enum sink_stage stage, const char *address)
{
	struct sink_verdict verdict = { .action = ACTION_ACCEPT };

	for (size_t i = 0; i < rule_count; i++) {
		struct rule *r = &rules[i];

		if ((r->is_delay ? verdict.delay_ms != 0 : verdict.action != ACTION_ACCEPT) ||
		    !is_hit(r, stage, address))
			continue;
		if (r->is_delay) {
			verdict.delay_ms = r->verdict.delay_ms;
		} else {
			verdict.action = r->verdict.action;
			verdict.reply = r->verdict.reply;
		}
	}
	return verdict;
}
