/* topology/diff: what moves between two snapshots, worked out by hand for small networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/topology/net.h"
#include "topology/diff.h"

/* A–B–C–D–E in a row, each link 10, hub site B, connector Internet at D. */
static struct net *row_of_five(void)
{
	struct net *net = net_new();

	net_sites(net, "A B C D E");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_link(net, "C-D 10");
	net_link(net, "D-E 10");
	net_set(net_find(net, "cn=B,cn=Sites"), "HubSite", "TRUE");
	net_connector(net, "Internet", "HTD1", "*;5");
	return net;
}

/* ---- the answer as short lines ---- */

static char *add_texts(char *text, const json_t *list, const char *between)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		text = talloc_asprintf_append(text, "%s%s", i ? between : "", json_string_value(item));
	return text;
}

static char *add_field(char *text, const json_t *object, const char *field, const char *before)
{
	const char *value = json_string_value(json_object_get(object, field));

	return value != NULL ? talloc_asprintf_append(text, "%s%s", before, value) : text;
}

/* "paths moved 3 next_stop B>direct A|C,D,E" */
static char *add_section(char *text, const json_t *diff, const char *section)
{
	json_t *group;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(diff, section), "groups"), i, group) {
		text = talloc_asprintf_append(text, "%s", section);
		text = add_field(text, group, "kind", " ");
		text = talloc_asprintf_append(text, " %lld", json_integer_value(json_object_get(group, "count")));
		text = add_field(text, group, "reason", " ");
		if (json_object_get(group, "what") != NULL)
			text = add_texts(talloc_asprintf_append(text, " "), json_object_get(group, "what"), "+");
		text = add_field(text, group, "old", " ");
		text = add_field(text, group, "new", ">");
		text = talloc_asprintf_append(text, " ");
		text = add_texts(text, json_object_get(group, "from"), ",");
		text = talloc_asprintf_append(text, "|");
		text = add_texts(text, json_object_get(group, "to"), ",");
		text = talloc_asprintf_append(text, "\n");
	}
	return text;
}

static char *add_rows(char *text, const json_t *diff, const char *section)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(diff, section), i, row) {
		text = add_field(text, row, "name", "");
		text = add_field(text, row, "kind", " ");
		text = add_field(text, row, "what", " ");
		text = add_field(text, row, "old", " ");
		text = add_field(text, row, "new", ">");
		text = talloc_asprintf_append(text, "\n");
	}
	return text;
}

static char *add_diagnostics(char *text, const json_t *diff, const char *which)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(diff, "diagnostics"), which), i, row) {
		text = talloc_asprintf_append(text, "%s", which);
		text = add_field(text, row, "id", " ");
		text = add_field(text, row, "dn", " ");
		text = talloc_asprintf_append(text, "\n");
	}
	return text;
}

static json_t *compare(struct net *old, struct net *new, struct diff_query query)
{
	json_t *diff;

	net_build(old);
	net_build(new);
	query.old = (struct diff_side){ &old->snap, &old->recipients, recipient_memory_each };
	query.new = (struct diff_side){ &new->snap, &new->recipients, recipient_memory_each };
	assert_int_equal(diff_snapshots(&query, &diff, NULL), 0);
	return diff;
}

static long long total(const json_t *diff, const char *kind)
{
	return (long long)json_integer_value(json_object_get(diff, kind));
}

static const char *told(struct net *net, const json_t *diff)
{
	char *text = talloc_asprintf(net->ctx, "%lld %lld %lld %lld\n", total(diff, "lost"),
				     total(diff, "gained"), total(diff, "moved"), total(diff, "changed"));

	text = add_section(text, diff, "paths");
	text = add_section(text, diff, "spaces");
	text = add_section(text, diff, "recipients");
	text = add_rows(text, diff, "domains");
	text = add_rows(text, diff, "connectors");
	text = add_diagnostics(text, diff, "new");
	return add_diagnostics(text, diff, "gone");
}

/* Lost, gained, moved, changed; then groups and rows. Frees both. */
static void assert_diff(struct net *old, struct net *new, const char *want)
{
	json_t *diff = compare(old, new, (struct diff_query){ .size = 0 });

	assert_string_equal(told(new, diff), want);
	json_decref(diff);
	net_free(old);
	net_free(new);
}

/* ---- nothing ---- */

static void test_the_same_network_differs_in_nothing_and_is_not_walked(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();
	json_t *diff = compare(old, new, (struct diff_query){ .same_recipients = true });

	(void)state;
	assert_string_equal(told(new, diff), "0 0 0 0\n");
	assert_true(json_is_false(json_object_get(json_object_get(diff, "paths"), "compared")));
	assert_true(json_is_false(json_object_get(json_object_get(diff, "spaces"), "compared")));
	assert_true(json_is_false(json_object_get(json_object_get(diff, "recipients"), "compared")));
	json_decref(diff);
	net_free(old);
	net_free(new);
}

static void test_what_routing_does_not_read_moves_nothing(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_set(net_find(new, "cn=B,cn=Sites"), "description", "a hub site");
	net_set(net_find(new, "cn=HTA1"), "CertificateHash", "sha256:00");
	assert_diff(old, new, "0 0 0 0\nnew bad-value cn=HTA1,cn=Servers," NET_SUFFIX "\n");
}

/* ---- paths ---- */

static void test_a_direct_link_takes_paths_off_the_hub_site(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	/* A-C 5: from A to C, D, E and back no longer by B. From B to C..E nothing (10 each, A-C
	 * would be 15). From A to B it stays 10. */
	net_link(new, "A-C 5");
	assert_diff(old, new,
		"0 0 6 1\n"
		"paths moved 6 next_stop B>direct A,C,D,E|A,C,D,E\n"
		/* To the connector at D it is 15+5 instead of 30+5. */
		"spaces changed 1 cost Internet>Internet A|*\n");
}

static void test_a_cost_alone_is_a_change_and_no_move(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_set(net_find(new, "cn=D-E"), "MailCost", "12");
	/* E with each of the other four, both ways; the connector only as seen from E. */
	assert_diff(old, new,
		"0 0 0 9\n"
		"paths changed 6 cost direct>direct B,C,D,E|B,C,D,E\n"
		"paths changed 2 cost B>B A,E|A,E\n"
		"spaces changed 1 cost Internet>Internet E|*\n");
}

static void test_a_site_without_an_active_hub_is_lost_and_sends_no_more(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();
	json_t *diff, *lost;

	(void)state;
	net_set(net_find(new, "cn=HTE1"), "ServerState", "disabled");
	diff = compare(old, new, (struct diff_query){ .size = 0 });
	assert_string_equal(told(new, diff), "5 0 0 0\n"
					     "paths lost 4 no-hub-in-site A,B,C,D|E\n"
					     "gone server-no-certificate cn=HTE1,cn=Servers," NET_SUFFIX "\n");
	lost = json_object_get(json_object_get(diff, "sources"), "lost");
	assert_string_equal(json_string_value(json_array_get(lost, 0)), "E");
	json_decref(diff);
	net_free(old);
	net_free(new);
}

static void test_a_cut_network_loses_both_halves_for_each_other(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_set(net_find(new, "cn=C-D"), "LinkedSite", "cn=Nowhere");
	net_find(new, "cn=C-D")->dn = "cn=gone,dc=example,dc=org"; /* not of this organisation */
	assert_diff(old, new, "15 0 0 0\n"
			      "paths lost 12 no-route-to-site A,B,C,D,E|A,B,C,D,E\n"
			      "spaces lost 3 no-matching-connector Internet A,B,C|*\n");
}

static void test_a_hub_site_that_takes_no_mail_is_lost_and_no_stop(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_set(net_find(new, "cn=B,cn=Sites"), "InboundMail", "FALSE");
	assert_diff(old, new, "4 0 6 0\n"
			      "paths lost 4 site-inbound-disabled A,C,D,E|B\n"
			      "paths moved 6 next_stop B>direct A,C,D,E|A,C,D,E\n");
}

static void test_another_hub_is_another_candidate(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_hub(new, "HTB2", "B");
	assert_diff(old, new, "0 0 10 0\n"
			      "paths moved 6 servers B>B A,C,D,E|A,C,D,E\n"
			      "paths moved 4 servers direct>direct A,C,D,E|B\n"
			      "new server-no-certificate cn=HTB2,cn=Servers," NET_SUFFIX "\n");
}

static void test_another_path_with_the_same_next_stop_is_another_backoff(void **state)
{
	struct net *nets[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		nets[i] = net_new();
		net_sites(nets[i], "A B C D");
		net_link(nets[i], "A-B 10");
		net_link(nets[i], "B-D 10");
		net_link(nets[i], "A-C 10");
		net_link(nets[i], "C-D 10");
	}
	/* A to D was by B for its name, B to C by A; now by C and by D. A to B costs 11. */
	net_set(net_find(nets[1], "cn=A-B"), "MailCost", "11");
	assert_diff(nets[0], nets[1], "0 0 4 2\n"
				      "paths moved 4 path+backoff direct>direct A,B,C,D|A,B,C,D\n"
				      "paths changed 2 cost direct>direct A,B|A,B\n");
}

static void test_the_stops_behind_the_first_one(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	/* D as a hub site too: A and B to E stop there, and the way from E leads over it. C to E
	 * had no stop. A to E stays with B as its next stop. */
	net_set(net_find(new, "cn=D,cn=Sites"), "HubSite", "TRUE");
	assert_diff(old, new, "0 0 6 0\n"
			      "paths moved 4 next_stop direct>D B,C,E|B,C,E\n"
			      "paths moved 1 stops B>B A|E\n"
			      "paths moved 1 next_stop B>D E|A\n");
}

static void test_a_new_site_is_gained_with_its_mailbox(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_site(new, "F");
	net_link(new, "E-F 10");
	assert_diff(old, new, "0 7 0 0\n"
			      "paths gained 5 no-such-site A,B,C,D,E|F\n"
			      "recipients gained 1 unknown-recipient>HTF1 (site F) |\n"
			      "new server-no-certificate cn=HTF1,cn=Servers," NET_SUFFIX "\n");
}

static void test_a_message_too_large_for_a_link_is_lost(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();
	json_t *diff;

	(void)state;
	net_set(net_find(new, "cn=D-E"), "MaxMessageSize", "1000");
	diff = compare(old, new, (struct diff_query){ .size = 1001 });
	/* E to the others and back; and E to the connector at D. */
	assert_string_equal(told(new, diff), "9 0 0 0\n"
					     "paths lost 8 link-size A,B,C,D,E|A,B,C,D,E\n"
					     "spaces lost 1 link-size Internet E|*\n");
	json_decref(diff);
	diff = compare(old, new, (struct diff_query){ .size = 1000 });
	assert_string_equal(told(new, diff), "0 0 0 8\n"
					     "paths changed 6 limit direct>direct B,C,D,E|B,C,D,E\n"
					     "paths changed 2 limit B>B A,E|A,E\n");
	json_decref(diff);
	net_free(old);
	net_free(new);
}

/* ---- connectors ---- */

static void test_a_disabled_connector_is_lost_everywhere(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_set(net_find(new, "cn=Internet"), "Enabled", "FALSE");
	assert_diff(old, new, "5 0 0 1\n"
			      "spaces lost 5 no-matching-connector Internet A,B,C,D,E|*\n"
			      "Internet changed disabled\n"
			      "new no-internet-connector " NET_SUFFIX "\n");
}

static void test_a_more_specific_connector_takes_its_domain_and_no_other(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_connector(new, "Partner", "HTE1", "*.f.com;50");
	net_connector(new, "Fax", "HTE1", "FAX:*");
	net_set(net_find(new, "cn=Fax"), "SmartHost", "[192.0.2.1]");
	assert_diff(old, new, "0 5 5 2\n"
			      "spaces gained 5 no-connector-for-type>Fax A,B,C,D,E|FAX:*\n"
			      "spaces moved 5 connector Internet>Partner A,B,C,D,E|*.f.com\n"
			      "Fax changed added\nPartner changed added\n");
}

static void test_another_source_is_another_way(void **state)
{
	struct net *old = row_of_five(), *new = net_new();

	(void)state;
	net_free(new);
	new = row_of_five();
	net_find(new, "cn=Internet")->n_attributes = 0;
	net_add(new, "SendConnector", "cn=Internet,cn=Send Connectors", "SourceServer",
		net_dn(new, "Servers", "HTE1"), "AddressSpace", "*;5", "SmartHost", "mx.f.com", NULL);
	assert_diff(old, new, "0 0 7 0\n"
			      "spaces moved 5 source Internet>Internet A,B,C,D,E|*\n"
			      "Internet moved sources HTD1>HTE1\n"
			      "Internet moved next_hop DNS, port 25>mx.f.com, port 25\n");
}

static void test_a_receive_connector_is_linked(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_add(old, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers", "Binding", "0.0.0.0:26", NULL);
	net_add(new, "ReceiveConnector", "cn=In,cn=HTA1,cn=Servers", "Binding", "0.0.0.0:26", NULL);
	net_set(net_find(new, "cn=Internet"), "LinkedReceiveConnector",
		"cn=In,cn=HTA1,cn=Servers," NET_SUFFIX);
	assert_diff(old, new, "0 0 1 0\nInternet moved linked_receive >HTA1/In\n");
}

static void test_the_last_source_goes(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_set(net_find(new, "cn=HTD1"), "ServerState", "draining");
	/* B and C to E and back, and E to A, pass D and no longer fall back on it. */
	assert_diff(old, new, "9 0 5 1\n"
			      "paths lost 4 no-hub-in-site A,B,C,E|D\n"
			      "paths moved 4 backoff direct>direct B,C,E|B,C,E\n"
			      "paths moved 1 backoff B>B E|A\n"
			      "spaces lost 4 no-matching-connector Internet A,B,C,E|*\n"
			      "Internet changed no_source HTD1\n"
			      "new connector-no-route cn=Internet,cn=Send Connectors," NET_SUFFIX "\n");
}

static void test_edges_choose_for_themselves(void **state)
{
	struct net *nets[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		nets[i] = row_of_five();
		net_add(nets[i], "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "SiteDN",
			net_dn(nets[i], "Sites", "A"), NULL);
		net_add(nets[i], "SendConnector", "cn=Out,cn=Send Connectors", "SourceServer",
			net_dn(nets[i], "Edge Subscriptions", "EDGE1"), "AddressSpace",
			i == 0 ? "f.com" : "g.com", NULL);
	}
	assert_diff(nets[0], nets[1],
		"1 1 10 0\n"
		"spaces lost 1 no-matching-connector Out EDGE1|f.com\n"
		"spaces gained 1 no-matching-connector>Out EDGE1|g.com\n"
		"spaces moved 5 connector Out>Internet A,B,C,D,E|f.com\n"
		"spaces moved 5 connector Internet>Out A,B,C,D,E|g.com\n");
}

/* ---- recipients and domains ---- */

static void test_recipients_move_and_are_lost_with_their_home(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_person(old, "anna@example.com", "HTA1");
	net_person(old, "berta@example.com", "HTA1");
	net_person(old, "gone@example.com", "HTA1");
	net_person(new, "anna@example.com", "HTB1");
	net_person(new, "berta@example.com", "HTNONE");
	assert_diff(old, new, "2 0 1 0\n"
			      "recipients lost 1 no-home-server HTA1 (site A) |\n"
			      "recipients lost 1 unknown-recipient HTA1 (site A) |\n"
			      "recipients moved 1 home HTA1 (site A)>HTB1 (site B) |\n");
}

static void test_an_address_on_two_entries_counts_once(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_person(old, "two@example.com", "HTA1");
	net_find(old, "cn=two@")->dn = "cn=other,dc=example,dc=com";
	net_person(old, "two@example.com", "HTA1");
	assert_diff(old, new, "1 0 0 0\nrecipients lost 1 unknown-recipient HTA1 (site A) |\n");
}

static void test_accepted_domains(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();

	(void)state;
	net_add(old, "AcceptedDomain", "cn=gone,cn=Accepted Domains", "Domain", "gone.org", NULL);
	net_add(old, "AcceptedDomain", "cn=org,cn=Accepted Domains", "Domain", "*.example.org", NULL);
	net_add(new, "AcceptedDomain", "cn=renamed,cn=Accepted Domains", "Domain", "*.example.org",
		"DomainType", "internalRelay", NULL);
	net_person(old, "u@x.example.org", NULL);
	net_person(new, "u@x.example.org", NULL);
	/* A relay domain is not looked up unless it says so. */
	assert_diff(old, new, "1 1 2 0\n"
			      "recipients gained 1 no-home-server>outside |\n"
			      "*.example.org moved type authoritative>internalRelay\n"
			      "*.example.org moved lookup on>off\n"
			      "gone.org lost removed authoritative\n");
}

/* ---- bounds ---- */

static void test_a_sample_of_sources_is_told(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();
	json_t *diff, *sources;

	(void)state;
	net_set(net_find(new, "cn=HTE1"), "ServerState", "disabled");
	diff = compare(old, new, (struct diff_query){ .max_sources = 2 });
	sources = json_object_get(diff, "sources");
	assert_int_equal(total(sources, "compared"), 2);
	assert_int_equal(total(sources, "of"), 4);
	assert_string_equal(told(new, diff), "3 0 0 0\n"
					     "paths lost 2 no-hub-in-site A,C|E\n"
					     "gone server-no-certificate cn=HTE1,cn=Servers," NET_SUFFIX "\n");
	json_decref(diff);
	net_free(old);
	net_free(new);
}

static void test_recipients_beyond_the_bound_are_not_compared(void **state)
{
	struct net *old = row_of_five(), *new = net_new();
	json_t *diff = compare(old, new, (struct diff_query){ .max_recipients = 3 }), *recipients;

	(void)state;
	recipients = json_object_get(diff, "recipients");
	assert_int_equal(total(recipients, "addresses"), 3);
	assert_int_equal(total(recipients, "lost"), 3);
	assert_true(json_is_false(json_object_get(recipients, "complete")));
	json_decref(diff);
	net_free(old);
	net_free(new);
}

static void test_long_lists_are_counted_and_cut(void **state)
{
	struct net *nets[2];
	json_t *diff, *group;

	(void)state;
	for (int i = 0; i < 2; i++) {
		nets[i] = net_new();
		net_sites(nets[i], "A B C D E F G H I J K L M");
		net_link(nets[i], i == 0 ? "A-B-C-D-E-F-G-H-I-J-K-L-M 10" : "A-B-C-D-E-F-G-H-I-J-K-L 10");
	}
	diff = compare(nets[0], nets[1], (struct diff_query){ .size = 0 });
	assert_int_equal(total(diff, "lost"), 24);
	group = json_array_get(json_object_get(json_object_get(diff, "paths"), "groups"), 0);
	assert_int_equal(total(group, "count"), 24);
	assert_int_equal(total(group, "from_count"), 13);
	assert_int_equal(json_array_size(json_object_get(group, "from")), 10);
	assert_int_equal(json_array_size(json_object_get(group, "examples")), 3);
	json_decref(diff);
	net_free(nets[0]);
	net_free(nets[1]);
}

/* More ways than there are groups in memory: the rest is one group, and no pair is forgotten. */
static void test_there_may_be_more_groups_than_are_kept(void **state)
{
	enum { CONNECTORS = 4200 };
	struct net *nets[2];
	json_t *diff, *spaces, *group;
	long long sum = 0, largest = 0;
	struct buf text = { NULL, 0, 0 };
	size_t i;

	(void)state;
	for (int side = 0; side < 2; side++) {
		nets[side] = net_new();
		net_sites(nets[side], "A");
		for (unsigned c = 0; c < CONNECTORS; c++)
			net_connector(nets[side], talloc_asprintf(nets[side]->ctx, "%c%u", "CD"[side], c),
				      "HTA1", talloc_asprintf(nets[side]->ctx, "d%u.com", c));
	}
	diff = compare(nets[0], nets[1], (struct diff_query){ .size = 0 });
	spaces = json_object_get(diff, "spaces");
	assert_int_equal(total(spaces, "moved"), CONNECTORS);
	assert_int_equal(json_array_size(json_object_get(spaces, "groups")), 100);
	assert_int_equal(total(spaces, "groups_left_out"), 4097 - 100);
	json_array_foreach(json_object_get(spaces, "groups"), i, group) {
		sum += total(group, "count");
		largest = i == 0 ? total(group, "count") : largest;
	}
	assert_int_equal(largest, CONNECTORS - 4096);
	assert_int_equal(sum, CONNECTORS - 4096 + 99);
	diff_text(diff, &text);
	assert_non_null(strstr(text.data, "\n  and 4077 more groups\n")); /* of 4097, 20 are shown */
	buf_free(&text);
	json_decref(diff);
	net_free(nets[0]);
	net_free(nets[1]);
}

/* ---- against the answers of route ---- */

enum { RANDOM_SITES = 7, LOST = 0, GAINED, MOVED, CHANGED };

static unsigned draw(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % n;
}

/* Sites A–G with some links, hub sites, sites that are off, and hubs that are. */
static struct net *random_net(unsigned *seed)
{
	struct net *net = net_new();

	net_sites(net, "A B C D E F G");
	for (unsigned i = 0; i < RANDOM_SITES; i++) {
		const char *name = talloc_asprintf(net->ctx, "%c", 'A' + i);

		if (draw(seed, 4) == 0)
			net_set(net_find(net, talloc_asprintf(net->ctx, "cn=%s,cn=Sites", name)), "HubSite",
				"TRUE");
		if (draw(seed, 10) == 0)
			net_set(net_find(net, talloc_asprintf(net->ctx, "cn=%s,cn=Sites", name)),
				"InboundMail", "FALSE");
		if (draw(seed, 10) == 0)
			net_set(net_find(net, talloc_asprintf(net->ctx, "cn=HT%s1", name)), "ServerState",
				"disabled");
		if (draw(seed, 6) == 0)
			net_hub(net, talloc_asprintf(net->ctx, "HT%s2", name), name);
	}
	for (unsigned i = 0; i < RANDOM_SITES + 3; i++)
		net_link(net, talloc_asprintf(net->ctx, "%c-%c %u", 'A' + draw(seed, RANDOM_SITES),
					      'A' + draw(seed, RANDOM_SITES), 1 + draw(seed, 3)));
	return net;
}

static bool sends(struct net *net, unsigned site)
{
	char name[] = { (char)('A' + site), '\0' };

	return snap_site(&net->snap, net_site_index(net, name))->has_active_hub;
}

static json_t *route_between(struct net *net, unsigned from, unsigned to)
{
	const char *query = talloc_asprintf(net->ctx, "{\"from\":\"HT%c1\",\"recipient\":\"ht%c1@example.com\"}",
					    'A' + from, 'a' + to);

	return json_loads(net_ask(net, query), 0, NULL);
}

/* How the answers of route differ, or -1. */
static int classify(json_t *old, json_t *new)
{
	static const char *const ways[] = { "next_stop", "path", "stops", "servers", "backoff" };
	bool old_ok = json_object_get(old, "path") != NULL, new_ok = json_object_get(new, "path") != NULL;

	if (!old_ok || !new_ok)
		return old_ok == new_ok ? -1 : old_ok ? LOST : GAINED;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!json_equal(json_object_get(old, ways[i]), json_object_get(new, ways[i])))
			return MOVED;
	return json_equal(old, new) ? -1 : CHANGED;
}

static void count_pairs(struct net *old, struct net *new, long long counts[4])
{
	for (unsigned from = 0; from < RANDOM_SITES; from++) {
		for (unsigned to = 0; to < RANDOM_SITES; to++) {
			json_t *before, *after;
			int kind;

			if (from == to || !sends(old, from) || !sends(new, from))
				continue;
			before = route_between(old, from, to);
			after = route_between(new, from, to);
			kind = classify(before, after);
			if (kind >= 0)
				counts[kind]++;
			json_decref(before);
			json_decref(after);
		}
	}
}

static void test_random_networks_differ_as_their_routes_do(void **state)
{
	unsigned rounds = getenv("WP_FULL") != NULL ? 2000 : 100, seen[4] = { 0 };

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		unsigned seed = round;
		struct net *old = random_net(&seed), *new = random_net(&seed);
		json_t *diff = compare(old, new, (struct diff_query){ .size = 0 });
		const json_t *paths = json_object_get(diff, "paths");
		static const char *const kinds[] = { "lost", "gained", "moved", "changed" };
		long long counts[4] = { 0 };

		count_pairs(old, new, counts);
		for (int kind = LOST; kind <= CHANGED; kind++) {
			if (total(paths, kinds[kind]) != counts[kind])
				fail_msg("round %u: %lld %s, not %lld", round, total(paths, kinds[kind]),
					 kinds[kind], counts[kind]);
			seen[kind] += counts[kind] > 0;
		}
		json_decref(diff);
		net_free(old);
		net_free(new);
	}
	for (int kind = LOST; kind <= CHANGED; kind++)
		assert_true(seen[kind] > 0);
}

static void test_it_reads_like_this(void **state)
{
	struct net *old = row_of_five(), *new = row_of_five();
	struct buf out = { NULL, 0, 0 };
	json_t *diff;

	(void)state;
	net_link(new, "A-C 5");
	net_set(net_find(new, "cn=HTE1"), "ServerState", "disabled");
	diff = compare(old, new, (struct diff_query){ .size = 0 });
	diff_text(diff, &out);
	assert_string_equal(out.data,
		"5 lost, 0 gained, 4 moved, 1 changed\n"
		"No longer sending: E\n"
		"\n"
		"Paths between sites\n"
		"  lost     4, no-hub-in-site\n"
		"           from A, B, C, D\n"
		"           to E\n"
		"           A to E: A > B > C > D > E, stops B, E, by HTB1, cost 40; then no-hub-in-site\n"
		"  moved    4, next_stop: B → direct\n"
		"           from A, C, D\n"
		"           to A, C, D\n"
		"           A to C: A > B > C, stops B, C, by HTB1, cost 20; then A > C, by HTC1, cost 5\n"
		"\n"
		"Address spaces\n"
		"  changed  1, cost: Internet\n"
		"           from A\n"
		"           to *\n"
		"           A to *: Internet in D, total cost 35; then Internet in D, total cost 20\n"
		"\n"
		"Diagnostics that are gone\n"
		"  warning  server-no-certificate cn=HTE1,cn=Servers," NET_SUFFIX " waypostCertificateHash\n");
	buf_free(&out);
	json_decref(diff);
	net_free(old);
	net_free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_network_differs_in_nothing_and_is_not_walked),
		cmocka_unit_test(test_what_routing_does_not_read_moves_nothing),
		cmocka_unit_test(test_a_direct_link_takes_paths_off_the_hub_site),
		cmocka_unit_test(test_a_cost_alone_is_a_change_and_no_move),
		cmocka_unit_test(test_a_site_without_an_active_hub_is_lost_and_sends_no_more),
		cmocka_unit_test(test_a_cut_network_loses_both_halves_for_each_other),
		cmocka_unit_test(test_a_hub_site_that_takes_no_mail_is_lost_and_no_stop),
		cmocka_unit_test(test_another_hub_is_another_candidate),
		cmocka_unit_test(test_another_path_with_the_same_next_stop_is_another_backoff),
		cmocka_unit_test(test_the_stops_behind_the_first_one),
		cmocka_unit_test(test_a_new_site_is_gained_with_its_mailbox),
		cmocka_unit_test(test_a_message_too_large_for_a_link_is_lost),
		cmocka_unit_test(test_a_disabled_connector_is_lost_everywhere),
		cmocka_unit_test(test_a_more_specific_connector_takes_its_domain_and_no_other),
		cmocka_unit_test(test_another_source_is_another_way),
		cmocka_unit_test(test_a_receive_connector_is_linked),
		cmocka_unit_test(test_the_last_source_goes),
		cmocka_unit_test(test_edges_choose_for_themselves),
		cmocka_unit_test(test_recipients_move_and_are_lost_with_their_home),
		cmocka_unit_test(test_an_address_on_two_entries_counts_once),
		cmocka_unit_test(test_accepted_domains),
		cmocka_unit_test(test_a_sample_of_sources_is_told),
		cmocka_unit_test(test_recipients_beyond_the_bound_are_not_compared),
		cmocka_unit_test(test_long_lists_are_counted_and_cut),
		cmocka_unit_test(test_there_may_be_more_groups_than_are_kept),
		cmocka_unit_test(test_random_networks_differ_as_their_routes_do),
		cmocka_unit_test(test_it_reads_like_this),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
