/*
 * LDAP servers as a source: which server is asked, and when after a failure.
 *
 * One thread per part. Servers are tried in order, beginning with the one that served last: what
 * it said of changes is worth most there. When none answers there is a pause, longer each time.
 */
#include "common/clock.h"
#include "ldapsync/session.h"

enum {
	PAUSE_FIRST_MS = 250,
	PAUSE_MAX_MS = 5000,
};

static bool accepts(const struct part *part)
{
	return part->directory->uris[0].scheme != HOST_FILE;
}

/* Each server in turn until one holds a session that is worth another at once; *AT is it. */
static bool try_servers(struct watch *watch, size_t *at)
{
	const struct host_directory *directory = watch->part->directory;

	for (size_t i = 0; i < directory->n_uris; i++) {
		if (source_is_stopping(watch->sink))
			return true;
		if (session_run(watch, &directory->uris[*at]) != SESSION_FAILED)
			return true;
		*at = (*at + 1) % directory->n_uris;
	}
	return false;
}

static void run(const struct part *part, struct source_sink *sink)
{
	struct watch watch = { .part = part, .sink = sink };
	unsigned pause_ms = PAUSE_FIRST_MS;
	bool was_at_once = false;
	size_t at = 0;

	while (!source_is_stopping(sink)) {
		uint64_t begun_ms = clock_mono_ms();
		bool at_once = try_servers(&watch, &at);

		/* A session that was live and lasted; one that fails in a long refresh is no better
		 * than one that fails at once, and costs the server more. */
		if (watch.was_live && clock_mono_ms() - begun_ms > 2 * PAUSE_MAX_MS)
			pause_ms = PAUSE_FIRST_MS;
		watch.was_live = false;
		was_at_once = at_once && !was_at_once;
		if (was_at_once)
			continue;
		if (source_pause(sink, pause_ms))
			break;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}

const struct source_backend source_ldap_backend = { "ldap", accepts, run };
