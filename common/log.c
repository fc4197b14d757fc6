/* One line per event on standard error. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *program_name = "waypost";
static enum log_level wanted = LOG_LEVEL_INFO;

void log_open(const char *program, enum log_level level)
{
	program_name = program;
	wanted = level;
}

bool log_level_parse(const char *name, enum log_level *level_r)
{
	for (size_t i = 0; i < WP_COUNT(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level_r = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_wants(enum log_level level)
{
	return level <= wanted;
}

/* Directory and peer text may hold line ends or escapes; a log line never does. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

WP_PRINTF(2, 0)
static void log_line(enum log_level level, const char *fmt, va_list args)
{
	char line[2048], stamp[25];
	int head, n;

	if (!log_wants(level))
		return;
	clock_iso8601(clock_wall_ms(), stamp);
	head = snprintf(line, sizeof(line), "%s %s[%d] %s: ", stamp, program_name,
			(int)getpid(), level_names[level]);
	n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, args);
	if (n < 0)
		return;
	make_printable(line);
	n = (int)strlen(line);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody is left to tell */
}

#define LOG_FUNCTION(name, level)                \
	void name(const char *fmt, ...)          \
	{                                        \
		va_list args;                    \
		va_start(args, fmt);             \
		log_line((level), fmt, args);    \
		va_end(args);                    \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void log_err(const char *what, const struct err *e)
{
	if (e->remedy[0] != '\0')
		log_error("%s: %s (%s)", what, e->text, e->remedy);
	else
		log_error("%s: %s", what, e->text);
}
