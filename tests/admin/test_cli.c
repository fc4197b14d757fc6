/* admin/cli and admin/table: words in any order, and columns that line up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <string.h>
#include <talloc.h>

#include "admin/cmd.h"
#include "admin/table.h"
#include "common/buf.h"

static const struct cli_option options[] = {
	{ "size", 's', "OCTETS", "a value" },
	{ "explain", 'e', NULL, "a flag" },
	{ NULL, 0, NULL, NULL },
};
static const struct command rows[] = {
	{ "go", "", "PLACE…", 1, 2, options, "goes", NULL },
	{ "queue", "list", "", 0, 0, NULL, "lists", NULL },
	{ "queue", "retry", "[FILTER]", 0, 1, NULL, "retries", NULL },
};
static const struct command_table table = { rows, WP_COUNT(rows) };

enum { WORDS_MAX = 12 };

/* Parses the words of LINE (split at blanks). */
static int parse(struct cli *cli, const char *line, struct err *e)
{
	char *argv[WORDS_MAX] = { (char *)"waypost" }, *text, *save = NULL;
	int argc = 1;

	*cli = (struct cli){ .ctx = talloc_new(NULL) };
	text = talloc_strdup(cli->ctx, line);
	for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return cli_parse(cli, &table, argc, argv, e);
}

static void test_options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"--config c go --size 5 here there --json -e",
		"--json go here --size=5 --config=c there --explain",
		"go -s5 -e --json --config c -- here there",
		"--json -- go -s 5 here -e --config c there",
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(lines); i++) {
		uint64_t size = 0;
		struct cli cli;
		struct err e;

		if (parse(&cli, lines[i], &e) < 0)
			fail_msg("%s: %s", lines[i], e.text);
		assert_ptr_equal(cli.command, &rows[0]);
		assert_string_equal(cli.config, "c");
		assert_true(cli.json);
		assert_false(cli.yes);
		assert_true(cli_flag(&cli, "explain"));
		assert_int_equal(cli_number(&cli, "size", 5, &size, &e), 0);
		assert_int_equal(size, 5);
		assert_int_equal(cli_number(&cli, "size", 4, &size, &e), -1);
		assert_int_equal(cli.n_operands, 2);
		assert_string_equal(cli.operands[0], "here");
		assert_string_equal(cli.operands[1], "there");
		talloc_free(cli.ctx);
	}
}

static void test_yes_and_quiet_belong_to_every_command(void **state)
{
	struct cli cli;
	struct err e;

	(void)state;
	assert_int_equal(parse(&cli, "queue --yes retry --quiet x", &e), 0);
	assert_true(cli.yes);
	assert_true(cli.quiet);
	assert_string_equal(cli.command->verb, "retry");
	talloc_free(cli.ctx);
}

static void test_wrong_words_are_usage_errors(void **state)
{
	static const char *const lines[] = {
		"", "--json", "stop", "queue", "queue stop", "queue list x", "go", "go a b c", "go a --siz 5",
		"go a --sizes 5", "go a --size", "go a -x", "go a --explain=1", "go a -ex", "queue list -s 5",
		"--size 5 go a",
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(lines); i++) {
		struct cli cli;
		struct err e;

		if (parse(&cli, lines[i], &e) == 0)
			fail_msg("accepted: %s", lines[i]);
		assert_int_equal(err_exit_status(&e), 2);
		if (e.remedy[0] == '\0' && strstr(lines[i], "explain=") == NULL)
			fail_msg("no remedy: %s", lines[i]);
		talloc_free(cli.ctx);
	}
}

static void test_help_needs_no_operands(void **state)
{
	static const char *const lines[] = { "--help", "queue --help", "queue -h list", "go --help" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(lines); i++) {
		struct buf out = { 0 };
		struct cli cli;
		struct err e;

		assert_int_equal(parse(&cli, lines[i], &e), 0);
		assert_true(cli.wants_help);
		cli_help(&cli, &out);
		assert_non_null(strstr(out.data, "--config FILE"));
		buf_free(&out);
		talloc_free(cli.ctx);
	}
}

static void test_the_options_of_every_command_have_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < commands.n; i++) {
		const struct cli_option *own = commands.rows[i].options;
		int n = 0;

		while (own != NULL && own[n].name != NULL)
			n++;
		assert_true(n <= CLI_OPTIONS_MAX);
	}
}

static void test_columns_line_up_by_width(void **state)
{
	static const char *const headers[] = { "Name", "N", "Last" };
	static const char *const cells[][3] = {
		{ "Köln", "1", "a" }, { "東京", "22", NULL }, { "x\033\x7f\xc2\x9by", "", "b" } };
	void *ctx = talloc_new(NULL);
	struct table *t = table_new(ctx, headers, 3);
	struct buf out = { 0 };

	(void)state;
	table_print(t, false, &out);
	assert_int_equal(out.len, 0);
	for (size_t i = 0; i < 3; i++)
		table_add(t, cells[i]);
	assert_int_equal(table_rows(t), 3);
	table_print(t, false, &out);
	assert_string_equal(out.data, "Name    N   Last\n"
				      "Köln    1   a\n"
				      "東京    22\n"
				      "x????y      b\n");
	buf_clear(&out);
	table_print(t, true, &out);
	assert_memory_equal(out.data, "\033[1mName    N   Last\033[0m\n", 24);
	buf_free(&out);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_yes_and_quiet_belong_to_every_command),
		cmocka_unit_test(test_wrong_words_are_usage_errors),
		cmocka_unit_test(test_help_needs_no_operands),
		cmocka_unit_test(test_the_options_of_every_command_have_room),
		cmocka_unit_test(test_columns_line_up_by_width),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
