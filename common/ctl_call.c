/*
 * Answers on a control socket: any thread appends lines, the control thread writes them.
 */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/ctl_private.h"
#include "common/log.h"

struct ctl_call {
	struct ctl_conn *conn;
	int64_t id;
};

struct ctl_conn *ctl_conn_new(int fd, int wake_fd, enum ctl_right right)
{
	struct ctl_conn *conn = mem_zero(1, sizeof(*conn));

	conn->fd = fd;
	conn->wake_fd = wake_fd;
	conn->right = right;
	conn->references = 1;
	pthread_mutex_init(&conn->lock, NULL);
	return conn;
}

void ctl_conn_unref(struct ctl_conn *conn)
{
	unsigned left;

	pthread_mutex_lock(&conn->lock);
	left = --conn->references;
	pthread_mutex_unlock(&conn->lock);
	if (left > 0)
		return;
	pthread_mutex_destroy(&conn->lock);
	buf_free(&conn->in);
	buf_free(&conn->out);
	free(conn);
}

struct ctl_call *ctl_call_new(struct ctl_conn *conn, int64_t id)
{
	struct ctl_call *call = mem_zero(1, sizeof(*call));

	call->conn = conn;
	call->id = id;
	pthread_mutex_lock(&conn->lock);
	conn->references++;
	conn->n_calls++;
	pthread_mutex_unlock(&conn->lock);
	return call;
}

/*
 * Takes over LINE; ENDED tells whether it ends a call. The result is ctl_row's. The wake-up
 * is inside the lock, since a connection that is gone no longer knows a valid eventfd.
 */
static int post(struct ctl_conn *conn, struct buf *line, bool ended)
{
	int result = -1;

	pthread_mutex_lock(&conn->lock);
	conn->n_calls -= ended;
	if (!conn->is_gone && conn->out.len + line->len > CTL_OUTPUT_MAX)
		conn->is_gone = true;
	else if (!conn->is_gone)
		buf_add(&conn->out, line->data, line->len);
	if (!conn->is_gone)
		result = conn->out.len > CTL_OUTPUT_ENOUGH;
	if (conn->wake_fd >= 0)
		eventfd_write(conn->wake_fd, 1);
	pthread_mutex_unlock(&conn->lock);
	buf_free(line);
	return result;
}

int ctl_row(struct ctl_call *call, json_t *row)
{
	struct buf line = { 0 };

	ctl_put_row(&line, call->id, row);
	json_decref(row);
	if (line.len > CTL_LINE_MAX) {
		log_warn("a row of %zu octets is left out of an answer", line.len);
		buf_clear(&line);
	}
	return post(call->conn, &line, false);
}

bool ctl_has_enough(const struct ctl_call *call)
{
	bool has_enough;

	pthread_mutex_lock(&call->conn->lock);
	has_enough = call->conn->out.len > CTL_OUTPUT_ENOUGH;
	pthread_mutex_unlock(&call->conn->lock);
	return has_enough;
}

bool ctl_is_gone(const struct ctl_call *call)
{
	bool is_gone;

	pthread_mutex_lock(&call->conn->lock);
	is_gone = call->conn->is_gone;
	pthread_mutex_unlock(&call->conn->lock);
	return is_gone;
}

static void finish(struct ctl_call *call, struct buf *line)
{
	post(call->conn, line, true);
	ctl_conn_unref(call->conn);
	free(call);
}

void ctl_end(struct ctl_call *call, const char *cursor)
{
	struct buf line = { 0 };

	ctl_put_end(&line, call->id, cursor);
	finish(call, &line);
}

void ctl_fail(struct ctl_call *call, const struct err *e)
{
	struct buf line = { 0 };

	ctl_put_error(&line, true, call->id, e);
	finish(call, &line);
}

void ctl_conn_refuse(struct ctl_conn *conn, const struct err *e)
{
	struct buf line = { 0 };

	ctl_put_error(&line, false, 0, e);
	post(conn, &line, false);
}

const char *ctl_arg_string(const json_t *args, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(args, name));

	return text != NULL ? text : otherwise;
}

int64_t ctl_arg_integer(const json_t *args, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(args, name);

	return value != NULL ? json_integer_value(value) : otherwise;
}

bool ctl_arg_boolean(const json_t *args, const char *name, bool otherwise)
{
	const json_t *value = json_object_get(args, name);

	return value != NULL ? json_is_true(value) : otherwise;
}
