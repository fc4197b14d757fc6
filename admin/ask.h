/*
 * Questions of a command: answered by an option of its table, else by who sits at the terminal,
 * else by what is usual. What nobody answers is collected, so that one error names all options
 * that are missing. Questions go to standard error: standard output is for what was found. One
 * thread.
 */
#ifndef WP_ADMIN_ASK_H
#define WP_ADMIN_ASK_H

#include <stdbool.h>

#include "admin/cli.h"

struct ask {
	struct cli *cli;
	bool is_interactive; /* there is a terminal, and no --yes */
	char *missing;	     /* "--uri, --bind" */
};

void ask_init(struct ask *ask, struct cli *cli);
/*
 * The value of OPTION, else an answer to QUESTION (FALLBACK for an empty line), else FALLBACK;
 * under cli->ctx. Null: there is none; the option is then missing.
 */
const char *ask_text(struct ask *ask, const char *option, const char *question,
		     const char *fallback);
/* The same where nothing is an answer too: null is fine. */
const char *ask_optional(struct ask *ask, const char *option, const char *question);
/* As ask_optional(), until JUDGE has nothing against the answer. -1 and E: nobody can be asked again. */
int ask_judged(struct ask *ask, const char *option, const char *question,
	       int (*judge)(const char *text, struct err *e), const char **text_r,
	       struct err *e) WP_MUST_CHECK;
/* Whether OPTION is given; else the answer, FALLBACK for an empty line; false without a
 * terminal. */
bool ask_yes(struct ask *ask, const char *option, const char *question, bool fallback);
/* A word that is not shown, malloc'd, maybe empty; null if there is nobody to ask. */
char *ask_secret(struct ask *ask, const char *question);
/* The same without an ASK: what is typed at the terminal behind PROMPT. Null: there is none, or its
 * end was typed. Ctrl-C ends the process, as everywhere. */
char *ask_hidden(const char *prompt);
/* Whether to ask again when the answer to OPTION's question was no good. Shows E then. */
bool ask_again(struct ask *ask, const char *option, const struct err *e);
/* Something to tell whoever answers. */
void ask_tell(const struct ask *ask, const char *fmt, ...) WP_PRINTF(2, 3);
/* -1 and E (ERR_USAGE) if something is missing. */
int ask_check(const struct ask *ask, struct err *e) WP_MUST_CHECK;

#endif
