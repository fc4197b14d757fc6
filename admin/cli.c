/* Takes the command line apart and explains it. */
#include "admin/cli.h"

#include <stdio.h>
#include <string.h>
#include <uniwidth.h>

#include "common/buf.h"

static const struct cli_option shared_options[] = {
	{ "config", 0, "FILE", "the host file; default " HOSTFILE_DEFAULT },
	{ "json", 0, NULL, "print JSON" },
	{ "quiet", 0, NULL, "print nothing but errors" },
	{ "yes", 0, NULL, "do not ask" },
	{ "help", 'h', NULL, "explain the command" },
	{ "version", 0, NULL, "print the version" },
	{ NULL, 0, NULL, NULL },
};

/* A pass over the words of the command line. */
struct parser {
	struct cli *cli;
	const char *const *words;
	int n, at;
	struct err *e;
};

/* ---- the table ---- */

static const struct command *find_command(const struct command_table *table, const char *noun,
					  const char *verb)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->rows[i].noun, noun) == 0 &&
		    strcmp(table->rows[i].verb, verb) == 0)
			return &table->rows[i];
	return NULL;
}

static bool has_noun(const struct command_table *table, const char *noun)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->rows[i].noun, noun) == 0)
			return true;
	return false;
}

/* The nouns, or the verbs of NOUN, in one line. */
static void list_words(const struct command_table *table, const char *noun, struct buf *out)
{
	const char *last = "";

	for (size_t i = 0; i < table->n; i++) {
		const struct command *row = &table->rows[i];
		const char *word = noun == NULL ? row->noun : row->verb;

		if (noun != NULL ? strcmp(row->noun, noun) != 0 : strcmp(word, last) == 0)
			continue;
		buf_printf(out, "%s%s", out->len > 0 ? ", " : "", word);
		last = word;
	}
}

static int refuse_word(const struct command_table *table, const char *noun, const char *word,
		       struct err *e)
{
	struct buf words = { 0 };

	list_words(table, noun, &words);
	if (noun == NULL)
		err_set(e, ERR_USAGE, 0, "there is no command \"%.100s\"", word);
	else if (word == NULL)
		err_set(e, ERR_USAGE, 0, "%s needs a verb", noun);
	else
		err_set(e, ERR_USAGE, 0, "%s has no verb \"%.100s\"", noun, word);
	err_remedy(e, "%s: %s; see waypost --help", noun == NULL ? "commands" : "verbs", words.data);
	buf_free(&words);
	return -1;
}

/* ---- options ---- */

static bool matches(const struct cli_option *option, const char *word, const char **value_r)
{
	size_t len = strlen(option->name);

	*value_r = NULL;
	if (option->letter != 0 && word[0] == '-' && word[1] == option->letter) {
		*value_r = word[2] != '\0' ? word + 2 : NULL;
		return option->value != NULL || word[2] == '\0';
	}
	if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, option->name, len) != 0)
		return false;
	*value_r = word[2 + len] == '=' ? word + 3 + len : NULL;
	return word[2 + len] == '\0' || word[2 + len] == '=';
}

/* Its index in OPTIONS, -1 if it is none of them. */
static int find_option(const struct cli_option *options, const char *word, const char **value_r)
{
	for (int i = 0; options != NULL && options[i].name != NULL; i++)
		if (matches(&options[i], word, value_r))
			return i;
	return -1;
}

static int take_value(struct parser *p, const struct cli_option *option, const char **value)
{
	if (option->value == NULL && *value != NULL)
		return err_set(p->e, ERR_USAGE, 0, "--%s takes no value", option->name);
	if (option->value == NULL)
		*value = "";
	else if (*value == NULL && p->at < p->n)
		*value = p->words[p->at++];
	if (*value != NULL)
		return 0;
	err_set(p->e, ERR_USAGE, 0, "--%s needs a value", option->name);
	return err_remedy(p->e, "write --%s %s", option->name, option->value);
}

static void take_shared(struct cli *cli, const char *name, const char *value)
{
	bool *const flags[] = { &cli->json, &cli->quiet, &cli->yes, &cli->wants_help,
				&cli->wants_version };

	if (strcmp(name, "config") == 0)
		cli->config = value;
	for (size_t i = 0; i < WP_COUNT(flags); i++)
		if (strcmp(name, shared_options[i + 1].name) == 0)
			*flags[i] = true;
}

static int take_option(struct parser *p, const char *word)
{
	const struct cli_option *own = p->cli->command != NULL ? p->cli->command->options : NULL;
	const char *value;
	int i = find_option(own, word, &value);

	if (i >= 0) {
		if (take_value(p, &own[i], &value) < 0)
			return -1;
		p->cli->values[i] = value;
		return 0;
	}
	i = find_option(shared_options, word, &value);
	if (i < 0) {
		err_set(p->e, ERR_USAGE, 0, "there is no option %.100s here", word);
		return err_remedy(p->e, "see waypost %s%s%s%s--help",
				  p->cli->noun != NULL ? p->cli->noun : "",
				  p->cli->command != NULL && p->cli->command->verb[0] ? " " : "",
				  p->cli->command != NULL ? p->cli->command->verb : "",
				  p->cli->noun != NULL ? " " : "");
	}
	if (take_value(p, &shared_options[i], &value) < 0)
		return -1;
	take_shared(p->cli, shared_options[i].name, value);
	return 0;
}

/* ---- words ---- */

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* Options up to the next word that is none; null at the end. */
static int next_word(struct parser *p, const char **word_r)
{
	*word_r = NULL;
	while (p->at < p->n && is_option(p->words[p->at])) {
		const char *word = p->words[p->at++];

		if (strcmp(word, "--") == 0)
			break;
		if (take_option(p, word) < 0)
			return -1;
	}
	if (p->at < p->n)
		*word_r = p->words[p->at++];
	return 0;
}

/* The noun, and the verb if the noun has any. */
static int take_command(struct parser *p)
{
	const struct command_table *table = p->cli->table;
	const char *noun, *verb;

	if (next_word(p, &noun) < 0)
		return -1;
	if (noun == NULL)
		return 0;
	if (!has_noun(table, noun))
		return refuse_word(table, NULL, noun, p->e);
	p->cli->noun = noun;
	p->cli->command = find_command(table, noun, "");
	if (p->cli->command != NULL)
		return 0;
	if (next_word(p, &verb) < 0)
		return -1;
	if (verb == NULL && p->cli->wants_help)
		return 0;
	p->cli->command = verb != NULL ? find_command(table, noun, verb) : NULL;
	return p->cli->command != NULL ? 0 : refuse_word(table, noun, verb, p->e);
}

static int take_operands(struct parser *p)
{
	struct cli *cli = p->cli;
	bool only_operands = false;

	cli->operands = talloc_zero_array(cli->ctx, const char *, (size_t)p->n + 1);
	while (p->at < p->n) {
		const char *word = p->words[p->at++];

		if (only_operands || !is_option(word))
			cli->operands[cli->n_operands++] = word;
		else if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (take_option(p, word) < 0)
			return -1;
	}
	return 0;
}

static int check_operands(const struct cli *cli, struct err *e)
{
	const struct command *c = cli->command;

	if (cli->n_operands < c->min_operands)
		err_set(e, ERR_USAGE, 0, "%s %s needs %s", c->noun, c->verb, c->operands);
	else if (c->max_operands != CLI_ANY && cli->n_operands > c->max_operands)
		err_set(e, ERR_USAGE, 0, "%s%s%s takes no \"%.100s\"", c->noun, c->verb[0] ? " " : "",
			c->verb, cli->operands[c->max_operands]);
	else
		return 0;
	return err_remedy(e, "see waypost %s%s%s --help", c->noun, c->verb[0] ? " " : "", c->verb);
}

int cli_parse(struct cli *cli, const struct command_table *table, int argc, char **argv,
	      struct err *e)
{
	struct parser p = { .cli = cli, .words = (const char *const *)argv + 1, .n = argc - 1,
			    .e = e };

	cli->table = table;
	if (take_command(&p) < 0 || (cli->command != NULL && take_operands(&p) < 0))
		return -1;
	if (cli->wants_help || cli->wants_version)
		return 0;
	if (cli->command != NULL)
		return check_operands(cli, e);
	err_set(e, ERR_USAGE, 0, "no command is given");
	return err_remedy(e, "see waypost --help");
}

/* ---- help ---- */

static const char examples[] =
	"Examples:\n"
	"  waypost init --domain example.com                find the directory, write the host file\n"
	"  waypost run --config /etc/waypost/waypost.conf   start this host's daemons\n"
	"  waypost route ann@example.com                    which way mail for ann takes, and why\n"
	"  waypost route --directory org.ldif --from HUB1 --explain ann@example.com\n"
	"  waypost topology check                           what is wrong in the directory\n"
	"  waypost connector list --implicit                explicit and computed connectors\n"
	"  waypost queue list                               what waits for which next hop\n"
	"  waypost queue retry --yes                        try everything again now\n"
	"  waypost sync status --json                       how fresh the replica is\n"
	"  waypost config check                             what keeps this host from working, and the fix\n"
	"  waypost config certificate                       this host's key pair and its hash\n";

enum { HELP_COLUMN = 28 };

/* LEFT in a column of its own; TEXT goes below it if it is too long for that. */
static void help_row(const char *left, const char *text, struct buf *out)
{
	int width = u8_strwidth((const uint8_t *)left, "UTF-8"); /* "URI,…" */

	if (width > HELP_COLUMN)
		buf_printf(out, "  %s\n  %-*s %s\n", left, HELP_COLUMN, "", text);
	else
		buf_printf(out, "  %s%*s %s\n", left, HELP_COLUMN - width, "", text);
}

static void help_options(const struct cli_option *options, struct buf *out)
{
	for (; options != NULL && options->name != NULL; options++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", options->letter != 0 ? "-" : "",
			 options->letter != 0 ? options->letter : ' ',
			 options->letter != 0 ? ", " : "   ", options->name,
			 options->value != NULL ? " " : "",
			 options->value != NULL ? options->value : "");
		help_row(left, options->help, out);
	}
}

static void help_command(const struct command *c, struct buf *out)
{
	buf_printf(out, "waypost %s%s%s%s%s%s\n\n%s\n\n", c->noun, c->verb[0] != '\0' ? " " : "",
		   c->verb, c->options != NULL ? " [OPTION…]" : "", c->operands[0] != '\0' ? " " : "",
		   c->operands, c->summary);
	if (c->options != NULL) {
		buf_adds(out, "Options:\n");
		help_options(c->options, out);
		buf_addc(out, '\n');
	}
	buf_adds(out, "Options of every command:\n");
	help_options(shared_options, out);
}

static void help_list(const struct cli *cli, struct buf *out)
{
	for (size_t i = 0; i < cli->table->n; i++) {
		const struct command *c = &cli->table->rows[i];
		char left[64];

		if (cli->noun != NULL && strcmp(cli->noun, c->noun) != 0)
			continue;
		snprintf(left, sizeof(left), "%s %s", c->noun, c->verb);
		help_row(left, c->summary, out);
	}
}

void cli_help(const struct cli *cli, struct buf *out)
{
	if (cli->command != NULL) {
		help_command(cli->command, out);
		return;
	}
	if (cli->noun == NULL)
		buf_printf(out, "%s\n", examples);
	buf_adds(out, "Commands (waypost COMMAND --help tells more):\n");
	help_list(cli, out);
	buf_adds(out, "\nOptions of every command:\n");
	help_options(shared_options, out);
	buf_adds(out, "\nExit status: 0 done, 1 finding or failure, 2 usage, 3 not found, 4 daemon\n"
		      "unreachable, 5 permission, 6 configuration, 7 directory.\n");
}

/* ---- what commands use ---- */

const char *cli_value(const struct cli *cli, const char *name)
{
	const struct cli_option *options = cli->command->options;

	for (int i = 0; options != NULL && options[i].name != NULL; i++)
		if (strcmp(options[i].name, name) == 0)
			return cli->values[i];
	return NULL;
}

bool cli_flag(const struct cli *cli, const char *name)
{
	return cli_value(cli, name) != NULL;
}

int cli_number(const struct cli *cli, const char *name, uint64_t max, uint64_t *number_r,
	       struct err *e)
{
	const char *text = cli_value(cli, name);

	if (text == NULL || parse_u64(text, strlen(text), max, number_r))
		return 0;
	err_set(e, ERR_USAGE, 0, "--%s cannot be \"%.100s\"", name, text);
	return err_remedy(e, "give a number up to %llu", (unsigned long long)max);
}

int cli_operand_number(const struct cli *cli, int i, uint64_t max, uint64_t *number_r,
		       struct err *e)
{
	const char *text = cli->operands[i];

	if (parse_u64(text, strlen(text), max, number_r))
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%.100s\" is no number", text);
	return err_remedy(e, "see waypost %s %s --help", cli->command->noun, cli->command->verb);
}

int cli_host(struct cli *cli, struct err *e)
{
	return cli->host != NULL ? 0 : hostfile_load(cli->config, &cli->host, e);
}

void cli_print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

int cli_complain(const struct err *e)
{
	fprintf(stderr, "waypost: %s\n", e->text);
	if (e->remedy[0] != '\0')
		fprintf(stderr, "  remedy: %s\n", e->remedy);
	return err_exit_status(e);
}
