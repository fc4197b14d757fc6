/* Header fields on the way: what is written is safe, what is read is what is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/trace_header.h"

static void expect_text(struct buf *got, const char *want)
{
	assert_string_equal(got->data, want);
	buf_free(got);
}

static void received_names_client_and_server(void **state)
{
	struct trace_received r = {
		.helo = "mail.a.example",
		.address = "192.0.2.7",
		.by = "hub1.example",
		.with = "ESMTPS",
		.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
		.id = "4F2A-1",
		.rcpt = "r@b.example",
		.wall_ms = 1700000000000,
	};
	struct buf out = { 0 };

	(void)state;
	trace_received_add(&out, &r);
	expect_text(&out, "Received: from mail.a.example (unknown [192.0.2.7])\r\n"
			  "\tby hub1.example with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
			  "\tid 4F2A-1\r\n"
			  "\tfor <r@b.example>;\r\n"
			  "\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
	r = (struct trace_received){ .helo = "x",
				     .rdns = "c.example",
				     .address = "2001:db8::1",
				     .by = "hub1.example",
				     .wall_ms = 0 };
	trace_received_add(&out, &r);
	expect_text(&out, "Received: from x (c.example [IPv6:2001:db8::1])\r\n"
			  "\tby hub1.example with SMTP;\r\n"
			  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
	r = (struct trace_received){ .by = "hub1.example", .with = "LMTP" };
	trace_received_add(&out, &r);
	expect_text(&out, "Received: by hub1.example with LMTP;\r\n"
			  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
}

/* Whatever the peer said: no line but ours, no comment or clause of its making. */
static void received_cannot_be_forged(void **state)
{
	struct trace_received r = {
		.helo = "a\r\nX-Evil: 1 (",
		.rdns = ") by evil; (",
		.address = "1]\n",
		.by = "hub\n",
		.with = "E(S)",
		.tls = "TLS) for <x>\r\n\\",
		.id = "1;\r\n2",
		.rcpt = "a@b>\r\nX: y",
	};
	struct buf out = { 0 };

	(void)state;
	trace_received_add(&out, &r);
	expect_text(&out, "Received: from a??X-Evil:?1?? (??by?evil??? [1]?])\r\n"
			  "\tby hub? with E?S? (TLS? for <x>  ?)\r\n"
			  "\tid 1???2;\r\n"
			  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
	trace_return_path_add(&out, "a@b\r\nX: y");
	expect_text(&out, "Return-Path: <a@bX: y>\r\n");
	trace_return_path_add(&out, "");
	expect_text(&out, "Return-Path: <>\r\n");
}

/* Unfolding gives the text back, and no line is too long. */
static void check_folding(const char *name, const char *value)
{
	struct buf out = { 0 }, unfolded = { 0 };
	size_t column = 0, longest = 0, lines = 0;

	trace_field_add(&out, name, value);
	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] == '\r') {
			assert_int_equal(out.data[i + 1], '\n');
			longest = column > longest ? column : longest;
			column = 0;
			lines++;
			i++;
			if (i + 1 < out.len)
				assert_int_equal(out.data[i + 1], ' ');
			continue;
		}
		assert_in_range((unsigned char)out.data[i], 32, 126);
		buf_addc(&unfolded, out.data[i]);
		column++;
	}
	assert_true(longest <= 998);
	assert_int_equal(column, 0);
	if (strlen(value) < 900)
		assert_string_equal(unfolded.data + strlen(name) + 2, value);
	if (strlen(value) < 70)
		assert_int_equal(lines, 1);
	buf_free(&unfolded);
	buf_free(&out);
}

static void fields_fold_where_they_can(void **state)
{
	char words[801], solid[2501];
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(words) - 1; i++)
		words[i] = i % 7 == 6 ? ' ' : 'w';
	words[sizeof(words) - 1] = '\0';
	memset(solid, 's', sizeof(solid) - 1);
	solid[sizeof(solid) - 1] = '\0';
	check_folding("X", "short");
	check_folding("X", "");
	check_folding("X", "a  b   c ");
	check_folding("X-Words", words);
	check_folding("X-Solid", solid);
	trace_field_add(&out, "X", "a\r\nB: c\x01\xff");
	expect_text(&out, "X: a  B: c ?\r\n");
}

static void fields_are_found_with_their_places(void **state)
{
	static const char header[] =
		"From: a\r\nTo: b,\r\n\tc\r\nno field\r\nX :y\r\n: z\r\nE:\r\n\r\nBody: no\r\n";
	static const struct {
		const char *name, *value;
		size_t at, len;
	} want[] = {
		{ "From", " a", 0, 9 },	    { "To", " b,\r\n\tc", 9, 12 },
		{ "", "no field", 21, 10 }, { "X", "y", 31, 6 },
		{ "", ": z", 37, 5 },	    { "E", "", 42, 4 },
	};
	struct trace_field f;
	size_t pos = 0;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(want); i++) {
		assert_true(trace_field_next(header, strlen(header), &pos, &f));
		assert_int_equal(f.name_len, strlen(want[i].name));
		assert_memory_equal(f.name, want[i].name, f.name_len);
		assert_int_equal(f.value_len, strlen(want[i].value));
		assert_memory_equal(f.value, want[i].value, f.value_len);
		assert_int_equal(f.at, want[i].at);
		assert_int_equal(f.len, want[i].len);
	}
	assert_false(trace_field_next(header, strlen(header), &pos, &f));
	pos = 0;
	assert_false(trace_field_next("", 0, &pos, &f));
}

static void hops_are_counted_and_our_own_among_them(void **state)
{
	static const char header[] =
		"received: from a by HUB1.example with SMTP; date\r\n"
		"Received: from by (by hub1.example)\r\n\tby other.example; x\r\n"
		"Received: (by hub1.example \\) by x) by\r\n\thub1.example(c);\r\n\tdate\r\n"
		"Received: by hub1.example.evil; x\r\n"
		"Received: by\r\n"
		"X-Received: by hub1.example; x\r\n"
		"Subject: x\r\n\r\n"
		"Received: by hub1.example; in the body\r\n";
	struct trace_hops hops;

	(void)state;
	trace_count_hops(header, strlen(header), "hub1.example", &hops);
	assert_int_equal(hops.received, 5);
	assert_int_equal(hops.by_us, 2);
}

static void organisation_fields_are_read_and_stripped(void **state)
{
	struct span_list spans = { 0 };
	struct edit_list edits = { 0 };
	struct buf text = { 0 }, out = { 0 };
	struct span_cursor at = { 0 };
	uint64_t size = 0;

	(void)state;
	buf_adds(&text, "From: a\r\n");
	trace_org_add(&text, TRACE_ORG_SIZE, 4711);
	buf_adds(&text, "x-waypost-ORGANIZATION-Later: 1,\r\n 2\r\nTo: b\r\n\r\n"
			"X-Waypost-Organization-Size: 9\r\n");
	assert_true(trace_org_read(text.data, text.len, TRACE_ORG_SIZE, &size));
	assert_int_equal(size, 4711);
	assert_int_equal(trace_org_strip(text.data, text.len, &edits), 2);
	edit_apply(&edits, text.data, text.len, &spans);
	buf_reserve(&out, spans.total_bytes);
	out.len = span_copy(&spans, &at, out.data, spans.total_bytes);
	out.data[out.len] = '\0';
	assert_false(trace_org_read(out.data, out.len, TRACE_ORG_SIZE, &size));
	expect_text(&out, "From: a\r\nTo: b\r\n\r\nX-Waypost-Organization-Size: 9\r\n");
	assert_false(trace_org_read("X-Waypost-Organization-Size: 5k\r\n", 33, TRACE_ORG_SIZE,
				    &size));
	edit_list_fini(&edits);
	span_list_fini(&spans);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received_names_client_and_server),
		cmocka_unit_test(received_cannot_be_forged),
		cmocka_unit_test(fields_fold_where_they_can),
		cmocka_unit_test(fields_are_found_with_their_places),
		cmocka_unit_test(hops_are_counted_and_our_own_among_them),
		cmocka_unit_test(organisation_fields_are_read_and_stripped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
