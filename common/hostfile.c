/*
 * The host file: one table of keys, from which libConfuse's options, the reader, the messages
 * about unknown keys and the defaults are made.
 *
 * libConfuse parses; its validating callback only notes the line of each value. Then every
 * section is filled from the table in one walk, so a message about a value, or about two that
 * do not fit together, names the line where it stands.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/conf_text.h"
#include "common/hostfile_private.h"
#include "common/names.h"

enum { TITLE_MAX = 64 };

static const char *const profiles[] = { "waypost", "ad", "exchange", NULL };
static const char *const binds[] = { "none",   "simple",     "external",
				     "gssapi", "gss-spnego", "scram-sha-256", NULL };
static const char *const resolver_modes[] = { "forward", "recursive", NULL };
static const char *const milter_failures[] = { "tempfail", "accept", "reject", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };

#define DIR(field) offsetof(struct host_directory, field)
#define DEL(field) offsetof(struct host_delivery, field)
#define MIL(field) offsetof(struct host_milter, field)
#define HIS(field) offsetof(struct host_history, field)
#define CON(field) offsetof(struct host_console, field)
#define TOP(field) offsetof(struct hostfile, field)

static const struct key keys[] = {
	{ "", "server", KIND_TEXT, TOP(server), 0, NULL, 0, 0, NULL },
	{ "", "state", KIND_PATH, TOP(state), 0, "/var/lib/waypost", 0, 0, NULL },
	{ "", "run", KIND_PATH, TOP(run), 0, "/run/waypost", 0, 0, NULL },
	{ "", "log_level", KIND_CHOICE, TOP(log_level), 0, "info", 0, 0, log_levels },
	{ "", "user", KIND_TEXT, TOP(user), 0, NULL, 0, 0, NULL },

	{ "directory", "uri", KIND_URIS, DIR(uris), DIR(n_uris), NULL, 0, 0, NULL },
	{ "directory", "profile", KIND_CHOICE, DIR(profile), 0, "waypost", 0, 0, profiles },
	{ "directory", "assume", KIND_ASSUMPTIONS, DIR(assume), DIR(n_assume), NULL, 0, 0, NULL },
	{ "directory", "base", KIND_DN, DIR(base), 0, NULL, 0, 0, NULL },
	{ "directory", "recipients", KIND_DNS, DIR(recipients), DIR(n_recipients), NULL, 0, 0, NULL },
	{ "directory", "filter", KIND_TEXT, DIR(filter), 0, NULL, 0, 0, NULL },
	{ "directory", "site", KIND_TEXT, DIR(site), 0, NULL, 0, 0, NULL },
	{ "directory", "bind", KIND_CHOICE, DIR(bind), 0, "none", 0, 0, binds },
	{ "directory", "bind_dn", KIND_TEXT, DIR(bind_dn), 0, NULL, 0, 0, NULL },
	{ "directory", "password_file", KIND_SECRET, DIR(password_file), 0, NULL, 0, 0, NULL },
	{ "directory", "keytab", KIND_SECRET, DIR(keytab), 0, NULL, 0, 0, NULL },
	{ "directory", "starttls", KIND_FLAG, DIR(starttls), 0, NULL, 0, 0, NULL },
	{ "directory", "cleartext", KIND_FLAG, DIR(cleartext), 0, NULL, 0, 0, NULL },
	{ "directory", "tls_ca", KIND_PATH, DIR(tls_ca), 0, NULL, 0, 0, NULL },
	{ "directory", "tls_cert", KIND_PATH, DIR(tls_cert), 0, NULL, 0, 0, NULL },
	{ "directory", "tls_key", KIND_SECRET, DIR(tls_key), 0, NULL, 0, 0, NULL },
	{ "directory", "sweep_guard_percent", KIND_NUMBER, DIR(sweep_guard_percent), 0, "20", 0,
	  100, NULL },

	{ "delivery", "workers", KIND_NUMBER, DEL(workers), 0, "0", 0, 256, NULL },
	{ "delivery", "tls_cert", KIND_PATH, DEL(tls_cert), 0, NULL, 0, 0, NULL },
	{ "delivery", "tls_key", KIND_SECRET, DEL(tls_key), 0, NULL, 0, 0, NULL },
	{ "delivery", "tls_ca", KIND_PATH, DEL(tls_ca), 0, NULL, 0, 0, NULL },
	{ "delivery", "resolver", KIND_ADDRESSES, DEL(resolvers), DEL(n_resolvers), NULL, 53, 0,
	  NULL },
	{ "delivery", "resolver_mode", KIND_CHOICE, DEL(resolver_mode), 0, "forward", 0, 0,
	  resolver_modes },
	{ "delivery", "resolver_insecure", KIND_TEXTS, DEL(resolver_insecure),
	  DEL(n_resolver_insecure), NULL, 0, 0, NULL },
	{ "delivery", "credentials_file", KIND_SECRET, DEL(credentials_file), 0, NULL, 0, 0,
	  NULL },
	{ "delivery", "trusted_proxies", KIND_RANGES, DEL(trusted_proxies),
	  DEL(n_trusted_proxies), NULL, 0, 0, NULL },

	{ "delivery|milter", "socket", KIND_SOCKET, MIL(socket), 0, NULL, 0, 0, NULL },
	{ "delivery|milter", "timeout", KIND_NUMBER, MIL(timeout_s), 0, "30", 1, 3600, NULL },
	{ "delivery|milter", "on_failure", KIND_CHOICE, MIL(on_failure), 0, "tempfail", 0, 0,
	  milter_failures },

	{ "history", "snapshots", KIND_NUMBER, HIS(snapshots), 0, "100", 2, 100000, NULL },
	{ "history", "days", KIND_NUMBER, HIS(days), 0, "30", 0, 36500, NULL },
	{ "history", "megabytes", KIND_NUMBER, HIS(megabytes), 0, "1024", 0, 1048576, NULL },

	{ "console", "listen", KIND_ADDRESS, CON(listen), 0, "127.0.0.1:8443", 8443, 0, NULL },
	{ "console", "tls_cert", KIND_PATH, CON(tls_cert), 0, NULL, 0, 0, NULL },
	{ "console", "tls_key", KIND_SECRET, CON(tls_key), 0, NULL, 0, 0, NULL },
	{ "console", "read_group", KIND_TEXT, CON(read_group), 0, NULL, 0, 0, NULL },
};

/* The sections, outer before inner; "" is the file itself. */
static const struct section {
	const char *path, *name, *inside;
	cfg_flag_t flags;
} sections[] = {
	{ "delivery|milter", "milter", "delivery", CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES },
	{ "directory", "directory", "", CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES },
	{ "delivery", "delivery", "", CFGF_NONE },
	{ "history", "history", "", CFGF_NONE },
	{ "console", "console", "", CFGF_NONE },
};

/* libConfuse's callbacks carry no context of ours. */
static struct loader *loading;

/* ---- names ---- */

const char *host_profile_name(enum host_profile profile)
{
	return profiles[profile];
}

const char *host_bind_name(enum host_bind bind)
{
	return binds[bind];
}

/* The place of TEXT in NAMES, -1 if it is not there. */
static int find_name(const char *const *names, const char *text)
{
	for (int i = 0; names[i] != NULL; i++)
		if (ascii_equal(names[i], text))
			return i;
	return -1;
}

bool host_profile_parse(const char *text, enum host_profile *profile_r)
{
	int i = find_name(profiles, text);

	if (i >= 0)
		*profile_r = (enum host_profile)i;
	return i >= 0;
}

bool host_bind_parse(const char *text, enum host_bind *bind_r)
{
	int i = find_name(binds, text);

	if (i >= 0)
		*bind_r = (enum host_bind)i;
	return i >= 0;
}

/* ---- what libConfuse is told, made from the tables ---- */

/* An empty string is as good as no setting; libConfuse alone would take it for 0. */
static int on_number(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	char *end;

	errno = 0;
	*(long *)result = text[0] != '\0' ? strtol(text, &end, 0) : HOSTFILE_NO_NUMBER;
	if (text[0] == '\0' || (*end == '\0' && errno == 0))
		return 0;
	cfg_error(cfg, errno == ERANGE ? "integer value for option '%s' is out of range" :
					 "invalid integer value for option '%s'",
		  opt->name);
	return -1;
}

static int on_flag(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	int value = text[0] != '\0' ? cfg_parse_boolean(text) : cfg_false;

	*(cfg_bool_t *)result = (cfg_bool_t)value;
	if (value >= 0)
		return 0;
	cfg_error(cfg, "invalid boolean value for option '%s'", opt->name);
	return -1;
}

static cfg_opt_t key_option(const struct key *key)
{
	cfg_opt_t text = CFG_STR(key->name, NULL, CFGF_NODEFAULT);
	cfg_opt_t list = CFG_STR_LIST(key->name, NULL, CFGF_NODEFAULT);
	cfg_opt_t number = CFG_INT_CB(key->name, 0, CFGF_NODEFAULT, on_number);
	cfg_opt_t flag = CFG_BOOL_CB(key->name, cfg_false, CFGF_NODEFAULT, on_flag);

	if (key->kind == KIND_NUMBER)
		return number;
	if (key->kind == KIND_FLAG)
		return flag;
	return hostfile_is_list(key->kind) ? list : text;
}

/* The options of the section PATH, its inner sections included; talloc'd below CTX. */
static cfg_opt_t *section_options(void *ctx, const char *path)
{
	cfg_opt_t *opts = talloc_zero_array(ctx, cfg_opt_t,
					    WP_COUNT(keys) + WP_COUNT(sections) + 1);
	cfg_opt_t end = CFG_END();
	size_t n = 0;

	for (size_t i = 0; i < WP_COUNT(keys); i++)
		if (strcmp(keys[i].section, path) == 0)
			opts[n++] = key_option(&keys[i]);
	for (size_t i = 0; i < WP_COUNT(sections); i++) {
		cfg_opt_t inner = CFG_SEC(sections[i].name, NULL, sections[i].flags);

		if (strcmp(sections[i].inside, path) != 0)
			continue;
		inner.subopts = section_options(ctx, sections[i].path);
		opts[n++] = inner;
	}
	opts[n] = end;
	return opts;
}

/* "the keys of NAME are a, b, c": the remedy for one that is not known. */
static void known_keys(const char *name, struct err *e)
{
	struct buf list = { 0 };

	for (size_t i = 0; i < WP_COUNT(keys); i++) {
		const char *bar = strrchr(keys[i].section, '|');
		const char *section = bar != NULL ? bar + 1 : keys[i].section;

		if (strcmp(section, name) == 0)
			buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", keys[i].name);
	}
	for (size_t i = 0; i < WP_COUNT(sections); i++)
		if (strcmp(sections[i].inside, name) == 0)
			buf_printf(&list, ", %s {…}", sections[i].name);
	err_remedy(e, "known here: %s", list.data);
	buf_free(&list);
}

/* What helps against a complaint, by its beginning; ours and libConfuse's. */
static const struct {
	const char *begins, *remedy;
} complaints[] = {
	{ "invalid integer value", "write digits only" },
	{ "integer value for option", "write a smaller number" },
	{ "invalid boolean value", "write true or false" },
	{ "found duplicate title", "give each section another title, or join the two" },
	{ "missing title", "write one in quotes behind the section's name, as \"main\"" },
	{ "%s is given twice", "remove one of the two" },
	{ "unexpected token", "write each setting as KEY = VALUE, texts in \"quotes\"" },
	{ "unexpected closing brace", "remove it, or open its section with {" },
	{ "missing equal sign", "write each setting as KEY = VALUE" },
};

static void help_against(const char *fmt, struct err *e)
{
	for (size_t i = 0; i < WP_COUNT(complaints); i++)
		if (strncmp(fmt, complaints[i].begins, strlen(complaints[i].begins)) == 0)
			err_remedy(e, "%s", complaints[i].remedy);
}

WP_PRINTF(2, 0)
static void on_confuse_error(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[256];
	const char *name = strcmp(cfg_name(cfg), "root") == 0 ? "" : cfg_name(cfg);
	bool is_unknown = strncmp(fmt, "no such option", 14) == 0;

	if (loading->e->domain != ERR_NONE) /* the first one says it */
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	err_set(loading->e, ERR_CONFIG, 0, "%s:%d: %s%s", loading->path, cfg->line,
		is_unknown ? "unknown key" : text, is_unknown ? text + 14 : "");
	if (is_unknown)
		known_keys(name, loading->e);
	else
		help_against(fmt, loading->e);
}

/* ---- lines ---- */

/* A second value for what holds one replaces the first in silence: refused instead. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned size = cfg_opt_size(opt), index = size > 0 ? size - 1 : 0;
	bool is_single = (opt->flags & (CFGF_LIST | CFGF_MULTI)) == 0;

	if (is_single && hostfile_line(loading, opt, index) != 0) {
		cfg_error(cfg, "%s is given twice, first in line %d", opt->name,
			  hostfile_line(loading, opt, index));
		return -1;
	}
	loading->marks = talloc_realloc(loading->host, loading->marks, struct mark,
					loading->n_marks + 1);
	loading->marks[loading->n_marks++] =
		(struct mark){ .opt = opt, .index = index, .line = cfg->line };
	return 0;
}

static void watch_values(cfg_t *cfg)
{
	for (size_t i = 0; i < WP_COUNT(keys) + WP_COUNT(sections); i++) {
		char name[64];
		const struct key *key = i < WP_COUNT(keys) ? &keys[i] : NULL;

		if (key == NULL)
			snprintf(name, sizeof(name), "%s", sections[i - WP_COUNT(keys)].path);
		else
			snprintf(name, sizeof(name), "%s%s%s", key->section,
				 key->section[0] != '\0' ? "|" : "", key->name);
		cfg_set_validate_func(cfg, name, on_value);
	}
}

static int read_section(struct loader *l, cfg_t *cfg, const char *path, void *target)
{
	for (size_t i = 0; i < WP_COUNT(keys); i++)
		if (strcmp(keys[i].section, path) == 0 &&
		    hostfile_read_key(l, cfg, &keys[i], target) < 0)
			return -1;
	return 0;
}

/* ---- what has to fit together ---- */

/* "FILE:LINE: WHERE …", the line being that of KEY, or of the section's end without it. */
static int refuse_section(struct loader *l, cfg_t *cfg, const char *key, const char *why)
{
	const cfg_opt_t *opt = key != NULL ? cfg_getopt(cfg, key) : NULL;
	int line = opt != NULL ? hostfile_line(l, opt, 0) : 0;
	const char *title = cfg_title(cfg);

	return err_set(l->e, ERR_CONFIG, 0, "%s:%d: %s%s%s%s %s", l->path,
		       line != 0 ? line : cfg->line, cfg_name(cfg), title != NULL ? " \"" : "",
		       title != NULL ? title : "", title != NULL ? "\"" : "", why);
}

static int check_tls_pair(struct loader *l, cfg_t *cfg, const char *cert, const char *key)
{
	if ((cert == NULL) == (key == NULL))
		return 0;
	refuse_section(l, cfg, cert != NULL ? "tls_cert" : "tls_key",
		       cert != NULL ? "has tls_cert without tls_key" :
				      "has tls_key without tls_cert");
	return err_remedy(l->e, "give both or neither");
}

static bool is_protected(const struct host_directory *d)
{
	for (size_t i = 0; i < d->n_uris; i++)
		if ((d->uris[i].scheme == HOST_LDAP || d->uris[i].scheme == HOST_SRV) &&
		    !d->starttls)
			return false;
	return true;
}

static int check_bind(struct loader *l, cfg_t *cfg, const struct host_directory *d)
{
	bool is_simple = d->bind == HOST_BIND_SIMPLE;
	bool has_password = is_simple || d->bind == HOST_BIND_SCRAM_SHA_256;

	if (is_simple && !is_protected(d) && !d->cleartext) {
		refuse_section(l, cfg, "bind", "would send its password in clear");
		return err_remedy(l->e, "set starttls = true, use ldaps:// or ldapi://, or accept "
					"the risk with cleartext = true");
	}
	if (has_password && d->bind_dn == NULL) {
		refuse_section(l, cfg, "bind", "binds with a password but has no bind_dn");
		return err_remedy(l->e, is_simple ? "name the account with bind_dn = \"cn=…\"" :
						    "name the account with bind_dn = \"NAME\"");
	}
	if (has_password && d->password_file == NULL) {
		refuse_section(l, cfg, "bind", "binds with a password but has no password_file");
		return err_remedy(l->e, "name the file that holds it with password_file = \"/…\"");
	}
	return 0;
}

/* It names a source everywhere, as a key of the replica too; TITLE/configuration is a part's name. */
static int check_title(struct loader *l, cfg_t *cfg, const char *title)
{
	size_t len = strlen(title);

	if (len > 0 && len <= TITLE_MAX && strchr(title, '/') == NULL && name_is_printable(title, len))
		return 0;
	err_set(l->e, ERR_CONFIG, 0, "%s:%d: a directory cannot have the title \"%.*s\"", l->path,
		cfg->line, TITLE_MAX, title);
	return err_remedy(l->e, "give it one of 1 to %d octets without slashes, as \"main\"", TITLE_MAX);
}

static int check_directory(struct loader *l, cfg_t *cfg, const struct host_directory *d)
{
	bool has_file = false;

	if (check_title(l, cfg, d->title) < 0)
		return -1;
	if (d->n_uris == 0) {
		refuse_section(l, cfg, "uri", "has no uri");
		return err_remedy(l->e, "say where it is: uri = {\"ldaps://HOST\"} or "
					"{\"file:///PATH.ldif\"}");
	}
	for (size_t i = 0; i < d->n_uris; i++)
		has_file |= d->uris[i].scheme == HOST_FILE;
	if (has_file && d->n_uris > 1) {
		refuse_section(l, cfg, "uri", "has a file among several addresses");
		return err_remedy(l->e, "a file stands alone; give it a directory of its own");
	}
	if (d->n_assume > 0 && d->profile != HOST_PROFILE_EXCHANGE) {
		refuse_section(l, cfg, "assume", "assumes something, but only the profile exchange has doubts");
		return err_remedy(l->e, "remove assume, or set profile = \"exchange\"");
	}
	if (!has_file && d->base == NULL && d->profile == HOST_PROFILE_WAYPOST) {
		refuse_section(l, cfg, "base", "has no base");
		return err_remedy(l->e, "name the entry of the organisation: base = "
					"\"cn=Waypost,dc=…\"");
	}
	if (check_bind(l, cfg, d) < 0)
		return -1;
	return check_tls_pair(l, cfg, d->tls_cert, d->tls_key);
}

/* ---- sections ---- */

static int read_directories(struct loader *l, cfg_t *cfg)
{
	unsigned n = cfg_size(cfg, "directory");
	struct host_directory *all = talloc_zero_array(l->host, struct host_directory, n + 1);

	for (unsigned i = 0; i < n; i++) {
		cfg_t *section = cfg_getnsec(cfg, "directory", i);

		all[i].title = talloc_strdup(l->host, cfg_title(section));
		if (read_section(l, section, "directory", &all[i]) < 0 ||
		    check_directory(l, section, &all[i]) < 0)
			return -1;
	}
	l->host->directories = all;
	l->host->n_directories = n;
	if (n > 0)
		return 0;
	err_set(l->e, ERR_CONFIG, 0, "%s: there is no directory", l->path);
	return err_remedy(l->e, "add directory \"main\" { uri = {\"ldaps://HOST\"} base = \"cn=Waypost,"
				"dc=…\" } or one with {\"file:///PATH.ldif\"}");
}

static int read_milters(struct loader *l, cfg_t *cfg, struct host_delivery *delivery)
{
	unsigned n = cfg_size(cfg, "milter");
	struct host_milter *all = talloc_zero_array(l->host, struct host_milter, n + 1);

	for (unsigned i = 0; i < n; i++) {
		cfg_t *section = cfg_getnsec(cfg, "milter", i);

		all[i].title = talloc_strdup(l->host, cfg_title(section));
		if (read_section(l, section, "delivery|milter", &all[i]) < 0)
			return -1;
		if (all[i].socket == NULL) {
			refuse_section(l, section, "socket", "has no socket");
			return err_remedy(l->e, "give inet:HOST:PORT or unix:/PATH");
		}
	}
	delivery->milters = all;
	delivery->n_milters = n;
	return 0;
}

/* An absent section has its defaults: libConfuse hands out one without values. */
static int read_delivery(struct loader *l, cfg_t *cfg)
{
	struct host_delivery *delivery = &l->host->delivery;
	cfg_t *section = cfg_getsec(cfg, "delivery");

	if (read_section(l, section, "delivery", delivery) < 0 ||
	    read_milters(l, section, delivery) < 0)
		return -1;
	return check_tls_pair(l, section, delivery->tls_cert, delivery->tls_key);
}

static int read_console(struct loader *l, cfg_t *cfg)
{
	struct host_console *console = &l->host->console;
	cfg_t *section = cfg_getsec(cfg, "console");

	console->is_configured = hostfile_line(l, cfg_getopt(cfg, "console"), 0) != 0;
	if (read_section(l, section, "console", console) < 0)
		return -1;
	return check_tls_pair(l, section, console->tls_cert, console->tls_key);
}

const char *hostfile_fqdn(void *ctx)
{
	char name[HOST_NAME_MAX + 1] = "localhost";
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM }, *found;
	const char *fqdn;

	gethostname(name, sizeof(name) - 1);
	if (strchr(name, '.') != NULL || getaddrinfo(name, NULL, &hints, &found) != 0)
		return talloc_strdup(ctx, name);
	fqdn = talloc_strdup(ctx, found->ai_canonname != NULL ? found->ai_canonname : name);
	freeaddrinfo(found);
	return fqdn;
}

static int read_all(struct loader *l, cfg_t *cfg)
{
	if (read_section(l, cfg, "", l->host) < 0 || read_directories(l, cfg) < 0 ||
	    read_delivery(l, cfg) < 0 || read_console(l, cfg) < 0 ||
	    read_section(l, cfg_getsec(cfg, "history"), "history", &l->host->history) < 0)
		return -1;
	return 0;
}

/* TEXT is ready for libConfuse. */
static int parse(struct loader *l, const char *text)
{
	cfg_t *cfg = cfg_init(section_options(l->host, ""), CFGF_NONE);
	int rc = 0;

	loading = l;
	cfg_set_error_function(cfg, on_confuse_error);
	watch_values(cfg);
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS) {
		if (l->e->domain == ERR_NONE)
			err_set(l->e, ERR_CONFIG, 0, "%s cannot be parsed", l->path);
		rc = -1;
	}
	if (rc == 0)
		rc = read_all(l, cfg);
	cfg_free(cfg);
	loading = NULL;
	return rc;
}

static int load(const char *path, const char *text, struct hostfile **host_r, struct err *e)
{
	struct loader l = { .host = talloc_zero(NULL, struct hostfile), .e = e };

	*e = (struct err){ .domain = ERR_NONE };
	l.path = talloc_strdup(l.host, path);
	l.host->path = l.path;
	if (parse(&l, text) < 0) {
		talloc_free(l.host);
		return -1;
	}
	talloc_free(l.marks);
	l.host->fqdn = hostfile_fqdn(l.host);
	*host_r = l.host;
	return 0;
}

int hostfile_load(const char *path, struct hostfile **host_r, struct err *e)
{
	struct buf text = { 0 };
	int rc;

	if (path == NULL)
		path = HOSTFILE_DEFAULT;
	rc = conf_text_read(path, &text, e);
	if (rc == 0)
		rc = load(path, text.data, host_r, e);
	buf_free(&text);
	return rc;
}

int hostfile_judge(const char *path, const char *text, struct err *e)
{
	size_t len = strlen(text);
	char *blanked = mem_strdup(text);
	struct hostfile *host;
	int rc = conf_text_blank(path, blanked, len, e);

	if (rc == 0)
		rc = load(path, blanked, &host, e);
	if (rc == 0)
		hostfile_free(&host);
	free(blanked);
	return rc;
}

void hostfile_free(struct hostfile **host)
{
	if (host == NULL || *host == NULL)
		return;
	talloc_free(*host);
	*host = NULL;
}
