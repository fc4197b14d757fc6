/* The addresses of a host by its name. */
#define _GNU_SOURCE
#include "ldapsync/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "ldapsync/aside.h"

struct lookup {
	char *host;
	char port[8];
	int rc;
	struct addrinfo *found;
};

static void look_up(void *job)
{
	struct lookup *lookup = job;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };

	lookup->rc = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
}

static void drop_lookup(void *job)
{
	struct lookup *lookup = job;

	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	free(lookup->host);
	free(lookup);
}

int addresses_find(const char *host, uint16_t port, int stop_fd, uint64_t deadline_ms,
		   struct addrinfo **found_r, const char **why_r)
{
	struct lookup *lookup = mem_zero(1, sizeof(*lookup));
	int rc;

	*found_r = NULL;
	*why_r = "the resolver does not answer";
	lookup->host = mem_strdup(host);
	snprintf(lookup->port, sizeof(lookup->port), "%u", port);
	if (!aside_run(look_up, drop_lookup, lookup, stop_fd, deadline_ms))
		return -1;
	rc = lookup->rc;
	if (rc == 0) {
		*found_r = lookup->found;
		lookup->found = NULL;
	} else {
		*why_r = gai_strerror(rc);
	}
	drop_lookup(lookup);
	return rc == 0 ? 0 : -1;
}
