/*
 * Runs a fuzz target (LLVMFuzzerTestOneInput) without a fuzzer: every seed, then rounds of
 * seeds changed at random, the same ones each time. `make check` does this; a real fuzzer
 * links the target alone (clang -fsanitize=fuzzer) with the same seeds as corpus.
 *
 *	fuzz_NAME [FILE…]    FILE: only these; none: tests/fuzz/seeds/NAME and the rounds
 *
 * WP_FUZZ_ROUNDS: how many rounds (5,000; with WP_FULL=1 1,000,000); WP_FUZZ_FIRST: the number
 * of the first one, to repeat the round that a failure named.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"

enum { SEEDS_MAX = 256, INPUT_MAX = 16384 };

static struct buf seeds[SEEDS_MAX];
static unsigned seed_count;
static char what[256]; /* runs now */

/* Called by AddressSanitizer before it ends the process. */
void __asan_on_error(void);

static void tell(void)
{
	static const char text[] = "fuzz: it was ";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ||
	    write(STDERR_FILENO, what, strlen(what)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		_exit(70);
}

void __asan_on_error(void)
{
	tell();
}

static void on_signal(int number)
{
	tell();
	signal(number, SIG_DFL);
	raise(number);
}

/* The input is memory of its own, so that reading beyond it is noticed. */
static void run(const char *data, size_t len)
{
	uint8_t *copy = mem_alloc(len ? len : 1);

	if (len)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void read_seed(const char *path)
{
	struct buf *b = &seeds[seed_count];
	char block[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f || seed_count == SEEDS_MAX) {
		fprintf(stderr, "fuzz: cannot read %s\n", path);
		exit(2);
	}
	buf_adds(b, "");
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(b, block, n);
	fclose(f);
	seed_count++;
	snprintf(what, sizeof(what), "%s", path);
	run(b->data, b->len);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void read_seeds(const char *program)
{
	const char *base = strstr(program, "fuzz_"), *srcdir = getenv("srcdir");
	char folder[2048], path[4096];
	struct dirent **entries;
	int count;

	while (base && strstr(base + 1, "fuzz_"))
		base = strstr(base + 1, "fuzz_");
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/%s", srcdir ? srcdir : ".",
		 base ? base + strlen("fuzz_") : "");
	count = scandir(folder, &entries, is_visible, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		read_seed(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (!seed_count) {
		fprintf(stderr, "fuzz: no seeds in %s\n", folder);
		exit(2);
	}
}

/* splitmix64: one number decides a whole round. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t limit)
{
	return limit ? (size_t)(next_random(state) % limit) : 0;
}

static void insert(struct buf *b, size_t at, const char *data, size_t len)
{
	if (b->len + len > INPUT_MAX)
		return;
	buf_reserve(b, len);
	memmove(b->data + at + len, b->data + at, b->len - at);
	memcpy(b->data + at, data, len);
	b->len += len;
}

static void drop(struct buf *b, size_t at, size_t len)
{
	memmove(b->data + at, b->data + at + len, b->len - at - len);
	b->len -= len;
}

static void change(struct buf *b, uint64_t *state)
{
	static const char telling[] = "\r\n\r\n. -\0\x7f\xff\x80"
				      "0159:<>@,;+=";
	const struct buf *other = &seeds[below(state, seed_count)];
	size_t at = below(state, b->len + 1), left = b->len - at, from, len;
	char c = telling[below(state, sizeof(telling))];

	switch (below(state, 6)) {
	case 0:
		if (left)
			b->data[at] = (char)(b->data[at] ^ 1 << below(state, 8));
		break;
	case 1:
		if (left)
			b->data[at] = c;
		break;
	case 2:
		insert(b, at, &c, 1);
		break;
	case 3:
		drop(b, at, below(state, (left < 32 ? left : 32) + 1));
		break;
	default:
		from = below(state, other->len);
		len = below(state, other->len - from + 1);
		insert(b, at, other->data + from, len);
		break;
	}
}

static void run_rounds(uint64_t first, uint64_t count)
{
	for (uint64_t round = first; round < first + count; round++) {
		uint64_t state = round;
		const struct buf *seed = &seeds[below(&state, seed_count)];
		struct buf b = { 0 };

		buf_add(&b, seed->data, seed->len);
		for (size_t n = below(&state, 8) + 1; n; n--)
			change(&b, &state);
		snprintf(what, sizeof(what), "round %llu", (unsigned long long)round);
		run(b.data, b.len);
		buf_free(&b);
	}
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value;

	return text && parse_u64(text, strlen(text), UINT64_MAX, &value) ? value : otherwise;
}

int main(int argc, char **argv)
{
	signal(SIGABRT, on_signal);
	for (int i = 1; i < argc; i++)
		read_seed(argv[i]);
	if (argc == 1) {
		read_seeds(argv[0]);
		run_rounds(number_from("WP_FUZZ_FIRST", 0),
			   number_from("WP_FUZZ_ROUNDS", getenv("WP_FULL") ? 1000000 : 5000));
	}
	for (unsigned i = 0; i < seed_count; i++)
		buf_free(&seeds[i]);
	return 0;
}
