/* Counts what there is to be read. */
#include "ldapsync/census.h"

#include <ldap.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ldapsync/dirconn.h"

enum {
	PATIENCE_MS = 12000, /* what takes no longer needs no number */
	WAIT_MS = 1000,
	NAME_MAX_OCTETS = 1024, /* a longer one is counted unseen */
};

struct census {
	const struct part *part;
	const struct host_uri *uri;
	const struct sync_scope *scope;
	struct source_sink *sink;
	pthread_t thread;
	int stop_fd;
	LDAP *ld;
	uint64_t count;
};

/* Waits at most MS. */
static bool is_ended(const struct census *census, int ms)
{
	struct pollfd stop = { .fd = census->stop_fd, .events = POLLIN };

	return poll(&stop, 1, ms) > 0;
}

static void count(struct census *census, LDAPMessage *message)
{
	char name[NAME_MAX_OCTETS + 1];
	BerElement *ber = NULL;
	struct berval dn;
	bool is_seen = ldap_get_dn_ber(census->ld, message, &ber, &dn) == LDAP_SUCCESS &&
		       dn.bv_len < sizeof(name);

	if (is_seen) {
		memcpy(name, dn.bv_val, dn.bv_len);
		name[dn.bv_len] = '\0';
	}
	census->count += !is_seen || sync_scope_has(census->scope, name);
	ber_free(ber, 0);
}

/* The search's result code, or -1 where there will be none. */
static int take_message(struct census *census, LDAPMessage *message)
{
	int code, type = ldap_msgtype(message);

	if (type == LDAP_RES_SEARCH_ENTRY)
		count(census, message);
	if (type != LDAP_RES_SEARCH_RESULT)
		return -1;
	return ldap_parse_result(census->ld, message, &code, NULL, NULL, NULL, NULL, 0) ==
			       LDAP_SUCCESS ?
		       code :
		       LDAP_OTHER;
}

static int count_all(struct census *census, int id)
{
	for (;;) {
		struct timeval none = { 0, 0 };
		LDAPMessage *message = NULL;
		int rc = ldap_result(census->ld, id, LDAP_MSG_ONE, &none, &message), code;

		if (rc < 0)
			return LDAP_SERVER_DOWN;
		if (rc == 0) {
			if (is_ended(census, 0))
				return LDAP_USER_CANCELLED;
			dirconn_wait(census->ld, census->stop_fd, WAIT_MS);
			continue;
		}
		code = take_message(census, message);
		ldap_msgfree(message);
		if (code >= 0)
			return code;
	}
}

static void *run(void *arg)
{
	static char *names_only[] = { (char *)LDAP_NO_ATTRS, NULL };
	struct census *census = arg;
	const struct sync_scope *scope = census->scope;
	struct err ignored;
	int id;

	if (is_ended(census, PATIENCE_MS) ||
	    dirconn_open(census->part->directory, census->uri, census->stop_fd, &census->ld,
			 &ignored) < 0)
		return NULL;
	if (ldap_search_ext(census->ld, scope->base, LDAP_SCOPE_SUBTREE, scope->filter, names_only, 0,
			    NULL, NULL, NULL, LDAP_NO_LIMIT, &id) == LDAP_SUCCESS &&
	    count_all(census, id) == LDAP_SUCCESS)
		source_expect(census->sink, census->count);
	dirconn_close(&census->ld);
	return NULL;
}

struct census *census_begin(const struct part *part, const struct host_uri *uri,
			    const struct sync_scope *scope, struct source_sink *sink)
{
	struct census *census = mem_zero(1, sizeof(*census));

	*census = (struct census){ .part = part, .uri = uri, .scope = scope, .sink = sink };
	census->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (census->stop_fd >= 0 && pthread_create(&census->thread, NULL, run, census) == 0)
		return census;
	if (census->stop_fd >= 0)
		close(census->stop_fd);
	free(census);
	return NULL;
}

void census_end(struct census **census)
{
	struct census *c = *census;

	if (c == NULL)
		return;
	*census = NULL;
	eventfd_write(c->stop_fd, 1);
	pthread_join(c->thread, NULL);
	close(c->stop_fd);
	free(c);
}
