/* What there is of an organisation in a directory. */
#include "admin/survey.h"

#include <string.h>

#include "admin/dirquery.h"
#include "common/dn.h"

enum place { IN_BASE, IN_SITES, IN_RECIPIENTS };

enum { PROFILES = HOST_PROFILE_EXCHANGE + 1, PAGE_MS = 20 * 1000 };

/* What an object is called, by profile. The model's own sites lie in the base. */
static const struct {
	const char *label;
	enum place place;
	const char *classes[PROFILES]; /* null: the directory's filter */
} rows[SURVEY_ROWS] = {
	[SURVEY_SITES] = { "sites", IN_SITES, { "waypostSite", "site", "site" } },
	[SURVEY_LINKS] = { "site links",
			   IN_SITES,
			   { "waypostSiteLink", "siteLink", "siteLink" } },
	[SURVEY_SUBNETS] = { "subnets", IN_SITES, { "waypostSubnet", "subnet", "subnet" } },
	[SURVEY_SERVERS] = { "servers",
			     IN_BASE,
			     { "waypostServer", "waypostServer", "msExchExchangeServer" } },
	[SURVEY_CONNECTORS] = { "send connectors",
				IN_BASE,
				{ "waypostSendConnector", "waypostSendConnector",
				  "msExchRoutingSMTPConnector" } },
	[SURVEY_DOMAINS] = { "accepted domains",
			     IN_BASE,
			     { "waypostAcceptedDomain", "waypostAcceptedDomain",
			       "msExchAcceptedDomain" } },
	[SURVEY_RECIPIENTS] = { "recipients", IN_RECIPIENTS, { NULL } },
};

const char *survey_label(enum survey_what what)
{
	return rows[what].label;
}

const char *survey_server_class(enum host_profile profile)
{
	return rows[SURVEY_SERVERS].classes[profile];
}

/* The row under way, and who owns its names. */
struct counting {
	TALLOC_CTX *ctx;
	struct survey_row *row;
};

static bool count_entry(void *arg, const struct entry *entry)
{
	struct counting *counting = arg;
	struct survey_row *row = counting->row;
	const char *name =
		row->n_names < SURVEY_NAMES ? dn_rdn_value(counting->ctx, entry->dn) : NULL;

	if (name != NULL)
		row->names[row->n_names++] = name;
	row->is_cut = ++row->count >= SURVEY_MOST;
	return !row->is_cut;
}

static void count(LDAP *ld, const char *base, const char *filter, struct counting *counting)
{
	const char *const none[] = { LDAP_NO_ATTRS, NULL };
	const struct dirquery query = { .base = base,
					.scope = LDAP_SCOPE_SUBTREE,
					.filter = filter,
					.attributes = none,
					.limit_ms = PAGE_MS };
	int code = dirquery_pages(ld, &query, count_entry, counting);

	if (code != LDAP_SUCCESS)
		counting->row->code = code;
}

/* The configuration of a forest that BASE lies in, where the server does not name it; or null. */
static const char *configuration_of(const char *base)
{
	static const char name[] = "cn=configuration,";

	for (const char *at = base != NULL ? base : ""; *at != '\0'; at = dn_parent(at))
		if (ascii_equal_n(at, name, sizeof(name) - 1))
			return at;
	return NULL;
}

void survey_take(LDAP *ld, TALLOC_CTX *ctx, const struct host_directory *directory,
		 const char *configuration, enum survey_what what, struct survey_row *row_r)
{
	const char *base = directory->base != NULL ? directory->base : configuration;
	const char *class_name = rows[what].classes[directory->profile];
	const char *filter = class_name == NULL ? directory->filter :
						  talloc_asprintf(ctx, "(objectClass=%s)", class_name);
	enum place place = rows[what].place;
	struct counting counting = { ctx, row_r };
	bool is_native;

	if (configuration == NULL)
		configuration = configuration_of(base);
	is_native = directory->profile != HOST_PROFILE_WAYPOST && configuration != NULL;
	*row_r = (struct survey_row){ .code = LDAP_SUCCESS };
	if (place == IN_SITES && is_native)
		count(ld, talloc_asprintf(ctx, "CN=Sites,%s", configuration), filter,
		      &counting);
	else if (place != IN_RECIPIENTS && base != NULL)
		count(ld, base, filter, &counting);
	for (size_t i = 0; i < directory->n_recipients && place == IN_RECIPIENTS; i++)
		count(ld, directory->recipients[i], filter, &counting);
}
