/*
 * Delivery status notifications.
 *
 * Everything that others said passes one of three doors: trace_field_add() (header fields of
 * all parts), add_shown() (an address in running text), add_wrapped() (a reply in running
 * text). All of them turn control characters into spaces, so none can begin a line; and as no
 * line of ours begins with a dot, what is built is dot-stuffed already. The returned
 * message comes stuffed from the spool and is copied as it is.
 */
#include "config.h" /* memmem */

#include "delivery/dsn.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "delivery/smtp_text.h"
#include "delivery/trace_header.h"

enum {
	TEXT_COLUMNS = 76,
	SHOWN_ADDRESS_MAX = 400, /* octets of an address in running text */
	FIELD_ADDRESS_MAX = 4096,
	LISTED_RCPTS = 100, /* recipients told in running text; the report has all */
	HEADER_MAX = 65536, /* octets of header returned */
	LINE_MAX_OCTETS = 998,
};

static const struct {
	const char *name;
	const char *status; /* when the outcome has none */
	const char *subject;
	const char *head, *tail; /* the sentence around the recipient */
	bool has_cause;
} actions[DSN_ACTIONS] = {
	[DSN_FAILED] = { "failed", "5.0.0", "Your message could not be delivered",
			 "Your message could not be delivered to ", "", true },
	[DSN_DELAYED] = { "delayed", "4.0.0", "Your message is delayed",
			  "Your message is still on its way to ", "", true },
	[DSN_DELIVERED] = { "delivered", "2.0.0", "Your message was delivered",
			    "Your message was delivered to ", ".", false },
	[DSN_RELAYED] = { "relayed", "2.1.9", "Your message was passed on",
			  "Your message was passed on towards ",
			  ", to a system that does not report deliveries.", false },
	[DSN_EXPANDED] = { "expanded", "2.0.0", "Your message was sent to a group",
			   "Your message was sent to the members of the group ",
			   "; they are not reported one by one.", false },
};

const char *dsn_action_name(enum dsn_action action)
{
	return (unsigned)action < DSN_ACTIONS ? actions[action].name : "";
}

/* --- texts ----------------------------------------------------------------------------- */

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text > 127)
			return false;
	return true;
}

/* The next code point of well-formed UTF-8. */
static unsigned next_char(const char **at)
{
	unsigned char c = (unsigned char)*(*at)++;
	unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	unsigned value = more ? c & (0x3fu >> more) : c;

	for (; more; more--)
		value = value << 6 | ((unsigned char)*(*at)++ & 0x3f);
	return value;
}

/*
 * An address in 7-bit form, at most MAX octets: letters beyond ASCII as \x{HEX}, RFC 6533 §3
 * utf-8-addr-xtext; what is no UTF-8 becomes '?'.
 */
static void add_address(struct buf *out, const char *text, size_t max)
{
	size_t limit = out->len + max - (sizeof("\\x{10FFFF}") - 1);
	bool is_utf8 = smtp_is_utf8(text, strlen(text));

	while (*text && out->len <= limit) {
		unsigned c = (unsigned char)*text;

		if (c < 128 || !is_utf8)
			trace_safe_add(out, text++, 1);
		else
			buf_printf(out, "\\x{%X}", next_char(&text));
	}
}

/* An address in running text. */
static void add_shown(struct buf *out, const char *text)
{
	add_address(out, text, SHOWN_ADDRESS_MAX);
}

static const char *status_of(const struct dsn_rcpt *rcpt)
{
	const char *own = rcpt->outcome ? rcpt->outcome->status : "";

	return *own ? own : actions[rcpt->action].status;
}

/* Words of TEXT in lines of at most 76, each begun by INDENT; a longer word is broken at
 * the line's limit. */
static void add_wrapped(struct buf *out, const char *indent, const char *text)
{
	size_t room = TEXT_COLUMNS - strlen(indent), column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (n > LINE_MAX_OCTETS - TEXT_COLUMNS)
			n = LINE_MAX_OCTETS - TEXT_COLUMNS;
		if (column && column + 1 + n > room) {
			buf_adds(out, "\r\n");
			column = 0;
		}
		buf_adds(out, column ? " " : indent);
		trace_safe_add(out, text, n);
		column += n + (column > 0);
		text += n + (text[n] == ' ');
	}
	if (column)
		buf_adds(out, "\r\n");
}

static void add_date_field(struct buf *out, const char *name, uint64_t wall_ms)
{
	char date[40];

	if (!wall_ms)
		return;
	clock_rfc5322(wall_ms, date);
	trace_field_add(out, name, date);
}

/* "Name: type; value" */
static void add_typed_field(struct buf *out, const char *name, const char *type,
			    const char *value)
{
	struct buf whole = { 0 };

	if (!*value)
		return;
	buf_printf(&whole, "%s; %s", type, value);
	trace_field_add(out, name, whole.data);
	buf_free(&whole);
}

static void add_address_field(struct buf *out, const char *name, const char *address)
{
	struct buf safe = { 0 };

	add_address(&safe, address, FIELD_ADDRESS_MAX);
	if (safe.len)
		add_typed_field(out, name,
				is_ascii(address) || !smtp_is_utf8(address, strlen(address))
					? "rfc822"
					: "utf-8",
				safe.data);
	buf_free(&safe);
}

/* XTEXT decoded; what is no xtext stays as it is. */
static void decode_xtext(struct buf *out, const char *xtext)
{
	if (smtp_xtext_decode(out, xtext, strlen(xtext)) == 0)
		return;
	buf_clear(out);
	buf_adds(out, xtext);
}

/* --- the first part: for people -------------------------------------------------------- */

/* The worst that is reported: what the subject and the first line are about. */
static const struct dsn_rcpt *headline(const struct dsn_request *q)
{
	const struct dsn_rcpt *worst = &q->rcpts[0];

	for (uint32_t i = 1; i < q->rcpt_count; i++)
		if (q->rcpts[i].action < worst->action)
			worst = &q->rcpts[i];
	return worst;
}

static uint32_t count_action(const struct dsn_request *q, enum dsn_action action)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < q->rcpt_count; i++)
		count += q->rcpts[i].action == action;
	return count;
}

static void add_delay_remedy(struct buf *out, const struct dsn_request *q)
{
	char date[40];

	buf_adds(out, ". You need not send it again: it will be tried ");
	if (q->expires_ms) {
		clock_rfc5322(q->expires_ms, date);
		buf_printf(out, "until %s.", date);
	} else {
		buf_adds(out, "further.");
	}
}

/* One line: who, the cause, the remedy. */
static void add_sentence(struct buf *out, const struct dsn_request *q)
{
	const struct dsn_rcpt *rcpt = headline(q);
	uint32_t count = count_action(q, rcpt->action);
	const char *cause, *remedy;

	buf_adds(out, actions[rcpt->action].head);
	add_shown(out, rcpt->address);
	if (count > 1)
		buf_printf(out, " and %u more", count - 1);
	buf_adds(out, actions[rcpt->action].tail);
	if (actions[rcpt->action].has_cause) {
		dsn_explain(status_of(rcpt), &cause, &remedy);
		buf_printf(out, ": %s", cause);
		if (rcpt->action == DSN_DELAYED)
			add_delay_remedy(out, q);
		else
			buf_printf(out, ". %s", remedy);
	}
	buf_adds(out, "\r\n");
}

/* "mx.example [192.0.2.1:25] answered to RCPT TO: 550 5.1.1 no such user" */
static void add_said(struct buf *out, const struct outcome *o)
{
	struct buf text = { 0 };

	if (!*o->reply)
		return;
	if (o->diagnostic == OUTCOME_DIAGNOSTIC_SMTP) {
		buf_printf(&text, "%s%s%s%s answered at stage %s: %u %s%s%s",
			   *o->host ? o->host : "The receiving system", *o->address ? " [" : "",
			   o->address, *o->address ? "]" : "", outcome_stage_name(o->stage),
			   o->smtp_code, o->status, *o->status ? " " : "", o->reply);
	} else {
		buf_printf(&text, "%s%s%s%s", *o->host ? "At " : "", o->host,
			   *o->host ? ": " : "", o->reply);
	}
	add_wrapped(out, "    ", text.data);
	buf_free(&text);
}

static void add_details(struct buf *out, const struct dsn_rcpt *rcpt)
{
	const char *cause, *remedy;

	buf_adds(out, "\r\n<");
	add_shown(out, rcpt->address);
	buf_printf(out, ">: %s\r\n", actions[rcpt->action].name);
	if (actions[rcpt->action].has_cause) {
		struct buf text = { 0 };

		dsn_explain(status_of(rcpt), &cause, &remedy);
		buf_printf(&text, "Cause: %s (%s).", cause, status_of(rcpt));
		add_wrapped(out, "    ", text.data);
		if (rcpt->action == DSN_FAILED)
			add_wrapped(out, "    ", remedy);
		buf_free(&text);
	}
	if (rcpt->outcome)
		add_said(out, rcpt->outcome);
}

static void add_text_part(struct buf *out, const struct dsn_request *q)
{
	struct buf text = { 0 };
	char date[40];

	add_sentence(out, q);
	for (uint32_t i = 0; i < q->rcpt_count && i < LISTED_RCPTS; i++)
		add_details(out, &q->rcpts[i]);
	if (q->rcpt_count > LISTED_RCPTS)
		buf_printf(out, "\r\nand %u more: see the report below.\r\n",
			   q->rcpt_count - LISTED_RCPTS);
	buf_printf(&text, "This notice was made by %s.", q->reporting_host);
	if (q->arrival_ms) {
		clock_rfc5322(q->arrival_ms, date);
		buf_printf(&text, " It took the message on %s.", date);
	}
	if (*q->message_id)
		buf_printf(&text, " The administrator finds it in the logs as %s.",
			   q->message_id);
	buf_adds(&text, " For help write to ");
	if (*q->postmaster)
		add_shown(&text, q->postmaster);
	else
		buf_printf(&text, "postmaster@%s", q->reporting_host);
	buf_addc(&text, '.');
	buf_adds(out, "\r\n");
	add_wrapped(out, "", text.data);
	buf_free(&text);
}

/* --- the second part: for programs (RFC 3464) ------------------------------------------ */

static void add_rcpt_fields(struct buf *out, const struct dsn_request *q,
			    const struct dsn_rcpt *rcpt)
{
	const struct outcome *o = rcpt->outcome;
	struct buf text = { 0 };

	buf_adds(out, "\r\n");
	if (*rcpt->orcpt) { /* "rfc822;xtext": the type stays as the sender said it */
		decode_xtext(&text, rcpt->orcpt);
		trace_field_add(out, "Original-Recipient", text.data);
		buf_clear(&text);
	}
	add_address_field(out, "Final-Recipient", rcpt->address);
	trace_field_add(out, "Action", actions[rcpt->action].name);
	trace_field_add(out, "Status", status_of(rcpt));
	if (o) {
		add_typed_field(out, "Remote-MTA", "dns", o->host);
		if (o->diagnostic == OUTCOME_DIAGNOSTIC_SMTP)
			buf_printf(&text, "%u %s%s%s", o->smtp_code, o->status,
				   *o->status ? " " : "", o->reply);
		else
			buf_adds(&text, o->reply);
		add_typed_field(out, "Diagnostic-Code",
				o->diagnostic == OUTCOME_DIAGNOSTIC_SMTP ? "smtp" : "x-waypost",
				text.data);
	}
	if (rcpt->action == DSN_DELAYED)
		add_date_field(out, "Will-Retry-Until", q->expires_ms);
	buf_free(&text);
}

static void add_report_part(struct buf *out, const struct dsn_request *q)
{
	struct buf text = { 0 };

	if (*q->envid) {
		decode_xtext(&text, q->envid);
		trace_field_add(out, "Original-Envelope-Id", text.data);
		buf_free(&text);
	}
	add_typed_field(out, "Reporting-MTA", "dns", q->reporting_host);
	add_typed_field(out, "Received-From-MTA", "dns", q->received_from);
	add_date_field(out, "Arrival-Date", q->arrival_ms);
	for (uint32_t i = 0; i < q->rcpt_count; i++)
		add_rcpt_fields(out, q, &q->rcpts[i]);
}

/* --- the third part: the message ------------------------------------------------------- */

/* The header, 7-bit, fields up to the limit, without its empty line and without what only own
 * servers are to know. */
static void add_header_part(struct buf *out, const struct dsn_request *q)
{
	size_t len = q->header_len < q->len ? q->header_len : q->len, pos = 0;
	struct trace_field f;

	while (trace_field_next(q->data, len, &pos, &f) && pos <= HEADER_MAX) {
		const char *at = q->data + f.at, *end = at + f.len;

		if (trace_is_org(&f))
			continue;
		while (at < end) {
			const char *lf = memchr(at, '\n', (size_t)(end - at));
			const char *stop = lf ? lf : end;
			size_t n = (size_t)(stop - at);

			n -= n && stop[-1] == '\r';
			trace_safe_add(out, at, n < LINE_MAX_OCTETS ? n : LINE_MAX_OCTETS);
			buf_adds(out, "\r\n");
			at = lf ? lf + 1 : end;
		}
	}
}

/* The whole, as it came but for the organisation's fields. */
static void add_message_part(struct buf *out, const struct dsn_request *q)
{
	struct span_list spans = { 0 };
	struct edit_list edits = { 0 };

	trace_org_strip(q->data, q->header_len < q->len ? q->header_len : q->len, &edits);
	edit_apply(&edits, q->data, q->len, &spans);
	for (uint32_t i = 0; i < spans.count; i++)
		buf_add(out, span_items(&spans)[i].data, span_items(&spans)[i].len);
	if (!q->len || q->data[q->len - 1] != '\n')
		buf_adds(out, "\r\n");
	edit_list_fini(&edits);
	span_list_fini(&spans);
}

/* --- the whole ------------------------------------------------------------------------- */

/* The Message-ID of the message, if it has a sane one: so that programs show the notice
 * beside the message. */
static void add_reference(struct buf *out, const struct dsn_request *q)
{
	size_t len = q->header_len < q->len ? q->header_len : q->len, pos = 0;
	struct trace_field f;

	while (trace_field_next(q->data, len, &pos, &f)) {
		const char *open, *close;
		struct buf id = { 0 };

		if (f.name_len != 10 || !ascii_equal_n(f.name, "Message-ID", 10))
			continue;
		open = memchr(f.value, '<', f.value_len);
		close = open ? memchr(open, '>', (size_t)(f.value + f.value_len - open)) : NULL;
		if (!close || close - open > 250 || memchr(open, '\n', (size_t)(close - open)))
			return;
		trace_safe_add(&id, open, (size_t)(close + 1 - open));
		trace_field_add(out, "In-Reply-To", id.data);
		trace_field_add(out, "References", id.data);
		buf_free(&id);
		return;
	}
}

static void add_main_header(struct buf *out, const struct dsn_request *q, const char *boundary,
			    bool is_8bit)
{
	struct buf text = { 0 };

	add_date_field(out, "Date", q->now_ms);
	buf_printf(&text, "Mail Delivery System <MAILER-DAEMON@%s>", q->reporting_host);
	trace_field_add(out, "From", text.data);
	buf_clear(&text);
	if (is_ascii(q->sender))
		buf_printf(&text, "<%s>", q->sender);
	else
		buf_adds(&text, "undisclosed-recipients:;"); /* its envelope says whom */
	trace_field_add(out, "To", text.data);
	trace_field_add(out, "Subject", actions[headline(q)->action].subject);
	buf_clear(&text);
	buf_printf(&text, "<%s@%s>", q->id, q->reporting_host);
	trace_field_add(out, "Message-ID", text.data);
	add_reference(out, q);
	trace_field_add(out, "Auto-Submitted", "auto-replied"); /* RFC 3834 §5 */
	trace_field_add(out, "MIME-Version", "1.0");
	buf_clear(&text);
	buf_printf(&text, "multipart/report; report-type=delivery-status; boundary=\"%s\"",
		   boundary);
	trace_field_add(out, "Content-Type", text.data);
	trace_field_add(out, "Content-Transfer-Encoding", is_8bit ? "8bit" : "7bit");
	buf_free(&text);
}

static void begin_part(struct buf *out, const char *boundary, const char *description,
		       const char *type, bool is_8bit)
{
	buf_printf(out, "\r\n--%s\r\n", boundary);
	trace_field_add(out, "Content-Description", description);
	trace_field_add(out, "Content-Type", type);
	if (is_8bit)
		trace_field_add(out, "Content-Transfer-Encoding", "8bit");
	buf_adds(out, "\r\n");
}

/* A boundary that is not in what is returned, even where somebody guessed it. */
static void choose_boundary(const struct dsn_request *q, struct buf *boundary)
{
	unsigned n = 0;

	do {
		buf_clear(boundary);
		buf_printf(boundary, "=_%s_%u", q->id, n++);
	} while (q->len && memmem(q->data, q->len, boundary->data, boundary->len));
}

static void add_returned_part(struct buf *out, const struct dsn_request *q, const char *boundary,
			      bool is_8bit)
{
	begin_part(out, boundary, q->full ? "Undelivered message" : "Message header",
		   q->full ? "message/rfc822" : "text/rfc822-headers", is_8bit);
	if (q->full)
		add_message_part(out, q);
	else
		add_header_part(out, q);
}

bool dsn_build(const struct dsn_request *request, struct buf *out, bool *is_8bit_r)
{
	bool is_8bit = request->full && request->is_8bit && request->len > 0;
	struct buf boundary = { 0 };

	if (!request->sender[0])
		return false;
	choose_boundary(request, &boundary);
	add_main_header(out, request, boundary.data, is_8bit);
	begin_part(out, boundary.data, "Notification", "text/plain; charset=us-ascii", false);
	add_text_part(out, request);
	begin_part(out, boundary.data, "Delivery report", "message/delivery-status", false);
	add_report_part(out, request);
	if (request->len > 0)
		add_returned_part(out, request, boundary.data, is_8bit);
	buf_printf(out, "\r\n--%s--\r\n", boundary.data);
	buf_free(&boundary);
	*is_8bit_r = is_8bit;
	return true;
}
