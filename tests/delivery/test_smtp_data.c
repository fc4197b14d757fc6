/*
 * delivery/smtp_data: where data ends, what is kept, which facts are counted. Every sequence
 * of CR, LF, dot and a letter is compared with a slow reading of RFC 5321 written down here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "common/compiler.h"
#include "delivery/smtp_data.h"

static const struct smtp_data_rules lenient = { .accept_nul = true };

/* What a run came to. */
struct run {
	int ended;
	size_t used; /* of the input */
	uint16_t code; /* of the refusal; 0 */
	struct body *body;
};

enum way { WAY_FEED, WAY_IN_PLACE };

/* Feeds DATA in pieces of PIECE octets. */
static struct run run_data(const struct smtp_data_rules *rules, const char *trace,
			   const char *data, size_t len, size_t piece, enum way way)
{
	struct run r = { 0, 0, 0, NULL };
	struct body *body = body_new(8, 16);
	struct smtp_data d;

	body_add(body, trace, strlen(trace));
	smtp_data_begin(&d, rules, body_ref(body));
	while (!r.ended && r.used < len) {
		size_t n = len - r.used < piece ? len - r.used : piece, used = n, extra;
		const char *behind;

		if (way == WAY_FEED) {
			r.ended = smtp_data_feed(&d, data + r.used, n, &used);
		} else {
			memcpy(body_room(body, n), data + r.used, n);
			body->len += n;
			r.ended = smtp_data_scan(&d, &behind, &extra);
			used -= extra;
			assert_memory_equal(behind, data + r.used + used, extra);
		}
		r.used += used;
	}
	r.code = smtp_data_refusal(&d) ? smtp_data_refusal(&d)->code : 0;
	r.body = body;
	smtp_data_fini(&d);
	return r;
}

static void check_same(const struct run *a, const struct run *b)
{
	assert_int_equal(a->ended, b->ended);
	assert_int_equal(a->used, b->used);
	assert_int_equal(a->code, b->code);
	if (a->ended && a->code == 0) {
		assert_int_equal(a->body->len, b->body->len);
		assert_memory_equal(body_data(a->body), body_data(b->body), a->body->len);
		assert_memory_equal(&a->body->facts, &b->body->facts, sizeof(a->body->facts));
		assert_memory_equal(a->body->field, b->body->field, sizeof(a->body->field));
		assert_int_equal(a->body->has_nul, b->body->has_nul);
	}
}

/* --- a slow reading of the standard --- */

/* Octets up to and with CRLF "." CRLF (the first CRLF may be that of DATA), or 0. */
static size_t slow_end(const char *data, size_t len)
{
	for (size_t i = 0; i + 3 <= len; i++)
		if (memcmp(data + i, ".\r\n", 3) == 0 &&
		    (i == 0 || (i >= 2 && memcmp(data + i - 2, "\r\n", 2) == 0)))
			return i + 3;
	return 0;
}

static bool slow_has_bare(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\r' && !(i + 1 < len && data[i + 1] == '\n'))
			return true;
		if (data[i] == '\n' && !(i > 0 && data[i - 1] == '\r'))
			return true;
	}
	return false;
}

/* What the peer meant: stuffing dots of real lines taken away, every newline made LF. */
static size_t slow_meaning(const char *data, size_t len, char *out)
{
	size_t n = 0;
	bool line = true;

	for (size_t i = 0; i < len; i++) {
		if (line && data[i] == '.') {
			line = false;
			continue;
		}
		line = false;
		if (data[i] == '\r' && i + 1 < len && data[i + 1] == '\n') {
			i++;
			line = true;
		}
		out[n++] = data[i] == '\r' ? '\n' : data[i];
	}
	return n;
}

/* What a strict receiver makes of wire form; -1 if it is none, or ends too early. */
static int wire_meaning(const char *data, size_t len, char *out)
{
	size_t n = 0;
	bool line = true;

	for (size_t i = 0; i < len; i++) {
		if (line && len - i >= 3 && memcmp(data + i, ".\r\n", 3) == 0)
			return -1;
		if (line && data[i] == '.' && ++i == len)
			return -1;
		line = data[i] == '\r' && i + 1 < len && data[i + 1] == '\n';
		if (!line && (data[i] == '\r' || data[i] == '\n'))
			return -1;
		i += line;
		out[n++] = line ? '\n' : data[i];
	}
	return (int)n;
}

static void check_sequence(const char *data, size_t len)
{
	size_t end = slow_end(data, len);
	bool bare = slow_has_bare(data, end ? end : len);
	struct smtp_data_rules normalise = lenient;
	struct run whole, other;

	normalise.normalise = true;
	whole = run_data(&lenient, "", data, len, len, WAY_IN_PLACE);
	assert_int_equal(whole.ended, end > 0);
	if (end > 0) {
		assert_int_equal(whole.used, end);
		assert_int_equal(whole.code, bare ? 550 : 0);
		if (!bare) {
			assert_int_equal(whole.body->len, end - 3);
			assert_memory_equal(body_data(whole.body), data, end - 3);
		}
	}
	for (size_t piece = 1; piece < len; piece++) {
		other = run_data(&lenient, "", data, len, piece, piece % 2 ? WAY_FEED : WAY_IN_PLACE);
		check_same(&whole, &other);
		body_unref(other.body);
	}
	body_unref(whole.body);

	whole = run_data(&normalise, "", data, len, len, WAY_FEED);
	assert_int_equal(whole.ended, end > 0);
	if (end > 0) {
		char wanted[64], got[64];
		size_t n = slow_meaning(data, end - 3, wanted);

		assert_int_equal(whole.used, end);
		assert_int_equal(whole.code, 0);
		assert_int_equal(whole.body->has_bare_newline, bare);
		assert_int_equal(wire_meaning(body_data(whole.body), whole.body->len, got), n);
		assert_memory_equal(got, wanted, n);
		other = run_data(&normalise, "", data, len, 1, WAY_FEED);
		check_same(&whole, &other);
		body_unref(other.body);
	}
	body_unref(whole.body);
}

/* All strings over the alphabet of smuggling, up to 8 octets (9 in the full run), with and
 * without the true end behind them. */
static void test_nothing_but_crlf_dot_crlf_ends_data(void **state)
{
	static const char alphabet[4] = { '\r', '\n', '.', 'a' };
	size_t longest = getenv("WP_FULL") != NULL ? 9 : 7;
	char data[32];

	(void)state;
	for (size_t len = 1; len <= longest; len++) {
		for (uint32_t code = 0; code < 1u << (2 * len); code++) {
			for (size_t i = 0; i < len; i++)
				data[i] = alphabet[code >> (2 * i) & 3];
			check_sequence(data, len);
			if (len > 5)
				continue;
			memcpy(data + len, "\r\n.\r\nx", 6);
			check_sequence(data, len + 6);
		}
	}
}

/* The sequences by which mail was smuggled through servers of this world. */
static void test_known_smuggling_sequences_do_not_end_data(void **state)
{
	static const char *const rows[] = {
		"a\n.\n",	  "a\n.\r\n",	  "a\r\n.\n",	"a\r.\r",	"a\r.\r\n",
		"a\r\n.\r",	  "a\n.\r",	  "a\r.\n",	"a\r\n.\r\r\n",	"a\r\r\n.\r\r\n",
		"a\r\n\0.\r\n",	  "a\r\n.\0\r\n", "a\r\n .\r\n", "a\n\n.\n\n",	"a\r\n..\r\n",
		"a\x85.\x85",	  "a\r\n.\x0b\n",
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		size_t len = i == 10 || i == 11 ? 7 : strlen(rows[i]);
		struct run r = run_data(&lenient, "", rows[i], len, len, WAY_IN_PLACE);

		assert_int_equal(r.ended, 0);
		body_unref(r.body);
	}
}

/* --- facts --- */

static const char letter[] =
	"Received: from a by b;\r\n now\r\n"
	"MESSAGE-ID :  <1@a>\r\n"
	"Subject: one\r\n\ttwo\r\n"
	"received: from b by c\r\n"
	"X-Empty:\r\n"
	"Message-Id: <2@a>\r\n"
	"\r\n"
	"..one\r\n"
	"caf\xc3\xa9 is the longest line of them\r\n"
	"...\r\n"
	"Received: in the body\r\n"
	"\r\n"
	".\r\nMAIL FROM:<x@y>\r\n";

static const char *const fields[] = { "Message-ID", "Subject", "X-Empty", "X-None" };

static void check_field(const struct body *body, size_t i, const char *value, uint32_t count)
{
	assert_int_equal(body->field[i].count, count);
	assert_int_equal(body->field[i].len, strlen(value));
	assert_memory_equal(body_data(body) + body->field[i].at, value, strlen(value));
}

static void check_letter(const struct run *r, size_t trace)
{
	const struct body_facts *facts = &r->body->facts;
	size_t stored = (size_t)(strstr(letter, ".\r\nMAIL") - letter);
	size_t header = (size_t)(strstr(letter, "..one") - letter);

	assert_int_equal(r->ended, 1);
	assert_int_equal(r->code, 0);
	assert_int_equal(r->used, stored + 3);
	assert_int_equal(r->body->len, trace + stored);
	assert_int_equal(facts->stored_size, trace + stored);
	assert_int_equal(facts->stuffed_dots, 2);
	assert_int_equal(facts->unstuffed_size, trace + stored - 2);
	assert_int_equal(facts->accepted_size, stored - 2);
	assert_int_equal(facts->header_length, trace + header);
	assert_int_equal(facts->received_count, 2);
	assert_int_equal(facts->longest_line, strlen("caf\xc3\xa9 is the longest line of them"));
	assert_int_equal(facts->form, BODY_LINES);
	assert_true(facts->has_8bit);
	assert_false(r->body->has_nul);
	check_field(r->body, 0, "<1@a>", 2);
	check_field(r->body, 1, "one\r\n\ttwo", 1);
	check_field(r->body, 2, "", 1);
	check_field(r->body, 3, "", 0);
}

static void test_facts_and_fields_are_the_same_at_every_split(void **state)
{
	static const char *const traces[] = { "", "Received: by us\r\n" };
	struct smtp_data_rules rules = { .fields = fields, .field_count = WP_COUNT(fields) };

	(void)state;
	for (size_t t = 0; t < WP_COUNT(traces); t++) {
		for (size_t piece = 1; piece <= sizeof(letter); piece++) {
			for (int way = WAY_FEED; way <= WAY_IN_PLACE; way++) {
				struct run r = run_data(&rules, traces[t], letter,
							sizeof(letter) - 1, piece, way);

				check_letter(&r, strlen(traces[t]));
				body_unref(r.body);
			}
		}
	}
}

static void test_an_empty_message_and_one_without_body(void **state)
{
	struct run r = run_data(&lenient, "", ".\r\n", 3, 3, WAY_IN_PLACE);

	(void)state;
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.body->facts.stored_size, 0);
	body_unref(r.body);
	r = run_data(&lenient, "T: t\r\n", "A: b\r\n.\r\n", 9, 9, WAY_IN_PLACE);
	assert_int_equal(r.body->facts.stored_size, 12);
	assert_int_equal(r.body->facts.header_length, 12);
	assert_false(r.body->facts.has_8bit);
	body_unref(r.body);
}

static void test_8bit_and_nul_are_seen_at_every_place(void **state)
{
	(void)state;
	for (size_t at = 0; at < 40; at++) {
		for (int c = 0; c < 256; c += 0x80) {
			struct smtp_data_rules strict = { .accept_nul = false };
			char data[48];
			struct run r;

			memset(data, 'a', sizeof(data));
			data[at] = (char)c;
			memcpy(data + 40, "\r\n.\r\n\0\xff\0", 8);
			r = run_data(&strict, "", data, 48, 48, WAY_IN_PLACE);
			assert_int_equal(r.code, c == 0 ? 550 : 0);
			assert_int_equal(r.body->has_nul, c == 0);
			assert_int_equal(r.body->facts.has_8bit, c == 0x80);
			body_unref(r.body);
		}
	}
}

/* --- rules --- */

static void check_rule(const struct smtp_data_rules *rules, const char *data, uint16_t code)
{
	size_t len = strlen(data);

	for (size_t piece = 1; piece <= len; piece++) {
		struct run r = run_data(rules, "Received: trace\r\n", data, len, piece,
					piece % 2 ? WAY_FEED : WAY_IN_PLACE);

		assert_int_equal(r.ended, 1);
		assert_int_equal(r.used, len);
		assert_int_equal(r.code, code);
		body_unref(r.body);
	}
}

static void test_limits_hold_exactly_and_the_message_is_read_to_its_end(void **state)
{
	(void)state;
	check_rule(&(struct smtp_data_rules){ .message_bytes = 12 }, "0123456789\r\n.\r\n", 0);
	check_rule(&(struct smtp_data_rules){ .message_bytes = 11 }, "0123456789\r\n.\r\n", 552);
	check_rule(&(struct smtp_data_rules){ .message_bytes = 12 }, "..123456789\r\n.\r\n", 0);
	check_rule(&(struct smtp_data_rules){ .message_bytes = 11 }, "..123456789\r\n.\r\n", 552);
	check_rule(&(struct smtp_data_rules){ .line_bytes = 5 }, "..1234\r\n\r\n12345\r\n.\r\n", 0);
	check_rule(&(struct smtp_data_rules){ .line_bytes = 5 }, "a\r\n..12345\r\nb\r\n.\r\n", 552);
	check_rule(&(struct smtp_data_rules){ .header_bytes = 8 }, "A: b\r\n\r\nccc\r\n.\r\n", 0);
	check_rule(&(struct smtp_data_rules){ .header_bytes = 7 }, "A: b\r\n\r\nccc\r\n.\r\n", 552);
	check_rule(&(struct smtp_data_rules){ .hops = 2 },
		   "Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n.\r\n", 0);
	check_rule(&(struct smtp_data_rules){ .hops = 2 },
		   "Received: a\r\nReceived: b\r\nRECEIVED : c\r\n\r\n.\r\n", 554);
}

/* Of several broken rules the same one is named however the octets came. */
static void test_the_refusal_does_not_depend_on_the_split(void **state)
{
	static const char data[] = "Received: a\r\nReceived: \0b\r\nX: y\n\r\nlong line\r\n.\r\n";
	const struct smtp_data_rules rules = { .hops = 1, .line_bytes = 3, .message_bytes = 9 };

	(void)state;
	for (size_t piece = 1; piece < sizeof(data); piece++) {
		struct run r = run_data(&rules, "", data, sizeof(data) - 1, piece, WAY_IN_PLACE);

		assert_int_equal(r.ended, 1);
		assert_int_equal(r.code, 550);
		assert_true(r.body->has_bare_newline);
		body_unref(r.body);
	}
}

static void test_a_refused_message_keeps_no_memory(void **state)
{
	const struct smtp_data_rules rules = { .message_bytes = 100 };
	struct body *body = body_new(0, 1 << 20);
	struct smtp_data d;
	char block[4096];
	size_t used;

	(void)state;
	memset(block, 'x', sizeof(block));
	smtp_data_begin(&d, &rules, body);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(smtp_data_feed(&d, block, sizeof(block), &used), 0);
	assert_int_equal(body->len, 0);
	assert_true(body->cap <= 64 * 1024);
	assert_int_equal(smtp_data_feed(&d, "\r\n.\r\n", 5, &used), 1);
	assert_int_equal(smtp_data_refusal(&d)->code, 552);
	smtp_data_fini(&d);
}

/* --- taking chunks away --- */

static void test_chunks_taken_away_at_any_moment_add_up_to_the_message(void **state)
{
	struct smtp_data_rules rules = { .fields = fields, .field_count = WP_COUNT(fields) };
	size_t len = sizeof(letter) - 1;

	(void)state;
	for (size_t piece = 1; piece < 20; piece++) {
		struct body *body = body_new(4, 8);
		struct buf all = { 0 };
		struct smtp_data d;
		size_t at = 0, used = 0;
		int ended = 0;

		smtp_data_begin(&d, &rules, body);
		while (!ended) {
			size_t n = len - at < piece ? len - at : piece, taken;
			char *mem;

			ended = smtp_data_feed(&d, letter + at, n, &used);
			at += used;
			if (d.in_header || ended)
				continue;
			taken = body_take(body, smtp_data_undecided(&d), &mem);
			buf_add(&all, mem + 4, taken);
			free(mem);
		}
		buf_add(&all, body_data(body), body->len);
		assert_int_equal(all.len, body->facts.stored_size);
		assert_memory_equal(all.data, letter, all.len);
		assert_int_equal(at, all.len + 3);
		assert_int_equal(body->facts.stuffed_dots, 2);
		smtp_data_fini(&d);
		buf_free(&all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_but_crlf_dot_crlf_ends_data),
		cmocka_unit_test(test_known_smuggling_sequences_do_not_end_data),
		cmocka_unit_test(test_facts_and_fields_are_the_same_at_every_split),
		cmocka_unit_test(test_an_empty_message_and_one_without_body),
		cmocka_unit_test(test_8bit_and_nul_are_seen_at_every_place),
		cmocka_unit_test(test_limits_hold_exactly_and_the_message_is_read_to_its_end),
		cmocka_unit_test(test_the_refusal_does_not_depend_on_the_split),
		cmocka_unit_test(test_a_refused_message_keeps_no_memory),
		cmocka_unit_test(test_chunks_taken_away_at_any_moment_add_up_to_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
