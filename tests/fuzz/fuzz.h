/*
 * What a fuzz target is: one function that takes octets and aborts when a promise is broken.
 * Linked with main.c it is a test; linked with a fuzzer it is a target.
 */
#ifndef WP_TESTS_FUZZ_H
#define WP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that holds for every input. */
#define FUZZ_PROMISE(condition)                                                                \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__,     \
				#condition);                                                   \
			abort();                                                               \
		}                                                                              \
	} while (0)

#endif
