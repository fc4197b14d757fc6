/* New snapshots. Main thread, and one that waits for ldapsync's notice. */
#include "delivery/watcher.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/ctl_client.h"
#include "common/log.h"
#include "common/process.h"
#include "common/snapshot_file.h"
#include "delivery/loop.h"
#include "delivery/scheduler.h"

enum { LOOK_MS = 1000, SUBSCRIBE_PAUSE_MS = 500 };

struct watcher {
	struct engine *engine;
	uv_timer_t timer;
	uv_async_t notice;
	uint64_t number;
	uint64_t hash;
	bool is_warned;
};

/* --- taking a snapshot over ------------------------------------------------------------------- */

static void tell(struct engine *engine, struct view *view)
{
	for (uint16_t i = 0; i < engine->loop_count; i++) {
		struct view_mail *m = mem_zero(1, sizeof(*m));

		m->mail.kind = MAIL_LOOP_VIEW;
		m->view = view_ref(view);
		loop_post(engine->loops[i], &m->mail);
	}
	{
		struct view_mail *m = mem_zero(1, sizeof(*m));

		m->mail.kind = MAIL_SCHEDULER_VIEW;
		m->view = view; /* the last reference goes with it */
		scheduler_post(engine->scheduler, &m->mail);
	}
}

static void take(struct watcher *w, const struct replica_snapshot *what)
{
	struct snapshot_file *file;
	struct view *view;
	struct err err;

	if (snapshot_file_open(w->engine->host->state, what, &file, &err) != 0) {
		if (!w->is_warned)
			log_err("the newest snapshot cannot be used; the old one stays", &err);
		w->is_warned = true;
		return;
	}
	w->is_warned = false;
	w->number = what->number;
	w->hash = what->hash;
	view = view_new(w->engine->host, file);
	if (!view->is_serving)
		log_warn("mail is refused: %s", view->why);
	log_info("snapshot %llu in use", (unsigned long long)what->number);
	view_ref(view);
	tell(w->engine, view);
	if (view->is_serving && w->engine->on_serving != NULL)
		w->engine->on_serving(w->engine, view->name, what->number);
	view_unref(view);
}

static void look(struct watcher *w)
{
	struct replica_snapshot what;

	if (!replica_poll(w->engine->replica, &what))
		return;
	/* A replica that was removed is made anew, and counts from one again. */
	if (what.number != 0 && (what.number != w->number || what.hash != w->hash))
		take(w, &what);
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

static void on_notice(uv_async_t *notice)
{
	look(notice->data);
}

/* --- ldapsync's notice -------------------------------------------------------------------------- */

static int on_row(void *arg, const json_t *row)
{
	struct watcher *w = arg;

	(void)row;
	uv_async_send(&w->notice);
	return 0;
}

/* Sleeps in a read most of the time; ends with the process, never joined. */
static void *subscriber(void *arg)
{
	struct watcher *w = arg;

	for (;;) {
		struct ctl_client *client = NULL;
		struct err err;

		if (ctl_client_open(w->engine->host->run, "waypost-ldapsync", &client, &err) == 0 &&
		    ctl_client_call(client, "subscribe", NULL, -1, on_row, w, &err) != 0)
			log_debug("ldapsync's notices ended: %s", err.text);
		ctl_client_close(&client);
		uv_sleep(SUBSCRIBE_PAUSE_MS);
	}
	return NULL;
}

struct watcher *watcher_start(uv_loop_t *loop, struct engine *engine)
{
	struct watcher *w = mem_zero(1, sizeof(*w));
	pthread_t thread;

	w->engine = engine;
	uv_timer_init(loop, &w->timer);
	uv_async_init(loop, &w->notice, on_notice);
	w->timer.data = w->notice.data = w;
	uv_timer_start(&w->timer, on_timer, 0, LOOK_MS);
	if (pthread_create(&thread, NULL, subscriber, w) == 0)
		pthread_detach(thread);
	return w;
}

void watcher_stop(struct watcher *w)
{
	uv_timer_stop(&w->timer);
}

uint64_t watcher_snapshot(const struct watcher *w)
{
	return w->number;
}
