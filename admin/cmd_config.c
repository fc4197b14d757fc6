/* waypost config: the host file and the host's key pair. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/cmd.h"
#include "admin/dirclient.h"
#include "admin/publish.h"
#include "admin/table.h"
#include "admin/view.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/ctl_proto.h"
#include "common/dn.h"
#include "common/process.h"
#include "common/progpath.h"

enum { EXIT_CONFIG = 6 };

/* ---- certificate ---- */

/* What the directory says about this host. */
struct self {
	const char *dn;   /* null: not known */
	const char *name; /* the host name for the certificate */
	struct entry *entry;
};

/* The host's view of its directory: the replica, or the file it comes from. */
static int open_view(struct cli *cli, struct view **view_r, struct err *e)
{
	const struct host_uri *uri = &cli->host->directories[0].uris[0];

	if (view_open(cli, view_r, e) == 0)
		return 0;
	return uri->scheme == HOST_FILE ? view_open_file(cli, uri->path, view_r, e) : -1;
}

/* Without a directory to ask: where the object belongs. */
static const char *usual_dn(const struct cli *cli)
{
	const struct hostfile *host = cli->host;

	if (host->server == NULL || host->directories[0].base == NULL)
		return NULL;
	return talloc_asprintf(cli->ctx, "cn=%s,cn=Servers,%s", dn_escape(cli->ctx, host->server),
			       host->directories[0].base);
}

static void find_self(struct cli *cli, struct self *self_r)
{
	const struct snap_server *server = NULL;
	const struct snapshot *snap = NULL;
	struct view *view;
	struct err ignored;
	uint32_t found;

	if (open_view(cli, &view, &ignored) == 0) {
		snap = view_snapshot(view);
		found = view_host_server(view, cli->host);
		server = found != SNAP_NONE ? snap_server(snap, found) : NULL;
	}
	*self_r = (struct self){ .dn = usual_dn(cli), .name = cli->host->fqdn };
	if (server != NULL) {
		self_r->dn = snap_str(snap, server->peer.dn);
		self_r->name = snap_str(snap, server->peer.fqdn);
	}
	if (self_r->dn == NULL)
		return;
	self_r->entry = entry_new(cli->ctx, self_r->dn);
	for (uint32_t i = 0; server != NULL && i < server->peer.cert_hashes.count; i++)
		entry_add_text(self_r->entry, PUBLISH_HASH,
			       snap_list_str(snap, server->peer.cert_hashes, i));
}

/* The LDIF that adds the pair to SELF; empty if it is published, or if nobody knows where. */
static int make_ldif(struct cli *cli, const struct self *self, const struct cert_pair *pair,
		     struct buf *out, struct err *e)
{
	const struct publish_wish wish = { .hash = pair->hash,
					   .der = { (const char *)pair->der, pair->der_len } };
	const struct entry_attribute *hashes;
	struct publish_plan plan;

	buf_adds(out, "");
	if (self->entry == NULL)
		return 0;
	hashes = entry_find(self->entry, PUBLISH_HASH);
	for (size_t i = 0; hashes != NULL && i < hashes->n_values; i++)
		if (ascii_equal(hashes->values[i].data, pair->hash))
			return 0;
	if (publish_plan_make(cli->ctx, self->entry, &wish, &plan, e) < 0)
		return -1;
	publish_ldif(&plan, out);
	return 0;
}

static int show_pair(struct cli *cli, const struct self *self, const struct cert_pair *pair,
		     const char *cert_path, bool was_made, struct err *e)
{
	struct buf ldif = { 0 };

	if (make_ldif(cli, self, pair, &ldif, e) < 0)
		return -1;
	if (cli->json && !cli->quiet) {
		cli_print_json(json_pack("{ss ss sb so ss}", "hash", pair->hash, "certificate", cert_path,
					 "made", (int)was_made, "dn", ctl_text(self->dn), "ldif",
					 ldif.data));
	} else if (!cli->quiet) {
		printf("%s\n", pair->hash);
		if (ldif.len > 0)
			printf("\n%s", ldif.data);
	}
	buf_free(&ldif);
	return EXIT_DONE;
}

int cmd_config_certificate(struct cli *cli, struct err *e)
{
	char *cert_path, *key_path;
	struct cert_pair pair = { 0 };
	struct self self;
	int made, rc = -1;

	if (cli_host(cli, e) < 0 || process_prepare(cli->host, false, e) < 0)
		return -1;
	find_self(cli, &self);
	cert_paths(cli->host, &cert_path, &key_path);
	made = cert_make_if_missing(cert_path, key_path, self.name, clock_wall_ms(), e);
	if (made >= 0 && cert_load(cert_path, key_path, &pair, e) == 0)
		rc = show_pair(cli, &self, &pair, cert_path, made == 1, e);
	cert_fini(&pair);
	free(cert_path);
	free(key_path);
	return rc;
}

/* ---- check ---- */

struct checks {
	struct cli *cli;
	json_t *rows;
	bool has_failed;
};

/* E null: all is well, and FINE says what was found. */
static void add_check(struct checks *c, const char *what, const char *fine, const struct err *e)
{
	json_t *row = json_pack("{so sb so}", "check", ctl_text(what), "ok", (int)(e == NULL), "text",
				ctl_text(e == NULL ? fine : e->text));

	if (e != NULL)
		json_object_set_new(row, "remedy", ctl_text(e->remedy));
	c->has_failed |= e != NULL;
	json_array_append_new(c->rows, row);
}

static void check_file(struct checks *c, const struct host_directory *d, const char *what)
{
	struct view *view;
	struct err e;

	if (view_open_file(c->cli, d->uris[0].path, &view, &e) < 0)
		add_check(c, what, NULL, &e);
	else
		add_check(c, what,
			  talloc_asprintf(c->cli->ctx, "%s: %u servers, %u connectors", d->uris[0].path,
					  snap_count(view_snapshot(view), SNAP_SERVERS),
					  snap_count(view_snapshot(view), SNAP_CONNECTORS)),
			  NULL);
}

static bool can_sign_in_here(const struct host_directory *d)
{
	return d->uris[0].scheme != HOST_SRV &&
	       (d->bind == HOST_BIND_NONE || d->bind == HOST_BIND_SIMPLE || d->bind == HOST_BIND_EXTERNAL);
}

static void check_server(struct checks *c, const struct host_directory *d, const char *what)
{
	struct dirclient_bind bind = { .external = d->bind == HOST_BIND_EXTERNAL };
	struct dirclient *dir = NULL;
	char *password = NULL;
	struct err e;
	int rc = 0;

	if (d->bind == HOST_BIND_SIMPLE) {
		bind.bind_dn = d->bind_dn;
		rc = hostfile_secret(d->password_file, &password, &e);
		bind.password = password;
	}
	if (rc == 0)
		rc = dirclient_open(d, &bind, &dir, &e);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	dirclient_close(&dir);
	add_check(c, what, "answers, and takes the credentials", rc < 0 ? &e : NULL);
}

static void check_directories(struct checks *c)
{
	for (size_t i = 0; i < c->cli->host->n_directories; i++) {
		const struct host_directory *d = &c->cli->host->directories[i];
		const char *what = talloc_asprintf(c->cli->ctx, "directory \"%s\"", d->title);

		if (d->uris[0].scheme == HOST_FILE)
			check_file(c, d, what);
		else if (can_sign_in_here(d))
			check_server(c, d, what);
		else
			add_check(c, what, "not tried: waypost sync status tells", NULL);
	}
}

static void check_folder(struct checks *c, const char *what, const char *path)
{
	struct err e;

	if (access(path, W_OK | X_OK) == 0 || errno == ENOENT) {
		add_check(c, what, path, NULL);
		return;
	}
	err_errno(&e, "%s", path);
	err_remedy(&e, "make it writable for the daemons' user");
	add_check(c, what, NULL, &e);
}

static void check_credentials(struct checks *c)
{
	const char *path = c->cli->host->delivery.credentials_file;
	char *secret = NULL;
	struct err e;

	if (path == NULL)
		return;
	if (hostfile_secret(path, &secret, &e) < 0) {
		add_check(c, "credentials file", NULL, &e);
		return;
	}
	explicit_bzero(secret, strlen(secret));
	free(secret);
	add_check(c, "credentials file", path, NULL);
}

static void check_certificate(struct checks *c)
{
	struct cert_pair pair;
	char *cert_path, *key_path;
	struct err e;

	cert_paths(c->cli->host, &cert_path, &key_path);
	if (access(cert_path, F_OK) < 0 && access(key_path, F_OK) < 0) {
		add_check(c, "certificate", "will be made at the first start", NULL);
	} else if (cert_load(cert_path, key_path, &pair, &e) < 0) {
		add_check(c, "certificate", NULL, &e);
	} else {
		add_check(c, "certificate", pair.hash, NULL);
		cert_fini(&pair);
	}
	free(cert_path);
	free(key_path);
}

static void check_programs(struct checks *c)
{
	static const char *const programs[] = { "waypost-ldapsync", "waypost-delivery" };
	char path[PATH_MAX];
	struct err e;

	for (size_t i = 0; i < WP_COUNT(programs); i++) {
		int rc = progpath_find(programs[i], path, &e);

		add_check(c, programs[i], path, rc < 0 ? &e : NULL);
	}
}

static void print_checks(struct cli *cli, const json_t *rows)
{
	static const char *const headers[] = { "Check", "Result", "What" };
	struct table *table = table_new(cli->ctx, headers, WP_COUNT(headers));
	struct buf out = { 0 };
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *remedy = json_string_value(json_object_get(row, "remedy"));
		const char *text = json_string_value(json_object_get(row, "text"));
		const char *cells[] = {
			json_string_value(json_object_get(row, "check")),
			json_is_true(json_object_get(row, "ok")) ? "ok" : "FAILED",
			remedy == NULL ? text : talloc_asprintf(table, "%s; remedy: %s", text, remedy),
		};

		table_add(table, cells);
	}
	table_print(table, table_wants_colour(), &out);
	print_buf(&out);
}

int cmd_config_check(struct cli *cli, struct err *e)
{
	struct checks c = { .cli = cli };

	if (cli_host(cli, e) < 0)
		return -1;
	c.rows = json_array();
	add_check(&c, "host file", cli->host->path, NULL);
	check_directories(&c);
	check_folder(&c, "state folder", cli->host->state);
	check_folder(&c, "run folder", cli->host->run);
	check_credentials(&c);
	check_certificate(&c);
	check_programs(&c);
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(c.rows));
	else if (!cli->quiet)
		print_checks(cli, c.rows);
	json_decref(c.rows);
	return c.has_failed ? EXIT_CONFIG : EXIT_DONE;
}
