/*
 * One value of the host file: checked by its kind and put into its field.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "common/assumption.h"
#include "common/buf.h"
#include "common/dn.h"
#include "common/hostfile_private.h"
#include "common/ipaddr.h"

enum { VALUES_MAX = 1024, SECRET_MAX = 64 * 1024 };

int hostfile_line(const struct loader *l, const cfg_opt_t *opt, unsigned index)
{
	int line = 0;

	for (size_t i = 0; i < l->n_marks; i++)
		if (l->marks[i].opt == opt && l->marks[i].index == index)
			line = l->marks[i].line;
	return line;
}

bool hostfile_is_list(enum kind kind)
{
	return kind == KIND_TEXTS || kind == KIND_DNS || kind == KIND_URIS ||
	       kind == KIND_ADDRESSES || kind == KIND_RANGES || kind == KIND_ASSUMPTIONS;
}

/* One value of the file on its way into a field. TEXT is null for numbers and flags. */
struct value {
	struct loader *l;
	const struct key *key;
	const cfg_opt_t *opt; /* null: the default */
	unsigned index;
	const char *text;
};

static int refuse(const struct value *v, const char *fmt, ...) WP_PRINTF(2, 3);

/* "FILE:LINE: KEY …" */
static int refuse(const struct value *v, const char *fmt, ...)
{
	char why[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return err_set(v->l->e, ERR_CONFIG, 0, "%s:%d: %s %s", v->l->path,
		       hostfile_line(v->l, v->opt, v->index), v->key->name, why);
}

static int read_choice(const struct value *v, unsigned *field)
{
	struct buf list = { 0 };

	for (unsigned i = 0; v->key->choices[i] != NULL; i++) {
		if (strcmp(v->key->choices[i], v->text) == 0) {
			buf_free(&list);
			*field = i;
			return 0;
		}
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", v->key->choices[i]);
	}
	refuse(v, "cannot be \"%s\"", v->text);
	err_remedy(v->l->e, "give one of: %s", list.data);
	buf_free(&list);
	return -1;
}

static int read_path(const struct value *v, const char **field)
{
	struct stat st;

	if (v->text[0] != '/') {
		refuse(v, "\"%s\" is no absolute path", v->text);
		return err_remedy(v->l->e, "begin it with /");
	}
	if (v->key->kind == KIND_SECRET && stat(v->text, &st) == 0 && (st.st_mode & 0006) != 0) {
		refuse(v, "holds a secret, but others may read or write %s", v->text);
		return err_remedy(v->l->e, "chmod o= %s", v->text);
	}
	*field = talloc_strdup(v->l->host, v->text);
	return 0;
}

/* ADDRESS, ADDRESS:PORT, [V6] or [V6]:PORT. */
static int read_address(const struct value *v, struct host_address *field)
{
	const char *colon = strrchr(v->text, ':');
	bool has_port = colon != NULL && (colon == strchr(v->text, ':') || colon[-1] == ']');
	size_t len = has_port ? (size_t)(colon - v->text) : strlen(v->text);
	const char *start = v->text;
	struct ipaddr parsed;
	uint64_t port = v->key->min;

	if (len >= 2 && start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	}
	if (!ipaddr_parse(start, len, &parsed) ||
	    (has_port && !parse_u64(colon + 1, strlen(colon + 1), 65535, &port))) {
		refuse(v, "\"%s\" is no address", v->text);
		return err_remedy(v->l->e, "give 192.0.2.1, 192.0.2.1:%u or [2001:db8::1]:%u",
				  v->key->min, v->key->min);
	}
	*field = (struct host_address){ talloc_strndup(v->l->host, start, len), (uint16_t)port };
	return 0;
}

static int read_range(const struct value *v, const char **field)
{
	struct ipaddr_range range;

	if (!ipaddr_range_parse(v->text, strlen(v->text), &range)) {
		refuse(v, "\"%s\" is no address range", v->text);
		return err_remedy(v->l->e, "give an address or 192.0.2.0/24");
	}
	*field = talloc_strdup(v->l->host, v->text);
	return 0;
}

static int read_assumption(const struct value *v, const char **field)
{
	struct assumptions assumptions;
	struct err why;

	if (assumptions_take(&assumptions, v->l->host, v->text, &why) < 0) {
		refuse(v, "is refused: %s", why.text);
		return err_remedy(v->l->e, "%s", why.remedy);
	}
	*field = talloc_strdup(v->l->host, v->text);
	return 0;
}

static int read_dn(const struct value *v, const char **field)
{
	if (!dn_is_valid(v->text)) {
		refuse(v, "\"%s\" is no DN", v->text);
		return err_remedy(v->l->e, "write it as ou=People,dc=example,dc=com");
	}
	*field = talloc_strdup(v->l->host, v->text);
	return 0;
}

static int read_socket(const struct value *v, const char **field)
{
	const char *port = strrchr(v->text, ':');
	uint64_t number;
	bool is_inet = strncmp(v->text, "inet:", 5) == 0 && port > v->text + 5 &&
		       parse_u64(port + 1, strlen(port + 1), 65535, &number) && number > 0;

	if (!is_inet && strncmp(v->text, "unix:/", 6) != 0) {
		refuse(v, "\"%s\" is no milter socket", v->text);
		return err_remedy(v->l->e, "give inet:HOST:PORT or unix:/PATH");
	}
	*field = talloc_strdup(v->l->host, v->text);
	return 0;
}

static int read_uri(const struct value *v, struct host_uri *field)
{
	struct err why;

	if (host_uri_parse(v->l->host, v->text, false, field, &why) < 0) {
		refuse(v, "is refused: %s", why.text);
		return err_remedy(v->l->e, "%s", why.remedy);
	}
	if (field->dn != NULL) {
		refuse(v, "\"%s\" names an entry", v->text);
		return err_remedy(v->l->e, "write base = \"%s\"", field->dn);
	}
	return 0;
}

/* The text of V, which is not empty, into FIELD. */
static int read_text(const struct value *v, void *field)
{
	switch (v->key->kind) {
	case KIND_PATH:
	case KIND_SECRET:
		return read_path(v, field);
	case KIND_CHOICE:
		return read_choice(v, field);
	case KIND_ADDRESS:
	case KIND_ADDRESSES:
		return read_address(v, field);
	case KIND_RANGES:
		return read_range(v, field);
	case KIND_DN:
	case KIND_DNS:
		return read_dn(v, field);
	case KIND_ASSUMPTIONS:
		return read_assumption(v, field);
	case KIND_SOCKET:
		return read_socket(v, field);
	case KIND_URIS:
		return read_uri(v, field);
	default:
		*(const char **)field = talloc_strdup(v->l->host, v->text);
		return 0;
	}
}

static int read_number(const struct value *v, long number, unsigned *field)
{
	if (number < (long)v->key->min || number > (long)v->key->max) {
		refuse(v, "cannot be %ld", number);
		return err_remedy(v->l->e, "give a number from %u to %u", v->key->min,
				  v->key->max);
	}
	*field = (unsigned)number;
	return 0;
}

static size_t item_size(enum kind kind)
{
	if (kind == KIND_URIS)
		return sizeof(struct host_uri);
	return kind == KIND_ADDRESSES ? sizeof(struct host_address) : sizeof(char *);
}

static int read_list(struct value *v, cfg_opt_t *opt, char *target)
{
	size_t size = item_size(v->key->kind), *count = (size_t *)(void *)(target + v->key->count_at);
	unsigned n = cfg_opt_size(opt);
	char *items = talloc_zero_array(v->l->host, char, (n > 0 ? n : 1) * size);

	if (n > VALUES_MAX)
		return refuse(v, "has more than %d values", VALUES_MAX);
	for (v->index = 0; v->index < n; v->index++) {
		v->text = cfg_opt_getnstr(opt, v->index);
		if (v->text[0] != '\0' && read_text(v, items + *count * size) < 0)
			return -1;
		*count += v->text[0] != '\0';
	}
	*(char **)(void *)(target + v->key->at) = items;
	return 0;
}

static int read_default(struct value *v, void *field)
{
	v->text = v->key->otherwise;
	if (v->text == NULL)
		return 0;
	if (v->key->kind == KIND_NUMBER)
		return read_number(v, strtol(v->text, NULL, 10), field);
	return read_text(v, field);
}

/* One key of the section CFG into TARGET. */
int hostfile_read_key(struct loader *l, cfg_t *cfg, const struct key *key, char *target)
{
	cfg_opt_t *opt = cfg_getopt(cfg, key->name);
	struct value v = { .l = l, .key = key, .opt = opt };
	void *field = target + key->at;

	if (hostfile_is_list(key->kind))
		return read_list(&v, opt, target);
	if (cfg_opt_size(opt) == 0)
		return read_default(&v, field);
	if (key->kind == KIND_NUMBER && cfg_opt_getnint(opt, 0) == HOSTFILE_NO_NUMBER)
		return read_default(&v, field);
	if (key->kind == KIND_NUMBER)
		return read_number(&v, cfg_opt_getnint(opt, 0), field);
	if (key->kind == KIND_FLAG) {
		*(bool *)field = cfg_opt_getnbool(opt, 0) == cfg_true;
		return 0;
	}
	v.text = cfg_opt_getnstr(opt, 0);
	return v.text[0] == '\0' ? read_default(&v, field) : read_text(&v, field);
}

static int refuse_secret(const char *path, const char *why, struct err *e)
{
	err_set(e, ERR_CONFIG, 0, "%s %s", path, why);
	return err_remedy(e, "chmod o= %s", path);
}

static int read_secret(int fd, const char *path, char **secret_r, struct err *e)
{
	char *text = mem_zero(1, SECRET_MAX + 1);
	size_t len = 0;
	ssize_t n;

	while (len < SECRET_MAX && (n = read(fd, text + len, SECRET_MAX - len)) > 0)
		len += (size_t)n;
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len > 0 && text[len - 1] == '\r')
		text[--len] = '\0';
	*secret_r = text;
	if (len > 0 && len < SECRET_MAX)
		return 0;
	explicit_bzero(text, SECRET_MAX);
	free(text);
	*secret_r = NULL;
	err_set(e, ERR_CONFIG, 0, "%s is %s", path, len == 0 ? "empty" : "larger than 64 KiB");
	return err_remedy(e, "put the secret into it");
}

int hostfile_secret(const char *path, char **secret_r, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
	struct stat st;

	*secret_r = NULL;
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(e, "%s cannot be read", path);
		e->domain = ERR_CONFIG;
		err_remedy(e, e->code == EACCES ? "only the daemons' user may: become that or root, or "
						  "let this user read it" :
						  "make it, readable for the daemons' user only");
	} else if ((st.st_mode & 0006) != 0) {
		refuse_secret(path, "holds a secret, but others may read or write it", e);
	} else {
		rc = read_secret(fd, path, secret_r, e);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}
