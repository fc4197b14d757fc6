/*
 * How fast a directory server can be emptied: one search for everything, and nothing done with it.
 *
 *   ldap_drain raw|plain HOST PORT BIND-DN PASSWORD BASE ATTRIBUTE...
 *
 * `raw` counts LDAP messages in what comes from the socket and looks at nothing in them: what the
 * server can give. `plain` is the loop that a program with libldap has at best: asynchronous, name
 * and values looked at in place. Prints entries, wall-clock seconds, processor seconds.
 */
#include <lber.h>
#include <ldap.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, RESULT = 0x65, ENTRY = 0x64 };

static struct search {
	const char *host, *port, *bind_dn, *password, *base;
	char **attributes;
} search;

static unsigned long n_entries, n_octets;

static void die(const char *what)
{
	fprintf(stderr, "ldap_drain: %s\n", what);
	exit(1);
}

/* ---- raw ---- */

static int dial(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int fd;

	if (getaddrinfo(search.host, search.port, &hints, &found) != 0)
		die("no such host");
	fd = socket(found->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		die("cannot connect");
	freeaddrinfo(found);
	return fd;
}

static void send_request(int fd, BerElement *ber)
{
	struct berval octets;

	if (ber_flatten2(ber, &octets, 0) < 0 ||
	    write(fd, octets.bv_val, octets.bv_len) != (ssize_t)octets.bv_len)
		die("cannot send");
	ber_free(ber, 1);
}

static void send_requests(int fd)
{
	BerElement *bind = ber_alloc_t(LBER_USE_DER), *ask = ber_alloc_t(LBER_USE_DER);

	ber_printf(bind, "{it{istsN}N}", 1, LDAP_REQ_BIND, 3, search.bind_dn, LDAP_AUTH_SIMPLE,
		   search.password);
	send_request(fd, bind);
	ber_printf(ask, "{it{seeiibtsN{v}N}N}", 2, LDAP_REQ_SEARCH, search.base, LDAP_SCOPE_SUBTREE,
		   LDAP_DEREF_NEVER, 0, 0, 0, LDAP_FILTER_PRESENT, "objectClass", search.attributes);
	send_request(fd, ask);
}

/* The length of the message at AT and where its operation's tag is; 0: not all of it is there. */
static size_t message_size(const uint8_t *at, size_t len, size_t *operation_r)
{
	size_t head = 2, size, id;

	if (len < 14) /* the shortest, a result without a text */
		return 0;
	size = at[1];
	if (size >= 0x80) {
		head += at[1] & 0x7f;
		size = 0;
		for (size_t i = 2; i < head; i++)
			size = size << 8 | at[i];
	}
	id = at[head + 1];
	*operation_r = head + 2 + id;
	return len >= head + size ? head + size : 0;
}

/* What is left of the LEN octets begins the next message; true after the search's result. */
static int count_messages(const uint8_t *octets, size_t *len)
{
	size_t at = 0, size, operation;
	int is_over = 0;

	while ((size = message_size(octets + at, *len - at, &operation)) > 0) {
		n_entries += octets[at + operation] == ENTRY;
		is_over |= octets[at + operation] == RESULT;
		at += size;
	}
	*len -= at;
	memmove((uint8_t *)(uintptr_t)octets, octets + at, *len);
	return is_over;
}

static void drain_raw(void)
{
	static uint8_t octets[BUFFER];
	size_t len = 0;
	int fd = dial();

	send_requests(fd);
	do {
		ssize_t n = read(fd, octets + len, sizeof(octets) - len);

		if (n <= 0)
			die("the server closed");
		len += (size_t)n;
		n_octets += (unsigned long)n;
	} while (!count_messages(octets, &len));
	close(fd);
}

/* ---- plain ---- */

static void look_at(LDAP *ld, LDAPMessage *message)
{
	struct berval dn, name, *values;
	BerElement *ber = NULL;

	if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS)
		die("an entry without a name");
	n_entries++;
	n_octets += dn.bv_len;
	while (ldap_get_attribute_ber(ld, message, ber, &name, &values) == LDAP_SUCCESS &&
	       name.bv_val != NULL) {
		for (struct berval *v = values; v != NULL && v->bv_val != NULL; v++)
			n_octets += v->bv_len;
		ber_memfree(values);
	}
	ber_free(ber, 0);
}

static void drain_plain(void)
{
	char uri[256];
	int version = LDAP_VERSION3, id = -1, rc;
	struct berval password = { strlen(search.password), (char *)(uintptr_t)search.password };
	LDAPMessage *message;
	LDAP *ld;

	snprintf(uri, sizeof(uri), "ldap://%s:%s", search.host, search.port);
	if (ldap_initialize(&ld, uri) != LDAP_SUCCESS)
		die("cannot begin");
	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	if (ldap_sasl_bind_s(ld, search.bind_dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL) !=
		    LDAP_SUCCESS ||
	    ldap_search_ext(ld, search.base, LDAP_SCOPE_SUBTREE, "(objectClass=*)",
			    search.attributes, 0, NULL, NULL, NULL, LDAP_NO_LIMIT, &id) !=
		    LDAP_SUCCESS)
		die("cannot ask");
	while ((rc = ldap_result(ld, id, LDAP_MSG_ONE, NULL, &message)) == LDAP_RES_SEARCH_ENTRY) {
		look_at(ld, message);
		ldap_msgfree(message);
	}
	if (rc != LDAP_RES_SEARCH_RESULT)
		die("the server closed");
	ldap_msgfree(message);
	ldap_unbind_ext_s(ld, NULL, NULL);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double begin = seconds(CLOCK_MONOTONIC);

	if (argc < 8 || (strcmp(argv[1], "raw") != 0 && strcmp(argv[1], "plain") != 0))
		die("usage: ldap_drain raw|plain HOST PORT BIND-DN PASSWORD BASE ATTRIBUTE...");
	search = (struct search){ argv[2], argv[3], argv[4], argv[5], argv[6], argv + 7 };
	if (argv[1][0] == 'r')
		drain_raw();
	else
		drain_plain();
	printf("%lu %.3f %.3f\n", n_entries, seconds(CLOCK_MONOTONIC) - begin,
	       seconds(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
