/*
 * The server engine against written dialogues (tests/delivery/dialogues/server): each played
 * whole, octet by octet and in random pieces, its events answered at once and late.
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
#include "tests/delivery/server_player.h"

static const char *folder(void)
{
	static char path[4096];
	const char *srcdir = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/delivery/dialogues/server",
		 srcdir != NULL ? srcdir : ".");
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

	return n > 5 && strcmp(entry->d_name + n - 5, ".smtp") == 0;
}

static int play(const char *name, enum server_player_split split, unsigned rounds)
{
	struct server_player_mode mode = { .split = split };
	struct buf script = { 0 };
	char error[4096];
	int failed = 0;

	read_file(name, &script);
	for (unsigned i = 0; i < 2 * rounds && failed == 0; i++) {
		mode.is_late = i % 2 == 1;
		mode.seed = i / 2 + 1;
		if (server_player_run(script.data, &mode, error, sizeof(error)))
			continue;
		print_error("%s (split %d, seed %u, %s): %s\n", name, (int)split, mode.seed,
			    mode.is_late ? "late" : "at once", error);
		failed = 1;
	}
	buf_free(&script);
	return failed;
}

static void play_all(enum server_player_split split, unsigned rounds)
{
	struct dirent **entries;
	int count = scandir(folder(), &entries, is_dialogue, alphasort), failed = 0;

	assert_true(count >= 40);
	for (int i = 0; i < count; i++) {
		failed += play(entries[i]->d_name, split, rounds);
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(failed, 0);
}

static void test_dialogues_in_whole_groups(void **state)
{
	(void)state;
	play_all(SERVER_PLAYER_WHOLE, 1);
}

static void test_dialogues_octet_by_octet(void **state)
{
	(void)state;
	play_all(SERVER_PLAYER_BYTEWISE, 1);
}

static void test_dialogues_in_random_pieces(void **state)
{
	(void)state;
	play_all(SERVER_PLAYER_RANDOM, getenv("WP_FULL") != NULL ? 200 : 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues_in_whole_groups),
		cmocka_unit_test(test_dialogues_octet_by_octet),
		cmocka_unit_test(test_dialogues_in_random_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
