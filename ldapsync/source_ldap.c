/*
 * LDAP servers as a source: which server is asked, and when after a failure.
 *
 * One thread per part. DNS is asked anew in each round. Servers are tried in order, beginning with
 * the one that served last: what it said of changes is worth most there. When none answers there
 * is a pause, longer each time.
 */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "ldapsync/dirservers.h"
#include "ldapsync/session.h"

enum {
	PAUSE_FIRST_MS = 250,
	PAUSE_MAX_MS = 5000,
};

static bool accepts(const struct part *part)
{
	return part->directory->uris[0].scheme != HOST_FILE;
}

/* The servers of the part as they were found last. */
struct list {
	TALLOC_CTX *ctx;
	struct dirservers servers;
	size_t at; /* the one that served last, or is to be tried first */
};

static size_t position(const struct dirservers *servers, const char *text)
{
	for (size_t i = 0; i < servers->n; i++)
		if (strcmp(servers->uris[i].text, text) == 0)
			return i;
	return 0;
}

/* Looks which servers there are now. Without an answer those from before do. */
static bool find_servers(struct watch *watch, struct list *list)
{
	const struct part *part = watch->part;
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct dirservers found;
	struct err err;

	if (dirservers_find(ctx, part->host, part->directory, source_wake_fd(watch->sink), &found,
			    &err) < 0) {
		talloc_free(ctx);
		if (list->servers.n > 0)
			log_debug("directory %s: %s", part->title, err.text);
		else if (!source_is_stopping(watch->sink))
			source_is_down(watch->sink, &err);
		return list->servers.n > 0;
	}
	list->at = list->servers.n > 0 ? position(&found, list->servers.uris[list->at].text) : 0;
	talloc_free(list->ctx);
	list->ctx = ctx;
	list->servers = found;
	return true;
}

/* Each server in turn until one holds a session that is worth another at once. */
static bool try_servers(struct watch *watch, struct list *list)
{
	if (!find_servers(watch, list))
		return false;
	for (size_t i = 0; i < list->servers.n; i++) {
		if (source_is_stopping(watch->sink))
			return true;
		if (session_run(watch, &list->servers.uris[list->at]) != SESSION_FAILED)
			return true;
		list->at = (list->at + 1) % list->servers.n;
	}
	return false;
}

static void run(const struct part *part, struct source_sink *sink)
{
	struct watch watch = { .part = part, .sink = sink };
	unsigned pause_ms = PAUSE_FIRST_MS;
	bool was_at_once = false;
	struct list list = { 0 };

	while (!source_is_stopping(sink)) {
		uint64_t begun_ms = clock_mono_ms();
		bool at_once = try_servers(&watch, &list);

		/* A session that was live and lasted; one that fails in a long refresh is no better
		 * than one that fails at once, and costs the server more. */
		if (watch.was_live && clock_mono_ms() - begun_ms > 2 * PAUSE_MAX_MS) {
			pause_ms = PAUSE_FIRST_MS;
			was_at_once = false;
		}
		watch.was_live = false;
		was_at_once = at_once && !was_at_once;
		if (was_at_once)
			continue;
		if (watch.lost.text[0] != '\0' && !source_is_stopping(sink))
			source_is_down(sink, &watch.lost); /* the fresh try has ended like the one before */
		if (source_pause(sink, pause_ms))
			break;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	buf_free(&watch.renamed);
	talloc_free(list.ctx);
}

const struct source_backend source_ldap_backend = { "ldap", accepts, run };
