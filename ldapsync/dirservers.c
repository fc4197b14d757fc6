/* The servers of a directory. DNS is asked aside, by the C library, whose wait cannot be ended. */
#include "ldapsync/dirservers.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "ldapsync/aside.h"
#include "ldapsync/dirsrv.h"

enum {
	SERVERS_MAX = 64,
	ANSWER_MAX = 65535,
	TRY_S = 2, /* for one name server, twice each */
	TRIES = 2,
	WAIT_MS = 10000, /* for all names at all name servers */
	PORT_DEFAULT = 389,
};

/* Owns what it is made of: the caller may be gone when DNS answers. */
struct question {
	TALLOC_CTX *ctx;
	struct host_address *resolvers;
	size_t n_resolvers;
	const char *names[DIRSRV_NAMES];
	size_t n_names, found; /* the name that had records, n_names if none had */
	struct dirsrv_record records[SERVERS_MAX];
	size_t n;
	bool is_unanswered; /* some name server did not do its work */
};

/* ---- aside ---- */

static void set_resolver(res_state state, int i, const struct host_address *address)
{
	struct sockaddr_in *v4 = &state->nsaddr_list[i];
	struct sockaddr_in6 *v6;

	*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(address->port) };
	if (inet_pton(AF_INET, address->ip, &v4->sin_addr) == 1)
		return;
	/* Of these the C library has a second list, whose elements it frees. */
	v6 = mem_zero(1, sizeof(*v6));
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(address->port);
	inet_pton(AF_INET6, address->ip, &v6->sin6_addr);
	v4->sin_family = 0;
	free(state->_u._ext.nsaddrs[i]);
	state->_u._ext.nsaddrs[i] = v6;
}

static void set_up(const struct question *q, res_state state)
{
	int n = q->n_resolvers < MAXNS ? (int)q->n_resolvers : MAXNS;

	state->retrans = TRY_S;
	state->retry = TRIES;
	state->options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
	if (n == 0)
		return;
	state->nscount = n;
	for (int i = 0; i < n; i++)
		set_resolver(state, i, &q->resolvers[i]);
}

/* True: NAME has records, or nobody could say whether it has. */
static bool ask(struct question *q, res_state state, const char *name, uint8_t *answer)
{
	int len = res_nquery(state, name, ns_c_in, ns_t_srv, answer, ANSWER_MAX);

	if (len > 0)
		q->n = dirsrv_parse(answer, (size_t)len, q->records, SERVERS_MAX);
	else
		q->is_unanswered = state->res_h_errno != HOST_NOT_FOUND &&
				   state->res_h_errno != NO_DATA;
	return q->n > 0 || q->is_unanswered;
}

static void ask_all(void *job)
{
	struct question *q = job;
	struct __res_state state = { 0 };
	uint8_t *answer;

	if (res_ninit(&state) < 0) {
		q->is_unanswered = true;
		return;
	}
	set_up(q, &state);
	answer = mem_alloc(ANSWER_MAX);
	for (q->found = 0; q->found < q->n_names; q->found++)
		if (ask(q, &state, q->names[q->found], answer))
			break;
	free(answer);
	res_nclose(&state);
}

static void drop(void *job)
{
	struct question *q = job;

	talloc_free(q->ctx);
	free(q);
}

/* ---- the caller ---- */

static struct question *question_new(const struct hostfile *host,
				     const struct host_directory *directory, const char *domain)
{
	const struct host_delivery *delivery = &host->delivery;
	struct question *q = mem_zero(1, sizeof(*q));

	q->ctx = talloc_new(NULL);
	q->n_names = dirsrv_names(q->ctx, domain, directory->site, q->names);
	q->n_resolvers = delivery->n_resolvers;
	q->resolvers = talloc_array(q->ctx, struct host_address, q->n_resolvers);
	for (size_t i = 0; i < q->n_resolvers; i++) {
		q->resolvers[i].ip = talloc_strdup(q->ctx, delivery->resolvers[i].ip);
		q->resolvers[i].port = delivery->resolvers[i].port;
	}
	return q;
}

static uint32_t random_number(void *ctx, uint32_t bound)
{
	(void)ctx;
	return arc4random_uniform(bound + 1);
}

static struct host_uri uri_of(TALLOC_CTX *ctx, const struct dirsrv_record *record)
{
	struct host_uri uri = { .scheme = HOST_LDAP, .port = record->port,
				.host = talloc_strdup(ctx, record->target) };

	uri.text = record->port == PORT_DEFAULT ?
			   talloc_asprintf(ctx, "ldap://%s", uri.host) :
			   talloc_asprintf(ctx, "ldap://%s:%u", uri.host, record->port);
	return uri;
}

static int take(TALLOC_CTX *ctx, struct question *q, const char *domain,
		struct dirservers *servers, const char **name_r, struct err *err)
{
	struct host_uri *uris = talloc_array(ctx, struct host_uri, q->n);

	if (q->is_unanswered) {
		err_set(err, ERR_DIRECTORY, 0, "DNS does not tell the servers of %s", domain);
		return err_remedy(err, "look at the name servers: resolver in the host file, else "
				       "/etc/resolv.conf; or name the servers in uri");
	}
	if (q->n == 0) {
		err_set(err, ERR_DIRECTORY, 0, "there are no SRV records _ldap._tcp.%s", domain);
		return err_remedy(err, "add the records, let this host use the name servers of the "
				       "domain, or name the servers in uri");
	}
	dirsrv_order(q->records, q->n, random_number, NULL);
	for (size_t i = 0; i < q->n; i++)
		uris[i] = uri_of(uris, &q->records[i]);
	*servers = (struct dirservers){ uris, q->n };
	*name_r = talloc_strdup(ctx, q->names[q->found]);
	return 0;
}

int dirservers_look_up(TALLOC_CTX *ctx, const struct hostfile *host,
		       const struct host_directory *directory, const struct host_uri *uri,
		       int stop_fd, struct dirservers *servers_r, const char **name_r,
		       struct err *err)
{
	struct question *q = question_new(host, directory, uri->host);
	int rc;

	if (!aside_run(ask_all, drop, q, stop_fd, clock_mono_ms() + WAIT_MS)) {
		err_set(err, ERR_DIRECTORY, 0, "DNS did not answer about %s in time", uri->host);
		return err_remedy(err, "look at the name servers: resolver in the host file, else "
				       "/etc/resolv.conf");
	}
	rc = take(ctx, q, uri->host, servers_r, name_r, err);
	drop(q);
	return rc;
}

int dirservers_find(TALLOC_CTX *ctx, const struct hostfile *host,
		    const struct host_directory *directory, int stop_fd,
		    struct dirservers *servers_r, struct err *err)
{
	struct host_uri *list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < directory->n_uris; i++) {
		struct dirservers some = { &directory->uris[i], 1 };
		const char *ignored;

		if (directory->uris[i].scheme == HOST_SRV &&
		    dirservers_look_up(ctx, host, directory, &directory->uris[i], stop_fd, &some,
				       &ignored, err) < 0)
			continue; /* the others may do */
		list = talloc_realloc(ctx, list, struct host_uri, n + some.n);
		memcpy(list + n, some.uris, some.n * sizeof(*list));
		n += some.n;
	}
	*servers_r = (struct dirservers){ list, n };
	return n > 0 ? 0 : -1;
}
