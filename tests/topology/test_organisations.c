/*
 * Random organisations: whatever is asked of them, the product answers like the oracle, which
 * takes the routing rules one by one (oracle.h).
 *
 * A few hundred organisations, 10,000 with WP_FULL=1. WP_ORGANISATIONS=N makes it N, WP_SEED=N
 * only the one of that seed. What differs is made as small as it can be and printed: LDIF, query,
 * both answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/topology/net.h"
#include "tests/topology/oracle.h"

enum { FEW = 1000, FULL = 10000, DESTINATIONS = 6 };

static struct net *build(const struct org *org)
{
	struct net *net = net_empty();
	struct buf ldif = { 0 };

	org_ldif(org, &ldif);
	net_ldif(net, ldif.data != NULL ? ldif.data : "");
	buf_free(&ldif);
	net_build(net);
	return net;
}

static json_t *product_answer(struct net *net, const struct org_query *query)
{
	struct buf text = { 0 };
	json_t *json, *answer;

	org_query_json(query, &text);
	json = json_loadb(text.data, text.len, 0, NULL);
	assert_non_null(json);
	answer = route_desk_answer(net->desk, json, false);
	json_decref(json);
	buf_free(&text);
	return answer;
}

/* Whether the two differ about QUERY; *SHOWN_R (may be null) gets both answers. */
static bool differs(struct net *net, const struct oracle *oracle, const struct org_query *query,
		    char **shown_r)
{
	json_t *expected = oracle_answer(oracle, query), *answer;
	bool differ;

	if (expected == NULL)
		return false;
	answer = product_answer(net, query);
	differ = json_equal(expected, answer) == 0;
	if (differ && shown_r != NULL) {
		char *rules = json_dumps(expected, JSON_SORT_KEYS),
		     *product = json_dumps(answer, JSON_SORT_KEYS);

		*shown_r = talloc_asprintf(NULL, "by the rules: %s\nanswered:     %s\n", rules, product);
		free(rules);
		free(product);
	}
	json_decref(expected);
	json_decref(answer);
	return differ;
}

static bool still_differs(struct org *org, void *query)
{
	struct net *net = build(org);
	struct oracle *oracle = oracle_new(org);
	bool differ = differs(net, oracle, query, NULL);

	talloc_free(oracle);
	net_free(net);
	return differ;
}

static void show(struct org *org, struct org_query *query, uint64_t seed)
{
	struct buf text = { 0 };
	struct oracle *oracle;
	struct net *net;
	char *answers = NULL;

	org_shrink(org, still_differs, query);
	net = build(org);
	oracle = oracle_new(org);
	differs(net, oracle, query, &answers);
	org_ldif(org, &text);
	org_query_json(query, &text);
	/* More than cmocka prints at once. */
	fprintf(stderr, "WP_SEED=%llu\n%s%s", (unsigned long long)seed, text.data, answers);
	talloc_free(answers);
	buf_free(&text);
	talloc_free(oracle);
	net_free(net);
}

/* What answers there were, so that a kind that never comes is noticed. */
struct tally {
	unsigned answers, failures;
	unsigned forks; /* destinations whose copy goes somewhere else first */
	json_t *kinds; /* "outcome" or "outcome reason" → how often */
};

/* ---- several destinations of one message ---- */

/* Names, since numbers change when something is left out. */
struct fan {
	const char *from, *sites[DESTINATIONS];
	uint64_t size;
};

static void product_fanout(struct net *net, const struct fan *fan, const char **next_r)
{
	uint32_t sites[DESTINATIONS], next[DESTINATIONS], at[DESTINATIONS], n = 0;
	uint32_t server = snapshot_find_server(&net->snap, fan->from);
	struct viewpoint *vp;

	for (uint32_t i = 0; i < DESTINATIONS; i++) {
		next_r[i] = NULL;
		at[n] = i;
		sites[n] = snapshot_find_site(&net->snap, fan->sites[i]);
		n += sites[n] != SNAP_NONE;
	}
	if (server == SNAP_NONE)
		return;
	vp = viewpoint_new(&net->snap, server);
	viewpoint_fanout(vp, viewpoint_size_class(vp, fan->size), sites, n, next);
	for (uint32_t i = 0; i < n; i++)
		if (next[i] != SNAP_NONE)
			next_r[at[i]] = snap_str(&net->snap, snap_site(&net->snap, next[i])->name);
	viewpoint_free(vp);
}

/* SHOW: prints what differs. */
static bool fans_differ(struct net *net, const struct oracle *oracle, const struct fan *fan,
			bool show, struct tally *tally)
{
	const char *expected[DESTINATIONS] = { NULL }, *next[DESTINATIONS];
	bool differ = false;

	oracle_fanout(oracle, fan->from, fan->size, fan->sites, DESTINATIONS, expected);
	product_fanout(net, fan, next);
	for (int i = 0; i < DESTINATIONS; i++) {
		const char *rule = expected[i] != NULL ? expected[i] : "-",
			   *answer = next[i] != NULL ? next[i] : "-";

		differ |= strcmp(rule, answer) != 0;
		if (show)
			fprintf(stderr, "from %s to %s: first to %s by the rules, answered %s\n", fan->from,
				    fan->sites[i], rule, answer);
		if (tally != NULL && expected[i] != NULL && strcmp(rule, fan->sites[i]) != 0)
			tally->forks++;
	}
	return differ;
}

static bool still_fans_differ(struct org *org, void *fan)
{
	struct net *net = build(org);
	struct oracle *oracle = oracle_new(org);
	bool differ = fans_differ(net, oracle, fan, false, NULL);

	talloc_free(oracle);
	net_free(net);
	return differ;
}

static void show_fan(struct org *org, struct fan *fan, uint64_t seed)
{
	struct buf text = { 0 };
	struct oracle *oracle;
	struct net *net;

	org_shrink(org, still_fans_differ, fan);
	net = build(org);
	oracle = oracle_new(org);
	org_ldif(org, &text);
	fprintf(stderr, "WP_SEED=%llu\n%s", (unsigned long long)seed, text.data);
	fans_differ(net, oracle, fan, true, NULL);
	buf_free(&text);
	talloc_free(oracle);
	net_free(net);
}

/* One destination after the other out of all sites, by the digits of a number. */
static void fan_out(struct net *net, const struct oracle *oracle, struct org *org, uint64_t seed,
		    struct tally *tally)
{
	uint32_t n_sites = snap_count(&net->snap, SNAP_SITES);

	for (int i = 0; i < org->n_queries; i++) {
		struct fan fan = { .from = org->queries[i].from, .size = org->queries[i].size };
		uint64_t digits = seed * 2654435761u + (uint64_t)i * 40503;

		for (int k = 0; k < DESTINATIONS; k++, digits /= n_sites)
			fan.sites[k] = snap_str(&net->snap,
						snap_site(&net->snap, (uint32_t)(digits % n_sites))->name);
		if (!fans_differ(net, oracle, &fan, false, tally))
			continue;
		tally->failures++;
		show_fan(org, &fan, seed);
		return;
	}
}

static void count(struct tally *tally, const json_t *answer)
{
	const char *outcome = json_string_value(json_object_get(answer, "outcome")),
		   *reason = json_string_value(json_object_get(answer, "reason"));
	const json_t *list = json_object_get(answer, "recipients");
	char kind[100];

	snprintf(kind, sizeof(kind), "%s%s%s", outcome, reason != NULL ? " " : "",
		 reason != NULL ? reason : "");
	json_object_set_new(tally->kinds, kind,
			    json_integer(json_integer_value(json_object_get(tally->kinds, kind)) + 1));
	for (size_t i = 0; i < json_array_size(list); i++)
		count(tally, json_array_get(list, i));
}

static void ask(struct net *net, const struct oracle *oracle, struct org *org, uint64_t seed,
		struct tally *tally)
{
	for (int i = 0; i < org->n_queries; i++) {
		json_t *answer;

		if (differs(net, oracle, &org->queries[i], NULL)) {
			tally->failures++;
			show(org, &org->queries[i], seed);
			return; /* the organisation is another now */
		}
		answer = oracle_answer(oracle, &org->queries[i]);
		if (answer != NULL) {
			tally->answers++;
			count(tally, answer);
		}
		json_decref(answer);
	}
}

static uint64_t rounds(uint64_t *first_r)
{
	const char *seed = getenv("WP_SEED"), *number = getenv("WP_ORGANISATIONS");

	*first_r = seed != NULL ? strtoull(seed, NULL, 10) : 1;
	if (seed != NULL)
		return 1;
	if (number != NULL)
		return strtoull(number, NULL, 10);
	return getenv("WP_FULL") != NULL ? FULL : FEW;
}

static const char *const wanted[] = {
	"mailbox", "relay-site", "relay-server", "connector", "expanded", "discarded",
	"unreachable no-matching-connector", "unreachable linked-connector",
	"unreachable no-home-server", "unreachable site-inbound-disabled",
	"unreachable no-route-to-site", "unreachable no-hub-in-site",
	"unreachable postmaster-undeliverable", "rejected unknown-recipient",
	"rejected duplicate-address", "rejected sender-not-allowed", "rejected forward-loop",
	"rejected receive-connector-size", "rejected organization-size", "rejected recipient-size",
	"rejected connector-size", "rejected link-size", "rejected no-connector-for-type",
};

/* Asks ABOUT of one organisation after the other until five have failed. */
static void run(void (*about)(struct net *net, const struct oracle *oracle, struct org *org,
			      uint64_t seed, struct tally *tally), struct tally *tally)
{
	uint64_t first, n = rounds(&first);

	for (uint64_t seed = first; seed < first + n && tally->failures < 5; seed++) {
		struct org *org = org_random(seed);
		struct net *net = build(org);
		struct oracle *oracle = oracle_new(org);

		about(net, oracle, org, seed, tally);
		talloc_free(oracle);
		net_free(net);
		talloc_free(org);
	}
	if (tally->failures > 0)
		fail_msg("%u organisations answer otherwise than the rules", tally->failures);
}

/* ---- from stop to stop ---- */

static const char *field(const json_t *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer, name));

	return text != NULL ? text : "";
}

static bool is_relay(const json_t *answer)
{
	return strncmp(field(answer, "outcome"), "relay-", 6) == 0;
}

/* QUERY becomes that of the first server that ANSWER names; false if it is none of ours. */
static bool go_on(struct org *org, struct net *net, const json_t *answer, struct org_query *query)
{
	const char *server = json_string_value(json_array_get(json_object_get(answer, "servers"), 0));

	if (server == NULL || snapshot_find_server(&net->snap, server) == SNAP_NONE)
		return false;
	query->from = talloc_strdup(org->ctx, server);
	query->receive = NULL;
	if (*field(answer, "resolved") != '\0')
		query->recipient = talloc_strdup(org->ctx, field(answer, "resolved"));
	return true;
}

/*
 * Whether somebody is routed to a host under another address. A stop on the way to that host
 * knows only the new address and finds another home by it, or none.
 */
static bool has_forward_to_host(const struct org *org)
{
	for (int i = 0; i < org->n_records; i++)
		if (org_value(&org->records[i], "mailHost") != NULL &&
		    org_value(&org->records[i], "mailRoutingAddress") != NULL)
			return true;
	return false;
}

/* Every stop resolves and routes again by its own position, and yet it arrives. */
static void follow(struct org *org, struct net *net, struct org_query query, uint64_t seed,
		   struct tally *tally)
{
	json_t *answer = product_answer(net, &query);
	bool to_mailbox = json_object_get(answer, "connector") == NULL;
	int stops = 0;

	while (stops <= ORG_SITES_MAX && is_relay(answer) && go_on(org, net, answer, &query)) {
		json_decref(answer);
		answer = product_answer(net, &query);
		stops++;
	}
	tally->answers += stops > 0;
	/* At the end a mailbox, or a connector: of the server, or of a foreign host or an edge. */
	if (stops > 0 && strcmp(field(answer, "outcome"), to_mailbox ? "mailbox" : "connector") != 0 &&
	    (to_mailbox || strcmp(field(answer, "outcome"), "relay-server") != 0)) {
		fprintf(stderr, "WP_SEED=%llu: %s at %s after %d stops: %s %s\n",
			(unsigned long long)seed, query.recipient, query.from, stops,
			field(answer, "outcome"), field(answer, "reason"));
		tally->failures++;
	}
	json_decref(answer);
}

static void follow_all(struct net *net, const struct oracle *oracle, struct org *org, uint64_t seed,
		       struct tally *tally)
{
	(void)oracle;
	/* What a linked receive connector took is known as such by its own server only. */
	for (int i = 0; i < org->n_queries && !has_forward_to_host(org); i++)
		if (org->queries[i].receive == NULL)
			follow(org, net, org->queries[i], seed, tally);
}

static void mail_arrives_from_stop_to_stop(void **state)
{
	struct tally tally = { .answers = 0 };

	(void)state;
	run(follow_all, &tally);
	print_message("%u messages arrived\n", tally.answers);
}

static void answers_are_those_of_the_rules(void **state)
{
	struct tally tally = { .kinds = json_object() };
	uint64_t first;

	(void)state;
	run(ask, &tally);
	print_message("%u answers\n", tally.answers);
	for (size_t i = 0; i < WP_COUNT(wanted) && rounds(&first) >= FEW; i++)
		if (json_object_get(tally.kinds, wanted[i]) == NULL)
			fail_msg("no answer was \"%s\"", wanted[i]);
	json_decref(tally.kinds);
}

static void copies_travel_to_the_fork_of_the_rules(void **state)
{
	struct tally tally = { .answers = 0 };

	(void)state;
	run(fan_out, &tally);
	print_message("%u copies by way of another site\n", tally.forks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_the_rules),
		cmocka_unit_test(copies_travel_to_the_fork_of_the_rules),
		cmocka_unit_test(mail_arrives_from_stop_to_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
