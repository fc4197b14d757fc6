/*
 * Extensions and the parameters of MAIL and RCPT. Pure.
 *
 *	parameters = *( SP keyword [ "=" value ] )   RFC 5321 §4.1.2 (Mail-parameters)
 *
 * Each parameter at most once; one that no extension in force defines is 555.
 */
#include "delivery/smtp_param.h"

#include <string.h>

#include "common/buf.h"
#include "common/compiler.h"
#include "delivery/smtp_text.h"

const struct smtp_ext_row smtp_exts[] = {
	{ "PIPELINING", SMTP_EXT_PIPELINING, false, false },
	{ "SIZE", SMTP_EXT_SIZE, true, false },
	{ "8BITMIME", SMTP_EXT_8BITMIME, false, false },
	{ "ENHANCEDSTATUSCODES", SMTP_EXT_ENHANCEDSTATUSCODES, false, false },
	{ "STARTTLS", SMTP_EXT_STARTTLS, false, true },
};
const size_t smtp_ext_count = WP_COUNT(smtp_exts);

const struct smtp_ext_row *smtp_ext_find(const char *name, size_t len)
{
	for (size_t i = 0; i < smtp_ext_count; i++)
		if (strlen(smtp_exts[i].name) == len &&
		    ascii_equal_n(smtp_exts[i].name, name, len))
			return &smtp_exts[i];
	return NULL;
}

struct param {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len; /* 0: no value */
};

struct param_row {
	const char *name;
	enum smtp_ext ext;
	/* False: the value is wrong. TARGET is the structure of the verb. */
	bool (*set)(void *target, const struct param *p);
	const char *syntax; /* what to say then */
};

/* RFC 1870 §5: up to 20 digits; what no number of ours can hold is too large in any case. */
static bool set_size(void *target, const struct param *p)
{
	struct smtp_mail_params *params = target;

	if (p->value_len == 0 || p->value_len > 20)
		return false;
	for (size_t i = 0; i < p->value_len; i++)
		if (p->value[i] < '0' || p->value[i] > '9')
			return false;
	if (!parse_u64(p->value, p->value_len, UINT64_MAX, &params->size_bytes))
		params->size_bytes = UINT64_MAX;
	params->has_size = true;
	return true;
}

/* RFC 6152 §2 */
static bool set_body(void *target, const struct param *p)
{
	struct smtp_mail_params *params = target;

	if (p->value_len == 4 && ascii_equal_n(p->value, "7BIT", 4))
		params->body = SMTP_BODY_7BIT;
	else if (p->value_len == 8 && ascii_equal_n(p->value, "8BITMIME", 8))
		params->body = SMTP_BODY_8BITMIME;
	else
		return false;
	return true;
}

static const struct param_row mail_rows[] = {
	{ "SIZE", SMTP_EXT_SIZE, set_size, "SIZE needs a number of octets" },
	{ "BODY", SMTP_EXT_8BITMIME, set_body, "BODY is 7BIT or 8BITMIME" },
};

/* 1: one parameter, *AT behind it; 0: the end; -1: no parameter. */
static int next_param(const char *text, size_t len, size_t *at, struct param *p)
{
	size_t i = *at;

	while (i < len && text[i] == ' ')
		i++;
	if (i == len)
		return 0;
	if (i == *at)
		return -1;
	p->name = text + i;
	while (i < len && (smtp_is(text[i], SMTP_CHAR_ALNUM) || text[i] == '-'))
		i++;
	p->name_len = (size_t)(text + i - p->name);
	p->value = text + i;
	p->value_len = 0;
	if (i < len && text[i] == '=') {
		p->value = text + ++i;
		while (i < len && smtp_is(text[i], SMTP_CHAR_ESMTP_VALUE))
			i++;
		p->value_len = (size_t)(text + i - p->value);
		if (p->value_len == 0)
			return -1;
	}
	*at = i;
	return p->name_len > 0 && (i == len || text[i] == ' ') ? 1 : -1;
}

static const struct param_row *find_row(const struct param_row *rows, size_t count,
					unsigned extensions, const struct param *p)
{
	for (size_t i = 0; i < count; i++)
		if ((rows[i].ext & extensions) != 0 && strlen(rows[i].name) == p->name_len &&
		    ascii_equal_n(rows[i].name, p->name, p->name_len))
			return &rows[i];
	return NULL;
}

static int fail(struct server_reply *reply_r, uint16_t code, const char *text)
{
	*reply_r = SERVER_REPLY(code, 5, 5, 4, text);
	return -1;
}

static int parse(const char *text, size_t len, unsigned extensions,
		 const struct param_row *rows, size_t count, void *target,
		 struct server_reply *reply_r)
{
	const struct param_row *row;
	unsigned seen = 0, bit;
	struct param p;
	size_t at = 0;
	int rc;

	while ((rc = next_param(text, len, &at, &p)) > 0) {
		row = find_row(rows, count, extensions, &p);
		if (row == NULL)
			return fail(reply_r, 555, "A parameter is not known or not in force");
		bit = 1u << (row - rows);
		if (seen & bit)
			return fail(reply_r, 501, "A parameter was given twice");
		seen |= bit;
		if (!row->set(target, &p))
			return fail(reply_r, 501, row->syntax);
	}
	return rc == 0 ? 0 : fail(reply_r, 501, "The parameters are malformed");
}

int smtp_mail_params_parse(const char *text, size_t len, unsigned extensions,
			   struct smtp_mail_params *params_r, struct server_reply *reply_r)
{
	memset(params_r, 0, sizeof(*params_r));
	return parse(text, len, extensions, mail_rows, WP_COUNT(mail_rows), params_r, reply_r);
}

int smtp_rcpt_params_parse(const char *text, size_t len, unsigned extensions,
			   struct server_reply *reply_r)
{
	return parse(text, len, extensions, NULL, 0, NULL, reply_r);
}
