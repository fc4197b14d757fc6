/* waypost init: a host file for this host, and a first site for a new organisation. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/cmd.h"
#include "admin/init.h"
#include "admin/init_hostfile.h"
#include "common/ctl_proto.h"
#include "common/ldif.h"
#include "common/names.h"
#include "ldapsync/dirconn.h"

const struct cli_option cmd_init_options[] = {
	{ "domain", 0, "DOMAIN",
	  "the directory's domain: its servers are found by SRV records" },
	{ "uri", 0, "URI,…", "its addresses: ldap://HOST, ldaps://HOST, ldapi://, srv:DOMAIN" },
	{ "resolver", 0, "IP:PORT", "the name server to ask; default: the system's" },
	{ "ca", 0, "FILE", "certificate of the authority that the servers' are by" },
	{ "cleartext", 0, NULL, "use no TLS on ldap://, even for a password" },
	{ "bind", 0, "METHOD", "simple, external, gssapi, gss-spnego, scram-sha-256 or none" },
	{ "bind-dn", 0, "DN", "the account this host reads with" },
	{ "password-file", 0, "FILE", "where its password is" },
	{ "keytab", 0, "FILE", "where its Kerberos keys are" },
	{ "tls-cert", 0, "FILE", "certificate this host shows to the directory" },
	{ "tls-key", 0, "FILE", "and its key" },
	{ "profile", 0, "PROFILE", "waypost, ad or exchange; default: what is found" },
	{ "base", 0, "DN", "the organisation; default: the one that is found" },
	{ "recipients", 0, "DN;…", "above people and groups" },
	{ "filter", 0, "FILTER", "which of them are recipients" },
	{ "server", 0, "NAME", "this host's server; default: the one with this host's name" },
	{ "create", 0, NULL, "make what is not there: organisation, site, server" },
	{ "site", 0, "NAME", "the site of a new server" },
	{ "fqdn", 0, "HOST", "its host name; default: this host's" },
	{ "address", 0, "IP", "its address" },
	{ "listen", 0, "IP:PORT", "where it takes mail; default: port 25 of every address" },
	{ "mailbox-delivery", 0, "URI", "where it delivers to mailboxes: lmtp://HOST:PORT" },
	{ "subnet", 0, "PREFIX", "subnet of its site" },
	{ "accepted-domain", 0, "DOMAIN", "domain of a new organisation" },
	{ "send-connector", 0, NULL, "a new organisation sends other mail to the Internet" },
	{ "admin-dn", 0, "DN", "the account that writes; default: the one that reads" },
	{ "admin-password-file", 0, "FILE", "where its password is" },
	{ "publish", 0, NULL, "publish this host's certificate" },
	{ "title", 0, "NAME", "of the directory in the host file; default: main" },
	{ "state", 0, "DIR", "for the host file; default: /var/lib/waypost" },
	{ "run", 0, "DIR", "for the host file; default: /run/waypost" },
	{ "user", 0, "NAME", "whom the daemons run as" },
	{ "force", 0, NULL, "replace a host file that is there" },
	{ "dry-run", 0, NULL, "print the LDIF and the host file, and write nothing" },
	{ NULL, 0, NULL, NULL },
};

/* ---- beginning and end ---- */

const char *init_absolute(TALLOC_CTX *ctx, const char *path)
{
	char folder[PATH_MAX];

	if (path[0] == '/' || getcwd(folder, sizeof(folder)) == NULL)
		return path;
	return talloc_asprintf(ctx, "%s/%s", folder, path);
}

const char *init_option(const struct init *init, const char *name)
{
	const char *given = cli_value(init->cli, name);

	return given != NULL && *given != '\0' ? given : NULL;
}

static const char *folder_option(const struct init *i, const char *name)
{
	const char *given = init_option(i, name);

	return given != NULL ? init_absolute(i->ctx, given) : NULL;
}

static void begin(struct init *i, struct cli *cli)
{
	const char *title;

	*i = (struct init){ .cli = cli, .ctx = cli->ctx, .secret_fd = -1 };
	ask_init(&i->ask, cli);
	i->is_dry = cli_flag(cli, "dry-run");
	i->path = init_absolute(cli->ctx, cli->config != NULL ? cli->config : HOSTFILE_DEFAULT);
	title = init_option(i, "title");
	i->directory.title = title != NULL ? title : "main";
	i->host = (struct hostfile){ .state = folder_option(i, "state"),
				     .run = folder_option(i, "run"),
				     .user = init_option(i, "user"),
				     .directories = &i->directory,
				     .n_directories = 1 };
	dirconn_init_library();
}

static void end(struct init *i)
{
	dirclient_close(&i->admin);
	dirconn_close(&i->ld);
	if (i->secret != NULL)
		explicit_bzero(i->secret, strlen(i->secret));
	free(i->secret);
	if (i->secret_fd >= 0)
		close(i->secret_fd);
}

/* ---- what is written ---- */

static int check_target(struct init *i, struct err *e)
{
	bool may_replace = cli_flag(i->cli, "force") || i->is_dry;

	return i->is_dry ? 0 : init_hostfile_check(i->path, may_replace, e);
}

/* The text of the host file, with the password where it will be. */
static void make_text(const struct init *i, struct buf *out)
{
	struct host_directory directory = i->directory;
	struct hostfile host = i->host;

	if (i->secret_path != NULL)
		directory.password_file = i->secret_path;
	host.directories = &directory;
	init_hostfile_text(&host, out);
}

/* What would be refused at the end is refused while nothing is written. */
static int judge_text(const struct init *i, struct err *e)
{
	struct buf text = { 0 };
	int rc;

	make_text(i, &text);
	buf_addc(&text, '\0');
	rc = hostfile_judge(i->path, text.data, e);
	buf_free(&text);
	return rc < 0 ? -1 : init_hostfile_user(i->host.user, NULL, e);
}

static int write_files(struct init *i, struct err *e)
{
	bool may_replace = cli_flag(i->cli, "force");
	struct buf text = { 0 };
	int rc = 0;

	if (i->secret_path != NULL)
		rc = init_secret_write(i->secret_path, i->secret, i->host.user, may_replace, e);
	make_text(i, &text);
	if (rc == 0) {
		rc = init_hostfile_write(i->path, &text, i->host.user, may_replace, e);
		if (rc < 0 && i->secret_path != NULL)
			unlink(i->secret_path);
	}
	buf_free(&text);
	i->cli->config = i->path;
	return rc;
}

/* ---- what is said ---- */

static void make_ldif(const struct init *i, struct buf *out)
{
	buf_adds(out, "");
	for (size_t n = 0; n < i->entries.count; n++)
		ldif_write(i->entries.items[n], out);
}

/* LDIF, and the host file as comments of it: what is printed can be loaded. */
static void print_dry(struct init *i)
{
	struct buf ldif = { 0 }, text = { 0 };

	make_ldif(i, &ldif);
	make_text(i, &text);
	printf("%s# %s\n", ldif.data, i->path);
	for (const char *at = text.data; *at != '\0';) {
		size_t len = strcspn(at, "\n");

		printf("#   %.*s\n", (int)len, at);
		at += len + (at[len] != '\0');
	}
	buf_free(&ldif);
	buf_free(&text);
}

static json_t *found_json(const struct init *i)
{
	json_t *found = json_object();

	for (int what = 0; what < SURVEY_ROWS; what++) {
		const struct survey_row *row = &i->found[what];
		json_t *names = json_array();

		for (size_t n = 0; n < row->n_names; n++)
			json_array_append_new(names, ctl_text(row->names[n]));
		json_object_set_new(
			found, survey_label((enum survey_what)what),
			json_pack("{sI so}", "count", (json_int_t)row->count, "names", names));
	}
	return found;
}

static void print_json(struct init *i)
{
	struct buf ldif = { 0 }, text = { 0 };

	make_ldif(i, &ldif);
	make_text(i, &text);
	cli_print_json(json_pack("{ss ss so so sb so so so sb sb}", "config", i->path,
				 "profile", host_profile_name(i->directory.profile), "base",
				 ctl_text(i->directory.base), "server",
				 ctl_text(i->wish.server), "created",
				 (int)(i->entries.count > 0), "found", found_json(i), "ldif",
				 ctl_text(ldif.data), "host_file", ctl_text(text.data),
				 "published", (int)i->is_published, "dry_run", (int)i->is_dry));
	buf_free(&ldif);
	buf_free(&text);
}

static void print_done(const struct init *i)
{
	printf("%s is written for %s.\n", i->path, i->wish.server);
	if (i->n_added > 0)
		printf("%zu entries were added to the directory.\n", i->n_added);
	if (i->is_published)
		printf("The certificate of this host is published.\n");
	printf("Next:\n  waypost config check --config %s\n  waypost run --config %s\n",
	       i->path, i->path);
}

static void report(struct init *i)
{
	if (i->cli->quiet)
		return;
	if (i->cli->json)
		print_json(i);
	else if (i->is_dry)
		print_dry(i);
	else
		print_done(i);
}

/* ---- the command ---- */

static int look(struct init *i, struct err *e)
{
	if (check_target(i, e) < 0 || init_find_server(i, e) < 0 || init_sign_in(i, e) < 0 ||
	    init_find_organisation(i, e) < 0 || init_survey(i, e) < 0)
		return -1;
	init_show(i);
	return 0;
}

static int act(struct init *i, struct err *e)
{
	if (init_choose_server(i, e) < 0 || init_plan(i, e) < 0 || judge_text(i, e) < 0)
		return -1;
	if (i->is_dry)
		return 0;
	return init_add(i, e) < 0 || write_files(i, e) < 0 || init_publish(i, e) < 0 ? -1 : 0;
}

int cmd_init(struct cli *cli, struct err *e)
{
	struct init init;
	int rc;

	begin(&init, cli);
	rc = look(&init, e);
	if (rc == 0)
		rc = act(&init, e);
	if (rc == 0)
		report(&init);
	end(&init);
	return rc;
}
