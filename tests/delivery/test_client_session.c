/*
 * The client engine against written dialogues (tests/delivery/dialogues/client), each played
 * whole, octet by octet and in random pieces in both directions.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "tests/delivery/client_player.h"

static const char *folder(void)
{
	static char path[4096];
	const char *srcdir = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/delivery/dialogues/client",
		 srcdir ? srcdir : ".");
	return path;
}

static void read_file(const char *name, struct buf *out)
{
	char path[8192], block[4096];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(out, block, n);
	fclose(f);
}

static int is_dialogue(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && !strcmp(entry->d_name + n - 5, ".smtp");
}

static void play_all(enum player_split split, unsigned rounds)
{
	struct dirent **entries;
	int count = scandir(folder(), &entries, is_dialogue, alphasort), failed = 0;

	assert_true(count >= 30);
	for (int i = 0; i < count; i++) {
		struct buf script = { 0 };
		char error[4096];

		read_file(entries[i]->d_name, &script);
		for (unsigned seed = 1; seed <= rounds; seed++) {
			if (player_run(script.data, split, seed, error, sizeof(error)))
				continue;
			print_error("%s (split %d, seed %u): %s\n", entries[i]->d_name, split,
				    seed, error);
			failed++;
			break;
		}
		buf_free(&script);
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(failed, 0);
}

static void dialogues_pass_in_whole_reads(void **state)
{
	(void)state;
	play_all(PLAYER_WHOLE, 1);
}

static void dialogues_pass_octet_by_octet(void **state)
{
	(void)state;
	play_all(PLAYER_BYTEWISE, 1);
}

static void dialogues_pass_in_random_pieces(void **state)
{
	(void)state;
	play_all(PLAYER_RANDOM, getenv("WP_FULL") ? 500 : 20);
}

/* The player itself: a wrong expectation has to be noticed. */
static void a_wrong_dialogue_fails(void **state)
{
	static const char *const wrong[] = {
		"S 220 hi\nC EHLO other.example\n",
		"S 220 hi\nC EHLO client.example\nE ready 16\n",
		"S 220 hi\n",
		"S 554 no\nE failed unavailable 5.3.2 554 banner yes\n",
		"deadline 5\n",
	};
	char error[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(player_run(wrong[i], PLAYER_WHOLE, 1, error, sizeof(error)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_dialogue_fails),
		cmocka_unit_test(dialogues_pass_in_whole_reads),
		cmocka_unit_test(dialogues_pass_octet_by_octet),
		cmocka_unit_test(dialogues_pass_in_random_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
