/* The error object. Pure. */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int exit_status;
} domains[] = {
	[ERR_NONE] = { "none", 0 },
	[ERR_SYSTEM] = { "system", 1 },
	[ERR_USAGE] = { "usage", 2 },
	[ERR_CONFIG] = { "config", 6 },
	[ERR_DIRECTORY] = { "directory", 7 },
	[ERR_STORE] = { "store", 1 },
	[ERR_TLS] = { "tls", 1 },
	[ERR_NOT_FOUND] = { "not-found", 3 },
	[ERR_UNREACHABLE] = { "unreachable", 4 },
	[ERR_PERMISSION] = { "permission", 5 },
	[ERR_PROTOCOL] = { "protocol", 1 },
};

/* The texts of other servers may end with lines of their own. */
static void trim(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	text[len] = '\0';
}

int err_set(struct err *e, enum err_domain domain, int code, const char *fmt, ...)
{
	va_list args;

	if (e == NULL)
		return -1;
	e->domain = domain;
	e->code = code;
	e->remedy[0] = '\0';
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	trim(e->text);
	return -1;
}

int err_errno(struct err *e, const char *fmt, ...)
{
	int code = errno;
	va_list args;
	size_t used;

	if (e == NULL)
		return -1;
	e->domain = ERR_SYSTEM;
	e->code = code;
	e->remedy[0] = '\0';
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror(code));
	return -1;
}

int err_remedy(struct err *e, const char *fmt, ...)
{
	va_list args;

	if (e == NULL)
		return -1;
	va_start(args, fmt);
	vsnprintf(e->remedy, sizeof(e->remedy), fmt, args);
	va_end(args);
	return -1;
}

int err_note(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->text)];
	va_list args;
	size_t used;

	if (e == NULL)
		return -1;
	memcpy(old, e->text, sizeof(old));
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	if (strstr(old, e->text) != NULL) {
		memcpy(e->text, old, sizeof(old));
		return -1;
	}
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s", old);
	return -1;
}

int err_exit_status(const struct err *e)
{
	bool is_denied = e->domain == ERR_SYSTEM && (e->code == EACCES || e->code == EPERM);

	return domains[is_denied ? ERR_PERMISSION : e->domain].exit_status;
}

const char *err_domain_name(enum err_domain domain)
{
	return domains[domain].name;
}
