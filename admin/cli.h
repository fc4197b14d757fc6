/*
 * The command line of `waypost`: NOUN VERB, options, operands, and what every command shares.
 *
 * Commands are rows of a table (commands.c); parsing, help and the tests read the same rows.
 * The options --config, --json, --quiet, --yes and --help are everybody's and may stand before
 * or after the noun. One thread.
 */
#ifndef WP_ADMIN_CLI_H
#define WP_ADMIN_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "common/err.h"
#include "common/hostfile.h"

enum { EXIT_DONE = 0, EXIT_FINDING = 1, CLI_OPTIONS_MAX = 40, CLI_ANY = -1 };

struct cli;

/* An option of one command; the list ends with a null name. */
struct cli_option {
	const char *name;
	char letter;       /* 0: none */
	const char *value; /* what it takes, for the help; null: a flag */
	const char *help;
};

struct command {
	const char *noun, *verb; /* verb "": the noun alone */
	const char *operands;    /* for the help: "RECIPIENT…" */
	int min_operands, max_operands; /* CLI_ANY: without limit */
	const struct cli_option *options; /* null: none */
	const char *summary;
	/* The exit status; -1 and E: printed, and the exit status is that of its domain. */
	int (*run)(struct cli *cli, struct err *e);
};

struct command_table {
	const struct command *rows;
	size_t n;
};

struct cli {
	TALLOC_CTX *ctx; /* all a command allocates may hang here */
	const struct command_table *table;
	const struct command *command; /* null: help was asked for above a command */
	const char *noun;              /* for such help; null: of everything */
	const char *config;            /* --config, or null */
	bool wants_help, wants_version, json, quiet, yes;
	const char **operands;
	int n_operands;
	const char *values[CLI_OPTIONS_MAX]; /* beside the command's options; "" for a flag */
	struct hostfile *host;               /* cli_host() */
};

/* Takes ARGV apart. -1: ERR_USAGE. */
int cli_parse(struct cli *cli, const struct command_table *table, int argc, char **argv,
	      struct err *e) WP_MUST_CHECK;
/* Help for what CLI names, appended to OUT. */
struct buf;
void cli_help(const struct cli *cli, struct buf *out);

/* The value of an option of the command, or null. NAME is one of its rows. */
const char *cli_value(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);
/* A number of at most MAX into *NUMBER_R, untouched if absent. -1: ERR_USAGE. */
int cli_number(const struct cli *cli, const char *name, uint64_t max, uint64_t *number_r,
	       struct err *e) WP_MUST_CHECK;
/* The same of operand I, which is there. */
int cli_operand_number(const struct cli *cli, int i, uint64_t max, uint64_t *number_r,
		       struct err *e) WP_MUST_CHECK;

/* Reads the host file, once. */
int cli_host(struct cli *cli, struct err *e) WP_MUST_CHECK;
/* One JSON value and a line end on standard output. Takes over the reference. */
void cli_print_json(json_t *value);
/* "waypost: TEXT" and the remedy on standard error; the exit status that belongs to it. */
int cli_complain(const struct err *e);

#endif
