/* Inbound sessions: socket, pump, timer, end. Loop thread only. */
#include "delivery/inbound_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"

/* --- answers ----------------------------------------------------------------------------- */

void inbound_answer(struct inbound *in, const struct server_verdict *verdict)
{
	server_session_answer(in->session, in->token, verdict, loop_now_ms(in->loop));
}

void inbound_accept_event(struct inbound *in)
{
	static const struct server_verdict accept = { .kind = SERVER_ACCEPT };

	inbound_answer(in, &accept);
}

/* STATUS "5.1.1" → its three numbers; the class of the reply is the code's. */
static struct server_status parse_status(const char *status)
{
	struct server_status s = { 0 };
	unsigned class = 0, subject = 0, detail = 0;

	if (sscanf(status, "%u.%u.%u", &class, &subject, &detail) == 3) {
		s.class = (uint8_t)class;
		s.subject = (uint16_t)subject;
		s.detail = (uint16_t)detail;
	}
	return s;
}

void inbound_refuse(struct inbound *in, unsigned code, const char *status, const char *text)
{
	struct server_verdict verdict = {
		.kind = code == 421 ? SERVER_CLOSE : SERVER_REFUSE,
		.reply = { .code = (uint16_t)code, .enhanced = parse_status(status), .text = text },
	};

	inbound_answer(in, &verdict);
}

/* --- the end ------------------------------------------------------------------------------ */

static void release(struct inbound *in)
{
	struct loop *loop = in->loop;

	if (--in->handles > 0)
		return;
	server_session_free(in->session);
	view_unref(in->view);
	free(in);
	atomic_fetch_sub_explicit(&loop->sessions, 1, memory_order_relaxed);
	loop_release(loop);
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void close_session(struct inbound *in)
{
	if (in->is_closing)
		return;
	in->is_closing = true;
	server_session_lost(in->session);
	transaction_drop(in->transaction);
	in->transaction = NULL;
	admission_leave(&in->slot, loop_now_ms(in->loop));
	slot_remove(&in->loop->inbound, &in->handle);
	uv_close((uv_handle_t *)&in->timer, on_timer_closed);
	stream_close(&in->stream);
}

/* --- the pump ------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer);

/* The timer is moved only when it fires too early for the session's deadline. */
static void arm(struct inbound *in)
{
	uint64_t deadline = server_session_deadline(in->session), now = loop_now_ms(in->loop);

	if (deadline == SERVER_NEVER || (in->deadline_ms != 0 && in->deadline_ms <= deadline))
		return;
	in->deadline_ms = deadline;
	uv_timer_start(&in->timer, on_timer, deadline > now ? deadline - now : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct inbound *in = timer->data;
	uint64_t now = loop_now_ms(in->loop);

	in->deadline_ms = 0;
	if (server_session_deadline(in->session) <= now)
		server_session_tick(in->session, now);
	inbound_pump(in);
}

static void take_events(struct inbound *in)
{
	struct server_event event;

	while (!in->is_closing &&
	       server_session_next_event(in->session, loop_now_ms(in->loop), &event)) {
		in->token = event.token;
		inbound_event(in, &event);
	}
}

static void finish_turn(struct inbound *in)
{
	if (server_session_wants_tls(in->session) && in->stream.tls == NULL &&
	    stream_is_drained(&in->stream)) {
		stream_start_tls(&in->stream, in->loop->server_tls, NULL);
		return;
	}
	/* A peer that does not read would keep a session that waits for its replies to leave. */
	if (server_session_is_lost(in->session) ||
	    (server_session_is_finished(in->session) && stream_is_drained(&in->stream))) {
		close_session(in);
		return;
	}
	arm(in);
	stream_read_start(&in->stream);
}

/* True if there may be more to do: the engine pauses while many replies are unsent. */
static bool serve(struct inbound *in)
{
	take_events(in);
	if (in->is_closing || !server_session_wants_write(in->session))
		return false;
	stream_flush(&in->stream);
	return !in->is_closing && !in->stream.writing;
}

void inbound_pump(struct inbound *in)
{
	if (in->is_pumping || in->is_closing)
		return;
	in->is_pumping = true;
	while (serve(in))
		continue;
	in->is_pumping = false;
	if (!in->is_closing)
		finish_turn(in);
}

/* --- the stream ----------------------------------------------------------------------------- */

static size_t on_room(void *arg, char **at_r)
{
	struct inbound *in = arg;

	return server_session_space(in->session, at_r);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct inbound *in = arg;

	(void)data; /* it lies where on_room said */
	server_session_fed(in->session, len, loop_now_ms(in->loop));
	inbound_pump(in);
}

static int on_output(void *arg, struct iovec *iov, int max)
{
	struct inbound *in = arg;
	const char *data;
	size_t len;

	if (max == 0 || !server_session_wants_write(in->session))
		return 0;
	len = server_session_output(in->session, &data);
	iov[0] = (struct iovec){ .iov_base = (void *)data, .iov_len = len };
	return len > 0;
}

static void on_wrote(void *arg, size_t n)
{
	struct inbound *in = arg;

	server_session_sent(in->session, n);
}

static void on_drained(void *arg)
{
	inbound_pump(arg);
}

/* The peer has said all it had to say; what is buffered is still served and answered. */
static void on_eof(void *arg)
{
	struct inbound *in = arg;

	server_session_eof(in->session);
	inbound_pump(in);
}

static void on_end(void *arg, const struct err *err)
{
	struct inbound *in = arg;

	if (err != NULL)
		log_debug("session with %s: %s", in->peer_text, err->text);
	close_session(in);
}

static void on_stream_closed(void *arg)
{
	release(arg);
}

/* A certificate that the directory knows makes the peer an own server (delivery.md §6). */
static void recognise(struct inbound *in, struct server_tls *tls)
{
	bool edge;

	tls->has_peer_certificate = tls_peer_hash(in->stream.tls, tls->peer_sha256);
	if (!tls->has_peer_certificate)
		return;
	tls_hash_format(tls->peer_sha256, in->peer_hash);
	if (in->loop->view == NULL ||
	    snapshot_find_certificate(in->loop->view->snap, in->peer_hash, &edge) == NULL)
		return;
	in->is_own = in->is_pinned = true;
	admission_trust(&in->slot, loop_now_ms(in->loop));
	receive_trust(&in->rules);
	server_session_set_config(in->session, &in->rules.config);
}

static void on_secure(void *arg)
{
	struct inbound *in = arg;
	struct server_tls tls = { .is_used = true };
	char text[80];

	tls_describe(in->stream.tls, text, sizeof(text));
	sscanf(text, "%11s %39s", tls.version, tls.cipher);
	recognise(in, &tls);
	server_session_tls_started(in->session, &tls, loop_now_ms(in->loop));
	inbound_pump(in);
}

static const struct stream_handler stream_handler = {
	.room = on_room,
	.on_data = on_data,
	.on_secure = on_secure,
	.on_eof = on_eof,
	.on_end = on_end,
	.on_closed = on_stream_closed,
	.output = on_output,
	.wrote = on_wrote,
	.on_drained = on_drained,
	.copies = true, /* replies are added while others wait */
};

/* --- the beginning --------------------------------------------------------------------------- */

static bool learn_peer(struct inbound *in)
{
	struct sockaddr_storage address;
	int len = sizeof(address);
	char host[64];

	if (uv_tcp_getpeername(&in->stream.uv.tcp, (struct sockaddr *)&address, &len) != 0)
		return false;
	if (address.ss_family == AF_INET6)
		uv_ip6_name((struct sockaddr_in6 *)&address, host, sizeof(host));
	else
		uv_ip4_name((struct sockaddr_in *)&address, host, sizeof(host));
	if (!ipaddr_parse(host, strlen(host), &in->peer))
		return false;
	memcpy(in->peer_text, host, sizeof(in->peer_text));
	return true;
}

/* A host that may not serve still answers: 421 and the reason. */
static void minimal_rules(struct inbound *in)
{
	memset(&in->rules, 0, sizeof(in->rules));
	server_limits_default(&in->rules.config.limits);
	in->rules.config.host = in->loop->engine->host->fqdn;
	in->rules.name = "";
	in->rules.index = SNAP_NONE;
}

static bool choose_rules(struct inbound *in)
{
	struct view *view = in->loop->view;

	if (view == NULL || view->server == SNAP_NONE)
		return false;
	in->view = view_ref(view);
	if (!receive_choose(view, in->binding, &in->peer, &in->rules))
		return false;
	in->is_own = in->rules.is_external;
	return true;
}

/* Between transactions only: a transaction sees one topology. */
bool inbound_renew_rules(struct inbound *in)
{
	struct view *view = in->loop->view, *old = in->view;
	struct receive_rules rules;

	if (view == old)
		return true;
	if (view == NULL || view->server == SNAP_NONE ||
	    !receive_choose(view, in->binding, &in->peer, &rules))
		return false;
	in->rules = rules;
	in->view = view_ref(view);
	in->is_own = in->is_pinned || rules.is_external;
	if (in->is_pinned)
		receive_trust(&in->rules);
	view_unref(old);
	return true;
}

void inbound_accept(struct loop *loop, uv_stream_t *server, const char *binding)
{
	struct inbound *in = mem_zero(1, sizeof(*in));

	in->loop = loop;
	loop_hold(loop);
	atomic_fetch_add_explicit(&loop->sessions, 1, memory_order_relaxed);
	snprintf(in->binding, sizeof(in->binding), "%s", binding);
	stream_init(&in->stream, &loop->uv, &stream_handler, in, loop->read_buffer, LOOP_READ_SIZE);
	uv_timer_init(&loop->uv, &in->timer);
	in->timer.data = in;
	in->handles = 2;
	if (!(uv_accept(server, &in->stream.uv.stream) == 0 && learn_peer(in)) ||
	    !choose_rules(in))
		minimal_rules(in);
	stream_connected(&in->stream);
	in->session = server_session_new(&in->rules.config, loop_now_ms(loop));
	in->handle = slot_add(&loop->inbound, loop->index, in);
	inbound_pump(in);
}

/* --- all sessions ----------------------------------------------------------------------------- */

static void each_session(struct loop *loop, void (*fn)(struct inbound *in))
{
	for (uint32_t i = 0; i < loop->inbound.count; i++) {
		struct inbound *in = loop->inbound.slots[i].object;

		if (in != NULL)
			fn(in);
	}
}

static void drop_untrusted(struct inbound *in)
{
	bool edge;

	if (!in->is_pinned ||
	    snapshot_find_certificate(in->loop->view->snap, in->peer_hash, &edge) != NULL)
		return;
	log_info("%s is no longer an own server: its certificate left the directory", in->peer_text);
	server_session_close(in->session, NULL);
	inbound_pump(in);
}

void inbound_view_changed(struct loop *loop)
{
	each_session(loop, drop_untrusted);
}

static void drain(struct inbound *in)
{
	server_session_drain(in->session);
	inbound_pump(in);
}

void inbound_stop_all(struct loop *loop)
{
	each_session(loop, drain);
}

void inbound_cut_all(struct loop *loop)
{
	each_session(loop, close_session);
}
