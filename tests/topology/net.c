/* Small networks for tests: see net.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/dn.h"
#include "common/ldif.h"
#include "tests/topology/net.h"
#include "topology/diag.h"
#include "topology/load.h"

struct net *net_empty(void)
{
	struct net *net = talloc_zero(NULL, struct net);

	net->ctx = net;
	return net;
}

struct net *net_new(void)
{
	struct net *net = net_empty();

	net_add(net, "Organization", NET_SUFFIX, NULL);
	net_add(net, "AcceptedDomain", "cn=example.com,cn=Accepted Domains", "Domain",
		"example.com", "DefaultDomain", "TRUE", NULL);
	return net;
}

static void forget(struct net *net)
{
	route_desk_free(net->desk);
	net->desk = NULL;
	talloc_free(net->memory);
	net->memory = NULL;
}

void net_free(struct net *net)
{
	forget(net);
	buf_free(&net->image);
	talloc_free(net);
}

void net_set(struct entry *entry, const char *attribute, const char *value)
{
	char name[64];
	bool plain = strcmp(attribute, "cn") == 0 || (attribute[0] >= 'a' && attribute[0] <= 'z');

	snprintf(name, sizeof(name), "%s%s", plain ? "" : "waypost", attribute);
	entry_add_text(entry, name, value);
}

struct entry *net_add(struct net *net, const char *class, const char *dn, ...)
{
	bool whole = strstr(dn, "dc=com") != NULL;
	struct entry *entry = entry_new(net->ctx, whole ? dn : talloc_asprintf(net->ctx, "%s,%s", dn,
									       NET_SUFFIX));
	const char *attribute;
	char *key = dn_key(net->ctx, entry->dn), *name = dn_rdn_value(net->ctx, entry->dn);
	va_list args;

	entry_add_text(entry, "objectClass", "top");
	net_set(entry, "objectClass", class[0] >= 'A' && class[0] <= 'Z' ?
				      talloc_asprintf(net->ctx, "waypost%s", class) : class);
	entry_add_text(entry, "cn", name != NULL ? name : "?");
	if (key != NULL)
		entry_uuid_from_key(key, &entry->uuid);
	va_start(args, dn);
	while ((attribute = va_arg(args, const char *)) != NULL)
		net_set(entry, attribute, va_arg(args, const char *));
	va_end(args);
	entry_list_add(net->ctx, &net->entries, entry);
	return entry;
}

struct entry *net_find(struct net *net, const char *dn)
{
	for (size_t i = 0; i < net->entries.count; i++)
		if (strncmp(net->entries.items[i]->dn, dn, strlen(dn)) == 0)
			return net->entries.items[i];
	fail_msg("no entry %s", dn);
	return NULL;
}

void net_ldif(struct net *net, const char *text)
{
	struct err err;

	if (ldif_read(net->ctx, text, strlen(text), &net->entries, &err) < 0)
		fail_msg("%s", err.text);
}

const char *net_dn(struct net *net, const char *kind, const char *name)
{
	return talloc_asprintf(net->ctx, "cn=%s,cn=%s,%s", name, kind, NET_SUFFIX);
}

struct entry *net_hub(struct net *net, const char *name, const char *site)
{
	return net_add(net, "Server", talloc_asprintf(net->ctx, "cn=%s,cn=Servers", name), "Role",
		       "hub", "SiteDN", net_dn(net, "Sites", site), "Fqdn",
		       talloc_asprintf(net->ctx, "%s.example.com", name), NULL);
}

static char *lower(struct net *net, const char *text)
{
	char *copy = talloc_strdup(net->ctx, text);

	for (char *at = copy; *at != '\0'; at++)
		*at = ascii_lower(*at);
	return copy;
}

struct entry *net_person(struct net *net, const char *mail, const char *home)
{
	struct entry *entry = net_add(net, "inetOrgPerson",
				      talloc_asprintf(net->ctx, "cn=%s,ou=People,dc=example,dc=com",
						      mail),
				      "mail", mail, NULL);

	if (home != NULL)
		net_set(entry, "HomeServer", net_dn(net, "Servers", home));
	return entry;
}

void net_site(struct net *net, const char *name)
{
	const char *hub = talloc_asprintf(net->ctx, "HT%s1", name);

	net_add(net, "Site", talloc_asprintf(net->ctx, "cn=%s,cn=Sites", name), NULL);
	net_hub(net, hub, name);
	net_person(net, talloc_asprintf(net->ctx, "%s@example.com", lower(net, hub)), hub);
}

static void each_part(struct net *net, const char *text, const char *separators,
		      void (*fn)(struct net *net, const char *part, void *arg), void *arg)
{
	char *copy = talloc_strdup(net->ctx, text), *rest = copy, *part;

	while ((part = strsep(&rest, separators)) != NULL)
		fn(net, part, arg);
}

static void add_site(struct net *net, const char *part, void *arg)
{
	(void)arg;
	net_site(net, part);
}

void net_sites(struct net *net, const char *names)
{
	each_part(net, names, " ", add_site, NULL);
}

static void add_member(struct net *net, const char *part, void *arg)
{
	net_set(arg, "LinkedSite", net_dn(net, "Sites", part));
}

struct entry *net_link(struct net *net, const char *spec)
{
	const char *space = strchr(spec, ' ');
	char *name = talloc_strndup(net->ctx, spec, (size_t)(space - spec));
	struct entry *link = net_add(net, "SiteLink",
				     talloc_asprintf(net->ctx, "cn=%s,cn=Site Links", name), "Cost",
				     space + 1, NULL);

	each_part(net, name, "-", add_member, link);
	return link;
}

struct entry *net_connector(struct net *net, const char *name, const char *source,
			    const char *space)
{
	return net_add(net, "SendConnector",
		       talloc_asprintf(net->ctx, "cn=%s,cn=Send Connectors", name), "AddressSpace",
		       space, "SourceServer", net_dn(net, "Servers", source), NULL);
}

void net_build(struct net *net)
{
	struct snapshot_source source = snapshot_source_of_list(&net->entries);
	struct err err = { .domain = ERR_NONE };

	forget(net);
	assert_int_equal(snapshot_build(&source, NULL, 1, &net->image, &err), 0);
	if (snapshot_open(&net->snap, net->image.data, net->image.len, &err) < 0)
		fail_msg("%s", err.text);
	net->memory = recipient_memory_new(net->ctx);
	recipient_memory_add_list(net->memory, &net->entries);
	net->recipients = recipient_memory_source(net->memory);
	net->desk = route_desk_new(&net->snap, &net->recipients);
}

unsigned net_diagnostics(struct net *net, const char *id)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < snap_count(&net->snap, SNAP_DIAGS); i++)
		n += strcmp(diag_row(snap_diag(&net->snap, i)->row)->id, id) == 0;
	return n;
}

uint32_t net_site_index(struct net *net, const char *name)
{
	uint32_t i = snapshot_find_site(&net->snap, name);

	assert_int_not_equal(i, SNAP_NONE);
	return i;
}

static const char *dump(struct net *net, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	const char *kept = talloc_strdup(net->ctx, text);

	free(text);
	json_decref(answer);
	return kept;
}

const char *net_route(struct net *net, const char *from, const char *recipient, uint64_t size)
{
	json_t *query = json_pack("{s:s,s:s,s:I}", "from", from, "recipient", recipient, "size",
				  (json_int_t)size);
	json_t *answer = route_desk_answer(net->desk, query, false);

	json_decref(query);
	return dump(net, answer);
}

const char *net_ask(struct net *net, const char *query)
{
	json_t *json = json_loads(query, 0, NULL), *answer = route_desk_answer(net->desk, json, false);

	json_decref(json);
	return dump(net, answer);
}

const char *net_join(struct net *net, const uint32_t *sites, uint32_t n)
{
	char *text = talloc_strdup(net->ctx, "");

	for (uint32_t i = 0; i < n; i++)
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? ">" : "",
					      snap_str(&net->snap, snap_site(&net->snap, sites[i])->name));
	return text;
}

/* Calls FN with the viewpoint of the first hub of site FROM. */
static const char *with_viewpoint(struct net *net, const char *from, const char *to,
				  const char *(*fn)(struct net *, const struct viewpoint *, uint32_t))
{
	const char *hub = talloc_asprintf(net->ctx, "HT%s1", from);
	uint32_t server = snapshot_find_server(&net->snap, hub);
	struct viewpoint *vp;
	const char *text;

	assert_int_not_equal(server, SNAP_NONE);
	vp = viewpoint_new(&net->snap, server);
	text = fn(net, vp, net_site_index(net, to));
	viewpoint_free(vp);
	return text;
}

static const char *path_text(struct net *net, const struct viewpoint *vp, uint32_t to)
{
	uint32_t sites[64], n = viewpoint_path(vp, 0, to, sites, 64);
	const struct viewpoint_hop *hop = viewpoint_hop(vp, 0, to);

	if (hop == NULL)
		return "";
	return talloc_asprintf(net->ctx, "%s %llu/%u", net_join(net, sites, n),
			       (unsigned long long)hop->cost, hop->hops);
}

const char *net_path(struct net *net, const char *from, const char *to)
{
	return with_viewpoint(net, from, to, path_text);
}

static const char *stops_text(struct net *net, const struct viewpoint *vp, uint32_t to)
{
	uint32_t sites[64], n = viewpoint_stops(vp, 0, to, sites, 64);

	return net_join(net, sites, n);
}

const char *net_stops(struct net *net, const char *from, const char *to)
{
	return with_viewpoint(net, from, to, stops_text);
}

static const char *backoff_text(struct net *net, const struct viewpoint *vp, uint32_t to)
{
	uint32_t sites[64], n;

	n = viewpoint_backoff(vp, 0, viewpoint_hop(vp, 0, to)->next_stop, sites, 64);
	return net_join(net, sites, n);
}

const char *net_backoff(struct net *net, const char *from, const char *to)
{
	return with_viewpoint(net, from, to, backoff_text);
}

const char *net_select(struct net *net, const char *from, const char *recipient, uint64_t size)
{
	json_t *answer = json_loads(net_route(net, from, recipient, size), 0, NULL);
	const char *name = json_string_value(json_object_get(answer, "connector"));
	const char *reason = json_string_value(json_object_get(answer, "reason"));
	const char *text = talloc_strdup(net->ctx, name != NULL ? name : reason != NULL ? reason : "?");

	json_decref(answer);
	return text;
}
