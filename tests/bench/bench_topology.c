/*
 * How long the whole recomputation of a large organisation takes, and a decision.
 *
 *   bench_topology [SITES [CONNECTORS]]     (default 10000 sites, 10000 connectors)
 *
 * Twice as many links and five times as many servers as sites; prints milliseconds and rates.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/dn.h"
#include "topology/load.h"
#include "topology/recipient_memory.h"
#include "topology/resolve.h"
#include "topology/route.h"

#define BASE "cn=Waypost,dc=example,dc=com"

enum { PEOPLE = 10000, DECISIONS = 2000000, RESOLUTIONS = 200000 };

static struct entry_list entries;

static struct entry *add(const char *class, const char *container, const char *name)
{
	char *dn = talloc_asprintf(NULL, "cn=%s,%s%s" BASE, name, container, *container ? "," : "");
	struct entry *entry = entry_new(NULL, dn);
	char *key = dn_key(dn, dn);

	entry_uuid_from_key(key, &entry->uuid);
	entry_add_text(entry, "objectClass", class);
	entry_add_text(entry, "cn", name);
	entry_list_add(NULL, &entries, entry);
	talloc_free(dn);
	return entry;
}

static void set(struct entry *entry, const char *attribute, const char *fmt, ...) WP_PRINTF(3, 4);

static void set(struct entry *entry, const char *attribute, const char *fmt, ...)
{
	char value[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	entry_add_text(entry, attribute, value);
}

static void make_sites(unsigned n_sites)
{
	char name[32];

	for (unsigned i = 0; i < n_sites; i++) {
		snprintf(name, sizeof(name), "Site%05u", i);
		add("waypostSite", "cn=Sites", name);
	}
	for (unsigned i = 0; i < 2 * n_sites; i++) {
		struct entry *link;
		unsigned a = i % n_sites, b = i < n_sites ? (i + 1) % n_sites : (i * 7919u) % n_sites;

		snprintf(name, sizeof(name), "Link%05u", i);
		link = add("waypostSiteLink", "cn=Site Links", name);
		set(link, "waypostCost", "%u", 1 + i % 97);
		set(link, "waypostLinkedSite", "cn=Site%05u,cn=Sites," BASE, a);
		set(link, "waypostLinkedSite", "cn=Site%05u,cn=Sites," BASE, b);
	}
}

static void make_servers(unsigned n_sites)
{
	char name[32];

	for (unsigned i = 0; i < 5 * n_sites; i++) {
		struct entry *server;

		snprintf(name, sizeof(name), "Server%06u", i);
		server = add("waypostServer", "cn=Servers", name);
		set(server, "waypostRole", "%s", i % 5 < 2 ? "hub" : "mailbox");
		set(server, "waypostFqdn", "server%06u.example.com", i);
		set(server, "waypostSiteDN", "cn=Site%05u,cn=Sites," BASE, i / 5);
		set(server, "waypostCertificateHash", "sha256:%064x", i);
		set(server, "waypostMailboxDelivery", "lmtp://127.0.0.1:24");
	}
}

static void make_rest(unsigned n_sites, unsigned n_connectors)
{
	char name[32];

	for (unsigned i = 0; i < n_connectors; i++) {
		struct entry *connector;

		snprintf(name, sizeof(name), "Connector%05u", i);
		connector = add("waypostSendConnector", "cn=Send Connectors", name);
		set(connector, "waypostAddressSpace", "*.domain%05u.com;5", i);
		set(connector, "waypostSourceServer", "cn=Server%06u,cn=Servers," BASE,
		    (i * 31 % n_sites) * 5);
	}
	set(add("waypostAcceptedDomain", "cn=Accepted Domains", "own"), "waypostDomain",
	    "example.com");
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct entry *person;

		snprintf(name, sizeof(name), "person%05u", i);
		person = add("inetOrgPerson", "ou=People", name);
		set(person, "mail", "person%05u@example.com", i);
		set(person, "waypostHomeServer", "cn=Server%06u,cn=Servers," BASE,
		    (i * 17 % (5 * n_sites)));
	}
}

static void report(const char *what, uint64_t from_ms)
{
	printf("%-34s %6llu ms\n", what, (unsigned long long)(clock_mono_ms() - from_ms));
}

static void report_rate(const char *what, uint64_t from_ms, unsigned n)
{
	uint64_t ms = clock_mono_ms() - from_ms;

	printf("%-34s %6llu ns each\n", what, (unsigned long long)(ms * 1000000 / n));
}

static void bench_decisions(const struct viewpoint *vp, const char *what, struct resolved *leaf)
{
	uint64_t begin = clock_mono_ms();
	struct route_decision decision;
	unsigned sum = 0;

	for (unsigned i = 0; i < DECISIONS; i++) {
		route_decide(vp, leaf, i, &decision);
		sum += decision.outcome;
	}
	report_rate(what, begin, DECISIONS);
	if (sum == 0)
		printf("(all mailboxes)\n");
}

static void bench_resolution(const struct viewpoint *vp, struct recipient_memory *memory)
{
	struct recipient_source source = recipient_memory_source(memory);
	const struct resolve_query query = { 1000, true };
	uint64_t begin = clock_mono_ms();
	TALLOC_CTX *ctx = talloc_new(NULL);
	char address[64];

	for (unsigned i = 0; i < RESOLUTIONS; i++) {
		struct resolution *result;

		snprintf(address, sizeof(address), "person%05u@example.com", i % PEOPLE);
		if (resolve_recipient(ctx, vp, &source, &query, address, &result, NULL) < 0 ||
		    result->items[0].kind != RESOLVED_MAILBOX)
			exit(1);
		talloc_free(result);
	}
	talloc_free(ctx);
	report_rate("resolve one mailbox", begin, RESOLUTIONS);
}

static struct snapshot build(struct buf *image)
{
	struct snapshot_source source = snapshot_source_of_list(&entries);
	struct snapshot snap;
	struct err err;
	uint64_t begin = clock_mono_ms();

	if (snapshot_build(&source, NULL, 1, image, &err) < 0)
		exit(1);
	report("entries to image", begin);
	printf("%-34s %6zu KiB\n", "size of the image", image->len / 1024);
	begin = clock_mono_ms();
	if (snapshot_open(&snap, image->data, image->len, &err) < 0)
		exit(1);
	report("verify the image", begin);
	return snap;
}

int main(int argc, char **argv)
{
	unsigned n_sites = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
	unsigned n_connectors = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
	struct recipient_memory *memory = recipient_memory_new(NULL);
	struct buf image = { NULL, 0, 0 };
	struct snapshot snap;
	struct viewpoint *vp;
	uint64_t begin;

	if (n_sites < 2)
		return 2;
	add("waypostOrganization", "", "Waypost")->dn = BASE;
	make_sites(n_sites);
	make_servers(n_sites);
	make_rest(n_sites, n_connectors);
	printf("%u sites, %u links, %u servers, %u connectors, %zu entries\n", n_sites, 2 * n_sites,
	       5 * n_sites, n_connectors, entries.count);
	snap = build(&image);
	begin = clock_mono_ms();
	vp = viewpoint_new(&snap, 0);
	report("paths, reach and selection tables", begin);
	bench_decisions(vp, "decide a remote mailbox",
			&(struct resolved){ .kind = RESOLVED_MAILBOX, .home = 5 * n_sites - 1 });
	bench_decisions(vp, "decide an external domain",
			&(struct resolved){ .kind = RESOLVED_EXTERNAL, .type = "SMTP",
					    .domain = "mail.domain00077.com" });
	recipient_memory_add_list(memory, &entries);
	bench_resolution(vp, memory);
	viewpoint_free(vp);
	buf_free(&image);
	return 0;
}
