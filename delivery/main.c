/*
 * waypost-delivery: the mail engine of a host. Wires the parts of engine.h; nothing else.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/process.h"
#include "common/replica_damage.h"
#include "delivery/ctl_delivery.h"
#include "delivery/loop.h"
#include "delivery/resolver_client.h"
#include "delivery/scheduler.h"
#include "delivery/watcher.h"

enum { STOP_SECONDS = 3, CUT_SECONDS = 1, LOOPS_MAX = 64 };

struct process {
	struct engine engine;
	struct hostfile *host;
	uv_loop_t uv;
	uv_signal_t term, interrupt;
	struct watcher *watcher;
	struct resolver_service *resolver;
	struct ctl_server *ctl;
	char *cert, *key;
	bool is_failing; /* the spool refuses to write: ended to be started again */
	uv_async_t failed;
};

/* --- start ------------------------------------------------------------------------------------ */

static void on_message(void *arg, const struct spool_summary *summary)
{
	struct process *p = arg;

	scheduler_recover(p->engine.scheduler, summary);
}

static void on_damage(void *arg, const struct spool_damage *damage)
{
	(void)arg;
	log_warn("spool: %llu damaged octets in segment %u at %llu (message %llu)",
		  (unsigned long long)damage->bytes, damage->segment,
		  (unsigned long long)damage->offset, (unsigned long long)damage->id);
}

/* What is in memory goes on for a moment; then the supervisor starts the process again. */
static void on_read_only(void *arg, const struct err *cause)
{
	struct process *p = arg;

	log_err("the spool cannot be written: mail is refused with 451", cause);
	uv_async_send(&p->failed);
}

static void on_serving(struct engine *engine, const char *server, uint64_t snapshot)
{
	(void)engine;
	process_ready(server, snapshot);
}

static int prepare_tls(struct process *p, struct err *err)
{
	int made;

	cert_paths(p->host, &p->cert, &p->key);
	made = cert_make_if_missing(p->cert, p->key, p->host->fqdn, clock_wall_ms(), err);
	if (made < 0)
		return -1;
	if (made == 1) {
		struct cert_pair pair;

		if (cert_load(p->cert, NULL, &pair, err) != 0)
			return -1;
		log_info("made a key pair in %s; its hash is %s", p->cert, pair.hash);
		cert_fini(&pair);
	}
	p->engine.tls = (struct tls_files){ .cert = p->cert, .key = p->key,
					    .ca = p->host->delivery.tls_ca };
	if (p->engine.tls.ca != NULL && access(p->engine.tls.ca, R_OK) != 0)
		p->engine.tls.ca = NULL;
	return 0;
}

static uint16_t wanted_loops(const struct hostfile *host)
{
	unsigned count = host->delivery.workers;

	if (count == 0)
		count = uv_available_parallelism();
	return (uint16_t)(count > LOOPS_MAX ? LOOPS_MAX : count);
}

static int make_loops(struct process *p, struct err *err)
{
	struct engine *engine = &p->engine;
	struct resolver_options options = resolver_options_of(&p->host->delivery);

	engine->loops = mem_zero(engine->loop_count, sizeof(struct loop *));
	if (resolver_service_start(&p->uv, &options, engine->loop_count, &p->resolver, err) != 0)
		return -1;
	for (uint16_t i = 0; i < engine->loop_count; i++) {
		engine->loops[i] = loop_new(engine, i, err);
		if (engine->loops[i] == NULL)
			return -1;
		engine->loops[i]->resolver = resolver_client_new(&engine->loops[i]->uv, p->resolver, i);
	}
	return 0;
}

static int open_spool(struct process *p, struct err *err)
{
	static struct spool_options options;
	struct spool_events events = { .arg = p, .on_message = on_message, .on_damage = on_damage,
				       .on_read_only = on_read_only };
	struct spool_stats stats;
	char path[4096];

	snprintf(path, sizeof(path), "%s/spool", p->host->state);
	p->engine.scheduler = scheduler_new(&p->engine);
	p->engine.spool = spool_open(path, &options, &events, err);
	if (p->engine.spool == NULL)
		return -1;
	spool_statistics(p->engine.spool, &stats);
	if (stats.is_full)
		log_warn("the disk of the spool is full: mail is refused with 452 until there is room, "
			 "what is queued goes on");
	return 0;
}

/* The usual soft limit of 1024 is meant for select(); receive connectors allow 5000 connections. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int start(struct process *p, struct err *err)
{
	struct engine *engine = &p->engine;
	char path[4096];

	engine->host = p->host;
	engine->on_serving = on_serving;
	engine->loop_count = wanted_loops(p->host);
	engine->admission = admission_new();
	raise_file_limit();
	if (prepare_tls(p, err) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/log", p->host->state);
	engine->tracker = tracker_open(path, p->host->server != NULL ? p->host->server : p->host->fqdn,
				       err);
	if (engine->tracker == NULL)
		return -1;
	replica_damage_catch(false);
	engine->replica = replica_open(p->host->state);
	/* Control verbs find a whole engine; that this program runs once the spool has seen to. */
	if (open_spool(p, err) != 0 || make_loops(p, err) != 0 ||
	    ctl_server_start(p->host->run, "waypost-delivery", delivery_verbs, delivery_verb_count,
			     engine, &p->ctl, err) != 0)
		return -1;
	scheduler_start(engine->scheduler);
	for (uint16_t i = 0; i < engine->loop_count; i++)
		loop_start(engine->loops[i]);
	p->watcher = watcher_start(&p->uv, engine);
	return 0;
}

/* --- stop --------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

static void on_failed(uv_async_t *async)
{
	struct process *p = async->data;

	p->is_failing = true;
	uv_stop(&p->uv);
}

/* Waits for loops FIRST and following; returns the first that still runs, or their count. */
static uint16_t join_loops(struct process *p, uint16_t first, int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	while (first < p->engine.loop_count && loop_join(p->engine.loops[first], &until))
		first++;
	return first;
}

/* Sessions are told 421 and connections quit; who takes longer than a few seconds is cut off. */
static bool stop_loops(struct process *p)
{
	uint16_t count = p->engine.loop_count, left;

	for (uint16_t i = 0; i < count; i++)
		loop_stop(p->engine.loops[i]);
	left = join_loops(p, 0, STOP_SECONDS);
	if (left < count)
		log_info("sessions are still open: they are cut off");
	for (uint16_t i = left; i < count; i++)
		loop_cut(p->engine.loops[i]);
	return join_loops(p, left, CUT_SECONDS) == count;
}

/* Of a whole engine or of as much as was made, whose threads have ended but for the spool's. */
static void free_parts(struct process *p)
{
	struct engine *engine = &p->engine;

	spool_close(engine->spool);
	scheduler_free(engine->scheduler);
	for (uint16_t i = 0; i < engine->loop_count; i++)
		loop_free(engine->loops[i]);
	admission_free(engine->admission);
	resolver_service_free(&p->resolver);
	uv_run(&p->uv, UV_RUN_NOWAIT); /* closes its handles */
	tracker_close(engine->tracker);
	replica_close(&engine->replica);
	free(engine->loops);
	free(p->cert);
	free(p->key);
	/* The host file stays: the watcher's subscriber reads it until the process ends. */
}

/* A start that fails does so before any thread but the spool's; a loop ends by itself only. */
static void undo_start(struct process *p)
{
	struct engine *engine = &p->engine;
	uint16_t made = 0;

	while (engine->loops != NULL && made < engine->loop_count && engine->loops[made] != NULL)
		loop_start(engine->loops[made++]);
	engine->loop_count = made;
	if (stop_loops(p))
		free_parts(p);
}

static void stop(struct process *p)
{
	struct engine *engine = &p->engine;

	ctl_server_stop(&p->ctl);
	watcher_stop(p->watcher);
	scheduler_drain(engine->scheduler);
	if (!stop_loops(p)) {
		log_error("a loop does not end"); /* our own bug; what was acknowledged is on disk */
		_exit(1);
	}
	scheduler_stop(engine->scheduler);
	free_parts(p);
}

int main(int argc, char **argv)
{
	static struct process process;
	struct process *p = &process;
	const char *config = NULL;
	struct err err;
	int rc = process_args(argc, argv, "waypost-delivery", "the mail engine of a Waypost host", &config,
			      &err);

	if (rc == 0)
		return 0;
	if (rc < 0 || hostfile_load(config, &p->host, &err) != 0) {
		log_err("waypost-delivery", &err);
		return err_exit_status(&err);
	}
	log_open("waypost-delivery", p->host->log_level);
	uv_loop_init(&p->uv);
	uv_async_init(&p->uv, &p->failed, on_failed);
	p->failed.data = p;
	if (process_prepare(p->host, true, &err) != 0 || start(p, &err) != 0) {
		log_err("waypost-delivery", &err);
		undo_start(p);
		return err_exit_status(&err);
	}
	uv_signal_init(&p->uv, &p->term);
	uv_signal_init(&p->uv, &p->interrupt);
	uv_signal_start(&p->term, on_signal, SIGTERM);
	uv_signal_start(&p->interrupt, on_signal, SIGINT);
	uv_run(&p->uv, UV_RUN_DEFAULT);
	stop(p);
	return p->is_failing ? 1 : 0;
}
