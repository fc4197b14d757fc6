/* Attempts: from the targets of a plan to a connected socket. Loop thread only. */
#include "delivery/outbound_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

enum { CONNECT_TIMEOUT_MS = 30000 };

static void remember(struct outbound *o, struct outcome *outcome)
{
	outcome_unref(o->last);
	o->last = outcome != NULL ? outcome_ref(outcome) : NULL;
}

/* --- sockets ------------------------------------------------------------------------------------ */

/*
 * The stream's owner is the slot, not the connection: the socket of an attempt that was given
 * up closes by itself while the next attempt has begun.
 */
void outbound_drop_socket(struct outbound *o)
{
	struct socket_slot *slot = o->socket;

	client_session_free(o->session);
	o->session = NULL;
	if (slot == NULL)
		return;
	o->socket = NULL;
	slot->owner = NULL;
	stream_close(&slot->stream);
}

static int to_sockaddr(const struct outbound_address *a, struct sockaddr_storage *out)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(&a->address, text);
	if (ipaddr_is_v4(&a->address))
		return uv_ip4_addr(text, a->port, (struct sockaddr_in *)out);
	return uv_ip6_addr(text, a->port, (struct sockaddr_in6 *)out);
}

static void connect_failed(struct outbound *o, int status)
{
	struct outcome_peer peer = { .host = o->host, .address = o->address };
	struct outcome *outcome = outcome_broken(OUTCOME_STAGE_CONNECT, "4.4.1", &peer,
						 "connecting failed: %s", uv_strerror(status));

	outbound_attempt_failed(o, outcome);
	outcome_unref(outcome);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct socket_slot *slot = WP_CONTAINER(connect, struct socket_slot, connect);
	struct outbound *o = slot->owner;

	if (o == NULL || o->state != OUTBOUND_CONNECT)
		return;
	if (status < 0)
		connect_failed(o, status);
	else
		outbound_session_begin(o);
}

static struct socket_slot *new_socket(struct outbound *o)
{
	struct socket_slot *slot = mem_zero(1, sizeof(*slot));

	slot->owner = o;
	o->socket = slot;
	o->state = OUTBOUND_CONNECT;
	o->connect_due_ms = loop_now_ms(o->loop) + CONNECT_TIMEOUT_MS;
	outbound_arm(o, o->connect_due_ms);
	return slot;
}

static void connect_address(struct outbound *o, const struct outbound_address *a)
{
	struct socket_slot *slot = new_socket(o);
	struct sockaddr_storage address;
	char ip[IPADDR_TEXT_SIZE];
	int rc;

	ipaddr_format(&a->address, ip);
	snprintf(o->host, sizeof(o->host), "%s", a->name);
	snprintf(o->address, sizeof(o->address), strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u", ip,
		 (unsigned)a->port);
	stream_init(&slot->stream, &o->loop->uv, &outbound_stream_handler, slot,
		    o->loop->read_buffer, LOOP_READ_SIZE);
	rc = to_sockaddr(a, &address);
	if (rc == 0)
		rc = uv_tcp_connect(&slot->connect, &slot->stream.uv.tcp,
				    (struct sockaddr *)&address, on_connected);
	if (rc < 0)
		connect_failed(o, rc);
}

static void connect_local(struct outbound *o, const char *path)
{
	struct socket_slot *slot = new_socket(o);

	snprintf(o->host, sizeof(o->host), "%.200s", path);
	snprintf(o->address, sizeof(o->address), "local");
	stream_init_local(&slot->stream, &o->loop->uv, &outbound_stream_handler, slot,
			  o->loop->read_buffer, LOOP_READ_SIZE);
	uv_pipe_connect(&slot->connect, &slot->stream.uv.pipe, path, on_connected);
}

/* --- addresses ------------------------------------------------------------------------------------ */

static void take_addresses(struct outbound *o, const struct mx_search *search)
{
	const struct plan_target *target = outbound_target(o);
	const struct mx_target *found;
	size_t count = mx_search_targets(search, &found);

	o->address_count = o->address_next = 0;
	for (size_t i = 0; i < count && i < MX_TARGETS_MAX; i++) {
		struct outbound_address *a = &o->addresses[o->address_count++];

		/* An own server is called by its name, also when its address is literal. */
		snprintf(a->name, sizeof(a->name), "%s",
			 target->hop.is_literal ? target->name : found[i].name);
		a->address = found[i].address;
		a->port = found[i].port;
	}
}

static void on_found(void *arg, const struct mx_search *search)
{
	struct outbound *o = arg;
	struct outcome *outcome = mx_search_outcome(search);

	o->lookup = NULL;
	take_addresses(o, search);
	if (o->address_count == 0 && outcome != NULL)
		remember(o, outcome);
	outbound_try_next(o);
}

static void start_target(struct outbound *o, const struct plan_target *target)
{
	struct loop *loop = o->loop;

	o->address_count = o->address_next = 0;
	if (target->unix_path[0] != '\0') {
		connect_local(o, target->unix_path);
		return;
	}
	o->state = OUTBOUND_LOOKUP;
	loop->seed = loop->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	o->lookup = mx_lookup_start(&loop->uv, loop->resolver, &target->hop, &o->plan->self,
				    loop->seed, RESOLVER_DEADLINE_MS, on_found, o);
}

void outbound_try_target(struct outbound *o, unsigned index)
{
	mx_lookup_cancel(o->lookup);
	o->lookup = NULL;
	o->address_count = o->address_next = 0;
	o->target = index;
	outbound_try_next(o);
}

/* The next address of this target, else the next target, else the end. */
void outbound_try_next(struct outbound *o)
{
	outbound_drop_socket(o);
	o->has_served = false;
	o->peer_hash[0] = '\0';
	if (o->is_quitting) {
		outbound_finish(o, false, NULL);
	} else if (o->address_next < o->address_count) {
		o->without_tls = false;
		connect_address(o, &o->addresses[o->address_next++]);
	} else if (o->target < o->plan->target_count) {
		o->without_tls = false;
		start_target(o, &o->plan->targets[o->target++]);
	} else {
		outbound_finish(o, true, o->last);
	}
}

/*
 * Opportunistic TLS that fails means a fresh connection without it (delivery.md §6); anything
 * else means the next address.
 */
void outbound_attempt_failed(struct outbound *o, struct outcome *outcome)
{
	bool again = outcome->stage == OUTCOME_STAGE_STARTTLS && !o->without_tls &&
		     outbound_target(o)->rules.tls == PLAN_TLS_OPPORTUNISTIC && o->address_next > 0;

	remember(o, outcome);
	if (!again || o->is_quitting) {
		outbound_try_next(o);
		return;
	}
	outbound_drop_socket(o);
	o->without_tls = true;
	connect_address(o, &o->addresses[o->address_next - 1]);
}
