/* The generator: what it makes is complete, quiet, connected, and the same everywhere. */
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
#include "topology/generate.h"

/* The checksum of the organisation below: the_same_parameters_give_the_same_octets. */
#define PINNED 0xa1b4649b34fa4463u

static int take(void *arg, const struct entry *entry, struct err *err)
{
	struct net *net = arg;
	struct buf encoded = { 0 };

	entry_encode(entry, &encoded);
	entry_list_add(net->ctx, &net->entries,
		       entry_decode(net->ctx, encoded.data, encoded.len, err));
	buf_free(&encoded);
	return 0;
}

static struct net *made(const struct generate_params *p)
{
	struct net *net = net_empty();
	struct err err;

	if (generate_check(p, &err) < 0 || generate_each(p, take, net, &err) < 0)
		fail_msg("%s", err.text);
	net_build(net);
	return net;
}

static void assert_quiet(struct net *net)
{
	for (uint32_t i = 0; i < snap_count(&net->snap, SNAP_DIAGS); i++) {
		const struct snap_diag *d = snap_diag(&net->snap, i);

		if (diag_row(d->row)->severity != DIAG_NOTE)
			fail_msg("%s: %s %s", diag_row(d->row)->id, snap_str(&net->snap, d->dn),
				 snap_str(&net->snap, d->value));
	}
}

static void assert_connected(struct net *net)
{
	struct viewpoint *vp = viewpoint_new(&net->snap, 0);

	for (uint32_t i = 0; i < snap_count(&net->snap, SNAP_SITES); i++)
		assert_non_null(viewpoint_hop(vp, 0, i));
	viewpoint_free(vp);
}

static void assert_counts(struct net *net, const struct generate_params *p)
{
	assert_int_equal(snap_count(&net->snap, SNAP_SITES), p->sites);
	assert_int_equal(snap_count(&net->snap, SNAP_SERVERS), p->sites * p->servers_per_site);
	assert_int_equal(snap_count(&net->snap, SNAP_SUBNETS), p->sites * p->subnets_per_site);
	assert_int_equal(snap_count(&net->snap, SNAP_CONNECTORS), p->connectors);
	assert_int_equal(snap_count(&net->snap, SNAP_EDGES), p->edges);
	assert_int_equal(snap_count(&net->snap, SNAP_DOMAINS), p->domains);
	if (p->links > 0)
		assert_int_equal(snap_count(&net->snap, SNAP_LINKS), p->links);
	/* Beside them the postmaster. */
	assert_int_equal(recipient_memory_count(net->memory), p->recipients + p->groups + 1);
}

static void every_shape_and_size_is_quiet_connected_and_complete(void **state)
{
	static const uint32_t sites[] = { 1, 2, 3, 11, 80, 300 };
	static const uint32_t servers[] = { 1, 2, 5 };
	struct generate_params p;

	(void)state;
	for (int shape = 0; shape < GENERATE_SHAPES; shape++)
		for (size_t s = 0; s < WP_COUNT(sites) * WP_COUNT(servers); s++) {
			struct net *net;

			generate_defaults(&p);
			p.shape = (enum generate_shape)shape;
			p.sites = sites[s % WP_COUNT(sites)];
			p.servers_per_site = servers[s / WP_COUNT(sites)];
			p.subnets_per_site = s % 3;
			p.connectors = s % 4 * 70;
			p.edges = s % 5;
			p.domains = 1 + s;
			p.groups = s % 2 * 30;
			p.recipients = s % 6 * 20;
			p.seed = s;
			net = made(&p);
			assert_counts(net, &p);
			assert_quiet(net);
			assert_connected(net);
			net_free(net);
		}
}

static void links_are_as_many_as_asked_for_and_wide_ones_join_many(void **state)
{
	struct generate_params p;

	(void)state;
	for (int shape = 0; shape < GENERATE_SHAPES; shape++) {
		struct net *net;
		uint32_t wide = 0;

		generate_defaults(&p);
		p.shape = (enum generate_shape)shape;
		p.sites = 100;
		p.links = 250;
		p.wide_links = 2;
		p.wide_members = 60;
		net = made(&p);
		assert_counts(net, &p);
		for (uint32_t i = 0; i < p.links; i++)
			wide += snap_link(&net->snap, i)->sites.count == 60;
		assert_int_equal(wide, 2);
		net_free(net);
	}
}

/* From every server every person is delivered to, relayed, or sent on to a partner. */
static void mail_for_everybody_finds_a_way(void **state)
{
	char address[GENERATE_ADDRESS_SIZE];
	struct generate_params p;
	struct net *net;

	(void)state;
	generate_defaults(&p);
	p.shape = GENERATE_TIERS;
	p.sites = 30;
	p.recipients = 600;
	net = made(&p);
	for (uint32_t i = 0; i < p.recipients; i++) {
		const char *from = snap_str(&net->snap, snap_server(&net->snap, i % 60)->peer.name);
		const char *answer;

		generate_address(&p, i, address);
		answer = net_route(net, from, address, 1000);
		if (strstr(answer, "unreachable") != NULL || strstr(answer, "rejected") != NULL)
			fail_msg("%s", answer);
	}
	assert_non_null(strstr(net_route(net, "FRA-HUB1", "postmaster", 1), "\"mailbox\""));
	assert_non_null(strstr(net_route(net, "FRA-HUB1", "team3@example.com", 1), "\"expanded\""));
	assert_non_null(strstr(net_route(net, "FRA-HUB1", "u@elsewhere.example", 1), "Internet"));
	net_free(net);
}

static int add_text(void *arg, const struct entry *entry, struct err *err)
{
	(void)err;
	ldif_write(entry, arg);
	return 0;
}

static uint64_t checksum(const struct generate_params *p)
{
	struct buf text = { 0 };
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	struct err err;

	assert_int_equal(generate_each(p, add_text, &text, &err), 0);
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t)text.data[i]) * 1099511628211u;
	buf_free(&text);
	return hash;
}

/* The number is that of every machine: a change of the generator changes it, and nothing else. */
static void the_same_parameters_give_the_same_octets(void **state)
{
	struct generate_params p;
	uint64_t first;

	(void)state;
	generate_defaults(&p);
	p.sites = 200;
	p.connectors = 300;
	p.edges = 4;
	p.recipients = 3000;
	p.groups = 40;
	first = checksum(&p);
	assert_int_equal(first, checksum(&p));
	p.seed = 2;
	assert_int_not_equal(first, checksum(&p));
	if (first != PINNED)
		fail_msg("0x%llx", (unsigned long long)first);
}

struct family {
	TALLOC_CTX *ctx;
	char *dns; /* keys of all entries so far, each between newlines */
	const char *suffix;
};

static int need_parent(void *arg, const struct entry *entry, struct err *err)
{
	struct family *f = arg;
	char *key = dn_key(f->ctx, entry->dn);
	char *wanted = talloc_asprintf(f->ctx, "\n%s\n", dn_key_parent(key));

	(void)err;
	if (strcmp(entry->dn, f->suffix) != 0 && strstr(f->dns, wanted) == NULL)
		fail_msg("%s comes before what is above it", entry->dn);
	wanted = talloc_asprintf(f->ctx, "\n%s\n", key);
	if (strstr(f->dns, wanted) != NULL)
		fail_msg("%s comes twice", entry->dn);
	f->dns = talloc_asprintf_append(f->dns, "%s\n", key);
	return 0;
}

static void parents_come_before_children_and_nothing_twice(void **state)
{
	static const char *const suffixes[] = { "dc=example,dc=com", "o=Big\\, Inc.", "ou=Mail,o=x" };
	struct generate_params p;
	struct err err;

	(void)state;
	generate_defaults(&p);
	for (size_t i = 0; i < WP_COUNT(suffixes); i++) {
		struct family f = { talloc_new(NULL), NULL, suffixes[i] };

		f.dns = talloc_strdup(f.ctx, "\n");
		p.suffix = suffixes[i];
		assert_int_equal(generate_check(&p, &err), 0);
		assert_int_equal(generate_each(&p, need_parent, &f, &err), 0);
		talloc_free(f.ctx);
	}
}

static int give_up_at_fifth(void *arg, const struct entry *entry, struct err *err)
{
	(void)entry;
	return ++*(unsigned *)arg < 5 ? 0 : err_set(err, ERR_SYSTEM, 0, "full");
}

static void a_taker_that_gives_up_ends_it(void **state)
{
	struct generate_params p;
	unsigned n = 0;
	struct err err;

	(void)state;
	generate_defaults(&p);
	assert_int_equal(generate_each(&p, give_up_at_fifth, &n, &err), -1);
	assert_string_equal(err.text, "full");
	assert_int_equal(n, 5);
}

static void what_cannot_be_is_refused_with_a_remedy(void **state)
{
	static const struct {
		const char *suffix;
		uint32_t sites, links, wide_links, wide_members, servers, domains;
	} rows[] = {
		{ "", 10, 0, 0, 0, 2, 1 },	   { "cn=x", 10, 0, 0, 0, 2, 1 },
		{ "dc=", 10, 0, 0, 0, 2, 1 },	   { "dc=x,,", 10, 0, 0, 0, 2, 1 },
		{ "dc=x", 0, 0, 0, 0, 2, 1 },	   { "dc=x", UINT32_MAX, 0, 0, 0, 2, 1 },
		{ "dc=x", 10, 8, 0, 0, 2, 1 },	   { "dc=x", 10, 10, 3, 5, 2, 1 },
		{ "dc=x", 10, 0, 1, 1, 2, 1 },	   { "dc=x", 10, 0, 1, 11, 2, 1 },
		{ "dc=x", 1, 1, 0, 0, 2, 1 },	   { "dc=x", 10, 0, 0, 0, 0, 1 },
		{ "dc=x", 10, 0, 0, 0, 1000, 1 },  { "dc=x", 10, 0, 0, 0, 2, 0 },
		{ "dc=x", 10, 10, UINT32_MAX, 5, 2, 1 },
	};
	struct generate_params p;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct err err = { .domain = ERR_NONE };

		generate_defaults(&p);
		p.suffix = rows[i].suffix;
		p.sites = rows[i].sites;
		p.links = rows[i].links;
		p.wide_links = rows[i].wide_links;
		p.wide_members = rows[i].wide_members;
		p.servers_per_site = rows[i].servers;
		p.domains = rows[i].domains;
		assert_int_equal(generate_check(&p, &err), -1);
		assert_int_equal(err.domain, ERR_USAGE);
		assert_int_not_equal(strlen(err.remedy), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape_and_size_is_quiet_connected_and_complete),
		cmocka_unit_test(links_are_as_many_as_asked_for_and_wide_ones_join_many),
		cmocka_unit_test(mail_for_everybody_finds_a_way),
		cmocka_unit_test(the_same_parameters_give_the_same_octets),
		cmocka_unit_test(parents_come_before_children_and_nothing_twice),
		cmocka_unit_test(a_taker_that_gives_up_ends_it),
		cmocka_unit_test(what_cannot_be_is_refused_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
