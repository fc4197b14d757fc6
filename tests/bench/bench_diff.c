/*
 * How long it takes to compare two snapshots of a large organisation, for changes that move
 * nothing, little and much.
 *
 *   bench_diff [SITES [CONNECTORS [SAMPLE]]]     (default 1000 sites, 1000 connectors, all sites)
 *
 * Twice as many links and three times as many servers as sites, 10 recipients a site.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/ldif_change.h"
#include "topology/amend.h"
#include "topology/diff.h"
#include "topology/load.h"
#include "topology/recipient_memory.h"

#define BASE "cn=Waypost,dc=example,dc=com"

/* One directory with all that is made of it. */
struct side {
	struct entry_list entries;
	struct buf image;
	struct snapshot snap;
	struct recipient_memory *memory;
	struct recipient_source recipients;
};

static unsigned n_sites, n_connectors, sample;

static void add_sites(struct buf *out)
{
	buf_adds(out, "dn: " BASE "\nobjectClass: waypostOrganization\ncn: Waypost\n\n");
	for (unsigned i = 0; i < n_sites; i++)
		buf_printf(out,
			   "dn: cn=S%05u,cn=Sites," BASE "\nobjectClass: waypostSite\ncn: S%05u\n%s\n", i,
			   i, i % 50 == 0 ? "waypostHubSite: TRUE\n" : "");
	for (unsigned i = 0; i < 2 * n_sites; i++) {
		unsigned a = i % n_sites, b = i < n_sites ? (i + 1) % n_sites : (i * 7919u) % n_sites;

		buf_printf(out,
			   "dn: cn=L%05u,cn=Site Links," BASE "\nobjectClass: waypostSiteLink\ncn: L%05u\n"
			   "waypostCost: %u\nwaypostLinkedSite: cn=S%05u,cn=Sites," BASE "\n", i, i,
			   1 + i % 97, a);
		if (b != a)
			buf_printf(out, "waypostLinkedSite: cn=S%05u,cn=Sites," BASE "\n", b);
		buf_addc(out, '\n');
	}
}

static void add_rest(struct buf *out)
{
	for (unsigned i = 0; i < 3 * n_sites; i++)
		buf_printf(out,
			   "dn: cn=H%06u,cn=Servers," BASE "\nobjectClass: waypostServer\ncn: H%06u\n"
			   "waypostRole: %s\nwaypostSiteDN: cn=S%05u,cn=Sites," BASE "\n\n", i, i,
			   i % 3 < 2 ? "hub" : "mailbox", i / 3);
	for (unsigned i = 0; i < n_connectors; i++)
		buf_printf(out,
			   "dn: cn=C%05u,cn=Send Connectors," BASE "\nobjectClass: waypostSendConnector\n"
			   "cn: C%05u\nwaypostAddressSpace: *.d%05u.com;5\n"
			   "waypostSourceServer: cn=H%06u,cn=Servers," BASE "\n\n", i, i, i,
			   i * 31 % n_sites * 3);
	buf_adds(out, "dn: cn=own,cn=Accepted Domains," BASE "\nobjectClass: waypostAcceptedDomain\n"
		      "cn: own\nwaypostDomain: example.com\n\n");
	for (unsigned i = 0; i < 10 * n_sites; i++)
		buf_printf(out,
			   "dn: cn=p%06u,ou=People,dc=example,dc=com\nobjectClass: inetOrgPerson\n"
			   "mail: p%06u@example.com\nwaypostHomeServer: cn=H%06u,cn=Servers," BASE "\n\n",
			   i, i, i % (3 * n_sites));
}

static void build(struct side *side)
{
	struct snapshot_source source = snapshot_source_of_list(&side->entries);
	struct err err;

	if (snapshot_build(&source, NULL, 1, &side->image, &err) < 0 ||
	    snapshot_open(&side->snap, side->image.data, side->image.len, &err) < 0)
		exit(1);
	side->memory = recipient_memory_new(NULL);
	recipient_memory_add_list(side->memory, &side->entries);
	side->recipients = recipient_memory_source(side->memory);
}

static unsigned long long millis(uint64_t begin)
{
	return (unsigned long long)(clock_mono_ms() - begin);
}

static long long total(const json_t *diff, const char *field)
{
	return (long long)json_integer_value(json_object_get(diff, field));
}

static void compare(const char *what, const struct side *old, const char *change)
{
	struct side new = { .entries = old->entries };
	struct ldif_change_list changes = { NULL, 0 };
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct diff_query query = { .max_sources = sample };
	uint64_t begin = clock_mono_ms();
	struct rusage usage;
	struct err err;
	json_t *diff;

	if (ldif_change_read(ctx, change, strlen(change), &changes, &err) < 0 ||
	    amend_entries(ctx, &new.entries, &changes, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	printf("%-28s amend %5llu ms, ", what, millis(begin));
	begin = clock_mono_ms();
	build(&new);
	printf("build %5llu ms, ", millis(begin));
	fflush(stdout);
	query.old = (struct diff_side){ &old->snap, &old->recipients, recipient_memory_each };
	query.new = (struct diff_side){ &new.snap, &new.recipients, recipient_memory_each };
	begin = clock_mono_ms();
	if (diff_snapshots(&query, &diff, &err) < 0)
		exit(1);
	getrusage(RUSAGE_SELF, &usage);
	printf("diff %7llu ms: %lld lost, %lld gained, %lld moved, %lld changed; peak %ld MiB\n",
	       millis(begin), total(diff, "lost"), total(diff, "gained"), total(diff, "moved"),
	       total(diff, "changed"), usage.ru_maxrss / 1024);
	json_decref(diff);
	buf_free(&new.image);
	talloc_free(new.memory);
	talloc_free(ctx);
}

int main(int argc, char **argv)
{
	struct side old = { .entries = { NULL, 0 } };
	struct buf text = { 0 };
	struct err err;

	n_sites = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	n_connectors = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
	sample = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	if (n_sites < 10)
		return 2;
	add_sites(&text);
	add_rest(&text);
	if (ldif_read(NULL, text.data, text.len, &old.entries, &err) < 0)
		return 1;
	buf_free(&text);
	build(&old);
	printf("%u sites, %u connectors, %zu entries\n", n_sites, n_connectors, old.entries.count);
	compare("a description", &old,
		"dn: cn=S00003,cn=Sites," BASE "\nchangetype: modify\nreplace: description\n"
		"description: x\n-\n");
	compare("a connector more", &old,
		"dn: cn=New,cn=Send Connectors," BASE "\nobjectClass: waypostSendConnector\ncn: New\n"
		"waypostAddressSpace: *;5\nwaypostSourceServer: cn=H000000,cn=Servers," BASE "\n");
	compare("a dearer link", &old,
		"dn: cn=L00003,cn=Site Links," BASE "\nchangetype: modify\nreplace: waypostCost\n"
		"waypostCost: 5000\n-\n");
	compare("a hub site no more", &old,
		"dn: cn=S00000,cn=Sites," BASE "\nchangetype: modify\nreplace: waypostHubSite\n"
		"waypostHubSite: FALSE\n-\n");
	buf_free(&old.image);
	return 0;
}
