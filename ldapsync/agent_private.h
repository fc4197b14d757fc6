/*
 * What the parts of agent.h share: agent.c (the applying thread, start and stop), agent_sink.c
 * (the sources' side), agent_status.c.
 */
#ifndef WP_LDAPSYNC_AGENT_PRIVATE_H
#define WP_LDAPSYNC_AGENT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "ldapsync/agent.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "ldapsync/work_queue.h"

enum { AGENT_COMMIT_AFTER_MS = 200 }; /* from the first change that waits */

/* How fast a refresh goes, seen by the monotonic clock. */
struct refresh_watch {
	uint64_t wall_ms;  /* which refresh it is: its beginning */
	uint64_t begun_ms; /* when it was first seen */
	uint64_t told_ms;  /* in the log */
};

/* A source's end of the agent. BATCH belongs to the source's thread, the rest to the mutex. */
struct source_sink {
	struct agent *agent;
	const struct part *part;
	const struct source_backend *backend;
	size_t index;
	pthread_t thread;

	struct work *batch;
	unsigned n_events, epoch;
	uint64_t batch_since_ms;
	uint64_t binding;
	int wake_fd; /* readable once it is called, and for ever once the agent stops */

	atomic_bool is_misnamed; /* source_take_misnamed */
	atomic_uint agent_epoch; /* rises when the source has to begin anew */
	char where[256], tracker[64], bind[256], tls[64]; /* struct source_peer */
	bool is_up;
	struct err error, fault; /* while they last */
	struct err last_error;   /* of any, with its times; 0: it has not happened, it lasts */
	uint64_t last_error_wall_ms, error_over_wall_ms;
	uint64_t in_step_ms; /* when it was last known to be */
	struct refresh_watch refresh;
	struct buf renamed; /* source_renamed, by other parts */
	bool many_renamed;
	uint64_t expected; /* entries of a first refresh; 0: not known */
};

struct agent {
	const struct hostfile *host;
	struct agent_observer observer;
	struct apply_config config;
	const struct part *parts;
	struct apply_directory *directories; /* of the parts */
	struct apply *apply; /* the applying thread's */
	struct work_queue queue;
	pthread_t thread;
	atomic_bool is_stopping;

	pthread_mutex_t mutex; /* what follows, and the sinks' states */
	struct apply_status applied;
	struct apply_source *sources; /* their holds are the agent's own copies */
	struct apply_hold *holds, snapshot_hold;
	struct err store_error;
	uint64_t store_error_wall_ms;
	size_t n_sinks;
	struct source_sink sinks[];
};

/* agent_status.c: the observer is told of the state; without the mutex. */
void agent_tell(struct agent *agent);
/* The applying thread: what apply.h knows becomes what others see. */
void agent_publish_status(struct agent *agent);

/* agent_sink.c: with the mutex held, or before there are threads. */
void source_name_peer(struct source_sink *sink, const struct source_peer *peer);
/* Whatever the source does: its session is over, the next one begins at once. Any thread. */
void source_call(struct source_sink *sink);

/* agent.c: nothing after the last commit counts, every session of a source is over. */
void agent_break_sessions(struct agent *agent, const struct err *err);

#endif
