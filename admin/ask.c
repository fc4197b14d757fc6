/* Questions of a command. */
#define _GNU_SOURCE
#include "admin/ask.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/buf.h"

enum { SECRET_MAX = 1024 };

void ask_init(struct ask *a, struct cli *cli)
{
	*a = (struct ask){ .cli = cli,
			   .is_interactive = isatty(STDIN_FILENO) == 1 && !cli->yes,
			   .missing = talloc_strdup(cli->ctx, "") };
}

static void miss(struct ask *a, const char *option)
{
	a->missing = talloc_asprintf_append(a->missing, "%s--%s",
					    *a->missing != '\0' ? ", " : "", option);
}

/* A line of the terminal without spaces around it, under the command; null at its end. */
static char *read_line(struct ask *a)
{
	char *line = NULL, *text;
	size_t size = 0, begin, len;
	ssize_t n = getline(&line, &size, stdin);

	if (n < 0) {
		free(line);
		a->is_interactive = false; /* nobody is there any more */
		fputc('\n', stderr);
		return NULL;
	}
	len = (size_t)n;
	begin = strspn(line, " \t\r\n");
	while (len > begin && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	text = talloc_strndup(a->cli->ctx, line + begin, len - begin);
	free(line);
	return text;
}

static const char *answer(struct ask *a, const char *question, const char *fallback)
{
	const char *text;

	if (fallback != NULL)
		fprintf(stderr, "%s [%s]: ", question, fallback);
	else
		fprintf(stderr, "%s: ", question);
	fflush(stderr);
	text = read_line(a);
	return text != NULL && *text != '\0' ? text : fallback;
}

const char *ask_optional(struct ask *a, const char *option, const char *question)
{
	const char *given = cli_value(a->cli, option);

	if (given != NULL)
		return *given != '\0' ? given : NULL;
	return a->is_interactive ? answer(a, question, NULL) : NULL;
}

const char *ask_text(struct ask *a, const char *option, const char *question,
		     const char *fallback)
{
	const char *given = cli_value(a->cli, option);
	const char *text = given != NULL && *given != '\0' ? given : NULL;

	while (text == NULL && a->is_interactive)
		text = answer(a, question, fallback);
	if (text == NULL)
		text = fallback;
	if (text == NULL)
		miss(a, option);
	return text;
}

bool ask_yes(struct ask *a, const char *option, const char *question, bool fallback)
{
	const char *usual = fallback ? "Y/n" : "y/N", *text;

	if (option != NULL && cli_flag(a->cli, option))
		return true;
	while (a->is_interactive) {
		text = answer(a, question, usual);
		if (text == usual)
			return a->is_interactive && fallback;
		if (ascii_equal(text, "y") || ascii_equal(text, "yes"))
			return true;
		if (ascii_equal(text, "n") || ascii_equal(text, "no"))
			return false;
	}
	return false;
}

int ask_judged(struct ask *a, const char *option, const char *question,
	       int (*judge)(const char *text, struct err *e), const char **text_r, struct err *e)
{
	do {
		*text_r = ask_optional(a, option, question);
		if (*text_r == NULL || judge(*text_r, e) == 0)
			return 0;
	} while (ask_again(a, option, e));
	return -1;
}

/* ---- secrets ---- */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

/* The terminal without what it shows, and without the keys that would leave it so. */
static void be_quiet(int fd, const struct termios *usual)
{
	struct termios quiet = *usual;

	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_cc[VSUSP] = quiet.c_cc[VQUIT] = _POSIX_VDISABLE;
	tcsetattr(fd, TCSAFLUSH, &quiet);
}

/* One line of the terminal FD, malloc'd; null at its end, or interrupted: MASK holds while it waits. */
static char *read_quietly(int fd, const sigset_t *mask)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[SECRET_MAX + 1];
	ssize_t len = ppoll(&p, 1, NULL, mask) > 0 ? read(fd, text, SECRET_MAX) : 0;
	char *line = NULL;

	if (len > 0) {
		text[len] = '\0';
		text[strcspn(text, "\n")] = '\0';
		line = mem_strdup(text);
	}
	explicit_bzero(text, sizeof(text));
	return line;
}

char *ask_hidden(const char *prompt)
{
	/* Ctrl-C is let in only where the terminal waits: it has to be put right before the end. */
	const struct sigaction ours = { .sa_handler = on_interrupt };
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct sigaction before;
	struct termios usual;
	sigset_t interrupt, mask;
	char *line = NULL;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &mask);
	sigaction(SIGINT, &ours, &before);
	if (fd >= 0 && tcgetattr(fd, &usual) == 0) {
		be_quiet(fd, &usual);
		dprintf(fd, "%s", prompt);
		line = read_quietly(fd, &mask);
		tcsetattr(fd, TCSADRAIN, &usual);
		dprintf(fd, "\n");
	}
	if (fd >= 0)
		close(fd);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGINT, &before, NULL);
	if (is_interrupted)
		raise(SIGINT);
	return line;
}

char *ask_secret(struct ask *a, const char *question)
{
	char prompt[120], *typed;

	if (!a->is_interactive)
		return NULL;
	snprintf(prompt, sizeof(prompt), "%s: ", question);
	typed = ask_hidden(prompt);
	a->is_interactive = typed != NULL;
	return typed;
}

/* ---- all of them ---- */

bool ask_again(struct ask *a, const char *option, const struct err *e)
{
	if (!a->is_interactive || cli_value(a->cli, option) != NULL)
		return false;
	cli_complain(e);
	return true;
}

void ask_tell(const struct ask *a, const char *fmt, ...)
{
	va_list args;

	if (!a->is_interactive)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
}

int ask_check(const struct ask *a, struct err *e)
{
	if (*a->missing == '\0')
		return 0;
	err_set(e, ERR_USAGE, 0, "there is nobody to ask, and these options are missing: %s",
		a->missing);
	return err_remedy(e,
			  "give them, or run the command on a terminal; see waypost %s --help",
			  a->cli->command->noun);
}
