/*
 * The addresses of a host by its name. The system's resolver is asked aside: its wait cannot be
 * ended, ours can.
 */
#ifndef WP_LDAPSYNC_ADDRESSES_H
#define WP_LDAPSYNC_ADDRESSES_H

#include <netdb.h>
#include <stdint.h>

/*
 * Asks until DEADLINE_MS (clock_mono_ms), or until STOP_FD is readable (-1: no such thing).
 * *FOUND_R is the caller's, for freeaddrinfo(). -1, and *WHY_R says why there is none.
 */
int addresses_find(const char *host, uint16_t port, int stop_fd, uint64_t deadline_ms,
		   struct addrinfo **found_r, const char **why_r);

#endif
