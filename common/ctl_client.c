/*
 * Asks a daemon over its control socket and waits for the answer.
 */
#include "common/ctl_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/ctl_proto.h"

enum { READ_CHUNK = 64 * 1024 };

struct ctl_client {
	char *program;
	int fd;
	int64_t last_id;
	struct buf in;
	size_t used; /* of in: the line handed out last */
};

static int unreachable(const struct ctl_client *c, const char *why, struct err *e)
{
	err_set(e, ERR_UNREACHABLE, errno, "%s %s", c->program, why);
	return err_remedy(e, "start it with `waypost run`, or look at its log");
}

static int connect_to(struct ctl_client *c, const char *run_dir, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = sizeof(address.sun_path);

	if ((size_t)snprintf(address.sun_path, size, "%s/%s.sock", run_dir, c->program) >= size)
		return err_set(e, ERR_CONFIG, 0, "the path of the control socket in %s is too long",
			       run_dir);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return err_errno(e, "no socket");
	if (connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno == EACCES || errno == EPERM) {
		err_set(e, ERR_PERMISSION, errno, "you may not open %s", address.sun_path);
		return err_remedy(e, "become root or a member of the socket's group");
	}
	return unreachable(c, "is not running", e);
}

int ctl_client_open(const char *run_dir, const char *program, struct ctl_client **client_r,
		    struct err *e)
{
	struct ctl_client *c = mem_zero(1, sizeof(*c));

	c->program = mem_strdup(program);
	c->fd = -1;
	if (connect_to(c, run_dir, e) < 0) {
		ctl_client_close(&c);
		return -1;
	}
	*client_r = c;
	return 0;
}

void ctl_client_close(struct ctl_client **client)
{
	struct ctl_client *c = *client;

	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->program);
	buf_free(&c->in);
	free(c);
	*client = NULL;
}

/* Waits for EVENTS until the monotonic time DEADLINE (0: for ever). */
static int wait_for(struct ctl_client *c, short events, uint64_t deadline, struct err *e)
{
	struct pollfd fd = { .fd = c->fd, .events = events };
	uint64_t now = clock_mono_ms();
	int rc, left = deadline == 0 ? -1 : (int)(deadline > now ? deadline - now : 0);

	rc = poll(&fd, 1, left);
	if (rc > 0 || (rc < 0 && errno == EINTR && left != 0))
		return 0;
	if (rc < 0)
		return unreachable(c, "cannot be waited for", e);
	unreachable(c, "does not answer", e);
	return err_remedy(e, "it hangs: look at its log, and restart it");
}

static uint64_t deadline_in(int ms)
{
	return ms < 0 ? 0 : clock_mono_ms() + (uint64_t)ms;
}

static int send_all(struct ctl_client *c, const struct buf *out, uint64_t deadline, struct err *e)
{
	size_t sent = 0;

	while (sent < out->len) {
		ssize_t n = send(c->fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return unreachable(c, "went away", e);
		else if (wait_for(c, POLLOUT, deadline, e) < 0)
			return -1;
	}
	return 0;
}

/* The next line, without its end, valid until the next call. */
static int next_line(struct ctl_client *c, uint64_t deadline, char **line_r, struct err *e)
{
	size_t looked = 0;
	char *end;
	ssize_t n;

	buf_consume(&c->in, c->used);
	c->used = 0;
	for (;;) {
		end = c->in.len > looked ? memchr(c->in.data + looked, '\n', c->in.len - looked) : NULL;
		if (end != NULL)
			break;
		looked = c->in.len;
		if (looked > CTL_LINE_MAX)
			return err_set(e, ERR_PROTOCOL, 0, "%s sent a line without end", c->program);
		buf_reserve(&c->in, READ_CHUNK);
		n = recv(c->fd, c->in.data + c->in.len, READ_CHUNK, 0);
		if (n > 0)
			c->in.len += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return unreachable(c, "went away", e);
		else if (wait_for(c, POLLIN, deadline, e) < 0)
			return -1;
	}
	*end = '\0';
	*line_r = c->in.data;
	c->used = (size_t)(end - c->in.data) + 1;
	return 0;
}

/* The daemon's own error, handed on as ours. */
static int take_error(const json_t *error, struct err *e)
{
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "text"));
	const char *remedy = json_string_value(json_object_get(error, "remedy"));

	err_set(e, ctl_error_domain(code != NULL ? code : ""), 0, "%s",
		text != NULL ? text : "an error without a text");
	return err_remedy(e, "%s", remedy != NULL ? remedy : "");
}

/* The answer to one request. 0 with *CURSOR_R (owned) if there is more. */
static int read_answer(struct ctl_client *c, int deadline_ms, ctl_on_row *on_row, void *ctx,
		       json_t **cursor_r, struct err *e)
{
	int rc = 0;
	bool is_over = false;

	while (rc == 0 && !is_over) {
		const json_t *row, *end, *error;
		json_t *answer;
		char *line = NULL;

		if (next_line(c, deadline_in(deadline_ms), &line, e) < 0)
			return -1;
		answer = json_loads(line, 0, NULL);
		row = json_object_get(answer, "row");
		end = json_object_get(answer, "end");
		error = json_object_get(answer, "error");
		is_over = end != NULL;
		if (row != NULL)
			rc = on_row != NULL ? on_row(ctx, row) : 0;
		else if (end != NULL)
			*cursor_r = json_incref(json_object_get(end, "cursor"));
		else if (error != NULL)
			rc = take_error(error, e);
		else
			rc = err_set(e, ERR_PROTOCOL, 0, "%s sent what is no answer", c->program);
		json_decref(answer);
	}
	return rc;
}

static int ask(struct ctl_client *c, const char *verb, const json_t *args, int deadline_ms,
	       struct err *e)
{
	struct buf out = { 0 };
	int rc;

	ctl_put_request(&out, ++c->last_id, verb, args);
	rc = send_all(c, &out, deadline_in(deadline_ms), e);
	buf_free(&out);
	return rc;
}

int ctl_client_call(struct ctl_client *client, const char *verb, json_t *args, int deadline_ms,
		    ctl_on_row *on_row, void *ctx, struct err *e)
{
	json_t *given = args != NULL ? args : json_object(), *cursor;
	int rc;

	do {
		cursor = NULL;
		rc = ask(client, verb, given, deadline_ms, e);
		if (rc == 0)
			rc = read_answer(client, deadline_ms, on_row, ctx, &cursor, e);
		if (cursor != NULL)
			json_object_set_new(given, "cursor", cursor);
	} while (rc == 0 && cursor != NULL);
	json_decref(given);
	return rc;
}
