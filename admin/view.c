/* Snapshot and recipients for commands. */
#include "admin/view_private.h"

#include <string.h>

#include "common/buf.h"
#include "common/fsutil.h"
#include "common/ldif.h"
#include "common/replica_recipients.h"
#include "topology/load.h"
#include "topology/recipient_memory.h"

enum { LDIF_MAX = 1024 * 1024 * 1024 };

static int view_destroy(struct view *v)
{
	buf_free(&v->image);
	snapshot_file_unref(&v->file);
	replica_reader_free(&v->reader);
	replica_close(&v->replica);
	return 0;
}

int view_unreadable(struct err *e, const char *what)
{
	err_note(e, "%s", what);
	e->domain = ERR_DIRECTORY;
	return -1;
}

/* ---- a directory of its own ---- */

int view_build(struct view *v, const struct entry_list *entries, const char *base, struct err *e)
{
	struct snapshot_source source = snapshot_source_of_list(entries);

	if (snapshot_build(&source, base, 1, &v->image, e) < 0 ||
	    snapshot_open(&v->built, v->image.data, v->image.len, e) < 0)
		return -1;
	v->snapshot = &v->built;
	return 0;
}

void view_take_recipients(struct view *v, const struct entry_list *entries)
{
	struct recipient_memory *memory = recipient_memory_new(v);

	recipient_memory_add_list(memory, entries);
	v->recipients = recipient_memory_source(memory);
	v->each_recipient = recipient_memory_each;
}

struct entry_list view_translate(const struct view *v, TALLOC_CTX *ctx,
				 const struct entry_list *entries)
{
	struct entry_list list = { NULL, 0 };

	if (v->profile == NULL)
		return *entries;
	for (size_t i = 0; i < entries->count; i++)
		entry_list_add(ctx, &list, profile_translate(v->profile, ctx, entries->items[i]));
	return list;
}

/* Snapshot and recipients of ENTRIES, which live under SCRATCH: kept if they are wanted later. */
static int take_entries(struct view *v, TALLOC_CTX *scratch, const struct entry_list *entries,
			struct err *e)
{
	const struct entry_list list = view_translate(v, scratch, entries);

	if (view_build(v, &list, NULL, e) < 0)
		return -1;
	view_take_recipients(v, &list);
	if (v->keeps_entries) {
		v->entries = *entries;
		talloc_steal(v, scratch);
	} else {
		talloc_free(scratch);
	}
	return 0;
}

static int open_ldif(struct view *v, const char *path, struct err *e)
{
	struct buf text = { 0 };
	struct entry_list entries = { 0 };
	TALLOC_CTX *scratch = talloc_new(v);
	int rc = fs_read(path, LDIF_MAX, &text, e);

	if (rc == 0)
		rc = ldif_read(scratch, text.data, text.len, &entries, e);
	if (rc == 0)
		rc = take_entries(v, scratch, &entries, e);
	buf_free(&text);
	return rc < 0 ? view_unreadable(e, path) : 0;
}

/* TLS is as the host file says where one is given. */
static int open_ldap(struct view *v, struct cli *cli, const struct host_uri *uri, struct err *e)
{
	struct host_directory directory = { .n_uris = 0 };
	struct entry_list entries = { 0 };
	struct dirclient *dir = NULL;
	TALLOC_CTX *scratch;
	int rc;

	if (uri->dn == NULL) {
		err_set(e, ERR_USAGE, 0, "it is not said which part of %s to read", uri->text);
		return err_remedy(e, "add the DN above servers and people: ldap://HOST/dc=example,dc=com");
	}
	if (cli->config != NULL && cli_host(cli, e) < 0)
		return -1;
	if (cli->config != NULL)
		directory = cli->host->directories[0];
	directory.uris = uri;
	directory.n_uris = 1;
	if (signin_open(cli, &directory, &dir, e) < 0)
		return -1;
	scratch = talloc_new(v);
	rc = dirclient_read(dir, scratch, uri->dn, &entries, e);
	if (rc == 0)
		rc = take_entries(v, scratch, &entries, e);
	dirclient_close(&dir);
	return rc;
}

/* --profile, with what the host file assumes of that profile if it was named. */
static int choose_profile(struct view *v, struct cli *cli, struct err *e)
{
	static const char *const names[] = { "waypost", "ad", "exchange" };
	const char *name = cli_value(cli, "profile");
	const struct host_directory *d = NULL;
	size_t id = 0;

	while (name != NULL && id < WP_COUNT(names) && strcmp(names[id], name) != 0)
		id++;
	if (id == WP_COUNT(names)) {
		err_set(e, ERR_USAGE, 0, "there is no profile \"%.40s\"", name);
		return err_remedy(e, "profiles: waypost, ad, exchange");
	}
	if (name != NULL && cli->config != NULL && cli_host(cli, e) < 0)
		return -1;
	for (size_t i = 0; cli->host != NULL && d == NULL && i < cli->host->n_directories; i++)
		if (cli->host->directories[i].profile == (enum host_profile)id)
			d = &cli->host->directories[i];
	if (name != NULL)
		v->profile = profile_new(v, (enum host_profile)id, d != NULL ? d->assume : NULL,
					 d != NULL ? d->n_assume : 0, e);
	return name == NULL || v->profile != NULL ? 0 : -1;
}

int view_open_directory(struct view *v, struct cli *cli, const char *text, struct err *e)
{
	struct host_uri uri;

	if (choose_profile(v, cli, e) < 0)
		return -1;
	if (host_uri_parse(v, text, true, &uri, e) < 0)
		return -1;
	if (uri.scheme == HOST_FILE)
		return open_ldif(v, uri.path, e);
	return open_ldap(v, cli, &uri, e);
}

/* ---- the replica ---- */

static int open_snapshot(struct view *v, const char *state, struct err *e)
{
	struct replica_snapshot what;
	int rc;

	if (replica_begin(v->reader, e) < 0)
		return -1;
	rc = replica_snapshot(v->reader, &what, e);
	replica_end(v->reader);
	if (rc < 0)
		return -1;
	if (what.number == 0)
		return err_set(e, ERR_STORE, 0, "there is no snapshot yet");
	return snapshot_file_open(state, &what, &v->file, e);
}

int view_no_replica(struct err *e)
{
	if (e->domain == ERR_PERMISSION)
		return err_remedy(e, "become root or a member of the replica's group");
	view_unreadable(e, "the replica of this host");
	return err_remedy(e, "start the daemons with `waypost run`, or name a directory with "
			     "--directory");
}

void view_attach_replica(struct view *v, const char *state)
{
	v->replica = replica_open(state);
	v->reader = replica_reader_new(v->replica);
	v->recipients = replica_recipient_source(v->reader);
	v->each_recipient = replica_recipients_each;
}

static int open_replica(struct view *v, const char *state, struct err *e)
{
	view_attach_replica(v, state);
	if (open_snapshot(v, state, e) < 0)
		return view_no_replica(e);
	v->snapshot = snapshot_file_view(v->file);
	return 0;
}

struct view *view_new(TALLOC_CTX *ctx)
{
	struct view *v = talloc_zero(ctx, struct view);

	talloc_set_destructor(v, view_destroy);
	return v;
}

int view_open_file(struct cli *cli, const char *path, struct view **view_r, struct err *e)
{
	*view_r = view_new(cli->ctx);
	for (size_t i = 0; cli->host != NULL && i < cli->host->n_directories; i++) {
		const struct host_directory *d = &cli->host->directories[i];

		if (d->uris[0].scheme != HOST_FILE || strcmp(d->uris[0].path, path) != 0)
			continue;
		(*view_r)->profile = profile_new(*view_r, d->profile, d->assume, d->n_assume, e);
		if ((*view_r)->profile == NULL)
			return -1;
		break;
	}
	return open_ldif(*view_r, path, e);
}

int view_open(struct cli *cli, struct view **view_r, struct err *e)
{
	const char *directory = cli_value(cli, "directory");
	uint64_t number = 0;
	struct view *v;

	if (cli_flag(cli, "snapshot")) {
		if (cli_number(cli, "snapshot", INT64_MAX, &number, e) < 0)
			return -1;
		return view_open_snapshot(cli, number, view_r, e);
	}
	v = view_new(cli->ctx);
	*view_r = v;
	if (directory != NULL)
		return view_open_directory(v, cli, directory, e);
	if (cli_host(cli, e) < 0)
		return -1;
	return open_replica(v, cli->host->state, e);
}

const struct snapshot *view_snapshot(const struct view *view)
{
	return view->snapshot;
}

const struct recipient_source *view_recipients(const struct view *view)
{
	return &view->recipients;
}

int view_begin(struct view *view, struct err *e)
{
	return view->reader != NULL ? replica_begin(view->reader, e) : 0;
}

void view_end(struct view *view)
{
	if (view->reader != NULL)
		replica_end(view->reader);
}

int view_each_diagnostic(struct view *view,
			 void (*fn)(void *arg, const struct replica_diagnostic *diagnostic),
			 void *arg, struct err *e)
{
	int rc;

	if (view->reader == NULL || view->past != NULL)
		return 0;
	if (replica_begin(view->reader, e) < 0)
		return -1;
	rc = replica_each_diagnostic(view->reader, fn, arg, e);
	replica_end(view->reader);
	return rc;
}

/* ---- the server ---- */

uint32_t view_host_server(const struct view *view, const struct hostfile *host)
{
	if (host->server != NULL)
		return snapshot_find_server(view->snapshot, host->server);
	return snapshot_find_server_fqdn(view->snapshot, host->fqdn);
}

static uint32_t default_server(struct cli *cli, const struct view *view, struct err *e)
{
	const struct hostfile *host;
	uint32_t server;

	if (cli_value(cli, "directory") != NULL && cli->config == NULL) {
		err_set(e, ERR_USAGE, 0, "it is not said which server is meant");
		err_remedy(e, "add --from SERVER");
		return SNAP_NONE;
	}
	if (cli_host(cli, e) < 0)
		return SNAP_NONE;
	host = cli->host;
	server = view_host_server(view, host);
	if (server == SNAP_NONE) {
		err_set(e, ERR_NOT_FOUND, 0, "the directory has no server %s",
			host->server != NULL ? host->server : host->fqdn);
		err_remedy(e, "add it, correct server = \"…\" in %s, or use --from", host->path);
	}
	return server;
}

uint32_t view_server(struct cli *cli, const struct view *view, struct err *e)
{
	const char *name = cli_value(cli, "from");
	uint32_t server;

	if (name == NULL)
		return default_server(cli, view, e);
	server = snapshot_find_server(view->snapshot, name);
	if (server == SNAP_NONE)
		err_set(e, ERR_NOT_FOUND, 0, "the directory has no server %s", name);
	return server;
}
