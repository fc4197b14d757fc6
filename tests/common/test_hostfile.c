/* common/hostfile: what is read, what is refused, and that the message names line and remedy. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/conf_text.h"
#include "common/hostfile.h"

#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"
#define ORG "directory \"o\" { uri = {\"file:///o.ldif\"} }\n"
#define EXCHANGE "directory \"d\" { uri = {\"ldap://h\"} profile = \"exchange\"\n"

static char folder[] = "/tmp/wp-hostfile-XXXXXX";

static const char *put(const char *name, const char *text, mode_t mode)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static int load(const char *text, struct hostfile **host_r, struct err *e)
{
	*host_r = NULL;
	return hostfile_load(put("waypost.conf", text, 0644), host_r, e);
}

static const char full[] =
	"# the host file of the documentation\n"
	"server = \"HQ-HUB1\"   // cn\n"
	"state = \"/srv/waypost\"\n"
	"run = \"/srv/run\"\n"
	"log_level = \"debug\"\n"
	"user = \"waypost\"\n"
	"/* two\n   directories */\n"
	"directory \"corp\" {\n"
	"  uri = {\"ldap://dc1.example.com\", \"ldaps://[2001:db8::1]:3636\"}\n"
	"  profile = \"ad\" ; base = \"cn=Waypost,dc=example,dc=com\"\n"
	"  recipients = {\"ou=People,dc=example,dc=com\"}\n"
	"  filter = \"(mail=*)\"\n"
	"  bind = \"simple\" bind_dn = \"cn=waypost\"\n"
	"  password_file = \"/nonexistent/password\"\n"
	"  keytab = \"/nonexistent/keytab\"\n"
	"  starttls = true tls_ca = \"/etc/ca.crt\" tls_cert = \"\" ; tls_key = \"\"\n"
	"  sweep_guard_percent = 35\n"
	"}\n"
	"directory \"lab\" { uri = {\"srv:example.com\"} base = \"cn=W\" }\n"
	"delivery {\n"
	"  workers = 3 tls_cert = \"/c\" tls_key = \"/k\" tls_ca = \"/ca\"\n"
	"  resolver = {\"192.0.2.1\", \"[2001:db8::2]:5353\", \"2001:db8::3\"}\n"
	"  resolver_mode = \"recursive\" resolver_insecure = {\"corp.example\"}\n"
	"  credentials_file = \"/nonexistent/credentials\"\n"
	"  milter \"rspamd\" { socket = \"inet:127.0.0.1:11332\" on_failure = \"accept\" }\n"
	"  milter \"dkim\" { socket = \"unix:/run/dkim\" timeout = 5 }\n"
	"  trusted_proxies = {\"127.0.0.1/32\", \"2001:db8::/32\"}\n"
	"}\n"
	"history { snapshots = 7 days = 0 megabytes = 64 }\n"
	"console { listen = \"[::1]:9443\" read_group = \"cn=mail-operators\" }\n";

static void test_every_key_reaches_its_field(void **state)
{
	struct hostfile *host;
	struct err e;

	(void)state;
	if (load(full, &host, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(host->server, "HQ-HUB1");
	assert_string_equal(host->state, "/srv/waypost");
	assert_string_equal(host->run, "/srv/run");
	assert_int_equal(host->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(host->user, "waypost");
	assert_int_equal(host->n_directories, 2);

	const struct host_directory *d = &host->directories[0];

	assert_string_equal(d->title, "corp");
	assert_int_equal(d->n_uris, 2);
	assert_string_equal(d->uris[0].host, "dc1.example.com");
	assert_int_equal(d->uris[0].port, 389);
	assert_int_equal(d->uris[1].scheme, HOST_LDAPS);
	assert_string_equal(d->uris[1].host, "2001:db8::1");
	assert_int_equal(d->uris[1].port, 3636);
	assert_int_equal(d->profile, HOST_PROFILE_AD);
	assert_string_equal(d->base, "cn=Waypost,dc=example,dc=com");
	assert_int_equal(d->n_recipients, 1);
	assert_string_equal(d->recipients[0], "ou=People,dc=example,dc=com");
	assert_string_equal(d->filter, "(mail=*)");
	assert_int_equal(d->bind, HOST_BIND_SIMPLE);
	assert_string_equal(d->bind_dn, "cn=waypost");
	assert_string_equal(d->password_file, "/nonexistent/password");
	assert_string_equal(d->keytab, "/nonexistent/keytab");
	assert_true(d->starttls);
	assert_false(d->cleartext);
	assert_string_equal(d->tls_ca, "/etc/ca.crt");
	assert_null(d->tls_cert);
	assert_null(d->tls_key);
	assert_int_equal(d->sweep_guard_percent, 35);
	assert_int_equal(host->directories[1].uris[0].scheme, HOST_SRV);
	assert_string_equal(host->directories[1].uris[0].host, "example.com");

	const struct host_delivery *del = &host->delivery;

	assert_int_equal(del->workers, 3);
	assert_string_equal(del->tls_cert, "/c");
	assert_string_equal(del->tls_key, "/k");
	assert_string_equal(del->tls_ca, "/ca");
	assert_int_equal(del->n_resolvers, 3);
	assert_string_equal(del->resolvers[0].ip, "192.0.2.1");
	assert_int_equal(del->resolvers[0].port, 53);
	assert_string_equal(del->resolvers[1].ip, "2001:db8::2");
	assert_int_equal(del->resolvers[1].port, 5353);
	assert_string_equal(del->resolvers[2].ip, "2001:db8::3");
	assert_int_equal(del->resolver_mode, HOST_RESOLVER_RECURSIVE);
	assert_string_equal(del->resolver_insecure[0], "corp.example");
	assert_string_equal(del->credentials_file, "/nonexistent/credentials");
	assert_int_equal(del->n_milters, 2);
	assert_string_equal(del->milters[0].title, "rspamd");
	assert_int_equal(del->milters[0].timeout_s, 30);
	assert_int_equal(del->milters[0].on_failure, HOST_MILTER_ACCEPT);
	assert_string_equal(del->milters[1].socket, "unix:/run/dkim");
	assert_int_equal(del->milters[1].timeout_s, 5);
	assert_int_equal(del->n_trusted_proxies, 2);

	assert_int_equal(host->history.snapshots, 7);
	assert_int_equal(host->history.days, 0);
	assert_int_equal(host->history.megabytes, 64);
	assert_true(host->console.is_configured);
	assert_string_equal(host->console.listen.ip, "::1");
	assert_int_equal(host->console.listen.port, 9443);
	hostfile_free(&host);
	assert_null(host);
}

static void test_defaults_stand_in_for_absent_keys(void **state)
{
	struct hostfile *host;
	struct err e;

	(void)state;
	assert_int_equal(load(ORG, &host, &e), 0);
	assert_null(host->server);
	assert_non_null(host->fqdn);
	assert_string_equal(host->state, "/var/lib/waypost");
	assert_string_equal(host->run, "/run/waypost");
	assert_int_equal(host->log_level, LOG_LEVEL_INFO);
	assert_null(host->user);
	assert_string_equal(host->directories[0].uris[0].path, "/o.ldif");
	assert_int_equal(host->directories[0].profile, HOST_PROFILE_WAYPOST);
	assert_int_equal(host->directories[0].bind, HOST_BIND_NONE);
	assert_int_equal(host->directories[0].n_recipients, 0);
	assert_null(host->directories[0].filter);
	assert_int_equal(host->directories[0].n_assume, 0);
	assert_int_equal(host->directories[0].sweep_guard_percent, 20);
	assert_int_equal(host->delivery.workers, 0);
	assert_int_equal(host->delivery.n_resolvers, 0);
	assert_int_equal(host->delivery.resolver_mode, HOST_RESOLVER_FORWARD);
	assert_int_equal(host->delivery.n_milters, 0);
	assert_int_equal(host->history.snapshots, 100);
	assert_int_equal(host->history.days, 30);
	assert_int_equal(host->history.megabytes, 1024);
	assert_false(host->console.is_configured);
	assert_string_equal(host->console.listen.ip, "127.0.0.1");
	assert_int_equal(host->console.listen.port, 8443);
	hostfile_free(&host);
}

static void test_an_empty_string_is_no_setting(void **state)
{
	struct hostfile *host;
	struct err e;

	(void)state;
	assert_int_equal(load("server = \"\" log_level = \"\"\n"
			      "directory \"" SIXTY_FOUR "\" { uri = {\"file:///o\"} base = \"\" starttls = \"\"\n"
			      " sweep_guard_percent = \"\" }\n"
			      "delivery { workers = \"\" }\nhistory { snapshots = \"\" }",
			      &host, &e), 0);
	assert_null(host->server);
	assert_int_equal(host->log_level, LOG_LEVEL_INFO);
	assert_null(host->directories[0].base);
	assert_false(host->directories[0].starttls);
	assert_int_equal(host->directories[0].sweep_guard_percent, 20);
	assert_int_equal(host->delivery.workers, 0);
	assert_int_equal(host->history.snapshots, 100);
	hostfile_free(&host);
}

/* What is refused, the line it names, a word of the text and one of the remedy. */
static const struct invalid {
	const char *text;
	int line;
	const char *says, *remedy;
} invalid[] = {
	{ "\n# x\n/* y\n */ colour = 1\n" ORG, 4, "unknown key 'colour'", "server, state" },
	{ ORG "directory \"p\" {\n\n  url = {\"x\"}\n}\n", 4, "unknown key 'url'", "uri, profile" },
	{ ORG "delivery {\n milter \"m\" {\n sock = 1 } }", 4, "unknown key 'sock'", "socket" },
	{ ORG "delivery { }\n delivery { }", 3, "given twice, first in line 2", "" },
	{ ORG "server = \"a\"\n\nserver = \"b\"", 4, "given twice, first in line 2", "remove one" },
	{ ORG "log_level = \"loud\"", 2, "\"loud\"", "error, warn, info, debug" },
	{ ORG "state = \"var\"", 2, "no absolute path", "/" },
	{ ORG "delivery {\n workers = 257 }", 3, "workers cannot be 257", "0 to 256" },
	{ ORG "delivery {\n workers = -1 }", 3, "workers cannot be -1", "0 to 256" },
	{ ORG "delivery {\n workers = many }", 3, "invalid integer", "digits" },
	{ ORG "delivery {\n\n workers = 99999999999999999999 }", 4, "out of range", "smaller" },
	{ ORG "delivery { tls_cert = \"/c\" }", 2, "without tls_key", "both" },
	{ ORG "delivery { tls_key = \"/k\" }", 2, "without tls_cert", "both" },
	{ ORG "delivery { resolver = {\"192.0.2.1\",\n\"dns.example\"} }", 3, "dns.example",
	  "192.0.2.1:53" },
	{ ORG "delivery { resolver = {\"192.0.2.1:70000\"} }", 2, "no address", "" },
	{ ORG "delivery { resolver_mode = \"x\" }", 2, "\"x\"", "forward, recursive" },
	{ ORG "delivery { trusted_proxies = {\"10.0.0.0/33\"} }", 2, "10.0.0.0/33", "/24" },
	{ ORG "delivery { milter \"m\" { timeout = 1 } }", 2, "no socket", "inet:" },
	{ ORG "delivery { milter \"m\" { socket = \"tcp:x\" } }", 2, "tcp:x", "inet:" },
	{ ORG "delivery { milter \"m\" { socket = \"unix:/x\" timeout = 0 } }", 2, "timeout", "1 to" },
	{ ORG "history {\n snapshots = 1 }", 3, "snapshots cannot be 1", "2 to 100000" },
	{ ORG "console { listen = \"localhost\" }", 2, "localhost", "192.0.2.1:8443" },
	{ ORG "server = \"abc\n", 2, "string is not closed", "quote" },
	{ ORG "/* abc\n", 2, "comment is not closed", "*/" },
	{ ORG "\ndelivery {\n", 3, "not closed", "}" },
	{ ORG "}\n", 2, "closing brace", "remove it" },
	{ "server = \"x\"\n", 0, "no directory", "uri" },
	{ "directory \"d\" { base = \"cn=x\" }", 1, "\"d\" has no uri", "ldaps://" },
	{ ORG ORG, 2, "duplicate title", "another title" },
	{ "directory \"d\" {\n uri = {\"ldap://h\"}\n}", 3, "no base", "cn=Waypost" },
	{ "directory \"d\" { uri = {\"ldap://h\"} base = \"dc=x\"\n assume = {\"smart-host.separators=,\"} }",
	  2, "only the profile exchange", "profile" },
	{ EXCHANGE "assume = {\"smart-host.separators=,\",\n\"colour=1\"} }", 3, "\"colour=1\" is no assumption",
	  "waypost schema assumptions" },
	{ EXCHANGE "assume = {\"server-roles.hub-bit\"} }", 2, "no value", "server-roles.hub-bit=32" },
	{ EXCHANGE "assume = {\"server-roles.hub-bit=0x1g\"} }", 2, "no value", "a number" },
	{ EXCHANGE "assume = {\"server-roles.hub-bit=4294967296\"} }", 2, "no value", "a number" },
	{ EXCHANGE "assume = {\"accepted-domain.flags=(x=*)\"} }", 2, "no value", "name of an attribute" },
	{ EXCHANGE "assume = {\"smart-host.separators=\"} }", 2, "no value", "not empty" },
	{ "directory \"d\" {\n uri = {\"ldap://h/dc=x\"} }", 2, "names an entry", "base = \"dc=x\"" },
	{ "directory \"d\" {\n uri = {\"http://h\"} }", 2, "scheme is not known", "ldap://" },
	{ "directory \"d\" { uri = {\"file:///a\",\n\"ldap://h\"} base = \"dc=x\" }", 1, "a file among",
	  "alone" },
	{ "directory \"d\" { uri = {\"ldap://h\"} base = \"dc=x\"\n bind = \"simple\" }", 2, "in clear",
	  "starttls" },
	{ "directory \"d\" { uri = {\"ldaps://h\"} base = \"dc=x\"\n bind = \"simple\" }", 2, "bind_dn",
	  "bind_dn" },
	{ "directory \"d\" { uri = {\"ldaps://h\"} base = \"dc=x\"\n bind = \"scram-sha-256\" }", 2,
	  "bind_dn", "bind_dn = \"NAME\"" },
	{ "directory \"d\" { uri = {\"ldaps://h\"} base = \"dc=x\"\n bind = \"simple\" bind_dn = \"c\" }",
	  2, "password_file", "password_file" },
	{ "directory \"d\" { uri = {\"ldap://h\"} base = \"dc=x\" bind = \"magic\" }", 1, "magic",
	  "gss-spnego" },
	{ "directory \"d\" { uri = {\"ldap://h\"} base = \"dc=x\" sweep_guard_percent = 101 }", 1, "101",
	  "0 to 100" },
	{ "directory \"d\" { uri = {\"ldap://h\"} base = \"dc=x\" starttls = perhaps }", 1, "boolean",
	  "true or false" },
	{ "directory \"d\" { uri = {\"ldap://h\"}\n base = \"x\" }", 2, "base \"x\" is no DN", "ou=People" },
	{ "directory \"d\" { uri = {\"ldap://h\"} base = \"dc=x\" recipients = {\"dc=x\",\n \"people\"} }", 2,
	  "\"people\" is no DN", "ou=People" },
	{ "directory \"\" { uri = {\"file:///o\"} }", 1, "the title \"\"", "\"main\"" },
	{ "directory \"a/configuration\" { uri = {\"file:///o\"} }", 1, "the title \"a/conf", "slashes" },
	{ "directory \"a\\nb\" { uri = {\"file:///o\"} }", 1, "the title \"a", "\"main\"" },
	{ "directory \"" SIXTY_FOUR "x\" { uri = {\"file:///o\"} }", 1, "the title \"0123", "64 octets" },
	{ "directory { uri = {\"file:///o\"} }", 1, "missing title", "\"main\"" },
	{ "directory \"d\" { uri = \n }", 2, "unexpected token", "KEY = VALUE" },
};

static void test_a_wrong_file_is_refused_with_line_and_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(invalid); i++) {
		const struct invalid *c = &invalid[i];
		struct hostfile *host;
		struct err e;
		char place[160];

		if (load(c->text, &host, &e) == 0)
			fail_msg("accepted: %s", c->text);
		assert_int_equal(e.domain, ERR_CONFIG);
		assert_int_equal(err_exit_status(&e), 6);
		snprintf(place, sizeof(place), "%s/waypost.conf:%d: ", folder, c->line);
		if (c->line == 0)
			snprintf(place, sizeof(place), "%s/waypost.conf: ", folder);
		if (strncmp(e.text, place, strlen(place)) != 0 || strstr(e.text, c->says) == NULL ||
		    strstr(e.remedy, c->remedy) == NULL)
			fail_msg("%s\n  gave: %s\n  remedy: %s", c->text, e.text, e.remedy);
	}
}

static void test_a_forest_needs_no_base_and_assumptions_are_kept(void **state)
{
	struct hostfile *host;
	struct err e;

	(void)state;
	assert_int_equal(load(EXCHANGE "assume = {\"server-roles.hub-bit=0x20\","
				       "\"accepted-domain.flags=flags\"} }", &host, &e), 0);
	assert_null(host->directories[0].base);
	assert_int_equal(host->directories[0].n_assume, 2);
	assert_string_equal(host->directories[0].assume[0], "server-roles.hub-bit=0x20");
	hostfile_free(&host);
}

static void test_secrets_that_others_can_read_are_refused(void **state)
{
	static const char *const places[] = {
		"directory \"d\" { uri = {\"ldaps://h\"} base = \"dc=x\"\n password_file = \"",
		"directory \"d\" { uri = {\"ldaps://h\"} base = \"dc=x\"\n tls_cert = \"/c\" tls_key = \"",
		ORG "delivery { credentials_file = \"",
		ORG "delivery { tls_cert = \"/c\" tls_key = \"",
	};
	char secret[128], text[512];

	(void)state;
	snprintf(secret, sizeof(secret), "%s", put("secret", "hush\n", 0644));
	for (size_t i = 0; i < WP_COUNT(places); i++) {
		struct hostfile *host;
		struct err e;

		snprintf(text, sizeof(text), "%s%s\" }", places[i], secret);
		chmod(secret, 0644);
		assert_int_equal(load(text, &host, &e), -1);
		assert_non_null(strstr(e.text, "conf:2: "));
		assert_non_null(strstr(e.text, secret));
		assert_non_null(strstr(e.remedy, "chmod o= "));
		chmod(secret, 0640);
		assert_int_equal(load(text, &host, &e), 0);
		hostfile_free(&host);
	}
}

static void test_a_secret_is_read_without_its_line_end(void **state)
{
	char *secret;
	struct err e;

	(void)state;
	assert_int_equal(hostfile_secret(put("p", "hush \n", 0600), &secret, &e), 0);
	assert_string_equal(secret, "hush ");
	free(secret);
	assert_int_equal(hostfile_secret(put("p", "hush\r\n", 0600), &secret, &e), 0);
	assert_string_equal(secret, "hush");
	free(secret);
	assert_int_equal(hostfile_secret(put("p", "\n", 0600), &secret, &e), -1);
	assert_null(secret);
	assert_int_equal(hostfile_secret(put("p", "hush\n", 0644), &secret, &e), -1);
	assert_non_null(strstr(e.remedy, "chmod"));
	assert_int_equal(hostfile_secret("/nonexistent/p", &secret, &e), -1);
	assert_int_equal(e.domain, ERR_CONFIG);
}

static void test_a_missing_file_names_the_option(void **state)
{
	struct hostfile *host;
	struct err e;

	(void)state;
	assert_int_equal(hostfile_load("/nonexistent/waypost.conf", &host, &e), -1);
	assert_int_equal(e.domain, ERR_CONFIG);
	assert_non_null(strstr(e.remedy, "--config"));
}

static const struct uri_case {
	const char *text;
	bool bare_file;
	int scheme; /* -1: refused */
	const char *plain, *host;
	int port;
	const char *path, *dn;
} uris[] = {
	{ "ldap://h", false, HOST_LDAP, "ldap://h", "h", 389, NULL, NULL },
	{ "LDAP://h/", false, HOST_LDAP, "LDAP://h", "h", 389, NULL, NULL },
	{ "ldap://h:3389/dc=a%2cb", false, HOST_LDAP, "ldap://h:3389", "h", 3389, NULL, "dc=a,b" },
	{ "ldaps://[::1]", false, HOST_LDAPS, "ldaps://[::1]", "::1", 636, NULL, NULL },
	{ "ldapi://", false, HOST_LDAPI, "ldapi://", NULL, 0, NULL, NULL },
	{ "ldapi:///dc=a", false, HOST_LDAPI, "ldapi://", NULL, 0, NULL, "dc=a" },
	{ "ldapi://%2Frun%2fldapi/", false, HOST_LDAPI, "ldapi://%2Frun%2fldapi", NULL, 0,
	  "/run/ldapi", NULL },
	{ "ldapi://%2Frun%2fldapi/dc=a,dc=b", false, HOST_LDAPI, "ldapi://%2Frun%2fldapi", NULL, 0,
	  "/run/ldapi", "dc=a,dc=b" },
	{ "file:///a/b.ldif", false, HOST_FILE, "file:///a/b.ldif", NULL, 0, "/a/b.ldif", NULL },
	{ "srv:example.com", false, HOST_SRV, "srv:example.com", "example.com", 0, NULL, NULL },
	{ "org.ldif", true, HOST_FILE, "org.ldif", NULL, 0, "org.ldif", NULL },
	{ "org.ldif", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "http://h", true, -1, NULL, NULL, 0, NULL, NULL },
	{ "", true, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://:389", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://h:", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://h:0", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://h:65536", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://[::1", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://[::1]x", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://h/dc=x?sub", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://h/%2", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldap://h/%00", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "ldapi:///run/slapd/ldapi", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "file://relative", false, -1, NULL, NULL, 0, NULL, NULL },
	{ "srv:", false, -1, NULL, NULL, 0, NULL, NULL },
};

static void assert_same(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

static void test_directory_addresses_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(uris); i++) {
		const struct uri_case *c = &uris[i];
		void *ctx = talloc_new(NULL);
		struct host_uri uri;
		struct err e = { 0 };
		int rc = host_uri_parse(ctx, c->text, c->bare_file, &uri, &e);

		if ((rc == 0) != (c->scheme >= 0))
			fail_msg("%s: %d %s", c->text, rc, e.text);
		if (rc == 0) {
			assert_int_equal(uri.scheme, c->scheme);
			assert_string_equal(uri.text, c->plain);
			assert_same(uri.host, c->host);
			assert_int_equal(uri.port, c->port);
			assert_same(uri.path, c->path);
			assert_same(uri.dn, c->dn);
		} else {
			assert_int_equal(e.domain, ERR_USAGE);
			assert_true(e.remedy[0] != '\0');
		}
		talloc_free(ctx);
	}
}

static void test_comments_become_blanks_and_lines_stay(void **state)
{
	static const char *const cases[][2] = {
		{ "a # b\nc", "a    \nc" },
		{ "a // b\nc", "a     \nc" },
		{ "a = ldap://b ; c", "a = ldap://b   c" },
		{ "a /* b\n;*/ c", "a     \n    c" },
		{ "'#;' \"//\\\"/*\" ;", "'#;' \"//\\\"/*\"  " },
		{ "/**/x/", "    x/" },
		{ "#", " " },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", cases[i][0]);
		assert_int_equal(conf_text_blank("f", text, strlen(text), &e), 0);
		assert_string_equal(text, cases[i][1]);
	}
	assert_int_equal(conf_text_blank("f", (char[]){ "a\n\0b" }, 4, &e), -1);
	assert_string_equal(e.text, "f:2: this is no text");
	assert_int_equal(conf_text_blank("f", (char[]){ "\"\\" }, 2, &e), -1);
	assert_int_equal(conf_text_blank("f", (char[]){ "/*" }, 2, &e), -1);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "waypost.conf", "secret", "p" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_reaches_its_field),
		cmocka_unit_test(test_defaults_stand_in_for_absent_keys),
		cmocka_unit_test(test_an_empty_string_is_no_setting),
		cmocka_unit_test(test_a_wrong_file_is_refused_with_line_and_remedy),
		cmocka_unit_test(test_a_forest_needs_no_base_and_assumptions_are_kept),
		cmocka_unit_test(test_secrets_that_others_can_read_are_refused),
		cmocka_unit_test(test_a_secret_is_read_without_its_line_end),
		cmocka_unit_test(test_a_missing_file_names_the_option),
		cmocka_unit_test(test_directory_addresses_are_taken_apart),
		cmocka_unit_test(test_comments_become_blanks_and_lines_stay),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
