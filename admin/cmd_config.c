/* waypost config: the host file and the host's key pair. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/doctor.h"
#include "admin/paragraph.h"
#include "admin/publish.h"
#include "admin/table.h"
#include "admin/view.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/ctl_proto.h"
#include "common/dn.h"
#include "common/process.h"

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
	struct publish_plan plan;

	buf_adds(out, "");
	if (self->entry == NULL)
		return 0;
	if (entry_has_text(self->entry, PUBLISH_HASH, pair->hash))
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

int cmd_config_check(struct cli *cli, struct err *e)
{
	struct doctor doctor;
	struct buf out = { 0 };
	bool has_failed;

	if (cli_host(cli, e) < 0)
		return -1;
	doctor_init(&doctor, cli, cli->host);
	doctor_see_host(&doctor);
	doctor_see_directories(&doctor);
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(doctor.rows));
	else if (!cli->quiet)
		doctor_print(&doctor, table_wants_colour(), paragraph_width(), &out);
	print_buf(&out);
	has_failed = doctor.counts[DOCTOR_FAILED] > 0;
	doctor_fini(&doctor);
	return has_failed ? EXIT_CONFIG : EXIT_DONE;
}
