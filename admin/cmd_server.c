/* waypost server publish-certificate: this host's certificate into the directory. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/cmd.h"
#include "admin/dirclient.h"
#include "admin/publish.h"
#include "admin/signin.h"
#include "common/cert.h"

const struct cli_option cmd_publish_options[] = {
	{ "uri", 'H', "URI", "the directory to write to; default: the host file's" },
	SIGNIN_OPTIONS,
	{ "drop", 0, "HASH", "take this other certificate out of the directory" },
	{ "only", 0, NULL, "take all other certificates out" },
	{ "dry-run", 0, NULL, "print the LDIF and change nothing" },
	{ NULL, 0, NULL, NULL },
};

/* The directory section that is written to: the first on a server; --uri replaces its address. */
static int choose_directory(struct cli *cli, struct host_directory *directory_r, struct err *e)
{
	const char *text = cli_value(cli, "uri");
	const struct hostfile *host = cli->host;
	struct host_uri *uri;
	size_t i = 0;

	while (i + 1 < host->n_directories && host->directories[i].uris[0].scheme == HOST_FILE)
		i++;
	*directory_r = host->directories[i];
	if (text != NULL) {
		uri = talloc_zero(cli->ctx, struct host_uri);
		if (host_uri_parse(uri, text, false, uri, e) < 0)
			return -1;
		directory_r->uris = uri;
		directory_r->n_uris = 1;
		if (uri->dn != NULL)
			directory_r->base = uri->dn;
	}
	if (directory_r->uris[0].scheme == HOST_FILE) {
		err_set(e, ERR_DIRECTORY, 0, "the directory of this host is a file");
		return err_remedy(e, "add the LDIF of `waypost config certificate` to it, or name a "
				     "server with --uri");
	}
	if (directory_r->base != NULL)
		return 0;
	err_set(e, ERR_USAGE, 0, "it is not known where in the directory to look");
	return err_remedy(e, "add the organisation's DN to --uri: ldap://HOST/cn=Waypost,dc=…");
}

static int load_pair(const struct hostfile *host, struct cert_pair *pair_r, struct err *e)
{
	char *cert_path, *key_path;
	int rc;

	cert_paths(host, &cert_path, &key_path);
	rc = cert_load(cert_path, NULL, pair_r, e);
	free(cert_path);
	free(key_path);
	return rc < 0 ? err_remedy(e, "make it with `waypost config certificate`") : 0;
}

static void report(const struct cli *cli, const struct publish_plan *plan, const char *hash)
{
	struct buf ldif = { 0 };
	bool is_dry = cli_flag(cli, "dry-run");

	publish_ldif(plan, &ldif);
	if (cli->quiet)
		buf_clear(&ldif);
	else if (cli->json)
		cli_print_json(json_pack("{ss ss sb sb ss}", "hash", hash, "dn", plan->dn, "changed",
					 (int)(plan->n > 0 && !is_dry), "dry_run", (int)is_dry, "ldif",
					 ldif.len > 0 ? ldif.data : ""));
	else if (plan->n == 0)
		printf("%s is published already for %s\n", hash, plan->dn);
	else if (is_dry)
		fwrite(ldif.data, 1, ldif.len, stdout);
	else
		printf("%s is published for %s\n", hash, plan->dn);
	buf_free(&ldif);
}

static int publish(struct cli *cli, struct dirclient *dir, const char *base,
		   const struct cert_pair *pair, struct err *e)
{
	const struct publish_wish wish = {
		.hash = pair->hash,
		.der = { (const char *)pair->der, pair->der_len },
		.drop = cli_value(cli, "drop"),
		.only = cli_flag(cli, "only"),
	};
	struct publish_plan plan;
	struct entry *server;

	if (dirclient_find_server(dir, cli->ctx, base, cli->host->server, cli->host->fqdn, &server, e) < 0 ||
	    publish_plan_make(cli->ctx, server, &wish, &plan, e) < 0)
		return -1;
	if (!cli_flag(cli, "dry-run") && dirclient_apply(dir, &plan, e) < 0)
		return -1;
	report(cli, &plan, pair->hash);
	return EXIT_DONE;
}

int cmd_server_publish_certificate(struct cli *cli, struct err *e)
{
	struct host_directory directory;
	struct cert_pair pair;
	struct dirclient *dir = NULL;
	int rc;

	if (cli_host(cli, e) < 0 || choose_directory(cli, &directory, e) < 0 ||
	    load_pair(cli->host, &pair, e) < 0)
		return -1;
	rc = signin_open(cli, &directory, &dir, e);
	if (rc == 0)
		rc = publish(cli, dir, directory.base, &pair, e);
	dirclient_close(&dir);
	cert_fini(&pair);
	return rc;
}
