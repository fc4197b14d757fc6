/* The event loop's thread, its mailbox and its slots. */
#include "delivery/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "delivery/body_store.h"
#include "delivery/inbound.h"
#include "delivery/listener.h"
#include "delivery/notify.h"
#include "delivery/outbound.h"
#include "delivery/scheduler.h"

/* --- slots ------------------------------------------------------------------------------- */

static void slots_grow(struct slot_table *table, uint32_t count)
{
	if (count <= table->count)
		return;
	table->slots = mem_grow(table->slots, count * sizeof(*table->slots));
	memset(&table->slots[table->count], 0, (count - table->count) * sizeof(*table->slots));
	table->count = count;
}

struct handle slot_add(struct slot_table *table, uint16_t loop, void *object)
{
	struct handle handle = { .loop = loop };

	if (table->spare_count > 0) {
		handle.slot = table->spare[--table->spare_count];
	} else {
		handle.slot = table->count;
		slots_grow(table, table->count + 1);
		table->spare = mem_grow(table->spare, table->count * sizeof(*table->spare));
	}
	handle.generation = ++table->slots[handle.slot].generation;
	table->slots[handle.slot].object = object;
	return handle;
}

void slot_put(struct slot_table *table, const struct handle *handle, void *object)
{
	slots_grow(table, handle->slot + 1);
	table->slots[handle->slot].object = object;
	table->slots[handle->slot].generation = handle->generation;
}

void *slot_find(const struct slot_table *table, const struct handle *handle)
{
	if (handle->slot >= table->count ||
	    table->slots[handle->slot].generation != handle->generation)
		return NULL;
	return table->slots[handle->slot].object;
}

void slot_remove(struct slot_table *table, const struct handle *handle)
{
	if (slot_find(table, handle) == NULL)
		return;
	table->slots[handle->slot].object = NULL;
	if (table->spare != NULL)
		table->spare[table->spare_count++] = handle->slot;
}

void slot_table_fini(struct slot_table *table)
{
	free(table->slots);
	free(table->spare);
}

/* --- mail -------------------------------------------------------------------------------- */

static void on_view(struct loop *loop, struct mail *mail)
{
	struct view_mail *m = WP_CONTAINER(mail, struct view_mail, mail);
	struct view *old = loop->view;

	loop->view = m->view;
	free(m);
	listeners_update(loop);
	inbound_view_changed(loop);
	outbound_view_changed(loop);
	view_unref(old);
}

static void on_route(struct loop *loop, struct mail *mail)
{
	struct route_order *order = WP_CONTAINER(mail, struct route_order, mail);
	struct err err;

	if (loop->view != NULL && loop->view->viewpoint != NULL)
		order->routed = router_route_again(loop->router, loop->view, order->message->envelope,
						   order->recipients, order->count, &err);
	order->mail.kind = MAIL_ROUTED;
	scheduler_post(loop->engine->scheduler, &order->mail);
}

void loop_hold(struct loop *loop)
{
	loop->busy++;
}

void loop_release(struct loop *loop)
{
	if (--loop->busy == 0 && loop->is_stopping && !uv_is_closing((uv_handle_t *)&loop->wake))
		uv_close((uv_handle_t *)&loop->wake, NULL);
}

static void on_stop(struct loop *loop)
{
	loop_hold(loop);
	loop->is_stopping = true;
	listeners_close(loop);
	inbound_stop_all(loop);
	outbound_stop_all(loop);
	resolver_free(loop->resolver); /* nothing is connected to any more */
	loop->resolver = NULL;
	loop_release(loop);
}

static void on_cut(struct loop *loop)
{
	loop_hold(loop);
	inbound_cut_all(loop);
	outbound_cut_all(loop);
	loop_release(loop);
}

static void on_committed(struct loop *loop, struct mail *mail)
{
	struct spool_submit *submit = WP_CONTAINER(mail, struct spool_submit, mail);

	if (submit->owner.slot == NOTIFY_SLOT)
		notify_committed(loop, submit);
	else
		inbound_committed(loop, submit);
}

static void handle_mail(struct loop *loop, struct mail *mail)
{
	switch ((enum mail_kind)mail->kind) {
	case MAIL_COMMITTED:
		on_committed(loop, mail);
		return;
	case MAIL_BODY_WRITTEN:
		inbound_body_written(loop, WP_CONTAINER(mail, struct body_write, mail));
		return;
	case MAIL_LOOP_VIEW:
		on_view(loop, mail);
		return;
	case MAIL_CONNECT:
		outbound_connect(loop, WP_CONTAINER(mail, struct connect_order, mail));
		return;
	case MAIL_DISCONNECT:
		outbound_disconnect(loop, WP_CONTAINER(mail, struct connect_order, mail));
		return;
	case MAIL_CONNECTION_PLAN:
		outbound_new_plan(loop, WP_CONTAINER(mail, struct connect_order, mail));
		return;
	case MAIL_ASSIGN:
		outbound_assign(loop, WP_CONTAINER(mail, struct assignment, mail));
		return;
	case MAIL_ROUTE:
		on_route(loop, mail);
		return;
	case MAIL_NOTIFY:
		notify_build(loop, WP_CONTAINER(mail, struct notify_order, mail));
		return;
	case MAIL_LOOP_STOP:
		on_stop(loop);
		return;
	case MAIL_LOOP_CUT:
		on_cut(loop);
		return;
	default:
		engine_mail_free(mail); /* not for a loop: our own bug, but nothing to lose */
		return;
	}
}

static void on_wake(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	struct mail *mail = mailbox_take(&loop->box), *next;

	for (; mail != NULL; mail = next) {
		next = mail->next;
		handle_mail(loop, mail);
	}
}

static void wake_loop(void *arg)
{
	struct loop *loop = arg;

	uv_async_send(&loop->wake);
}

void loop_post_chain(struct loop *loop, struct mail *first, struct mail *last)
{
	if (mailbox_push_chain(&loop->box, first, last))
		wake_loop(loop);
}

void loop_post(struct loop *loop, struct mail *mail)
{
	loop_post_chain(loop, mail, mail);
}

/* --- life -------------------------------------------------------------------------------- */

void loop_guid(struct loop *loop, uint8_t guid[static ENVELOPE_GUID_BYTES])
{
	uint64_t count = loop->guid_count++;

	memcpy(guid, &loop->guid_base, sizeof(loop->guid_base));
	memcpy(guid + sizeof(loop->guid_base), &count, sizeof(count));
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return uv_now(&loop->uv);
}

static void *loop_thread(void *arg)
{
	struct loop *loop = arg;

	uv_run(&loop->uv, UV_RUN_DEFAULT);
	sem_post(&loop->ended);
	return NULL;
}

struct loop *loop_new(struct engine *engine, uint16_t index, struct err *err)
{
	struct loop *loop = mem_zero(1, sizeof(*loop));

	loop->index = index;
	loop->engine = engine;
	sem_init(&loop->ended, 0, 0);
	loop->server_tls = tls_context_new(TLS_SERVER, &engine->tls, err);
	loop->client_tls = loop->server_tls != NULL
				   ? tls_context_new(TLS_CLIENT, &engine->tls, err)
				   : NULL;
	if (loop->client_tls == NULL) {
		tls_context_free(loop->server_tls);
		free(loop);
		return NULL;
	}
	uv_loop_init(&loop->uv);
	uv_async_init(&loop->uv, &loop->wake, on_wake);
	loop->wake.data = loop;
	mailbox_init(&loop->box);
	loop->door = (struct spool_door){ .box = &loop->box, .wake = wake_loop, .arg = loop };
	loop->router = router_new(engine->replica);
	loop->read_buffer = mem_alloc(LOOP_READ_SIZE);
	uv_random(NULL, NULL, &loop->seed, sizeof(loop->seed), 0, NULL);
	uv_random(NULL, NULL, &loop->guid_base, sizeof(loop->guid_base), 0, NULL);
	return loop;
}

void loop_start(struct loop *loop)
{
	pthread_create(&loop->thread, NULL, loop_thread, loop);
}

void loop_stop(struct loop *loop)
{
	loop->stop.kind = MAIL_LOOP_STOP;
	loop_post(loop, &loop->stop);
}

void loop_cut(struct loop *loop)
{
	loop->cut.kind = MAIL_LOOP_CUT;
	loop_post(loop, &loop->cut);
}

bool loop_join(struct loop *loop, const struct timespec *until)
{
	while (sem_timedwait(&loop->ended, until) != 0)
		if (errno != EINTR)
			return false;
	pthread_join(loop->thread, NULL);
	return true;
}

void loop_free(struct loop *loop)
{
	struct mail *mail, *next;

	if (loop == NULL)
		return;
	for (mail = mailbox_take(&loop->box); mail != NULL; mail = next) {
		next = mail->next;
		engine_mail_free(mail);
	}
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	uv_loop_close(&loop->uv);
	router_free(loop->router);
	tls_context_free(loop->server_tls);
	tls_context_free(loop->client_tls);
	slot_table_fini(&loop->inbound);
	slot_table_fini(&loop->outbound);
	view_unref(loop->view);
	free(loop->read_buffer);
	free(loop);
}
