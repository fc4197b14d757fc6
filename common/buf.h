/*
 * A growable byte buffer, and bounded parsing of numbers. Pure.
 *
 * Memory is plain malloc, so a buffer may cross threads with its owner. Running out of
 * memory ends the process (mem_fatal): a mail router that cannot allocate cannot promise
 * anything, and the spool makes a restart safe.
 */
#ifndef WP_COMMON_BUF_H
#define WP_COMMON_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compiler.h"

struct buf {
	char *data; /* always followed by a NUL once something was added */
	size_t len;
	size_t cap;
};

/* Ends the process with a plain line on stderr. */
void mem_fatal(size_t wanted) WP_NORETURN;
/* malloc, calloc, realloc and strdup that never return null. */
void *mem_alloc(size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_grow(void *old, size_t size);
char *mem_strdup(const char *text);

void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) WP_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) WP_PRINTF(2, 0);
/* Drops the first N bytes. */
void buf_consume(struct buf *b, size_t n);
/* Empties the buffer and keeps its memory. */
void buf_clear(struct buf *b);
/* Frees the memory; the buffer may be used again. */
void buf_free(struct buf *b);

/* A decimal number of 1–20 digits and nothing else, at most MAX. */
bool parse_u64(const char *text, size_t len, uint64_t max, uint64_t *value_r);

/* Lower case of an ASCII letter, anything else unchanged; locale never matters. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Equal but for the case of ASCII letters. */
bool ascii_equal(const char *a, const char *b);
bool ascii_equal_n(const char *a, const char *b, size_t len);

#endif
