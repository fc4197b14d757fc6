/*
 * The two clocks. Engines take times as numbers; only adapters call these.
 */
#ifndef WP_COMMON_CLOCK_H
#define WP_COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of the monotonic clock: for deadlines and intervals. */
uint64_t clock_mono_ms(void);
/* Milliseconds since 1970 of the wall clock: for what is stored or shown. */
uint64_t clock_wall_ms(void);
/* "2026-01-31T12:34:56.789Z" into TEXT (at least 25 octets). */
void clock_iso8601(uint64_t wall_ms, char text[static 25]);
/* RFC 5322 §3.3 date-time in UTC into TEXT (at least 40 octets). */
void clock_rfc5322(uint64_t wall_ms, char text[static 40]);

#endif
