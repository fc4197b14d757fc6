/* DATA: end, facts, rules. Pure. See smtp_data.h. */
#include "delivery/smtp_data.h"

#include <string.h>

#include "common/buf.h"

/* Places of fields are 32-bit numbers. */
enum { HEADER_BYTES_MAX = 1 << 30 };

/* The rules, most telling first: the first broken one is named. Hops come last, since the
 * header of a message that is refused for something else is not looked at any more. */
enum rule { RULE_NEWLINE, RULE_NUL, RULE_LINE, RULE_HEADER, RULE_SIZE, RULE_HOPS, RULES };

static const struct server_reply refusals[RULES] = {
	[RULE_NEWLINE] = { 550, { 5, 6, 11 },
			   "The message contains a CR or LF that is not part of a CRLF" },
	[RULE_NUL] = { 550, { 5, 6, 0 }, "The message contains a NUL octet" },
	[RULE_LINE] = { 552, { 5, 6, 0 },
			"A line of the message is longer than this server accepts" },
	[RULE_HEADER] = { 552, { 5, 3, 4 },
			  "The message header is larger than this server accepts" },
	[RULE_SIZE] = { 552, { 5, 3, 4 }, "The message is larger than this server accepts" },
	[RULE_HOPS] = { 554, { 5, 4, 6 },
			"The message went through too many servers: mail loop" },
};

static void breaks(struct smtp_data *d, enum rule rule)
{
	d->broken |= 1u << rule;
}

const struct server_reply *smtp_data_refusal(const struct smtp_data *d)
{
	if (d->refusal != NULL || d->broken == 0)
		return d->refusal;
	return &refusals[__builtin_ctz(d->broken)];
}

static bool is_refused(const struct smtp_data *d)
{
	return d->refusal != NULL || d->broken != 0;
}

void smtp_data_begin(struct smtp_data *d, const struct smtp_data_rules *rules,
		     struct body *body)
{
	memset(d, 0, sizeof(*d));
	d->rules = *rules;
	if (d->rules.header_bytes == 0)
		d->rules.header_bytes = HEADER_BYTES_MAX;
	d->body = body;
	d->begin = d->line_at = d->scanned = body->taken_bytes + body->len;
	d->in_header = true;
	d->field = -1;
}

void smtp_data_fini(struct smtp_data *d)
{
	body_unref(d->body);
	d->body = NULL;
}

void smtp_data_refuse(struct smtp_data *d, const struct server_reply *reply)
{
	d->refusal = reply;
}

size_t smtp_data_undecided(const struct smtp_data *d)
{
	return d->at == SMTP_DATA_DOT ? 1 : d->at == SMTP_DATA_DOT_CR ? 2 : 0;
}

/* --- header fields --- */

/* True if LINE is the field NAME; *VALUE_R is where its value begins. White space before the
 * colon is obsolete, not wrong (RFC 5322 §4.5). */
static bool is_field(const char *line, size_t len, const char *name, size_t *value_r)
{
	size_t at = strlen(name);

	if (len <= at || !ascii_equal_n(line, name, at))
		return false;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	if (at == len || line[at] != ':')
		return false;
	for (at++; at < len && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	*value_r = at;
	return true;
}

static void field_begin(struct smtp_data *d, const char *line, size_t len)
{
	size_t value;

	d->field = -1;
	if (is_field(line, len, "Received", &value))
		d->body->facts.received_count++;
	for (size_t i = 0; i < d->rules.field_count; i++) {
		struct body_field *field = &d->body->field[i];

		if (!is_field(line, len, d->rules.fields[i], &value))
			continue;
		if (field->count++ > 0)
			break;
		field->at = (uint32_t)(d->line_at + value);
		field->len = (uint32_t)(len - value);
		d->field = (int)i;
		break;
	}
}

/* LINE lies complete in the body: bodies are not taken away before the header is. */
static void header_line(struct smtp_data *d)
{
	const char *line = body_data(d->body) + (d->line_at - d->body->taken_bytes);
	size_t len = d->line_len + d->line_is_stuffed;

	if (line[0] != ' ' && line[0] != '\t') {
		field_begin(d, line, len);
	} else if (d->field >= 0) {
		struct body_field *field = &d->body->field[d->field];

		field->len = (uint32_t)(d->line_at + len - field->at);
	}
}

/* --- lines --- */

static void line_end(struct smtp_data *d)
{
	struct body_facts *facts = &d->body->facts;
	bool is_empty = d->line_len == 0 && !d->line_is_stuffed;

	if (d->in_header && !is_empty && !is_refused(d))
		header_line(d);
	if (d->line_len > facts->longest_line)
		facts->longest_line = d->line_len < UINT32_MAX ? (uint32_t)d->line_len : UINT32_MAX;
	facts->stuffed_dots += d->line_is_stuffed;
	d->line_at += d->line_is_stuffed + d->line_len + 2;
	d->line_len = 0;
	d->line_is_stuffed = false;
	d->at = SMTP_DATA_LINE;
	if (d->in_header && is_empty) {
		d->in_header = false;
		facts->header_length = (uint32_t)d->line_at;
	}
}

static void line_grows(struct smtp_data *d, size_t n)
{
	d->line_len += n;
	if (d->rules.line_bytes > 0 && d->line_len > d->rules.line_bytes)
		breaks(d, RULE_LINE);
}

static void bare_met(struct smtp_data *d)
{
	d->body->has_bare_newline = true;
	breaks(d, RULE_NEWLINE);
}

/* The inside of a line, up to its end if it is there. Returns where it stopped. */
static const char *scan_text(struct smtp_data *d, const char *at, const char *end)
{
	const char *nl = memchr(at, '\n', (size_t)(end - at));
	size_t len = (size_t)((nl != NULL ? nl : end) - at);
	bool ends_in_cr = len > 0 && at[len - 1] == '\r';

	if (!d->body->has_bare_newline && memchr(at, '\r', len - ends_in_cr) != NULL)
		bare_met(d);
	line_grows(d, len - ends_in_cr);
	if (nl == NULL) {
		d->at = ends_in_cr ? SMTP_DATA_TEXT_CR : SMTP_DATA_TEXT;
		return end;
	}
	if (ends_in_cr) {
		line_end(d);
	} else {
		bare_met(d);
		line_grows(d, 1);
		d->at = SMTP_DATA_TEXT;
	}
	return nl + 1;
}

/* Returns where it stopped: at END, or behind the end of data. */
static const char *scan_lines(struct smtp_data *d, const char *at, const char *end)
{
	while (at < end && d->at != SMTP_DATA_END) {
		switch (d->at) {
		case SMTP_DATA_LINE:
			d->at = *at == '.' ? SMTP_DATA_DOT : SMTP_DATA_TEXT;
			at += *at == '.';
			break;
		case SMTP_DATA_DOT:
			d->line_is_stuffed = *at != '\r';
			d->at = *at == '\r' ? SMTP_DATA_DOT_CR : SMTP_DATA_TEXT;
			at += *at == '\r';
			break;
		case SMTP_DATA_DOT_CR:
			if (*at == '\n') {
				d->at = SMTP_DATA_END;
				at++;
				break;
			}
			d->line_is_stuffed = true;
			WP_FALLTHROUGH; /* the CR stands alone */
		case SMTP_DATA_TEXT_CR:
			if (*at == '\n') {
				line_end(d);
				at++;
				break;
			}
			bare_met(d);
			line_grows(d, 1);
			d->at = SMTP_DATA_TEXT;
			break;
		case SMTP_DATA_TEXT:
			at = scan_text(d, at, end);
			break;
		case SMTP_DATA_END:
			break;
		}
	}
	return at;
}

static bool has_8bit(const char *p, size_t n)
{
	uint64_t all = 0, word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		all |= word;
	}
	for (; n > 0; p++, n--)
		all |= (unsigned char)*p;
	return (all & UINT64_C(0x8080808080808080)) != 0;
}

static void scan_octets(struct smtp_data *d, const char *p, size_t n)
{
	if (!d->body->has_nul && memchr(p, '\0', n) != NULL) {
		d->body->has_nul = true;
		if (!d->rules.accept_nul)
			breaks(d, RULE_NUL);
	}
	if (!d->has_8bit)
		d->has_8bit = has_8bit(p, n);
}

/* --- the message as a whole --- */

static void check_sizes(struct smtp_data *d)
{
	const struct smtp_data_rules *rules = &d->rules;
	uint64_t size = d->scanned - d->begin - d->body->facts.stuffed_dots;
	uint64_t header = (d->in_header ? d->scanned : d->body->facts.header_length) - d->begin;

	if (header > rules->header_bytes)
		breaks(d, RULE_HEADER);
	/* The final dot and its CRLF, which may be among them, do not count. */
	if (rules->message_bytes > 0 && size > rules->message_bytes + 3)
		breaks(d, RULE_SIZE);
	if (rules->hops > 0 && d->body->facts.received_count > rules->hops)
		breaks(d, RULE_HOPS);
}

static void complete(struct smtp_data *d)
{
	struct body *body = d->body;
	struct body_facts *facts = &body->facts;
	uint64_t received = d->line_at - d->begin;

	facts->form = BODY_LINES;
	facts->has_8bit = d->has_8bit;
	facts->stored_size = d->line_at;
	facts->unstuffed_size = d->line_at - facts->stuffed_dots;
	facts->accepted_size = received - facts->stuffed_dots;
	if (d->in_header)
		facts->header_length = (uint32_t)d->line_at;
	if (d->rules.message_bytes > 0 && facts->accepted_size > d->rules.message_bytes)
		breaks(d, RULE_SIZE);
}

int smtp_data_scan(struct smtp_data *d, const char **behind_r, size_t *extra_r)
{
	struct body *body = d->body;
	const char *from = body_data(body) + (d->scanned - body->taken_bytes);
	const char *end = body_data(body) + body->len;
	const char *stop = scan_lines(d, from, end);

	scan_octets(d, from, (size_t)(stop - from));
	d->scanned += (uint64_t)(stop - from);
	check_sizes(d);
	*behind_r = stop;
	*extra_r = (size_t)(end - stop);
	if (d->at != SMTP_DATA_END) {
		if (is_refused(d))
			body_forget(body);
		return 0;
	}
	complete(d);
	/* A refused body may have lost the line already. */
	body->len = d->line_at > body->taken_bytes ? (size_t)(d->line_at - body->taken_bytes) : 0;
	return 1;
}

/* --- CR and LF made CRLF --- */

/* One octet in, at most four out. Whatever is not CRLF "." CRLF in the original never becomes it:
 * a dot behind a newline of our making is stuffed, one that stood before it was stuffing. */
static char *filter_octet(struct smtp_data *d, char c, char *out)
{
	switch (d->filter) {
	case SMTP_FILTER_DOT_CR:
		if (c == '\n') {
			d->filter = SMTP_FILTER_END;
			return (char *)memcpy(out, ".\r\n", 3) + 3;
		}
		WP_FALLTHROUGH; /* the dot was stuffing, the CR stands alone */
	case SMTP_FILTER_CR:
		out = (char *)memcpy(out, "\r\n", 2) + 2;
		if (c == '\n') {
			d->filter = SMTP_FILTER_LINE;
			return out;
		}
		d->body->has_bare_newline = true;
		d->filter = SMTP_FILTER_BARE;
		break;
	case SMTP_FILTER_DOT:
		if (c == '\r') {
			d->filter = SMTP_FILTER_DOT_CR;
			return out;
		}
		if (c != '\n')
			*out++ = '.';
		break;
	case SMTP_FILTER_LINE:
		if (c == '.') {
			d->filter = SMTP_FILTER_DOT;
			return out;
		}
		break;
	default:
		break;
	}
	if (c == '\r') {
		d->filter = SMTP_FILTER_CR;
		return out;
	}
	if (c == '\n') {
		d->body->has_bare_newline = true;
		d->filter = SMTP_FILTER_BARE;
		return (char *)memcpy(out, "\r\n", 2) + 2;
	}
	if (c == '.' && d->filter == SMTP_FILTER_BARE)
		*out++ = '.';
	*out++ = c;
	d->filter = SMTP_FILTER_TEXT;
	return out;
}

static size_t filter(struct smtp_data *d, const char *data, size_t len)
{
	char *begin = body_room(d->body, len * 4), *out = begin;
	size_t used = 0;

	while (used < len && d->filter != SMTP_FILTER_END)
		out = filter_octet(d, data[used++], out);
	d->body->len += (size_t)(out - begin);
	return used;
}

int smtp_data_feed(struct smtp_data *d, const char *data, size_t len, size_t *used_r)
{
	const char *behind;
	size_t extra;
	int rc;

	*used_r = len;
	if (d->rules.normalise)
		*used_r = filter(d, data, len);
	else
		body_add(d->body, data, len);
	rc = smtp_data_scan(d, &behind, &extra);
	*used_r -= extra;
	return rc;
}
