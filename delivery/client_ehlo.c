/* What a server offers: the EHLO reply read into flags and numbers. */
#include "delivery/client_ehlo.h"

#include <string.h>

typedef void argument_fn(struct client_ehlo *ehlo, const char *args, size_t len);

/* RFC 1870 §4: SIZE without a number, or 0, sets no limit. */
static void on_size(struct client_ehlo *ehlo, const char *args, size_t len)
{
	if (!parse_u64(args, len, UINT64_MAX, &ehlo->size_max))
		ehlo->size_max = 0;
}

static void one_limit(struct client_ehlo *ehlo, const char *item, size_t len)
{
	static const struct {
		const char *name; /* with its equals sign */
		size_t field;
	} limits[] = {
		{ "MAILMAX=", offsetof(struct client_ehlo, mail_max) },
		{ "RCPTMAX=", offsetof(struct client_ehlo, rcpt_max) },
	};

	for (size_t i = 0; i < WP_COUNT(limits); i++) {
		size_t n = strlen(limits[i].name);
		uint64_t value;

		if (len > n && ascii_equal_n(item, limits[i].name, n) &&
		    parse_u64(item + n, len - n, UINT32_MAX, &value))
			*(uint32_t *)(void *)((char *)ehlo + limits[i].field) = (uint32_t)value;
	}
}

/* The word at *TEXT, which moves behind it and the spaces that follow. */
static size_t next_word(const char **text, const char *end)
{
	const char *begin = *text, *stop = memchr(begin, ' ', (size_t)(end - begin));

	if (!stop)
		stop = end;
	for (*text = stop; *text < end && **text == ' ';)
		++*text;
	return (size_t)(stop - begin);
}

/* RFC 9422 §4: "LIMITS MAILMAX=50 RCPTMAX=100 …" */
static void on_limits(struct client_ehlo *ehlo, const char *args, size_t len)
{
	const char *end = args + len;

	while (args < end) {
		const char *item = args;

		one_limit(ehlo, item, next_word(&args, end));
	}
}

static const struct {
	const char *keyword;
	enum client_extension flag;
	argument_fn *on_argument; /* or null */
} extensions[] = {
	{ "PIPELINING", CLIENT_EXT_PIPELINING, NULL },
	{ "SIZE", CLIENT_EXT_SIZE, on_size },
	{ "8BITMIME", CLIENT_EXT_8BITMIME, NULL },
	{ "SMTPUTF8", CLIENT_EXT_SMTPUTF8, NULL },
	{ "DSN", CLIENT_EXT_DSN, NULL },
	{ "ENHANCEDSTATUSCODES", CLIENT_EXT_ENHANCEDSTATUS, NULL },
	{ "STARTTLS", CLIENT_EXT_STARTTLS, NULL },
	{ "CHUNKING", CLIENT_EXT_CHUNKING, NULL },
	{ "BINARYMIME", CLIENT_EXT_BINARYMIME, NULL },
	{ "AUTH", CLIENT_EXT_AUTH, NULL },
	{ "LIMITS", CLIENT_EXT_LIMITS, on_limits },
	{ "REQUIRETLS", CLIENT_EXT_REQUIRETLS, NULL },
};

static void one_line(struct client_ehlo *ehlo, const char *line, size_t len)
{
	const char *args = line;
	size_t n = next_word(&args, line + len);

	for (size_t i = 0; i < WP_COUNT(extensions); i++) {
		if (n != strlen(extensions[i].keyword) ||
		    !ascii_equal_n(line, extensions[i].keyword, n))
			continue;
		ehlo->extensions |= extensions[i].flag;
		if (extensions[i].on_argument)
			extensions[i].on_argument(ehlo, args, (size_t)(line + len - args));
	}
}

void client_ehlo_parse(struct client_ehlo *ehlo, const struct smtp_reply *reply)
{
	const char *at = reply->text, *end = reply->text + reply->text_len;
	bool is_first = true; /* the server's name */

	memset(ehlo, 0, sizeof(*ehlo));
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *stop = lf ? lf : end;

		if (!is_first)
			one_line(ehlo, at, (size_t)(stop - at));
		is_first = false;
		at = stop + 1;
	}
}
