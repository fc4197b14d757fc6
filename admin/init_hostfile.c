/* The host file that `waypost init` writes. */
#define _GNU_SOURCE
#include "admin/init_hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsutil.h"

enum { HOSTFILE_MODE = 0640, SECRET_MODE = 0600, FOLDER_MODE = 0755 };

/* ---- text ---- */

/* In quotes as libConfuse reads them: it knows escapes, and ${NAME} of the environment. */
static void put_quoted(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '$' || c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

static void put(struct buf *out, const char *indent, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, "%s%-13s = ", indent, key);
	put_quoted(out, value);
	buf_addc(out, '\n');
}

static void put_list(struct buf *out, const char *key, const char *const *values, size_t n)
{
	if (n == 0)
		return;
	buf_printf(out, "    %-13s = {", key);
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		put_quoted(out, values[i]);
	}
	buf_adds(out, "}\n");
}

static void put_uris(struct buf *out, const struct host_directory *d)
{
	buf_printf(out, "    %-13s = {", "uri");
	for (size_t i = 0; i < d->n_uris; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		put_quoted(out, d->uris[i].text);
	}
	buf_adds(out, "}\n");
}

static void put_directory(struct buf *out, const struct host_directory *d)
{
	buf_adds(out, "\ndirectory ");
	put_quoted(out, d->title);
	buf_adds(out, " {\n");
	put_uris(out, d);
	put(out, "    ", "profile", host_profile_name(d->profile));
	put(out, "    ", "base", d->base);
	put_list(out, "recipients", d->recipients, d->n_recipients);
	put(out, "    ", "filter", d->filter);
	put(out, "    ", "site", d->site);
	put(out, "    ", "bind", host_bind_name(d->bind));
	put(out, "    ", "bind_dn", d->bind_dn);
	put(out, "    ", "password_file", d->password_file);
	put(out, "    ", "keytab", d->keytab);
	if (d->starttls)
		buf_printf(out, "    %-13s = true\n", "starttls");
	if (d->cleartext)
		buf_printf(out, "    %-13s = true\n", "cleartext");
	put(out, "    ", "tls_ca", d->tls_ca);
	put(out, "    ", "tls_cert", d->tls_cert);
	put(out, "    ", "tls_key", d->tls_key);
	buf_adds(out, "}\n");
}

static void put_resolvers(struct buf *out, const struct host_delivery *delivery)
{
	if (delivery->n_resolvers == 0)
		return;
	buf_adds(out, "\ndelivery {\n    resolver      = {");
	for (size_t i = 0; i < delivery->n_resolvers; i++)
		buf_printf(out, "%s\"[%s]:%u\"", i > 0 ? ", " : "", delivery->resolvers[i].ip,
			   delivery->resolvers[i].port);
	buf_adds(out, "}\n}\n");
}

void init_hostfile_text(const struct hostfile *host, struct buf *out)
{
	buf_adds(out, "# Written by waypost init; see waypost.conf(5).\n");
	put(out, "", "server", host->server);
	put(out, "", "state", host->state);
	put(out, "", "run", host->run);
	put(out, "", "user", host->user);
	put_directory(out, &host->directories[0]);
	put_resolvers(out, &host->delivery);
}

/* ---- files ---- */

/* A path in two; both are freed by split_free. */
struct split {
	char *buffers[2];
	const char *folder, *name;
};

static struct split split(const char *path)
{
	struct split s = { { mem_strdup(path), mem_strdup(path) }, NULL, NULL };

	s.folder = dirname(s.buffers[0]);
	s.name = basename(s.buffers[1]);
	return s;
}

static void split_free(struct split *s)
{
	free(s->buffers[0]);
	free(s->buffers[1]);
}

static int refuse_existing(const char *path, struct err *e)
{
	err_set(e, ERR_CONFIG, 0, "%s is there already", path);
	return err_remedy(e, "look at it with `waypost config check`; --force replaces it");
}

/* The folder of PATH, or as much of the way to it as there is; malloc'd. */
static char *nearest_folder(const char *path)
{
	char *folder = mem_strdup(path), *slash;

	do {
		slash = strrchr(folder, '/');
		if (slash == NULL || slash == folder) {
			free(folder);
			return mem_strdup(slash == NULL ? "." : "/");
		}
		*slash = '\0';
	} while (access(folder, F_OK) < 0);
	return folder;
}

int init_hostfile_check(const char *path, bool may_replace, struct err *e)
{
	char *folder;
	int rc = 0;

	if (access(path, F_OK) == 0 && !may_replace)
		return refuse_existing(path, e);
	folder = nearest_folder(path);
	if (access(folder, W_OK | X_OK) < 0) {
		err_errno(e, "%s cannot be written to", folder);
		e->domain = ERR_PERMISSION;
		rc = err_remedy(e, "become root, or name another file with --config");
	}
	free(folder);
	return rc;
}

int init_hostfile_user(const char *user, const struct passwd **entry_r, struct err *e)
{
	const struct passwd *entry = user != NULL ? getpwnam(user) : NULL;

	if (entry_r != NULL)
		*entry_r = entry;
	if (user == NULL || entry != NULL)
		return 0;
	err_set(e, ERR_CONFIG, 0, "there is no user %s", user);
	return err_remedy(e, "make it, or leave out --user");
}

/* Of USER, whose daemons read it, if we may give it away. */
static int give_to(const char *path, const char *user, bool group_only, struct err *e)
{
	const struct passwd *entry;

	if (init_hostfile_user(user, &entry, e) < 0)
		return -1;
	if (user == NULL || geteuid() != 0)
		return 0;
	if (chown(path, group_only ? (uid_t)-1 : entry->pw_uid, entry->pw_gid) < 0)
		return err_errno(e, "%s cannot be given to %s", path, user);
	return 0;
}

/* From its temporary name to PATH; link() where nothing may be replaced, for it fails then. */
static int put_in_place(const char *temporary, const char *path, bool may_replace,
			struct err *e)
{
	if (may_replace)
		return rename(temporary, path) == 0 ? 0 : err_errno(e, "renaming to %s", path);
	if (link(temporary, path) == 0) {
		unlink(temporary);
		return 0;
	}
	return errno == EEXIST ? refuse_existing(path, e) : err_errno(e, "making %s", path);
}

/* What is written is read again: 0 if JUDGE agrees. */
static int write_file(const char *path, const void *data, size_t len, mode_t mode,
		      const char *user, bool may_replace,
		      int (*judge)(const char *path, struct err *e), struct err *e)
{
	struct split s = split(path);
	char *name = NULL, *temporary = NULL;
	int rc = -1;

	if (asprintf(&name, "%s.new", s.name) < 0 ||
	    asprintf(&temporary, "%s/%s", s.folder, name) < 0)
		mem_fatal(strlen(path));
	rc = fs_mkdirs(s.folder, FOLDER_MODE, e);
	if (rc == 0)
		rc = fs_replace(s.folder, name, data, len, mode, e);
	if (rc == 0)
		rc = give_to(temporary, user, mode == HOSTFILE_MODE, e);
	if (rc == 0)
		rc = judge(temporary, e);
	if (rc == 0)
		rc = put_in_place(temporary, path, may_replace, e);
	if (rc == 0)
		rc = fs_sync_dir(s.folder, e);
	if (rc < 0)
		unlink(temporary);
	free(name);
	free(temporary);
	split_free(&s);
	return rc;
}

static int judge_hostfile(const char *path, struct err *e)
{
	struct hostfile *host;

	if (hostfile_load(path, &host, e) < 0)
		return -1;
	hostfile_free(&host);
	return 0;
}

static int judge_nothing(const char *path, struct err *e)
{
	(void)path;
	(void)e;
	return 0;
}

int init_hostfile_write(const char *path, const struct buf *text, const char *user,
			bool may_replace, struct err *e)
{
	return write_file(path, text->data, text->len, HOSTFILE_MODE, user, may_replace,
			  judge_hostfile, e);
}

int init_secret_write(const char *path, const char *secret, const char *user, bool may_replace,
		      struct err *e)
{
	struct buf text = { 0 };
	int rc;

	buf_printf(&text, "%s\n", secret);
	rc = write_file(path, text.data, text.len, SECRET_MODE, user, may_replace,
			judge_nothing, e);
	explicit_bzero(text.data, text.len);
	buf_free(&text);
	return rc;
}
