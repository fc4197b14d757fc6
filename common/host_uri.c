/* The address of a directory taken apart (RFC 4516, without its search parts). Pure. */
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "common/buf.h"
#include "common/dn.h"
#include "common/hostfile.h"

static const struct scheme {
	const char *prefix;
	enum host_scheme scheme;
	uint16_t port;
} schemes[] = {
	{ "ldap://", HOST_LDAP, 389 },
	{ "ldaps://", HOST_LDAPS, 636 },
	{ "ldapi://", HOST_LDAPI, 0 },
	{ "file://", HOST_FILE, 0 },
	{ "srv:", HOST_SRV, 0 },
};

static int refuse(const char *text, const char *why, struct err *e)
{
	err_set(e, ERR_USAGE, 0, "\"%s\" is no address of a directory: %s", text, why);
	return err_remedy(e, "give ldap://HOST, ldaps://HOST, ldapi://, file:///PATH or srv:DOMAIN");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded, or null if an escape is broken or hides a NUL. */
static const char *decode(void *ctx, const char *text, size_t len)
{
	char *out = talloc_array(ctx, char, len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (text[i] != '%') {
			*to++ = text[i];
			continue;
		}
		if (i + 2 >= len)
			return NULL;
		high = hex_digit(text[i + 1]);
		low = hex_digit(text[i + 2]);
		if (high < 0 || low < 0 || high + low == 0)
			return NULL;
		*to++ = (char)(high * 16 + low);
		i += 2;
	}
	*to = '\0';
	return out;
}

static bool is_host(const char *host)
{
	return host[0] != '\0' && strpbrk(host, " \t\r\n/?#@\"<>[]") == NULL;
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT into URI. */
static int parse_authority(void *ctx, const char *text, const char *rest, size_t len,
			   struct host_uri *uri, struct err *e)
{
	const char *end = rest + len, *colon = memchr(rest, ':', len), *host_end;
	uint64_t port;

	if (len > 0 && rest[0] == '[') {
		host_end = memchr(rest, ']', len);
		if (host_end == NULL)
			return refuse(text, "the bracket is not closed", e);
		uri->host = talloc_strndup(ctx, rest + 1, (size_t)(host_end - rest) - 1);
		colon = host_end + 1;
	} else {
		host_end = colon != NULL ? colon : end;
		uri->host = talloc_strndup(ctx, rest, (size_t)(host_end - rest));
		colon = host_end;
	}
	if (!is_host(uri->host))
		return refuse(text, "it has no host", e);
	if (colon == end)
		return 0;
	if (*colon != ':' || !parse_u64(colon + 1, (size_t)(end - colon) - 1, 65535, &port) ||
	    port == 0)
		return refuse(text, "its port is none", e);
	uri->port = (uint16_t)port;
	return 0;
}

/* The DN behind the slash at REST, if there is one. */
static int parse_dn(void *ctx, const char *text, const char *rest, struct host_uri *uri,
		    struct err *e)
{
	const char *dn = *rest == '/' ? rest + 1 : rest;

	if (strchr(dn, '?') != NULL)
		return refuse(text, "attributes, scope and filter do not belong here", e);
	if (*dn == '\0')
		return 0;
	uri->dn = decode(ctx, dn, strlen(dn));
	return uri->dn != NULL ? 0 : refuse(text, "a % escape is broken", e);
}

static int parse_ldap(void *ctx, const char *text, const char *rest, struct host_uri *uri,
		      struct err *e)
{
	size_t len = strcspn(rest, "/");

	uri->text = talloc_strndup(ctx, text, (size_t)(rest - text) + len);
	return parse_dn(ctx, text, rest + len, uri, e) < 0 ?
		       -1 : parse_authority(ctx, text, rest, len, uri, e);
}

static int parse_ldapi(void *ctx, const char *text, const char *rest, struct host_uri *uri,
		       struct err *e)
{
	size_t len = strcspn(rest, "/");

	if (parse_dn(ctx, text, rest + len, uri, e) < 0)
		return -1;
	if (uri->dn != NULL && !dn_is_valid(uri->dn))
		return refuse(text, "write the socket's slashes as %2F", e);
	uri->text = talloc_strndup(ctx, text, (size_t)(rest - text) + len);
	if (len == 0)
		return 0;
	uri->path = decode(ctx, rest, len);
	return uri->path != NULL ? 0 : refuse(text, "a % escape is broken", e);
}

static int parse_rest(void *ctx, const char *text, const char *rest, struct host_uri *uri,
		      struct err *e)
{
	switch (uri->scheme) {
	case HOST_LDAP:
	case HOST_LDAPS:
		return parse_ldap(ctx, text, rest, uri, e);
	case HOST_LDAPI:
		return parse_ldapi(ctx, text, rest, uri, e);
	case HOST_FILE:
		uri->path = talloc_strdup(ctx, rest);
		return rest[0] == '/' ? 0 : refuse(text, "the file needs its whole path", e);
	case HOST_SRV:
		uri->host = talloc_strdup(ctx, rest);
		return is_host(rest) ? 0 : refuse(text, "it has no domain", e);
	}
	return -1;
}

int host_uri_parse(void *ctx, const char *text, bool bare_file, struct host_uri *uri_r,
		   struct err *e)
{
	*uri_r = (struct host_uri){ .scheme = HOST_FILE, .text = talloc_strdup(ctx, text) };
	for (size_t i = 0; i < WP_COUNT(schemes); i++) {
		size_t len = strlen(schemes[i].prefix);

		if (!ascii_equal_n(text, schemes[i].prefix, len))
			continue;
		uri_r->scheme = schemes[i].scheme;
		uri_r->port = schemes[i].port;
		return parse_rest(ctx, text, text + len, uri_r, e);
	}
	if (!bare_file || text[0] == '\0' || strstr(text, "://") != NULL)
		return refuse(text, "its scheme is not known", e);
	uri_r->path = talloc_strdup(ctx, text);
	return 0;
}
