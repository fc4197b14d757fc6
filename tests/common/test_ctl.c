/* common/ctl_*: requests, late answers, clients that misbehave, restarts over stale sockets. */
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/ctl_client.h"
#include "common/ctl_proto.h"
#include "common/ctl_server.h"

enum { PATIENCE_MS = 30000, ROW_OCTETS = 64 * 1024 };

static char folder[] = "/tmp/wp-ctl-XXXXXX";
static struct ctl_server *server;

/* ---- a daemon ---- */

static atomic_int n_watchers_gone, n_slow_dropped;

static void do_echo(struct ctl_call *call, const json_t *args, void *ctx)
{
	assert_string_equal(ctx, "context");
	ctl_row(call, json_pack("{ss sI sb}", "text", ctl_arg_string(args, "text", "-"), "number",
				(json_int_t)ctl_arg_integer(args, "number", 7), "flag",
				(int)ctl_arg_boolean(args, "flag", true)));
	ctl_end(call, NULL);
}

static void do_fail(struct ctl_call *call, const json_t *args, void *ctx)
{
	struct err e;

	(void)args;
	(void)ctx;
	err_set(&e, ERR_NOT_FOUND, 0, "there is no queue \"x\xff\"");
	err_remedy(&e, "list them");
	ctl_fail(call, &e);
}

/* Numbers from cursor on, three at a time. */
static void do_page(struct ctl_call *call, const json_t *args, void *ctx)
{
	int from = atoi(ctl_arg_string(args, "cursor", "0"));
	char cursor[16];

	(void)ctx;
	for (int i = from; i < from + 3 && i < 8; i++)
		ctl_row(call, json_pack("{si}", "n", i));
	snprintf(cursor, sizeof(cursor), "%d", from + 3);
	ctl_end(call, from + 3 < 8 ? cursor : NULL);
}

static void *answer_late(void *arg)
{
	struct ctl_call *call = arg;

	for (int i = 0; i < 100; i++)
		ctl_row(call, json_pack("{si}", "n", i));
	ctl_end(call, NULL);
	return NULL;
}

static void start_thread(void *(*run)(void *), struct ctl_call *call)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attr, run, call);
	pthread_attr_destroy(&attr);
}

static void do_late(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	(void)ctx;
	start_thread(answer_late, call);
}

/* Streams small rows until the client is gone. */
static void *watch(void *arg)
{
	struct ctl_call *call = arg;
	struct timespec pause = { .tv_nsec = 1000000 };

	while (ctl_row(call, json_pack("{ss}", "event", "tick")) >= 0)
		nanosleep(&pause, NULL);
	assert_true(ctl_is_gone(call));
	ctl_end(call, NULL);
	atomic_fetch_add(&n_watchers_gone, 1);
	return NULL;
}

static void do_watch(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	(void)ctx;
	start_thread(watch, call);
}

/* As many large rows as the server takes. */
static void *flood(void *arg)
{
	struct ctl_call *call = arg;
	char *text = mem_zero(1, ROW_OCTETS + 1);
	bool was_enough = false;
	int rc;

	memset(text, 'x', ROW_OCTETS);
	while ((rc = ctl_row(call, json_pack("{ss}", "text", text))) >= 0)
		was_enough |= rc == 1;
	assert_true(was_enough);
	free(text);
	ctl_end(call, NULL);
	atomic_fetch_add(&n_slow_dropped, 1);
	return NULL;
}

static void do_flood(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	(void)ctx;
	start_thread(flood, call);
}

/* Half a MiB in one answer. */
static void do_bulk(struct ctl_call *call, const json_t *args, void *ctx)
{
	char *text = mem_zero(1, ROW_OCTETS + 1);

	(void)args;
	(void)ctx;
	memset(text, 'x', ROW_OCTETS);
	for (int i = 0; i < 8; i++)
		ctl_row(call, json_pack("{ss}", "text", text));
	free(text);
	ctl_end(call, NULL);
}

static _Atomic(struct ctl_call *) held;

static void do_hold(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	(void)ctx;
	atomic_store(&held, call);
}

static const struct ctl_arg echo_args[] = {
	{ "text", CTL_STRING, true, "is sent back" },
	{ "number", CTL_INTEGER, false, "too" },
	{ "flag", CTL_BOOLEAN, false, "too" },
	{ NULL, CTL_STRING, false, NULL },
};
static const struct ctl_arg page_args[] = {
	{ "cursor", CTL_STRING, false, "where to go on" },
	{ NULL, CTL_STRING, false, NULL },
};
static const struct ctl_verb verbs[] = {
	{ "test.echo", CTL_READ, echo_args, "sends its arguments back", do_echo },
	{ "test.fail", CTL_READ, NULL, "fails", do_fail },
	{ "test.page", CTL_READ, page_args, "answers in pages", do_page },
	{ "test.late", CTL_READ, NULL, "answers from another thread", do_late },
	{ "test.watch", CTL_READ, NULL, "streams", do_watch },
	{ "test.flood", CTL_READ, NULL, "sends more than anybody reads", do_flood },
	{ "test.bulk", CTL_READ, NULL, "sends much", do_bulk },
	{ "test.hold", CTL_READ, NULL, "is never answered", do_hold },
	{ "test.admin", CTL_ADMIN, NULL, "is for administrators", do_fail },
};

static int start_server(void)
{
	struct err e;
	int rc = ctl_server_start(folder, "testd", verbs, WP_COUNT(verbs), (void *)"context",
				  &server, &e);

	if (rc < 0)
		print_error("%s\n", e.text);
	return rc;
}

/* ---- clients ---- */

static struct ctl_client *open_client(void)
{
	struct ctl_client *client = NULL;
	struct err e;

	if (ctl_client_open(folder, "testd", &client, &e) < 0)
		fail_msg("%s", e.text);
	return client;
}

static int keep_row(void *ctx, const json_t *row)
{
	json_array_append(ctx, (json_t *)(uintptr_t)row);
	return 0;
}

/* The rows of one call; fails the test on any error. */
static json_t *rows_of(const char *verb, json_t *args)
{
	struct ctl_client *client = open_client();
	json_t *rows = json_array();
	struct err e;

	if (ctl_client_call(client, verb, args, PATIENCE_MS, keep_row, rows, &e) != 0)
		fail_msg("%s: %s", verb, e.text);
	ctl_client_close(&client);
	return rows;
}

static void assert_refused(const char *verb, json_t *args, enum err_domain domain,
			   const char *says)
{
	struct ctl_client *client = open_client();
	struct err e = { 0 };

	assert_int_equal(ctl_client_call(client, verb, args, PATIENCE_MS, NULL, NULL, &e), -1);
	assert_int_equal(e.domain, domain);
	if (strstr(e.text, says) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", e.text, says);
	ctl_client_close(&client);
}

static int raw_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/testd.sock", folder);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Everything until the server closes. */
static struct buf read_until_closed(int fd)
{
	struct buf in = { 0 };
	char chunk[4096];
	ssize_t n;

	buf_adds(&in, "");
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		buf_add(&in, chunk, (size_t)n);
	close(fd);
	return in;
}

/* The server may have closed already: what it says is still to be read. */
static void send_text(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void wait_until(atomic_int *count, int wanted)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < PATIENCE_MS && atomic_load(count) < wanted; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(atomic_load(count), wanted);
}

/* Asks the verb that is not answered and returns the call that nobody answers. */
static struct ctl_call *hold_call(struct ctl_client *client)
{
	struct err e;

	atomic_store(&held, NULL);
	assert_int_equal(ctl_client_call(client, "test.hold", NULL, 20, NULL, NULL, &e), -1);
	assert_int_equal(e.domain, ERR_UNREACHABLE);
	assert_int_equal(err_exit_status(&e), 4);
	assert_true(e.remedy[0] != '\0');
	while (atomic_load(&held) == NULL)
		sched_yield();
	return atomic_load(&held);
}

/* ---- tests ---- */

static void test_arguments_reach_the_handler_and_rows_come_back(void **state)
{
	json_t *rows = rows_of("test.echo", json_pack("{ss si sb}", "text", "h\xc3\xa9\n", "number",
						      5, "flag", 0));
	json_t *row = json_array_get(rows, 0);

	(void)state;
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(json_string_value(json_object_get(row, "text")), "h\xc3\xa9\n");
	assert_int_equal(json_integer_value(json_object_get(row, "number")), 5);
	assert_true(json_is_false(json_object_get(row, "flag")));
	json_decref(rows);
}

static void test_arguments_are_checked_against_the_table(void **state)
{
	(void)state;
	assert_refused("test.echo", NULL, ERR_USAGE, "needs the argument \"text\"");
	assert_refused("test.echo", json_pack("{ss si}", "text", "x", "size", 1), ERR_USAGE,
		       "no argument \"size\"");
	assert_refused("test.echo", json_pack("{si}", "text", 1), ERR_USAGE, "no string");
	assert_refused("test.echo", json_pack("{ss si}", "text", "x", "number", -1), ERR_USAGE,
		       "no integer");
	assert_refused("test.none", NULL, ERR_USAGE, "no verb \"test.none\"");
}

static void test_errors_arrive_with_domain_text_and_remedy(void **state)
{
	struct ctl_client *client = open_client();
	struct err e;

	(void)state;
	assert_int_equal(ctl_client_call(client, "test.fail", NULL, PATIENCE_MS, NULL, NULL, &e), -1);
	assert_int_equal(e.domain, ERR_NOT_FOUND);
	assert_int_equal(err_exit_status(&e), 3);
	assert_string_equal(e.text, "there is no queue \"x\xef\xbf\xbd\"");
	assert_string_equal(e.remedy, "list them");
	/* the connection goes on */
	assert_int_equal(ctl_client_call(client, "test.page", NULL, PATIENCE_MS, NULL, NULL, &e), 0);
	ctl_client_close(&client);
}

static void test_pages_are_followed_to_the_end(void **state)
{
	json_t *rows = rows_of("test.page", NULL);

	(void)state;
	assert_int_equal(json_array_size(rows), 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, i), "n")), i);
	json_decref(rows);
}

static void test_help_lists_the_table(void **state)
{
	json_t *rows = rows_of("help", NULL), *row = json_array_get(rows, 0);

	(void)state;
	assert_int_equal(json_array_size(rows), WP_COUNT(verbs));
	assert_string_equal(json_string_value(json_object_get(row, "verb")), "test.echo");
	assert_int_equal(json_array_size(json_object_get(row, "args")), 3);
	json_decref(rows);
}

static void test_answers_may_come_late_from_other_threads(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		json_t *rows = rows_of("test.late", NULL);

		assert_int_equal(json_array_size(rows), 100);
		json_decref(rows);
	}
}

static void test_calls_of_one_connection_overlap(void **state)
{
	static const char lines[] = "{\"v\":1,\"id\":1,\"verb\":\"test.late\"}\n"
				    "{\"v\":1,\"id\":2,\"verb\":\"test.page\",\"args\":{}}\n"
				    "{\"v\":1,\"id\":3,\"verb\":\"test.late\"}\n";
	int fd = raw_client();
	struct buf in;

	(void)state;
	send_text(fd, lines, strlen(lines));
	shutdown(fd, SHUT_WR);
	in = read_until_closed(fd);
	assert_non_null(strstr(in.data, "{\"id\":1,\"end\":{\"ok\":true}}\n"));
	assert_non_null(strstr(in.data, "{\"id\":2,\"end\":{\"ok\":true,\"cursor\":\"3\"}}\n"));
	assert_non_null(strstr(in.data, "{\"id\":3,\"end\":{\"ok\":true}}\n"));
	buf_free(&in);
}

static void test_every_split_of_a_request_is_the_same_request(void **state)
{
	static const char line[] = "{\"v\":1,\"id\":9,\"verb\":\"test.echo\",\"args\":{\"text\":\"a\"}}\n";

	(void)state;
	for (size_t split = 1; split < strlen(line); split++) {
		int fd = raw_client();
		struct buf in;

		send_text(fd, line, split);
		send_text(fd, line + split, strlen(line) - split);
		shutdown(fd, SHUT_WR);
		in = read_until_closed(fd);
		assert_string_equal(in.data, "{\"id\":9,\"row\":{\"text\":\"a\",\"number\":7,\"flag\":"
					     "true}}\n{\"id\":9,\"end\":{\"ok\":true}}\n");
		buf_free(&in);
	}
}

static void test_lines_that_are_no_request_are_refused_and_closed(void **state)
{
	static const char *const bad[] = {
		"\n", "x\n", "[]\n", "{}\n", "{\"v\":1,\"id\":1}\n",
		"{\"v\":2,\"id\":1,\"verb\":\"help\"}\n", "{\"v\":1,\"id\":\"1\",\"verb\":\"help\"}\n",
		"{\"v\":1,\"id\":1,\"verb\":\"\"}\n", "{\"v\":1,\"id\":1,\"verb\":\"help\",\"args\":[]}\n",
		"{\"v\":1,\"id\":1,\"id\":2,\"verb\":\"help\"}\n",
		"{\"v\":1,\"id\":1,\"verb\":\"\xff\"}\n", "{\"v\":1,\"id\":1,\"verb\":\"help\"} x\n",
		("{\"v\":1,\"id\":1,\"verb\":"
		 "\"0123456789012345678901234567890123456789012345678901234567890123\"}\n"),
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++) {
		int fd = raw_client();
		struct buf in;

		send_text(fd, bad[i], strlen(bad[i]));
		in = read_until_closed(fd);
		if (strncmp(in.data, "{\"id\":null,\"error\":{\"code\":\"protocol\"", 37) != 0)
			fail_msg("%s gave %s", bad[i], in.data);
		buf_free(&in);
	}
}

static void test_a_line_without_end_is_refused_at_one_mib(void **state)
{
	char *line = mem_alloc(CTL_LINE_MAX);
	int fd = raw_client();
	struct buf in;

	(void)state;
	memset(line, ' ', CTL_LINE_MAX);
	send_text(fd, line, CTL_LINE_MAX);
	in = read_until_closed(fd);
	assert_non_null(strstr(in.data, "longer than 1 MiB"));
	buf_free(&in);
	free(line);
}

static void test_a_request_of_just_one_mib_is_served(void **state)
{
	static const char head[] = "{\"v\":1,\"id\":1,\"verb\":\"test.page\"";
	char *line = mem_alloc(CTL_LINE_MAX);
	int fd = raw_client();
	struct buf in;

	(void)state;
	memset(line, ' ', CTL_LINE_MAX);
	memcpy(line, head, strlen(head));
	memcpy(line + CTL_LINE_MAX - 2, "}\n", 2);
	send_text(fd, line, CTL_LINE_MAX);
	shutdown(fd, SHUT_WR);
	in = read_until_closed(fd);
	assert_non_null(strstr(in.data, "\"end\""));
	buf_free(&in);
	free(line);
}

static void test_a_disconnect_in_mid_stream_ends_the_watch(void **state)
{
	int before = atomic_load(&n_watchers_gone);
	int fd = raw_client();
	char first[64];

	(void)state;
	send_text(fd, "{\"v\":1,\"id\":1,\"verb\":\"test.watch\"}\n", 36);
	assert_true(recv(fd, first, sizeof(first), 0) > 0);
	close(fd);
	wait_until(&n_watchers_gone, before + 1);
}

static int stop_after_three(void *ctx, const json_t *row)
{
	int *n = ctx;

	assert_string_equal(json_string_value(json_object_get(row, "event")), "tick");
	return ++*n == 3 ? 42 : 0;
}

static void test_a_watcher_ends_its_call_early(void **state)
{
	int before = atomic_load(&n_watchers_gone), n = 0;
	struct ctl_client *client = open_client();
	struct err e;

	(void)state;
	assert_int_equal(ctl_client_call(client, "test.watch", NULL, -1, stop_after_three, &n, &e),
			 42);
	assert_int_equal(n, 3);
	ctl_client_close(&client);
	wait_until(&n_watchers_gone, before + 1);
}

static void test_a_slow_reader_is_dropped_and_others_are_served(void **state)
{
	int before = atomic_load(&n_slow_dropped);
	int fd = raw_client();
	json_t *rows;

	(void)state;
	send_text(fd, "{\"v\":1,\"id\":1,\"verb\":\"test.flood\"}\n", 36);
	wait_until(&n_slow_dropped, before + 1);
	rows = rows_of("test.page", NULL);
	assert_int_equal(json_array_size(rows), 8);
	json_decref(rows);
	close(fd);
}

/* Sixteen answers of half a MiB: the server reads on only as the client takes them. */
static void test_a_slow_reader_of_many_answers_gets_all_of_them(void **state)
{
	enum { CALLS = 16 };
	static const char line[] = "{\"v\":1,\"id\":1,\"verb\":\"test.bulk\"}\n";
	int fd = raw_client(), ends = 0;
	struct buf in;

	(void)state;
	for (int i = 0; i < CALLS; i++)
		send_text(fd, line, strlen(line));
	shutdown(fd, SHUT_WR);
	in = read_until_closed(fd);
	for (const char *p = in.data; (p = strstr(p, "\"end\"")) != NULL; p++)
		ends++;
	assert_int_equal(ends, CALLS);
	buf_free(&in);
}

static const char watch_line[] = "{\"v\":1,\"id\":1,\"verb\":\"test.watch\"}\n";

/* A client whose call is under way. */
static int raw_watcher(void)
{
	int fd = raw_client();
	char first[64];

	send_text(fd, watch_line, strlen(watch_line));
	assert_true(recv(fd, first, sizeof(first), 0) > 0);
	return fd;
}

static void close_each(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void test_one_watcher_too_many_is_told_so(void **state)
{
	int before = atomic_load(&n_watchers_gone), fds[CTL_CLIENTS_MAX];
	struct buf in;

	(void)state;
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		fds[i] = raw_watcher();
	in = read_until_closed(raw_client());
	assert_non_null(strstr(in.data, "64 clients already"));
	buf_free(&in);
	close_each(fds, CTL_CLIENTS_MAX);
	wait_until(&n_watchers_gone, before + CTL_CLIENTS_MAX); /* their places are free then */
	json_decref(rows_of("test.page", NULL));
}

/* Whether the server has closed it; what it said before is taken. */
static bool is_closed(int fd)
{
	char chunk[4096];
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		;
	return n == 0;
}

static void test_who_says_nothing_makes_way_the_oldest_first(void **state)
{
	int before = atomic_load(&n_watchers_gone), watcher = raw_watcher();
	int fds[CTL_CLIENTS_MAX - 1];
	struct buf in;

	(void)state;
	for (int i = 0; i < CTL_CLIENTS_MAX - 1; i++)
		fds[i] = raw_client();
	json_decref(rows_of("test.page", NULL));
	in = read_until_closed(fds[0]);
	assert_non_null(strstr(in.data, "no place for this client any more"));
	buf_free(&in);
	assert_false(is_closed(fds[1]));
	for (int i = 0; i < 3 * CTL_CLIENTS_MAX; i++)
		json_decref(rows_of("test.page", NULL));
	/* As many places as are needed at a time, not more; and nobody's who waits for something. */
	assert_false(is_closed(fds[CTL_CLIENTS_MAX - 2]));
	assert_false(is_closed(watcher));
	close_each(fds + 1, CTL_CLIENTS_MAX - 2);
	close(watcher);
	wait_until(&n_watchers_gone, before + 1);
}

static void test_a_silent_daemon_is_unreachable_after_the_deadline(void **state)
{
	struct ctl_client *client = open_client();
	struct ctl_call *call = hold_call(client);

	(void)state;
	ctl_client_close(&client);
	ctl_end(call, NULL);
}

static void test_a_daemon_that_is_not_there_is_unreachable(void **state)
{
	struct ctl_client *client = NULL;
	struct err e;

	(void)state;
	assert_int_equal(ctl_client_open(folder, "nobodyd", &client, &e), -1);
	assert_int_equal(e.domain, ERR_UNREACHABLE);
	assert_non_null(strstr(e.remedy, "waypost run"));
	assert_null(client);
}

static void test_a_program_runs_once(void **state)
{
	struct ctl_server *second = NULL;
	char pid[16];
	struct err e;

	(void)state;
	assert_int_equal(ctl_server_start(folder, "testd", verbs, 1, NULL, &second, &e), -1);
	assert_int_equal(e.code, EALREADY);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_non_null(strstr(e.text, pid));
	assert_null(second);
	/* and the first one still has its socket */
	json_decref(rows_of("test.page", NULL));
}

static void test_calls_outlive_the_server(void **state)
{
	struct ctl_client *client = open_client();
	struct ctl_call *call = hold_call(client);

	(void)state;
	ctl_server_stop(&server);
	assert_null(server);
	assert_true(ctl_is_gone(call));
	assert_int_equal(ctl_row(call, json_object()), -1);
	ctl_end(call, NULL);
	ctl_client_close(&client);
	assert_int_equal(start_server(), 0);
}

/* A process that serves is killed: its socket is there, its lock is not. */
static void test_a_stale_socket_does_not_stand_in_the_way(void **state)
{
	int ready[2];
	char c, path[128];
	struct stat st;
	pid_t pid;

	(void)state;
	ctl_server_stop(&server);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (start_server() < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	snprintf(path, sizeof(path), "%s/testd.sock", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(start_server(), 0);
	json_decref(rows_of("test.page", NULL));
}

/* Exit status: what the administrator's verb said to a member of the socket's group. */
static int ask_as_stranger(void)
{
	struct ctl_client *client;
	struct err e;

	if (setgroups(0, NULL) < 0 || setgid(12345) < 0 || setuid(12345) < 0)
		return 98;
	if (ctl_client_open(folder, "testd", &client, &e) < 0)
		return e.domain == ERR_PERMISSION ? 97 : 99;
	if (ctl_client_call(client, "test.page", NULL, PATIENCE_MS, NULL, NULL, &e) != 0)
		return 96;
	if (ctl_client_call(client, "test.admin", NULL, PATIENCE_MS, NULL, NULL, &e) == 0)
		return 95;
	return err_exit_status(&e);
}

static int stranger_status(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(ask_as_stranger());
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* A member of the socket's group watches with as many clients as there may be, until it is killed. */
static void watch_as_stranger(int ready)
{
	alarm(PATIENCE_MS / 1000);
	if (setgroups(0, NULL) < 0 || setgid(12345) < 0 || setuid(12345) < 0)
		_exit(98);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		raw_watcher();
	if (write(ready, "x", 1) != 1)
		_exit(97);
	for (;;)
		pause();
}

static void test_strangers_make_way_for_an_administrator(void **state)
{
	int before = atomic_load(&n_watchers_gone), ready[2];
	char path[128], c;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/testd.sock", folder);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chown(path, 0, 12345), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		watch_as_stranger(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	json_decref(rows_of("test.page", NULL));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	wait_until(&n_watchers_gone, before + CTL_CLIENTS_MAX);
	close(ready[0]);
	close(ready[1]);
}

static void test_peer_credentials_decide_the_right(void **state)
{
	char path[128];

	(void)state;
	/* our own user may: the handler's own error comes back */
	assert_refused("test.admin", NULL, ERR_NOT_FOUND, "no queue");
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(stranger_status(), 97);
	snprintf(path, sizeof(path), "%s/testd.sock", folder);
	assert_int_equal(chown(path, 0, 12345), 0);
	assert_int_equal(stranger_status(), 5);
}

static void test_texts_of_any_octets_become_json(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xc3", "a\xef\xbf\xbd" },
		{ "\xc3\xa9\x80z", "\xc3\xa9\xef\xbf\xbdz" },
	};
	json_t *value;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++) {
		value = ctl_text(cases[i][0]);
		assert_string_equal(json_string_value(value), cases[i][1]);
		json_decref(value);
	}
	assert_true(json_is_null(ctl_text(NULL)));
}

static int make_server(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? start_server() : -1;
}

static int remove_server(void **state)
{
	char path[128];

	(void)state;
	ctl_server_stop(&server);
	snprintf(path, sizeof(path), "%s/testd.pid", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_reach_the_handler_and_rows_come_back),
		cmocka_unit_test(test_arguments_are_checked_against_the_table),
		cmocka_unit_test(test_errors_arrive_with_domain_text_and_remedy),
		cmocka_unit_test(test_pages_are_followed_to_the_end),
		cmocka_unit_test(test_help_lists_the_table),
		cmocka_unit_test(test_answers_may_come_late_from_other_threads),
		cmocka_unit_test(test_calls_of_one_connection_overlap),
		cmocka_unit_test(test_every_split_of_a_request_is_the_same_request),
		cmocka_unit_test(test_lines_that_are_no_request_are_refused_and_closed),
		cmocka_unit_test(test_a_line_without_end_is_refused_at_one_mib),
		cmocka_unit_test(test_a_request_of_just_one_mib_is_served),
		cmocka_unit_test(test_a_disconnect_in_mid_stream_ends_the_watch),
		cmocka_unit_test(test_a_watcher_ends_its_call_early),
		cmocka_unit_test(test_a_slow_reader_is_dropped_and_others_are_served),
		cmocka_unit_test(test_a_slow_reader_of_many_answers_gets_all_of_them),
		cmocka_unit_test(test_one_watcher_too_many_is_told_so),
		cmocka_unit_test(test_who_says_nothing_makes_way_the_oldest_first),
		cmocka_unit_test(test_a_silent_daemon_is_unreachable_after_the_deadline),
		cmocka_unit_test(test_a_daemon_that_is_not_there_is_unreachable),
		cmocka_unit_test(test_a_program_runs_once),
		cmocka_unit_test(test_calls_outlive_the_server),
		cmocka_unit_test(test_a_stale_socket_does_not_stand_in_the_way),
		cmocka_unit_test(test_peer_credentials_decide_the_right),
		cmocka_unit_test(test_strangers_make_way_for_an_administrator),
		cmocka_unit_test(test_texts_of_any_octets_become_json),
	};

	return cmocka_run_group_tests(tests, make_server, remove_server);
}
