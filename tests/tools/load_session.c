/* One connection of the load generator: see load_session.h. */
#include "config.h"

#include "tests/tools/load_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session_config session_config = { .helo = "load.example" };
struct session_totals session_totals;

/* What is awaited. */
enum state {
	STATE_CLOSED,
	STATE_BANNER,
	STATE_EHLO,
	STATE_STARTTLS,
	STATE_ENVELOPE, /* replies to MAIL, RCPT…, DATA */
	STATE_DOT,
	STATE_RESET, /* after a message that was refused before its body */
	STATE_QUIT,
	STATE_HELD, /* nothing: idle mode, or go_on */
};

struct load_session {
	struct peer_conn conn; /* first */
	enum state state;
	uint64_t number;
	uint64_t redial_ns;
	bool pipelines, offers_tls;
	uint64_t messages; /* on this connection */
	struct load_job job;
	uint64_t started_ns;
	uint64_t replies; /* of the envelope */
	unsigned rcpts_accepted;
	/* The message; by a 5yz; but another time it may be taken. */
	bool is_refused, is_refused_for_good, is_deferred;
};

static void put_path(struct load_session *s, const char *verb, bool is_mail, uint64_t rcpt)
{
	struct buf *out = &s->conn.out;

	buf_adds(out, verb);
	if (is_mail)
		load_sender(&s->job, out);
	else
		load_rcpt(&s->job, rcpt, out);
	buf_adds(out, ">\r\n");
}

static void put_envelope_command(struct load_session *s, uint64_t index)
{
	if (index == 0)
		put_path(s, "MAIL FROM:<", true, 0);
	else if (index <= load_config.rcpts)
		put_path(s, "RCPT TO:<", false, index - 1);
	else
		buf_adds(&s->conn.out, "DATA\r\n");
}

static void quit(struct load_session *s)
{
	buf_adds(&s->conn.out, "QUIT\r\n");
	s->state = STATE_QUIT;
}

/* The next message, or QUIT when there is none for this connection. */
static void next_message(struct load_session *s)
{
	uint64_t now_ns = peer_now_ns(), limit = session_config.per_connection;

	if (session_config.is_idle) {
		s->state = STATE_HELD;
		session_totals.held++;
		return;
	}
	if ((limit > 0 && s->messages == limit) || !load_job_next(now_ns, &s->job)) {
		quit(s);
		return;
	}
	s->messages++;
	s->started_ns = now_ns;
	s->replies = s->rcpts_accepted = 0;
	s->is_refused = s->is_refused_for_good = s->is_deferred = false;
	s->state = STATE_ENVELOPE;
	put_envelope_command(s, 0);
	for (uint64_t i = 1; s->pipelines && i < load_config.rcpts + 2; i++)
		put_envelope_command(s, i);
}

static void hang_up(struct load_session *s)
{
	uint64_t now_ns = peer_now_ns();
	bool in_order = s->state == STATE_QUIT;

	if (s->state == STATE_ENVELOPE || s->state == STATE_DOT)
		load_job_failed(&s->job, false, now_ns);
	if (s->state == STATE_HELD && session_config.is_idle)
		session_totals.held--;
	if (!in_order) {
		session_totals.lost++;
		s->redial_ns = now_ns + load_config.retry_delay_ns;
	}
	peer_close(&s->conn);
	s->state = STATE_CLOSED;
}

static void note_kind(struct load_session *s, const char *line)
{
	s->is_refused_for_good |= line[0] == '5';
	s->is_deferred |= line[0] == '4';
}

/* The refusal of a message, or of the session when no message is open. */
static void refuse(struct load_session *s, const char *line, size_t len)
{
	load_note_error(line, len);
	s->is_refused = true;
	note_kind(s, line);
}

static void on_envelope_reply(struct load_session *s, const char *line, size_t len)
{
	uint64_t index = s->replies++;
	bool is_good = line[0] == '2' || line[0] == '3';
	bool is_rcpt = index > 0 && index <= load_config.rcpts;
	bool is_last = index == load_config.rcpts + 1;

	if (is_rcpt && is_good) {
		s->rcpts_accepted++;
	} else if (is_rcpt) {
		load_totals.rcpts_refused++;
		/* One bad recipient refuses nothing, as long as another is good. */
		load_note_error(line, len);
		note_kind(s, line);
	} else if (!is_good && !s->is_refused) {
		refuse(s, line, len);
	}
	if (!is_last && !s->pipelines && !s->is_refused)
		put_envelope_command(s, s->replies);
	if (is_last && line[0] == '3') {
		load_message(&s->job, s->started_ns, &s->conn.out);
		s->state = STATE_DOT;
	} else if (is_last || (s->is_refused && !s->pipelines)) {
		buf_adds(&s->conn.out, "RSET\r\n");
		s->state = STATE_RESET;
		load_job_failed(&s->job, s->is_refused_for_good && !s->is_deferred, peer_now_ns());
	}
}

static void on_dot_reply(struct load_session *s, const char *line, size_t len)
{
	uint64_t now_ns = peer_now_ns();

	if (line[0] == '2') {
		peer_times_add(&session_totals.accept, now_ns - s->started_ns);
		load_job_acknowledged(&s->job, s->rcpts_accepted, now_ns);
	} else {
		refuse(s, line, len);
		load_job_failed(&s->job, s->is_refused_for_good, now_ns);
	}
	if (strncmp(line, "421", 3) == 0)
		s->state = STATE_RESET; /* no message is open, and none follows */
	else if (session_config.is_single && line[0] == '2')
		s->state = STATE_HELD;
	else
		next_message(s);
}

static void on_ehlo_end(struct load_session *s)
{
	if (session_config.tls == NULL || s->conn.ssl != NULL) {
		next_message(s);
		return;
	}
	if (!s->offers_tls)
		peer_die("no STARTTLS is offered");
	buf_adds(&s->conn.out, "STARTTLS\r\n");
	s->state = STATE_STARTTLS;
}

static void say_hello(struct load_session *s)
{
	s->pipelines = s->offers_tls = false;
	buf_printf(&s->conn.out, "EHLO %s\r\n", session_config.helo);
	s->state = STATE_EHLO;
}

/* The last line of a reply. False: the connection is to be ended. */
static bool on_reply(struct load_session *s, const char *line, size_t len)
{
	bool is_good = line[0] == '2';

	switch (s->state) {
	case STATE_BANNER:
	case STATE_EHLO:
	case STATE_STARTTLS:
		if (!is_good) {
			load_note_error(line, len);
			return false;
		}
		if (s->state == STATE_EHLO) {
			on_ehlo_end(s);
			return true;
		}
		if (s->state == STATE_STARTTLS) {
			session_totals.tls++;
			peer_start_tls(&s->conn, session_config.tls, false);
		}
		say_hello(s);
		return true;
	case STATE_ENVELOPE:
		on_envelope_reply(s, line, len);
		break;
	case STATE_DOT:
		on_dot_reply(s, line, len);
		break;
	case STATE_RESET:
		if (!is_good)
			return false;
		next_message(s);
		break;
	case STATE_QUIT:
	case STATE_HELD:
	case STATE_CLOSED:
		return false;
	}
	return strncmp(line, "421", 3) != 0;
}

static void note_extension(struct load_session *s, const char *line, size_t len)
{
	if (memmem(line, len, "PIPELINING", 10) != NULL)
		s->pipelines = !session_config.no_pipelining;
	if (memmem(line, len, "STARTTLS", 8) != NULL)
		s->offers_tls = true;
}

/* False: the connection is to be ended. */
static bool process(struct load_session *s)
{
	for (;;) {
		size_t len;
		const char *in = peer_input(&s->conn, &len), *lf = memchr(in, '\n', len);
		char line[512];
		size_t n;

		if (lf == NULL)
			return true;
		n = (size_t)(lf - in) + 1;
		len = n < sizeof(line) ? n : sizeof(line) - 1;
		memcpy(line, in, len);
		line[len] = '\0';
		peer_consume(&s->conn, n);
		if (s->state == STATE_EHLO)
			note_extension(s, line, len);
		if (len > 3 && line[3] == '-')
			continue;
		if (!on_reply(s, line, len))
			return false;
	}
}

static void settle(struct load_session *s)
{
	if (s->conn.is_eof || peer_flush(&s->conn) != 0)
		hang_up(s);
	else
		peer_watch(&s->conn);
}

static void on_ready(struct peer_conn *conn)
{
	struct load_session *s = (struct load_session *)conn;
	bool was_clear;

	do {
		was_clear = conn->ssl == NULL;
		if (peer_fill(conn) != 0 || !process(s)) {
			hang_up(s);
			return;
		}
		/* The handshake begins with our side. */
	} while (peer_has_more(conn) || was_clear != (conn->ssl == NULL));
	settle(s);
}

static void bind_source(int fd, uint64_t number)
{
	struct sockaddr_storage sa = session_config.source;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;

	if (sa.ss_family == 0)
		return;
	if (sa.ss_family == AF_INET && session_config.sources > 1)
		v4->sin_addr.s_addr = htonl(ntohl(v4->sin_addr.s_addr) +
					    (uint32_t)(number % session_config.sources));
	if (bind(fd, (struct sockaddr *)&sa, session_config.source_len) != 0)
		peer_die("bind: %s", strerror(errno));
}

static void dial(struct load_session *s)
{
	const struct session_config *c = &session_config;
	int fd = socket(c->server.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		peer_die("socket: %s", strerror(errno));
	bind_source(fd, s->number);
	session_totals.connections++;
	s->messages = 0;
	s->state = STATE_BANNER;
	if (connect(fd, (const struct sockaddr *)&c->server, c->server_len) != 0 &&
	    errno != EINPROGRESS) {
		/* Refused at once, as on loopback. */
		s->conn.fd = fd;
		hang_up(s);
		return;
	}
	peer_open(&s->conn, fd, on_ready);
}

struct load_session *load_session_new(uint64_t number)
{
	struct load_session *s = mem_zero(1, sizeof(*s));

	s->number = number;
	s->conn.fd = -1;
	return s;
}

void load_session_free(struct load_session *s)
{
	peer_close(&s->conn);
	free(s);
}

bool load_session_is_open(const struct load_session *s)
{
	return s->state != STATE_CLOSED;
}

uint64_t load_session_tick(struct load_session *s, uint64_t now_ns)
{
	uint64_t due_ns = session_config.is_idle ? 0 : load_jobs_due_ns();

	if (s->state == STATE_CLOSED && due_ns <= now_ns && s->redial_ns <= now_ns)
		dial(s);
	if (s->state != STATE_CLOSED)
		return UINT64_MAX;
	return due_ns > s->redial_ns ? due_ns : s->redial_ns;
}

void load_session_go_on(struct load_session *s)
{
	if (s->state != STATE_HELD)
		return;
	next_message(s);
	settle(s);
}
