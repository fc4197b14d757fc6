/* `waypost init`: what there is in the directory, and which of its servers this host is. */
#include "admin/init.h"

#include <stdio.h>
#include <string.h>

#include "admin/dirquery.h"
#include "admin/table.h"
#include "common/dn.h"
#include "common/names.h"

enum { FOUND_MAX = 32, SEARCH_MS = 20 * 1000, NAMES_WIDTH = 40, NAME_MOST = 64 };

static const char organisation_class[] = "waypostOrganization";
static const char exchange_class[] = "msExchOrganizationContainer";

/* ---- the organisation ---- */

/* Entries on their way into a list. */
struct collecting {
	TALLOC_CTX *ctx;
	struct entry_list *list;
};

static bool collect(void *arg, const struct entry *entry)
{
	struct collecting *to = arg;

	entry_list_add(to->ctx, to->list, entry_copy(to->ctx, entry));
	return true;
}

/* The entries of CLASS_NAME below BASE, into LIST. What the account may not see is not there.
 */
static int find_class(struct init *i, const char *base, const char *class_name,
		      struct entry_list *list, struct err *e)
{
	const char *const attributes[] = { "cn", "waypostFqdn", NULL };
	struct collecting to = { i->ctx, list };
	struct dirquery query = { .base = base,
				  .scope = LDAP_SCOPE_SUBTREE,
				  .attributes = attributes,
				  .limit_ms = SEARCH_MS };
	int code;

	query.filter = talloc_asprintf(i->ctx, "(objectClass=%s)", class_name);
	code = dirquery_pages(i->ld, &query, collect, &to);
	if (code != LDAP_TIMEOUT && code != LDAP_SERVER_DOWN)
		return 0;
	err_set(e, ERR_DIRECTORY, code, "looking for %s below %s: %s", class_name, base,
		ldap_err2string(code));
	return err_remedy(e, "see that the server has an index on objectClass, and try again");
}

/* Where organisations lie: anywhere, but in Active Directory in the configuration. */
static int find_everywhere(struct init *i, const char *class_name, struct entry_list *list,
			   struct err *e)
{
	const struct rootdse_list *contexts = &i->dse->naming_contexts;

	if (i->dse->configuration_context != NULL)
		return find_class(i, i->dse->configuration_context, class_name, list, e);
	for (size_t n = 0; n < contexts->count; n++)
		if (find_class(i, contexts->values[n], class_name, list, e) < 0)
			return -1;
	return 0;
}

static int parse_profile(const char *text, enum host_profile *profile_r, struct err *e)
{
	if (host_profile_parse(text, profile_r))
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is no profile", text);
	return err_remedy(e, "give one of waypost, ad, exchange");
}

/* What names there are: Exchange's where it is installed, unless our own were added. */
static int choose_profile(struct init *i, struct entry_list *ours, struct entry_list *exchange,
			  struct err *e)
{
	const char *given = init_option(i, "profile");
	bool is_ad = i->dse->configuration_context != NULL;

	if (find_everywhere(i, organisation_class, ours, e) < 0 ||
	    find_everywhere(i, exchange_class, exchange, e) < 0)
		return -1;
	i->directory.profile = is_ad ? HOST_PROFILE_AD : HOST_PROFILE_WAYPOST;
	if (exchange->count > 0 && ours->count == 0)
		i->directory.profile = HOST_PROFILE_EXCHANGE;
	return given != NULL ? parse_profile(given, &i->directory.profile, e) : 0;
}

/* Where a new organisation would lie: not beside a changelog or a monitor. */
static const char *usual_base(struct init *i)
{
	const struct rootdse_list *contexts = &i->dse->naming_contexts;

	if (i->dse->configuration_context != NULL)
		return talloc_asprintf(i->ctx, "CN=Waypost,CN=Services,%s",
				       i->dse->configuration_context);
	for (size_t n = 0; n < contexts->count; n++)
		if (init_suffix_entry(i->ctx, contexts->values[n]) != NULL)
			return talloc_asprintf(i->ctx, "cn=Waypost,%s", contexts->values[n]);
	return NULL;
}

static int judge_base(struct init *i, struct err *e)
{
	if (!dn_is_valid(i->directory.base)) {
		err_set(e, ERR_USAGE, 0, "\"%s\" is no DN", i->directory.base);
		return err_remedy(e, "write it as cn=Waypost,dc=example,dc=com");
	}
	i->suffix = doctor_context_of(i->ctx, i->dse, i->directory.base);
	if (i->suffix != NULL)
		return 0;
	err_set(e, ERR_NOT_FOUND, 0, "%s lies in none of the server's databases",
		i->directory.base);
	return err_remedy(e, "correct --base; the server has: %s",
			  i->dse->naming_contexts.count > 0 ? i->dse->naming_contexts.values[0] :
							      "none");
}

static int ask_base(struct init *i, const char *usual, struct err *e)
{
	do {
		i->directory.base = ask_text(&i->ask, "base", "DN of the organisation", usual);
		if (ask_check(&i->ask, e) < 0)
			return -1;
		if (judge_base(i, e) == 0)
			return 0;
	} while (ask_again(&i->ask, "base", e));
	return -1;
}

static int choose_base(struct init *i, const struct entry_list *found, struct err *e)
{
	const char *usual = i->directory.base; /* of the URI */
	bool is_clear = found->count == 1 && !cli_flag(i->cli, "base");

	if (found->count > 1 && usual == NULL) {
		ask_tell(&i->ask, "There are several organisations:\n");
		for (size_t n = 0; n < found->count && n < FOUND_MAX; n++)
			ask_tell(&i->ask, "  %s\n", found->items[n]->dn);
	} else if (usual == NULL) {
		usual = found->count == 1 ? found->items[0]->dn : usual_base(i);
	}
	i->directory.base = usual;
	if ((is_clear ? judge_base(i, e) : ask_base(i, usual, e)) < 0)
		return -1;
	for (size_t n = 0; n < found->count; n++)
		i->has_organisation |= dn_equal(found->items[n]->dn, i->directory.base);
	return 0;
}

/* What the agent would say to these bases. Active Directory's parts are read one by one. */
static int judge_scope(struct init *i, struct err *e)
{
	if (i->dse->configuration_context != NULL)
		return 0;
	return doctor_scope(i->ctx, &i->directory, PART_ALL, i->dse, e) != NULL ? 0 : -1;
}

/* DNs separated by semicolons. */
static int take_recipients(struct init *i, struct err *e)
{
	bool is_domain = i->directory.profile != HOST_PROFILE_WAYPOST &&
			 i->dse->default_context != NULL;
	const char *usual = is_domain ? i->dse->default_context : i->suffix;
	char *text = talloc_strdup(
		i->ctx,
		ask_text(&i->ask, "recipients",
			 "DN above people and groups (several: with ; between them)", usual));
	const char **list = NULL;
	char *save = NULL;
	size_t n = 0;

	if (ask_check(&i->ask, e) < 0)
		return -1;
	for (char *dn = strtok_r(text, ";", &save); dn != NULL;
	     dn = strtok_r(NULL, ";", &save)) {
		dn += strspn(dn, " ");
		if (!dn_is_valid(dn)) {
			err_set(e, ERR_USAGE, 0, "\"%s\" is no DN", dn);
			return err_remedy(e, "write it as ou=People,%s", usual);
		}
		list = talloc_realloc(i->ctx, list, const char *, n + 1);
		list[n++] = dn;
	}
	i->directory.recipients = list;
	i->directory.n_recipients = n;
	return judge_scope(i, e);
}

static int choose_recipients(struct init *i, struct err *e)
{
	while (take_recipients(i, e) < 0)
		if (!ask_again(&i->ask, "recipients", e))
			return -1;
	return 0;
}

int init_find_organisation(struct init *i, struct err *e)
{
	struct entry_list ours = { 0 }, exchange = { 0 };

	if (choose_profile(i, &ours, &exchange, e) < 0 ||
	    choose_base(i, i->directory.profile == HOST_PROFILE_EXCHANGE ? &exchange : &ours,
			e) < 0)
		return -1;
	i->directory.filter = init_option(i, "filter");
	/* The domain controllers of this host's site are the near ones. */
	if (i->directory.profile != HOST_PROFILE_WAYPOST &&
	    i->directory.uris[0].scheme == HOST_SRV)
		i->directory.site = init_option(i, "site");
	return choose_recipients(i, e);
}

/* ---- what there is ---- */

/* libldap has looked at it; a server is not asked with one that is none. */
static int judge_filter(const struct init *i, struct err *e)
{
	if (i->found[SURVEY_RECIPIENTS].code != LDAP_FILTER_ERROR)
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%s\" is no filter", i->directory.filter);
	return err_remedy(e, "write it as (&(objectClass=person)(mail=*))");
}

int init_survey(struct init *i, struct err *e)
{
	const char *configuration = i->dse->configuration_context;
	struct host_directory directory = i->directory;
	const char *place = directory.base, *class_name = "waypostSite";

	doctor_complete(i->ctx, &directory, i->dse);
	for (int what = 0; what < SURVEY_ROWS; what++)
		survey_take(i->ld, i->ctx, &directory, configuration, (enum survey_what)what,
			    &i->found[what]);
	if (judge_filter(i, e) < 0)
		return -1;
	if (directory.profile != HOST_PROFILE_WAYPOST && configuration != NULL) {
		place = talloc_asprintf(i->ctx, "CN=Sites,%s", configuration);
		class_name = "site";
	}
	if (find_class(i, place, class_name, &i->sites, e) < 0)
		return -1;
	return find_class(i, directory.base, survey_server_class(directory.profile),
			  &i->servers, e);
}

static const char *names_text(TALLOC_CTX *ctx, const struct survey_row *row)
{
	char *text = talloc_strdup(ctx, "");
	size_t shown;

	if (row->code != LDAP_SUCCESS && row->code != LDAP_NO_SUCH_OBJECT)
		return ldap_err2string(row->code);
	for (shown = 0; shown < row->n_names && strlen(text) < NAMES_WIDTH; shown++)
		text = talloc_asprintf_append(text, "%s%s", shown > 0 ? ", " : "", row->names[shown]);
	return row->count > shown ? talloc_asprintf_append(text, ", …") : text;
}

void init_show(struct init *i)
{
	static const char *const headers[] = { "What", "Count", "Names" };
	struct table *table = table_new(i->ctx, headers, WP_COUNT(headers));
	struct buf out = { 0 };

	if (i->cli->quiet || i->cli->json)
		return;
	for (int what = 0; what < SURVEY_ROWS; what++) {
		const struct survey_row *row = &i->found[what];
		const char *cells[] = { survey_label((enum survey_what)what),
					talloc_asprintf(i->ctx, "%zu%s", row->count,
							row->is_cut ? "+" : ""),
					names_text(i->ctx, row) };

		if (i->has_organisation || row->count > 0)
			table_add(table, cells);
	}
	buf_printf(&out, "%s%s\n", i->directory.base,
		   i->has_organisation ? "" : " is not there yet");
	table_print(table, table_wants_colour(), &out);
	/* A dry run's standard output is LDIF. */
	fwrite(out.data, 1, out.len, i->is_dry ? stderr : stdout);
	fflush(stdout);
	buf_free(&out);
}

/* ---- this host ---- */

const struct entry *init_find_name(const struct entry_list *list, const char *name)
{
	for (size_t n = 0; n < list->count; n++) {
		const char *cn = entry_text(list->items[n], "cn");

		if (cn != NULL && ascii_equal(cn, name))
			return list->items[n];
	}
	return NULL;
}

/* The server that has our name, or null. */
static const char *guess_server(struct init *i)
{
	for (size_t n = 0; n < i->servers.count; n++) {
		const char *fqdn = entry_text(i->servers.items[n], "waypostFqdn");

		if (fqdn != NULL && ascii_equal(fqdn, i->wish.fqdn))
			return entry_text(i->servers.items[n], "cn");
	}
	return NULL;
}

/* "HUB1" of hub1.example.com: how a new server might be called. */
static const char *new_name(struct init *i)
{
	char *name = talloc_strndup(i->ctx, i->wish.fqdn, strcspn(i->wish.fqdn, "."));

	for (char *p = name; *p != '\0'; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
	return name;
}

int init_judge_name(const char *text, struct err *e)
{
	if (strlen(text) <= NAME_MOST && name_is_printable(text, strlen(text)))
		return 0;
	err_set(e, ERR_USAGE, 0, "\"%.100s\" is no name of an object", text);
	return err_remedy(e, "give one of at most %d octets of UTF-8", NAME_MOST);
}

/* A name that is there is taken whatever it is like. */
static int take_server(struct init *i, const char *usual, struct err *e)
{
	i->wish.server = ask_text(&i->ask, "server", "This host is the server", usual);
	i->host.server = i->wish.server;
	if (ask_check(&i->ask, e) < 0)
		return -1;
	return init_find_name(&i->servers, i->wish.server) != NULL ?
		       0 :
		       init_judge_name(i->wish.server, e);
}

int init_choose_server(struct init *i, struct err *e)
{
	bool may_create = cli_flag(i->cli, "create") || i->ask.is_interactive;
	const char *fqdn = init_option(i, "fqdn"), *usual;

	if (!i->has_organisation && !may_create) {
		err_set(e, ERR_NOT_FOUND, 0, "there is no organisation %s", i->directory.base);
		return err_remedy(e,
				  "name the right one with --base, or let it be made: --create "
				  "--server NAME --site NAME");
	}
	i->wish.fqdn = fqdn != NULL ? fqdn : hostfile_fqdn(i->ctx);
	usual = guess_server(i);
	if (usual == NULL && may_create)
		usual = new_name(i);
	while (take_server(i, usual, e) < 0)
		if (!ask_again(&i->ask, "server", e))
			return -1;
	return 0;
}
