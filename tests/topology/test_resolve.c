/* topology/resolve: the rules about destinations of a recipient, by their numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "tests/topology/net.h"
#include "topology/resolve.h"

/* Sites A and B, a relay domain, a way out, people ann (home HTA1) and bob (home HTB1). */
static struct net *office(void)
{
	struct net *net = net_new();

	net_sites(net, "A B");
	net_link(net, "A-B 10");
	net_add(net, "AcceptedDomain", "cn=relay,cn=Accepted Domains", "Domain", "relay.com",
		"DomainType", "internalRelay", NULL);
	net_connector(net, "Internet", "HTA1", "*");
	net_person(net, "ann@example.com", "HTA1");
	net_person(net, "bob@example.com", "HTB1");
	return net;
}

static const char *person_dn(struct net *net, const char *mail)
{
	return talloc_asprintf(net->ctx, "cn=%s,ou=People,dc=example,dc=com", mail);
}

static struct entry *group(struct net *net, const char *mail)
{
	struct entry *entry = net_add(net, "groupOfNames", person_dn(net, mail), NULL);

	if (strchr(mail, '@') != NULL)
		net_set(entry, "mail", mail);
	return entry;
}

static void member(struct net *net, struct entry *entry, const char *mail)
{
	net_set(entry, "member", person_dn(net, mail));
}

/* "outcome" of a query from HTA1 with what tells it: connector, server, site or reason. */
static const char *brief(struct net *net, const char *answer)
{
	static const char *const fields[] = { "resolved", "connector", "server", "site", "reason" };
	json_t *json = json_loads(answer, 0, NULL);
	char *text = talloc_strdup(net->ctx, json_string_value(json_object_get(json, "outcome")));

	for (size_t i = 0; i < WP_COUNT(fields); i++) {
		const char *value = json_string_value(json_object_get(json, fields[i]));

		if (value != NULL)
			text = talloc_asprintf_append(text, " %s", value);
	}
	json_decref(json);
	return text;
}

static const char *ask(struct net *net, const char *recipient)
{
	return brief(net, net_route(net, "HTA1", recipient, 0));
}

struct answer_case {
	const char *recipient, *answer;
};

static void check(struct net *net, const struct answer_case *cases, size_t n)
{
	net_build(net);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(ask(net, cases[i].recipient), cases[i].answer);
	net_free(net);
}

#define CHECK(net, cases) check(net, cases, WP_COUNT(cases))

static void test_3_homes_decide_local_remote_and_unknown(void **state)
{
	static const struct answer_case cases[] = {
		{ "ann@example.com", "mailbox HTA1" },
		{ "<SMTP:Ann@EXAMPLE.com>", "mailbox HTA1" },
		{ "bob@example.com", "relay-site B" },
		{ "host@example.com", "relay-site B" },
		{ "alien@example.com", "unreachable no-home-server" },
		{ "lost@example.com", "unreachable no-home-server" },
		{ "none@example.com", "unreachable no-home-server" },
		{ "homeless@relay.com", "connector Internet" },
		{ "foreign@relay.com", "relay-server" },
	};
	struct net *net = office();

	(void)state;
	net_set(net_person(net, "host@example.com", NULL), "mailHost", "HTB1.example.com");
	net_set(net_person(net, "alien@example.com", NULL), "mailHost", "mail.other.org");
	net_person(net, "lost@example.com", "GONE");
	net_person(net, "none@example.com", NULL);
	net_person(net, "homeless@relay.com", NULL);
	net_set(net_person(net, "foreign@relay.com", NULL), "mailHost", "mail.other.org");
	CHECK(net, cases);
}

static void test_3_a_foreign_mail_host_is_named_as_the_server(void **state)
{
	struct net *net = office();

	(void)state;
	net_set(net_person(net, "foreign@relay.com", NULL), "mailHost", "Mail.Other.org");
	net_build(net);
	assert_string_equal(net_route(net, "HTA1", "foreign@relay.com", 0),
			    "{\"from\":\"HTA1\",\"recipient\":\"foreign@relay.com\","
			    "\"outcome\":\"relay-server\",\"servers\":[\"mail.other.org\"]}");
	net_free(net);
}

static void test_3_reasons_are_tested_in_their_order(void **state)
{
	struct net *net = office();
	struct entry *site = net_find(net, "cn=B,cn=Sites"), *hub = net_find(net, "cn=HTB1");

	(void)state;
	net_add(net, "Server", "cn=MBXB,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "B"), NULL);
	net_person(net, "mbx@example.com", "MBXB");
	net_set(net_find(net, "cn=A-B"), "MaxMessageSize", "10");
	net_build(net);
	assert_string_equal(brief(net, net_route(net, "HTA1", "mbx@example.com", 11)),
			    "rejected link-size");
	net_set(hub, "ServerState", "disabled");
	net_build(net);
	assert_string_equal(brief(net, net_route(net, "HTA1", "mbx@example.com", 11)),
			    "unreachable no-hub-in-site");
	net_find(net, "cn=A-B")->dn = "cn=A-B,dc=gone";
	net_build(net);
	assert_string_equal(ask(net, "mbx@example.com"), "unreachable no-route-to-site");
	net_set(site, "InboundMail", "FALSE");
	net_build(net);
	assert_string_equal(ask(net, "mbx@example.com"), "unreachable site-inbound-disabled");
	/* §3.7: inside such a site mail is still delivered. */
	assert_string_equal(brief(net, net_route(net, "HTB1", "mbx@example.com", 0)), "mailbox MBXB");
	net_free(net);
}

static void test_3_default_homes_of_domain_and_organisation(void **state)
{
	struct net *net = office();

	(void)state;
	net_person(net, "none@example.com", NULL);
	net_set(net_find(net, "cn=Waypost"), "DefaultHomeServer", net_dn(net, "Servers", "HTB1"));
	net_build(net);
	assert_string_equal(ask(net, "none@example.com"), "relay-site B");
	net_set(net_find(net, "cn=example.com,cn=Acc"), "DefaultHomeServer", net_dn(net, "Servers", "HTA1"));
	net_build(net);
	assert_string_equal(ask(net, "none@example.com"), "mailbox HTA1");
	net_free(net);
}

static void test_4_unknown_recipients(void **state)
{
	static const struct answer_case cases[] = {
		{ "nobody@example.com", "rejected unknown-recipient" },
		{ "nobody@relay.com", "connector Internet" },
		{ "nobody@open.com", "connector Internet" },
		{ "nobody@f.com", "connector Internet" },
		{ "u@[192.0.2.1]", "connector Internet" },
		{ "nobody@caught.com", "mailbox ann@example.com HTA1" },
		{ "nobody@uncaught.com", "rejected unknown-recipient" },
	};
	struct net *net = office();

	(void)state;
	net_add(net, "AcceptedDomain", "cn=open,cn=Accepted Domains", "Domain", "open.com",
		"RecipientLookup", "FALSE", NULL);
	net_add(net, "AcceptedDomain", "cn=caught,cn=Accepted Domains", "Domain", "caught.com", "CatchAll",
		person_dn(net, "ann@example.com"), NULL);
	net_add(net, "AcceptedDomain", "cn=uncaught,cn=Accepted Domains", "Domain", "uncaught.com",
		"CatchAll", person_dn(net, "gone@example.com"), NULL);
	CHECK(net, cases);
}

static struct entry *forward(struct net *net, const char *mail, const char *to)
{
	struct entry *entry = net_person(net, mail, NULL);

	net_set(entry, "targetAddress", to);
	return entry;
}

static void test_1_forwards_are_followed_and_loops_found(void **state)
{
	static const struct answer_case cases[] = {
		{ "f1@example.com", "mailbox ann@example.com HTA1" },
		{ "f2@example.com", "mailbox ann@example.com HTA1" },
		{ "out@example.com", "connector out@f.com Internet" },
		{ "contact@f.com", "connector Internet" },
		{ "alias@example.com", "connector contact2@f.com Internet" },
		{ "self@example.com", "connector Internet" },
		{ "loop1@example.com", "rejected loop1@example.com forward-loop" },
		{ "c1@example.com", "rejected c1@example.com forward-loop" },
		{ "fax@example.com", "rejected FAX:123 no-connector-for-type" },
		{ "broken@example.com", "rejected @@ bad-address" },
	};
	struct net *net = office();

	(void)state;
	forward(net, "f1@example.com", "SMTP:ann@example.com");
	forward(net, "f2@example.com", "f1@example.com");
	forward(net, "out@example.com", "out@f.com");
	forward(net, "contact@f.com", "SMTP:contact@f.com");
	net_set(forward(net, "alias@example.com", "contact2@f.com"), "proxyAddresses", "smtp:contact2@f.com");
	forward(net, "self@example.com", "self@example.com"); /* §5, never 5.1.1 */
	forward(net, "loop1@example.com", "loop2@example.com");
	forward(net, "loop2@example.com", "loop1@example.com");
	forward(net, "c1@example.com", "c2@example.com");
	forward(net, "c2@example.com", "c3@example.com");
	forward(net, "c3@example.com", "c1@example.com");
	forward(net, "fax@example.com", "FAX:123");
	forward(net, "broken@example.com", "@@");
	CHECK(net, cases);
}

/* What profiles make of altRecipient. */
static struct entry *forward_dn(struct net *net, const char *mail, const char *home, const char *to)
{
	struct entry *entry = net_person(net, mail, home);

	entry_add_text(entry, "waypostForwardDN", person_dn(net, to));
	return entry;
}

static void test_1_a_forward_may_name_an_entry(void **state)
{
	static const struct answer_case cases[] = {
		{ "f1@example.com", "mailbox ann@example.com HTA1" },
		{ "f2@example.com", "mailbox ann@example.com HTA1" },
		/* Nobody there, nobody with an address, the entry itself: the mailbox. */
		{ "gone@example.com", "mailbox HTA1" },
		{ "mute@example.com", "mailbox HTA1" },
		{ "self@example.com", "mailbox HTA1" },
		{ "bad@example.com", "mailbox HTA1" },
		{ "loop1@example.com", "rejected loop1@example.com forward-loop" },
		{ "both@example.com", "expanded" },
	};
	struct net *net = office();
	const char *answer;

	(void)state;
	net_add(net, "person", person_dn(net, "nobody"), NULL);
	forward_dn(net, "f1@example.com", "HTB1", "ann@example.com");
	net_set(forward_dn(net, "f2@example.com", "HTB1", "f1@example.com"), "targetAddress", "x@f.com");
	forward_dn(net, "gone@example.com", "HTA1", "who@example.com");
	forward_dn(net, "mute@example.com", "HTA1", "nobody");
	forward_dn(net, "self@example.com", "HTA1", "self@example.com");
	entry_add_text(net_person(net, "bad@example.com", "HTA1"), "waypostForwardDN", "no DN");
	forward_dn(net, "loop1@example.com", "HTA1", "loop2@example.com");
	forward_dn(net, "loop2@example.com", "HTA1", "loop1@example.com");
	entry_add_text(forward_dn(net, "both@example.com", "HTB1", "ann@example.com"),
		       "waypostDeliverAndRedirect", "TRUE");
	net_build(net);
	answer = net_route(net, "HTA1", "both@example.com", 0);
	assert_non_null(strstr(answer, "\"server\":\"HTA1\""));
	assert_non_null(strstr(answer, "\"site\":\"B\""));
	CHECK(net, cases);
}

/* A legacy name, else a database with an owner or below its server, else nothing. */
static void test_3_a_home_may_be_a_legacy_name_or_a_database(void **state)
{
	static const struct answer_case cases[] = {
		{ "name@example.com", "mailbox EX1" },
		{ "owned@example.com", "mailbox EX1" },
		{ "below@example.com", "mailbox EX1" },
		{ "moved@example.com", "mailbox EX1" },
		{ "lost@example.com", "unreachable no-home-server" },
		{ "orphan@example.com", "unreachable no-home-server" },
	};
	struct net *net = office();
	struct entry *entry;

	(void)state;
	net_add(net, "ExchangeServer", "cn=EX1,cn=Servers", "Role", "mailbox", "SiteDN",
		net_dn(net, "Sites", "A"), "LegacyName", "/o=Org/ou=Group/cn=EX1", NULL);
	net_add(net, "MailboxDatabase", "cn=DB,cn=Databases", "OwningServer",
		net_dn(net, "Servers", "EX1"), NULL);
	net_add(net, "MailboxDatabase", "cn=DB,cn=Store,cn=EX1,cn=Servers", NULL);
	net_add(net, "MailboxDatabase", "cn=Orphan,cn=Databases", NULL);
	net_set(net_person(net, "name@example.com", NULL), "HomeName", "/O=ORG/ou=group/cn=ex1");
	net_set(net_person(net, "owned@example.com", NULL), "HomeServer", net_dn(net, "Databases", "DB"));
	net_set(net_person(net, "below@example.com", NULL), "HomeServer",
		net_dn(net, "Store,cn=EX1,cn=Servers", "DB"));
	entry = net_person(net, "moved@example.com", NULL);
	net_set(entry, "HomeName", "/o=Org/cn=gone");
	net_set(entry, "HomeServer", net_dn(net, "Databases", "DB"));
	net_set(net_person(net, "lost@example.com", NULL), "HomeName", "/o=Org/cn=gone");
	net_set(net_person(net, "orphan@example.com", NULL), "HomeServer",
		net_dn(net, "Databases", "Orphan"));
	net_build(net);
	assert_int_equal(net_diagnostics(net, "missing-attribute"), 1);
	assert_int_equal(net_diagnostics(net, "duplicate-name"), 0);
	CHECK(net, cases);
}

static void test_1_the_chain_of_rewrites_is_told(void **state)
{
	struct net *net = office();

	(void)state;
	forward(net, "f1@example.com", "ann@example.com");
	forward(net, "f2@example.com", "F1@example.com");
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTA1", "f2@example.com", 0),
			       "\"recipient\":\"f2@example.com\",\"resolved\":\"ann@example.com\","
			       "\"via\":[\"f2@example.com\",\"F1@example.com\"],"
			       "\"outcome\":\"mailbox\""));
	net_free(net);
}

static void test_1_sixteen_rewrites_are_followed_and_no_more(void **state)
{
	struct net *net = office();

	(void)state;
	for (int i = 1; i <= 17; i++)
		forward(net, talloc_asprintf(net->ctx, "n%d@example.com", i),
			i == 1 ? "ann@example.com" : talloc_asprintf(net->ctx, "n%d@example.com", i - 1));
	net_build(net);
	assert_string_equal(ask(net, "n16@example.com"), "mailbox ann@example.com HTA1");
	assert_non_null(strstr(ask(net, "n17@example.com"), "forward-loop"));
	net_free(net);
}

static void test_1_mail_host_with_routing_address_goes_to_that_host(void **state)
{
	struct net *net = office();
	struct entry *entry = net_person(net, "laser@example.com", NULL);

	(void)state;
	net_set(entry, "mailHost", "htb1.example.com");
	net_set(entry, "mailRoutingAddress", "laser@inner.example.com");
	net_build(net);
	assert_string_equal(ask(net, "laser@example.com"), "relay-site laser@inner.example.com B");
	net_free(net);
}

static void test_0_postmaster_finds_the_organisations(void **state)
{
	struct net *net = office();

	(void)state;
	net_build(net);
	assert_string_equal(ask(net, "postmaster"),
			    "unreachable postmaster@example.com postmaster-undeliverable");
	net_set(net_find(net, "cn=Waypost"), "Postmaster", "ann@example.com");
	net_build(net);
	assert_string_equal(ask(net, "Postmaster"), "mailbox ann@example.com HTA1");
	assert_string_equal(ask(net, "postmaster@relay.com"), "mailbox ann@example.com HTA1");
	assert_string_equal(ask(net, "postmaster@f.com"), "connector Internet");
	net_person(net, "postmaster@example.com", "HTB1");
	net_build(net);
	assert_string_equal(ask(net, "postmaster@example.com"), "relay-site B");
	net_free(net);
}

static void test_0_a_subaddress_is_tried_after_the_full_address(void **state)
{
	struct net *net = office();

	(void)state;
	net_build(net);
	assert_string_equal(ask(net, "ann+lists@example.com"), "rejected unknown-recipient");
	net_set(net_find(net, "cn=Waypost"), "SubaddressDelimiter", "+");
	net_person(net, "ann+own@example.com", "HTB1");
	net_build(net);
	assert_string_equal(ask(net, "ann+lists@example.com"), "mailbox HTA1"); /* the tag stays */
	assert_string_equal(ask(net, "ann+own@example.com"), "relay-site B");
	assert_string_equal(ask(net, "+ann@example.com"), "rejected unknown-recipient");
	net_free(net);
}

static void test_malformed_recipients_are_rejected(void **state)
{
	static const struct answer_case cases[] = {
		{ "", "rejected bad-address" },
		{ "ann", "rejected bad-address" },
		{ "a b@example.com", "rejected bad-address" },
		{ "IMCEAFAX-+zz@example.com", "rejected bad-address" },
	};

	(void)state;
	CHECK(office(), cases);
}

static void test_an_address_on_two_entries(void **state)
{
	static const struct answer_case cases[] = {
		{ "two@example.com", "rejected duplicate-address" },
		{ "same@example.com", "relay-site B" },
		{ "fwd@example.com", "mailbox ann@example.com HTA1" },
	};
	static const char *const homes[][3] = { { "two@example.com", "HTA1", "HTB1" },
						{ "same@example.com", "HTB1", "HTB1" } };
	struct net *net = office();

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (int n = 1; n <= 2; n++)
			net_set(net_person(net, talloc_asprintf(net->ctx, "x%zu%d@example.com", i, n),
					   homes[i][n]),
				"proxyAddresses", talloc_asprintf(net->ctx, "smtp:%s", homes[i][0]));
	net_set(forward(net, "y1@example.com", "ann@example.com"), "mailLocalAddress", "fwd@example.com");
	net_set(forward(net, "y2@example.com", "ANN@example.com"), "mailLocalAddress", "fwd@example.com");
	CHECK(net, cases);
}

/* The members' recipients in order, nested ones in brackets. */
static char *members(struct net *net, const json_t *answer, char *text)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(answer, "recipients"), i, item) {
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? " " : "",
					      json_string_value(json_object_get(item, "recipient")));
		if (json_object_get(item, "recipients") != NULL) {
			text = talloc_asprintf_append(text, "[");
			text = members(net, item, text);
			text = talloc_asprintf_append(text, "]");
		}
	}
	return text;
}

static const char *expand(struct net *net, const char *recipient)
{
	json_t *json = json_loads(net_route(net, "HTA1", recipient, 0), 0, NULL);
	const char *text = members(net, json, talloc_strdup(net->ctx, ""));

	json_decref(json);
	return text;
}

static void test_2_groups_nest_and_cycles_are_cut(void **state)
{
	struct net *net = office();
	struct entry *outer = group(net, "outer@example.com"), *inner = group(net, "inner@example.com");
	struct entry *silent = group(net, "silent");

	(void)state;
	member(net, outer, "ann@example.com");
	member(net, outer, "inner@example.com");
	member(net, outer, "silent");
	member(net, outer, "gone@example.com");
	net_set(outer, "rfc822MailMember", "friend@f.com");
	member(net, inner, "bob@example.com");
	member(net, inner, "outer@example.com"); /* the cycle */
	member(net, inner, "ann@example.com");   /* a second way to ann */
	member(net, silent, "hta1@example.com");
	net_build(net);
	assert_string_equal(expand(net, "outer@example.com"),
			    "ann@example.com inner@example.com[bob@example.com] "
			    "cn=silent,ou=people,dc=example,dc=com[hta1@example.com] friend@f.com");
	assert_string_equal(expand(net, "inner@example.com"),
			    "bob@example.com outer@example.com[cn=silent,ou=people,dc=example,dc=com"
			    "[hta1@example.com] friend@f.com] ann@example.com");
	net_free(net);
}

static void test_2_every_member_has_its_own_answer(void **state)
{
	struct net *net = office();
	struct entry *team = group(net, "team@example.com");

	(void)state;
	member(net, team, "ann@example.com");
	net_set(team, "mgrpRFC822MailMember", "friend@f.com");
	net_build(net);
	assert_string_equal(net_route(net, "HTA1", "team@example.com", 0),
		"{\"from\":\"HTA1\",\"recipient\":\"team@example.com\",\"outcome\":\"expanded\","
		"\"recipients\":[{\"from\":\"HTA1\",\"recipient\":\"ann@example.com\","
		"\"outcome\":\"mailbox\",\"server\":\"HTA1\"},{\"from\":\"HTA1\","
		"\"recipient\":\"friend@f.com\",\"connector\":\"Internet\",\"total_cost\":1,"
		"\"address_space\":\"*\",\"outcome\":\"connector\"}]}");
	net_free(net);
}

static void test_2_a_group_without_members_is_accepted_and_dropped(void **state)
{
	struct net *net = office();
	struct entry *dead = group(net, "dead@example.com");

	(void)state;
	group(net, "empty@example.com");
	member(net, dead, "gone@example.com");
	net_build(net);
	assert_string_equal(net_route(net, "HTA1", "empty@example.com", 0),
			    "{\"from\":\"HTA1\",\"recipient\":\"empty@example.com\","
			    "\"outcome\":\"discarded\"}");
	assert_string_equal(ask(net, "dead@example.com"), "discarded");
	net_free(net);
}

static void test_2_deep_nesting_costs_no_stack(void **state)
{
	enum { DEPTH = 20000 };
	struct net *net = office();

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		struct entry *level = group(net, talloc_asprintf(net->ctx, "g%d@example.com", i));

		member(net, level, i + 1 < DEPTH ? talloc_asprintf(net->ctx, "g%d@example.com", i + 1) :
						   "ann@example.com");
	}
	net_build(net);
	{
		struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, "HTA1"));
		const struct resolve_query query = { .authenticated = true };
		struct resolution *result;

		assert_int_equal(resolve_recipient(net->ctx, vp, &net->recipients, &query,
						   "g0@example.com", &result, NULL), 0);
		assert_int_equal(result->count, DEPTH + 1);
		assert_int_equal(result->items[DEPTH].kind, RESOLVED_MAILBOX);
		viewpoint_free(vp);
	}
	net_free(net);
}

static void test_inside_only_recipients_refuse_outside_senders(void **state)
{
	static const char query[] = "{\"from\":\"HTA1\",\"recipient\":\"shy@example.com\","
				    "\"authenticated\":false}";
	struct net *net = office();

	(void)state;
	net_set(net_person(net, "shy@example.com", "HTA1"), "RequireAuth", "TRUE");
	net_build(net);
	assert_string_equal(ask(net, "shy@example.com"), "mailbox HTA1");
	assert_string_equal(brief(net, net_ask(net, query)), "rejected sender-not-allowed");
	net_free(net);
}

static void test_size_limits_of_recipients_and_groups(void **state)
{
	struct net *net = office();
	struct entry *team = group(net, "team@example.com");

	(void)state;
	net_set(net_person(net, "small@example.com", "HTB1"), "MaxMessageSize", "100");
	net_set(team, "MaxMessageSize", "50");
	member(net, team, "ann@example.com");
	net_build(net);
	assert_string_equal(brief(net, net_route(net, "HTA1", "small@example.com", 100)), "relay-site B");
	assert_non_null(strstr(net_route(net, "HTA1", "small@example.com", 101),
			       "\"outcome\":\"rejected\",\"status\":\"5.2.3\",\"reason\":\"recipient-size\""));
	assert_string_equal(brief(net, net_route(net, "HTA1", "team@example.com", 50)), "expanded");
	assert_string_equal(brief(net, net_route(net, "HTA1", "team@example.com", 51)),
			    "rejected recipient-size");
	net_free(net);
}

static void test_the_organisations_limit_comes_before_the_recipients(void **state)
{
	struct net *net = office();

	(void)state;
	net_set(net_find(net, "cn=Waypost"), "MaxSendSize", "100");
	net_build(net);
	assert_string_equal(brief(net, net_route(net, "HTA1", "nobody@example.com", 101)),
			    "rejected organization-size");
	assert_string_equal(brief(net, net_route(net, "HTA1", "ann@example.com", 100)), "mailbox HTA1");
	net_free(net);
}

static void test_resolving_again_changes_nothing_but_the_home(void **state)
{
	struct net *net = office();
	struct entry *host;
	struct resolved leaf;
	struct viewpoint *vp;

	(void)state;
	forward(net, "fwd@example.com", "ann@example.com");
	host = net_person(net, "host@example.com", NULL);
	net_set(host, "mailRoutingAddress", "host@example.com");
	net_set(host, "mailHost", "HTB1.example.com");
	net_build(net);
	vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, "HTA1"));
	assert_int_equal(resolve_again(net->ctx, vp, &net->recipients, "bob@example.com", &leaf, NULL), 0);
	assert_int_equal(leaf.kind, RESOLVED_MAILBOX);
	assert_int_equal(leaf.home, snapshot_find_server(&net->snap, "HTB1"));
	assert_int_equal(resolve_again(net->ctx, vp, &net->recipients, "fwd@example.com", &leaf, NULL), 0);
	assert_int_equal(leaf.kind, RESOLVED_EXTERNAL);
	/* A forward to a host stays with the host. */
	assert_int_equal(resolve_again(net->ctx, vp, &net->recipients, "host@example.com", &leaf, NULL), 0);
	assert_int_equal(leaf.kind, RESOLVED_MAILBOX);
	assert_int_equal(leaf.home, snapshot_find_server(&net->snap, "HTB1"));
	viewpoint_free(vp);
	net_free(net);
}

/* The leaf of an address under QUERY, as "kind reason address domain via". */
static const char *leaf_of(struct net *net, const struct resolve_query *query, const char *address)
{
	struct viewpoint *vp = viewpoint_new(&net->snap, snapshot_find_server(&net->snap, "HTA1"));
	struct resolution *r;
	struct err err;
	const char *text;

	assert_int_equal(resolve_recipient(net->ctx, vp, &net->recipients, query, address, &r, &err), 0);
	assert_int_equal(r->count, 1);
	text = talloc_asprintf(net->ctx, "%u %s %s %s %u", r->items[0].kind,
			       reason_row(r->items[0].reason)->id, r->items[0].address,
			       r->items[0].domain, r->items[0].n_via);
	viewpoint_free(vp);
	return text;
}

static void test_nothing_is_looked_up_for_a_linked_connector(void **state)
{
	const struct resolve_query query = { .is_linked = true };
	struct net *net = net_new();

	(void)state;
	net_sites(net, "A");
	net_set(net_person(net, "boss@example.com", "HTA1"), "RequireAuth", "TRUE");
	net_set(net_person(net, "away@example.com", "HTA1"), "mailRoutingAddress", "x@f.com");
	net_build(net);
	assert_string_equal(leaf_of(net, &query, "nobody@example.com"), "1  nobody@example.com example.com 0");
	assert_string_equal(leaf_of(net, &query, "boss@example.com"), "1  boss@example.com example.com 0");
	assert_string_equal(leaf_of(net, &query, "away@example.com"), "1  away@example.com example.com 0");
	assert_string_equal(leaf_of(net, &query, "no address"), "6 bad-address no address  0");
	net_free(net);
}

static void test_queries_that_cannot_be_answered_say_why(void **state)
{
	static const char *const table[][2] = {
		{ "[]", "a query is a JSON object" },
		{ "{\"recipient\":\"u@f.com\"}", "from is missing or no string" },
		{ "{\"from\":\"HTA1\"}", "recipient is missing or no string" },
		{ "{\"from\":\"X\",\"recipient\":\"u@f.com\"}", "there is no server X" },
		{ "{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"size\":-1}",
		  "size has to be a number of octets" },
		{ "{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"size\":\"1\"}",
		  "size has to be a number of octets" },
		{ "{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"authenticated\":1}",
		  "authenticated has to be true or false" },
		{ "{\"from\":\"HTA1\",\"recipient\":\"u@f.com\",\"receive_connector\":\"HTA1\"}",
		  "there is no receive connector HTA1" },
	};
	struct net *net = office();

	(void)state;
	net_build(net);
	for (size_t i = 0; i < WP_COUNT(table); i++)
		assert_string_equal(net_ask(net, table[i][0]),
				    talloc_asprintf(net->ctx, "{\"error\":\"%s\"}", table[i][1]));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_3_homes_decide_local_remote_and_unknown),
		cmocka_unit_test(test_3_a_foreign_mail_host_is_named_as_the_server),
		cmocka_unit_test(test_3_reasons_are_tested_in_their_order),
		cmocka_unit_test(test_3_default_homes_of_domain_and_organisation),
		cmocka_unit_test(test_4_unknown_recipients),
		cmocka_unit_test(test_1_forwards_are_followed_and_loops_found),
		cmocka_unit_test(test_1_a_forward_may_name_an_entry),
		cmocka_unit_test(test_3_a_home_may_be_a_legacy_name_or_a_database),
		cmocka_unit_test(test_1_the_chain_of_rewrites_is_told),
		cmocka_unit_test(test_1_sixteen_rewrites_are_followed_and_no_more),
		cmocka_unit_test(test_1_mail_host_with_routing_address_goes_to_that_host),
		cmocka_unit_test(test_0_postmaster_finds_the_organisations),
		cmocka_unit_test(test_0_a_subaddress_is_tried_after_the_full_address),
		cmocka_unit_test(test_malformed_recipients_are_rejected),
		cmocka_unit_test(test_an_address_on_two_entries),
		cmocka_unit_test(test_2_groups_nest_and_cycles_are_cut),
		cmocka_unit_test(test_2_every_member_has_its_own_answer),
		cmocka_unit_test(test_2_a_group_without_members_is_accepted_and_dropped),
		cmocka_unit_test(test_2_deep_nesting_costs_no_stack),
		cmocka_unit_test(test_inside_only_recipients_refuse_outside_senders),
		cmocka_unit_test(test_size_limits_of_recipients_and_groups),
		cmocka_unit_test(test_the_organisations_limit_comes_before_the_recipients),
		cmocka_unit_test(test_resolving_again_changes_nothing_but_the_home),
		cmocka_unit_test(test_nothing_is_looked_up_for_a_linked_connector),
		cmocka_unit_test(test_queries_that_cannot_be_answered_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
