/* Reads a configuration file and blanks what libConfuse need not see. */
#define _GNU_SOURCE
#include "common/conf_text.h"

#include <errno.h>
#include <string.h>

#include "common/fsutil.h"

struct scan {
	const char *name;
	char *text, *end;
	struct err *e;
};

static int refuse(const struct scan *s, const char *at, const char *what, const char *remedy)
{
	int line = 1;

	for (const char *p = s->text; p < at; p++)
		line += *p == '\n';
	err_set(s->e, ERR_CONFIG, 0, "%s:%d: %s", s->name, line, what);
	return err_remedy(s->e, "%s", remedy);
}

static bool starts_with(const struct scan *s, const char *p, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(s->end - p) >= len && memcmp(p, word, len) == 0;
}

/* A slash in a bare word (ldap://host) begins no comment. */
static bool begins_word(const struct scan *s, const char *p)
{
	return p == s->text || strchr(" \t\r\n{},=;/", p[-1]) != NULL;
}

/* Past the closing quote, or null. */
static char *string_end(const struct scan *s, char *p)
{
	char quote = *p++;

	for (; p < s->end; p++) {
		if (*p == quote)
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

static void blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Past the comment that begins at P; P itself if there is none; null if it never ends. */
static char *comment_end(const struct scan *s, char *p)
{
	char *end = p;

	if (*p == '#' || (starts_with(s, p, "//") && begins_word(s, p))) {
		end = memchr(p, '\n', (size_t)(s->end - p));
		return end != NULL ? end : s->end;
	}
	if (starts_with(s, p, "/*") && begins_word(s, p)) {
		end = memmem(p + 2, (size_t)(s->end - p) - 2, "*/", 2);
		return end != NULL ? end + 2 : NULL;
	}
	return end;
}

int conf_text_blank(const char *name, char *text, size_t len, struct err *e)
{
	const struct scan s = { .name = name, .text = text, .end = text + len, .e = e };
	const char *outer = text;
	int depth = 0;

	for (char *p = text, *next; p < s.end; p = next) {
		next = comment_end(&s, p);
		if (next == NULL)
			return refuse(&s, p, "a comment is not closed", "close it with */");
		blank(p, next);
		if (next != p)
			continue;
		next = p + 1;
		if (*p == '\0')
			return refuse(&s, p, "this is no text", "restore the file");
		if (*p == '"' || *p == '\'')
			next = string_end(&s, p);
		if (next == NULL)
			return refuse(&s, p, "a string is not closed", "add the missing quote");
		if (*p == ';')
			*p = ' ';
		if (*p == '{' && depth++ == 0)
			outer = p;
		if (*p == '}')
			depth--;
	}
	if (depth > 0)
		return refuse(&s, outer, "a section or list is not closed", "close it with }");
	return 0;
}

int conf_text_read(const char *path, struct buf *out, struct err *e)
{
	if (fs_read(path, CONF_TEXT_MAX, out, e) < 0) {
		e->domain = ERR_CONFIG;
		return err_remedy(e, e->code == EACCES ? "become root or the daemons' user" :
							 "name the host file with --config FILE");
	}
	return conf_text_blank(path, out->data, out->len, e);
}
