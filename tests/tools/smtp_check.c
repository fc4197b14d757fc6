/*
 * smtp_check: compares what a sender was told was accepted with what arrived.
 *
 *	smtp_check --acked FILE… --journal FILE… [--duplicates N]
 *
 * FILEs of smtp_load --acked and smtp_sink --journal. Prints one line of JSON:
 *   acknowledged  messages with a 250
 *   arrived       different copies: number, attempt, recipient
 *   lost          acknowledged, but with fewer recipients arrived than were accepted
 *   corrupt       copies whose body is not what was sent
 *   duplicates    copies that came again
 *   unasked       messages that arrived without having been acknowledged: allowed, since the
 *                 sender cannot know (RFC 1047) and sent them again as another attempt
 * Exit status 0 if none is lost or corrupt and at most N (0) are duplicates, else 1; 2 for
 * a file that cannot be read.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/buf.h"
#include "tests/tools/peer.h"

struct attempt_key {
	uint64_t seq, attempt;
};

/* A message, as it was sent once. */
struct message {
	struct attempt_key key;
	bool is_acknowledged;
	unsigned accepted, arrived; /* recipients */
	UT_hash_handle hh;
};

struct copy {
	UT_hash_handle hh;
	char name[]; /* "seq attempt recipient" */
};

static struct message *messages;
static struct copy *copies;
static uint64_t arrived, corrupt, duplicates;

static struct message *message_of(uint64_t seq, uint64_t attempt)
{
	struct attempt_key key = { seq, attempt };
	struct message *m;

	HASH_FIND(hh, messages, &key, sizeof(key), m);
	if (m == NULL) {
		m = mem_zero(1, sizeof(*m));
		m->key = key;
		HASH_ADD(hh, messages, key, sizeof(key), m);
	}
	return m;
}

static void bad_line(const char *path, unsigned line)
{
	fprintf(stderr, "%s:%u: unknown line\n", path, line);
	exit(2);
}

/* Calls TAKE for each line of PATH. A last line without its end was cut by a crash. */
static void read_lines(const char *path, bool (*take)(const char *line))
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	for (unsigned number = 1; (n = getline(&line, &cap, f)) > 0; number++) {
		if (line[n - 1] == '\n' && !take(line))
			bad_line(path, number);
	}
	free(line);
	fclose(f);
}

static bool take_acked(const char *line)
{
	uint64_t seq, attempt;
	unsigned rcpts;
	struct message *m;

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %u", &seq, &attempt, &rcpts) != 3)
		return false;
	m = message_of(seq, attempt);
	m->is_acknowledged = true;
	m->accepted = rcpts;
	return true;
}

static void take_copy(struct message *m, const char *rcpt)
{
	struct copy *c;
	char number[64];
	int n = snprintf(number, sizeof(number), "%" PRIu64 " %" PRIu64 " ", m->key.seq,
			 m->key.attempt);
	size_t len = (size_t)n + strlen(rcpt);
	char *name = mem_alloc(sizeof(*c) + len + 1);

	c = (struct copy *)name;
	memset(c, 0, sizeof(*c));
	snprintf(c->name, len + 1, "%s%s", number, rcpt);
	c = NULL;
	HASH_FIND_STR(copies, ((struct copy *)name)->name, c);
	if (c != NULL) {
		duplicates++;
		free(name);
		return;
	}
	c = (struct copy *)name;
	HASH_ADD_STR(copies, name, c);
	arrived++;
	m->arrived++;
}

static bool take_journal(const char *line)
{
	json_error_t error;
	json_t *o = json_loads(line, 0, &error), *rcpts, *rcpt;
	json_int_t seq, attempt;
	struct message *m;
	int good;
	size_t i;

	if (o == NULL)
		return false;
	if (json_unpack(o, "{s:I,s:I,s:b,s:o}", "seq", &seq, "attempt", &attempt, "good", &good,
			"rcpts", &rcpts) != 0) {
		/* Not one of ours: a notification, perhaps. */
		bool is_foreign = json_is_null(json_object_get(o, "seq"));

		json_decref(o);
		return is_foreign;
	}
	m = message_of((uint64_t)seq, (uint64_t)attempt);
	corrupt += !good;
	json_array_foreach(rcpts, i, rcpt)
		take_copy(m, json_string_value(rcpt));
	json_decref(o);
	return true;
}

static void forget_all(void)
{
	struct message *m, *next_m;
	struct copy *c, *next_c;

	HASH_ITER(hh, messages, m, next_m) {
		HASH_DEL(messages, m);
		free(m);
	}
	HASH_ITER(hh, copies, c, next_c) {
		HASH_DEL(copies, c);
		free(c);
	}
}

static int report(uint64_t duplicates_allowed)
{
	uint64_t acknowledged = 0, lost = 0, unasked = 0;

	for (struct message *m = messages; m != NULL; m = m->hh.next) {
		bool is_lost = m->is_acknowledged && m->arrived < m->accepted;

		acknowledged += m->is_acknowledged;
		unasked += !m->is_acknowledged;
		lost += is_lost;
		if (is_lost && lost <= 10)
			fprintf(stderr, "lost: message %" PRIu64 " attempt %" PRIu64 ": %u of %u recipients\n",
				m->key.seq, m->key.attempt, m->arrived, m->accepted);
	}
	printf("{\"acknowledged\":%" PRIu64 ",\"arrived\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"corrupt\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"unasked\":%" PRIu64 "}\n",
	       acknowledged, arrived, lost, corrupt, duplicates, unasked);
	return lost == 0 && corrupt == 0 && duplicates <= duplicates_allowed ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "acked", required_argument, NULL, 'a' },
		{ "journal", required_argument, NULL, 'j' },
		{ "duplicates", required_argument, NULL, 'd' },
		{ 0 },
	};
	uint64_t duplicates_allowed = 0;
	int option, status, files = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a' || option == 'j')
			read_lines(optarg, option == 'a' ? take_acked : take_journal);
		else if (option == 'd')
			duplicates_allowed = peer_number("duplicates", optarg, UINT32_MAX);
		else
			return 2;
		files += option != 'd';
	}
	if (optind < argc || files == 0) {
		fputs("usage: smtp_check --acked FILE… --journal FILE… [--duplicates N]\n", stderr);
		return 2;
	}
	status = report(duplicates_allowed);
	forget_all();
	return status;
}
