/* `waypost init`: what the directory lacks, and writing it with an account that may. */
#define _GNU_SOURCE
#include "admin/init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/dirquery.h"
#include "admin/publish.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/dn.h"
#include "common/endpoint.h"
#include "common/ipaddr.h"
#include "common/mailaddr.h"
#include "common/process.h"
#include "ldapsync/dirconn.h"
#include "topology/addrspace.h"
#include "topology/diag.h"
#include "topology/load.h"
#include "topology/snapshot.h"

enum { NO_FD = -1, REMEDY_MAX = 200 };

/* ---- what is lacking ---- */

/* Whether DN is there, as far as the account may see. */
static bool is_there(struct init *i, const char *dn)
{
	const char *const none[] = { LDAP_NO_ATTRS, NULL };

	return dirquery_entry(i->ld, i->ctx, dn, none, NULL) != NULL;
}

static int refuse_without_schema(struct init *i, struct err *e)
{
	size_t missing, all;
	const char *names = doctor_missing_schema(i->ld, i->ctx, i->dse, &missing, &all),
		   *commands;

	/* Who may not see it is told by the server when he writes. */
	if (names == NULL || missing == 0)
		return 0;
	commands = doctor_schema_commands(i->ctx, i->kind, &i->uri, i->dse);
	err_set(e, ERR_DIRECTORY, 0,
		"the schema of Waypost is not loaded (%zu definitions are missing)", missing);
	if (strlen(commands) < REMEDY_MAX)
		return err_remedy(e, "load it: %s", commands);
	fprintf(stderr, "%s\n", commands);
	return err_remedy(e, "load it with the lines above");
}

static int refuse_creation(struct init *i, struct err *e)
{
	if (!i->has_organisation)
		err_set(e, ERR_NOT_FOUND, 0, "there is no organisation %s", i->directory.base);
	else
		err_set(e, ERR_NOT_FOUND, 0, "the directory has no server %s", i->wish.server);
	if (i->directory.profile == HOST_PROFILE_EXCHANGE)
		return err_remedy(
			e,
			"name a server of the organisation with --server; nothing is written "
			"into Exchange's configuration");
	return err_remedy(e, "name the right one with %s, or let it be made with --create",
			  i->has_organisation ? "--server" : "--base");
}

static bool wants_creation(struct init *i)
{
	const char *question;

	if (i->directory.profile == HOST_PROFILE_EXCHANGE)
		return false;
	question = talloc_asprintf(i->ctx, "%s%s is not there. Make it?",
				   i->has_organisation ? "The server " : "The organisation ",
				   i->has_organisation ? i->wish.server : i->directory.base);
	return ask_yes(&i->ask, "create", question, false);
}

/* ---- what it is to be ---- */

/* One that is there is taken; Active Directory's are its own to make. */
static int take_site(struct init *i, const char *usual, struct err *e)
{
	const struct entry *found;

	i->wish.site = ask_text(&i->ask, "site", "Its site", usual);
	if (i->wish.site == NULL)
		return 0;
	found = init_find_name(&i->sites, i->wish.site);
	i->wish.site_dn = found != NULL ? found->dn : NULL;
	if (found == NULL && i->directory.profile == HOST_PROFILE_WAYPOST)
		return init_judge_name(i->wish.site, e);
	if (found != NULL)
		return 0;
	err_set(e, ERR_NOT_FOUND, 0, "there is no site %s", i->wish.site);
	return err_remedy(e, "name one that Active Directory has, or make it there");
}

static int choose_site(struct init *i, struct err *e)
{
	const struct entry_list *sites = &i->sites;
	const char *usual = sites->count == 1 ? entry_text(sites->items[0], "cn") : NULL;

	if (usual == NULL && i->ask.is_interactive)
		usual = sites->count > 0 ? entry_text(sites->items[0], "cn") : "HQ";
	while (take_site(i, usual, e) < 0)
		if (!ask_again(&i->ask, "site", e))
			return -1;
	return 0;
}

static int judge_address(const char *text, struct err *e)
{
	struct ipaddr address;

	if (ipaddr_parse(text, strlen(text), &address))
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is no address", text);
	return err_remedy(e, "write it as 192.0.2.1 or 2001:db8::1");
}

static int judge_subnet(const char *text, struct err *e)
{
	struct ipaddr_range range;

	if (ipaddr_range_parse(text, strlen(text), &range) && ipaddr_range_prefix_length(&range) >= 0)
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is no subnet", text);
	return err_remedy(e, "write it as 10.1.0.0/16");
}

static int judge_mailbox(const char *text, struct err *e)
{
	static const char *const schemes[] = { "lmtp://", "lmtp+unix:///", "smtp://" };

	for (size_t n = 0; n < WP_COUNT(schemes); n++)
		if (strncmp(text, schemes[n], strlen(schemes[n])) == 0 &&
		    text[strlen(schemes[n])] != '\0')
			return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is no way to mailboxes", text);
	return err_remedy(e, "write it as lmtp://HOST:PORT, lmtp+unix:///PATH or smtp://HOST:PORT");
}

static int judge_domain(const char *text, struct err *e)
{
	char domain[MAILADDR_DOMAIN_MAX + 1];
	bool wildcard;

	if (addrspace_pattern(text, strlen(text), false, domain, sizeof(domain), &wildcard))
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is no domain", text);
	return err_remedy(e, "write it as example.com, or *.example.com with what is below it");
}

static int judge_fqdn(const char *text, struct err *e)
{
	char domain[MAILADDR_DOMAIN_MAX + 1];
	bool wildcard;

	if (addrspace_pattern(text, strlen(text), false, domain, sizeof(domain), &wildcard) && !wildcard)
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%.300s\" is no host name", text);
	return err_remedy(e, "write it as hub1.example.com, with --fqdn");
}

static int judge_listen(const char *text, struct err *e)
{
	struct ipaddr address;
	uint16_t port;

	if (text == NULL || endpoint_parse_binding(text, &address, &port))
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is nothing to listen at", text);
	return err_remedy(e, "write it as 192.0.2.1:25 or [::]:25");
}

static int fill_new_organisation(struct init *i, struct err *e)
{
	struct init_wish *w = &i->wish;

	if (ask_judged(&i->ask, "accepted-domain",
		       "The domain whose mail is taken in (empty: none yet)", judge_domain, &w->domain,
		       e) < 0)
		return -1;
	w->wants_connector = ask_yes(&i->ask, "send-connector",
				     "Send other mail straight to the Internet?", false);
	return 0;
}

static int fill_wish(struct init *i, struct err *e)
{
	struct init_wish *w = &i->wish;

	w->base = i->directory.base;
	w->has_foreign_sites = i->directory.profile != HOST_PROFILE_WAYPOST;
	w->listen = init_option(i, "listen");
	if (judge_fqdn(w->fqdn, e) < 0 || judge_listen(w->listen, e) < 0 || choose_site(i, e) < 0 ||
	    ask_judged(&i->ask, "address", "Its IP address (empty: found by its name)",
		       judge_address, &w->address, e) < 0 ||
	    ask_judged(&i->ask, "subnet", "The subnet of the site, as 10.1.0.0/16 (empty: none)",
		       judge_subnet, &w->subnet, e) < 0 ||
	    ask_judged(&i->ask, "mailbox-delivery",
		       "Where it delivers to mailboxes, as lmtp://localhost:24 (empty: nowhere)",
		       judge_mailbox, &w->mailbox, e) < 0)
		return -1;
	if (!i->has_organisation && fill_new_organisation(i, e) < 0)
		return -1;
	return ask_check(&i->ask, e);
}

/* A folder that an organisation lacks, because nothing was in it so far. */
static void plan_folder(struct init *i, const char *name)
{
	struct entry *entry = init_folder_entry(i->ctx, i->directory.base, name);

	if (!is_there(i, entry->dn))
		entry_list_add(i->ctx, &i->entries, entry);
}

/* One more server goes where the others are. */
static void plan_server(struct init *i)
{
	if (i->wish.site_dn == NULL)
		plan_folder(i, "Sites");
	if (i->wish.subnet != NULL)
		plan_folder(i, "Subnets");
	if (i->servers.count > 0)
		i->wish.parent = dn_parent(i->servers.items[0]->dn);
	else
		plan_folder(i, "Servers");
	init_new_server(i->ctx, &i->wish, &i->entries);
}

/* ---- the entries ---- */

/* The beginning of a database that is empty, and the folder for people. */
static int plan_above(struct init *i, struct err *e)
{
	struct entry *entry;

	if (!is_there(i, i->suffix)) {
		entry = init_suffix_entry(i->ctx, i->suffix);
		if (entry == NULL) {
			err_set(e, ERR_DIRECTORY, 0, "the entry %s is not there", i->suffix);
			return err_remedy(e, "add it first");
		}
		entry_list_add(i->ctx, &i->entries, entry);
	}
	for (size_t n = 0; n < i->directory.n_recipients; n++) {
		const char *dn = i->directory.recipients[n];

		entry = dn_equal(dn, i->suffix) || is_there(i, dn) ?
				NULL :
				init_suffix_entry(i->ctx, dn);
		if (entry != NULL)
			entry_list_add(i->ctx, &i->entries, entry);
	}
	return 0;
}

/* A site that is there, in the words of the model. */
static struct entry *foreign_site(struct init *i)
{
	struct entry *site = entry_new(i->ctx, i->wish.site_dn);

	entry_add_text(site, "objectClass", "waypostSite");
	entry_add_text(site, "cn", i->wish.site);
	return site;
}

/* The loader's word on the new organisation: what it would say later is said now. */
static int judge_entries(struct init *i, struct err *e)
{
	struct entry_list list = { 0 };
	struct snapshot_source source;
	struct buf image = { 0 };
	struct snapshot snapshot;
	int rc;

	for (size_t n = 0; n < i->entries.count; n++)
		entry_list_add(i->ctx, &list, i->entries.items[n]);
	if (i->wish.site_dn != NULL)
		entry_list_add(i->ctx, &list, foreign_site(i));
	source = snapshot_source_of_list(&list);
	rc = snapshot_build(&source, i->directory.base, 1, &image, e);
	if (rc == 0)
		rc = snapshot_open(&snapshot, image.data, image.len, e);
	for (uint32_t n = 0; rc == 0 && n < snap_count(&snapshot, SNAP_DIAGS); n++) {
		const struct snap_diag *d = snap_diag(&snapshot, n);
		const struct diag_row *row = diag_row(d->row);

		if (row->severity != DIAG_ERROR)
			continue;
		err_set(e, ERR_USAGE, 0, "%s: %s %s", row->id,
			snap_str(&snapshot, d->attribute), snap_str(&snapshot, d->value));
		rc = err_remedy(e, "%s", row->text);
	}
	buf_free(&image);
	return rc;
}

static int plan_entries(struct init *i, struct err *e)
{
	if (fill_wish(i, e) < 0)
		return -1;
	if (i->has_organisation) {
		plan_server(i);
		return 0;
	}
	if (plan_above(i, e) < 0)
		return -1;
	i->n_above = i->entries.count;
	init_new_organisation(i->ctx, &i->wish, &i->entries);
	return judge_entries(i, e);
}

int init_plan(struct init *i, struct err *e)
{
	const struct entry *server = init_find_name(&i->servers, i->wish.server);

	if (i->has_organisation && server != NULL) {
		i->wish.server = entry_text(server, "cn"); /* as the directory spells it */
		i->host.server = i->wish.server;
		return 0;
	}
	if (!wants_creation(i))
		return refuse_creation(i, e);
	if (refuse_without_schema(i, e) < 0)
		return -1;
	return plan_entries(i, e);
}

/* ---- writing ---- */

/* The account that may write: another one if it is named, else the one that reads. */
static int choose_account(struct init *i, struct host_directory *account, int *fd_r,
			  struct err *e)
{
	const char *dn = ask_optional(&i->ask, "admin-dn",
				      "Account that may write there (empty: the one above)");
	const char *file = init_option(i, "admin-password-file");
	char *secret;

	*account = i->directory;
	*fd_r = NO_FD;
	if (dn == NULL && file != NULL) {
		err_set(e, ERR_USAGE, 0, "--admin-password-file is given, but not whose password it is");
		return err_remedy(e, "add --admin-dn DN");
	}
	if (dn == NULL)
		return 0;
	account->bind = HOST_BIND_SIMPLE;
	account->bind_dn = dn;
	account->password_file = file;
	if (file != NULL)
		return 0;
	secret = ask_secret(&i->ask, "Its password");
	if (secret == NULL || *secret == '\0') {
		free(secret);
		err_set(e, ERR_USAGE, 0, "there is no password for %s", dn);
		return err_remedy(e, "add --admin-password-file FILE");
	}
	*fd_r = init_hide_secret(secret, &account->password_file, i->ctx);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return 0;
}

static int try_admin(struct init *i, struct err *e)
{
	struct host_directory account;
	LDAP *ld = NULL;
	int fd, rc;

	if (choose_account(i, &account, &fd, e) < 0)
		return -1;
	rc = dirconn_open(&account, &i->uri, NO_FD, &ld, e);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return init_refused(e);
	i->admin = dirclient_of(ld, i->uri.text);
	return 0;
}

static int open_admin(struct init *i, struct err *e)
{
	while (i->admin == NULL && try_admin(i, e) < 0)
		if (!ask_again(&i->ask, "admin-password-file", e))
			return -1;
	return 0;
}

static bool is_confirmed(struct init *i)
{
	ask_tell(&i->ask, "To be added:\n");
	for (size_t n = 0; n < i->entries.count; n++)
		ask_tell(&i->ask, "  %s\n", i->entries.items[n]->dn);
	/* Without a terminal --create was the word. */
	return !i->ask.is_interactive || ask_yes(&i->ask, NULL, "Add them?", true);
}

/* What was added so far, and what another try needs. */
static int explain_refusal(const struct init *i, struct err *e)
{
	if (i->n_added > 0)
		err_note(e, "%zu of %zu entries were added, then", i->n_added, i->entries.count);
	if (e->domain == ERR_PERMISSION)
		err_remedy(e, "name an account that may write there with --admin-dn");
	else if (e->code == LDAP_ALREADY_EXISTS)
		err_remedy(e, "it is there, and the account that this host reads with may not see "
			      "it: let it read, and try again");
	return -1;
}

static int add_entries(struct init *i, struct err *e)
{
	if (open_admin(i, e) < 0)
		return -1;
	for (size_t n = 0; n < i->entries.count; n++) {
		bool may_be_there = n < i->n_above;

		if (dirclient_add(i->admin, i->entries.items[n], e) == 0)
			i->n_added++;
		else if (!may_be_there || e->code != LDAP_ALREADY_EXISTS)
			return explain_refusal(i, e);
	}
	return 0;
}

int init_add(struct init *i, struct err *e)
{
	if (i->entries.count == 0)
		return 0;
	if (!is_confirmed(i)) {
		err_set(e, ERR_USAGE, 0, "nothing was written");
		return err_remedy(e, "--dry-run prints what would be");
	}
	while (add_entries(i, e) < 0) {
		/* Another account may do what this one may not. */
		if (i->admin == NULL || i->n_added > 0 || e->domain != ERR_PERMISSION ||
		    !ask_again(&i->ask, "admin-dn", e))
			return -1;
		dirclient_close(&i->admin);
	}
	return 0;
}

/* ---- the certificate ---- */

static int publish_pair(struct init *i, const struct cert_pair *pair, struct err *e)
{
	const struct publish_wish wish = { .hash = pair->hash,
					   .der = { (const char *)pair->der, pair->der_len } };
	struct publish_plan plan;
	struct entry *server;

	if (dirclient_find_server(i->admin, i->ctx, i->directory.base, i->wish.server, NULL,
				  &server, e) < 0 ||
	    publish_plan_make(i->ctx, server, &wish, &plan, e) < 0)
		return -1;
	return dirclient_apply(i->admin, &plan, e);
}

/* The folders are made and the user becomes the host file's: what comes later is his. */
int init_publish(struct init *i, struct err *e)
{
	struct cert_pair pair = { 0 };
	char *cert_path, *key_path;
	int rc;

	if (i->directory.profile == HOST_PROFILE_EXCHANGE ||
	    !ask_yes(&i->ask, "publish",
		     "Publish this host's certificate, so that other servers trust it?", true))
		return 0;
	if (open_admin(i, e) < 0 || cli_host(i->cli, e) < 0 ||
	    process_prepare(i->cli->host, false, e) < 0)
		return -1;
	cert_paths(i->cli->host, &cert_path, &key_path);
	rc = cert_make_if_missing(cert_path, key_path, i->wish.fqdn, clock_wall_ms(), e);
	if (rc >= 0)
		rc = cert_load(cert_path, key_path, &pair, e);
	if (rc == 0)
		rc = publish_pair(i, &pair, e);
	i->is_published = rc == 0;
	cert_fini(&pair);
	free(cert_path);
	free(key_path);
	return rc;
}
