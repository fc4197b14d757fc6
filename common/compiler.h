/*
 * Attributes of the compiler under names that say what they are for.
 * Pure; for every layer.
 */
#ifndef WP_COMMON_COMPILER_H
#define WP_COMMON_COMPILER_H

#include <stddef.h>

/* A printf-like function: argument FMT is the format, ARGS the first value. */
#define WP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* The result tells of a failure and has to be looked at. */
#define WP_MUST_CHECK __attribute__((warn_unused_result))
#define WP_UNUSED __attribute__((unused))
#define WP_NORETURN __attribute__((noreturn))
/* The case goes on with the next one on purpose. */
#define WP_FALLTHROUGH __attribute__((fallthrough))

#define WP_COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* The structure of TYPE that holds POINTER as its MEMBER. */
#define WP_CONTAINER(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#endif
