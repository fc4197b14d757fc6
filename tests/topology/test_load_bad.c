/*
 * Directories that say what they should not: every kind of bad input has a diagnostic of its own
 * with a stable id, the good part routes on, and no answer is cut short. One row each.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "common/dn.h"
#include "tests/topology/net.h"
#include "topology/diag.h"

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SITE(name) "cn=" name ",cn=Sites," NET_SUFFIX
#define ENTRY(dn, class) "dn: " dn "," NET_SUFFIX "\nobjectClass: waypost" class "\n"
#define LINK(name, rest) ENTRY("cn=" name ",cn=Site Links", "SiteLink") rest
#define MEMBER(name) "waypostLinkedSite: " SITE(name) "\n"
#define SPACE(value) ENTRY("cn=Odd,cn=Send Connectors", "SendConnector") \
	"waypostSourceServer: cn=HTA1,cn=Servers," NET_SUFFIX "\n" "waypostAddressSpace:" value "\n"
#define DOMAIN(value) ENTRY("cn=odd,cn=Accepted Domains", "AcceptedDomain") "waypostDomain:" value "\n"

/* A healthy row A–B–C with the Internet connector at C. */
static struct net *healthy(void)
{
	struct net *net = net_new();

	net_sites(net, "A B C");
	net_link(net, "A-B 10");
	net_link(net, "B-C 10");
	net_connector(net, "Internet", "HTC1", "*;5");
	return net;
}

static unsigned count(struct net *net, const char *id, const char *shown)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < snap_count(&net->snap, SNAP_DIAGS); i++) {
		const struct snap_diag *diag = snap_diag(&net->snap, i);
		const char *value = snap_str(&net->snap, diag->value);

		n += strcmp(diag_row(diag->row)->id, id) == 0 &&
		     (shown == NULL || strcmp(value, shown) == 0);
	}
	return n;
}

struct bad {
	const char *what, *ldif;
	const char *id, *shown; /* SHOWN null: whatever the value */
};

static void check_rows(const struct bad *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct net *net = healthy();

		net_build(net);
		if (count(net, table[i].id, table[i].shown) != 0)
			fail_msg("%s: the healthy network has it already", table[i].what);
		net_ldif(net, table[i].ldif);
		net_build(net);
		if (count(net, table[i].id, table[i].shown) != 1)
			fail_msg("%s: %u × %s", table[i].what, count(net, table[i].id, table[i].shown),
				 table[i].id);
		assert_string_equal(net_path(net, "A", "C"), "A>B>C 20/2");
		assert_string_equal(net_select(net, "HTA1", "u@f.com", 0), "Internet");
		assert_non_null(strstr(net_route(net, "HTA1", "htc1@example.com", 0), "relay-site"));
		net_free(net);
	}
}

static void test_links(void **state)
{
	static const struct bad table[] = {
		{ "a loop", LINK("Loop", MEMBER("A") MEMBER("A")), "link-without-sites", "" },
		{ "one member", LINK("One", MEMBER("A")), "link-without-sites", "" },
		{ "no member", LINK("None", ""), "link-without-sites", "" },
		{ "a dangling member", LINK("Off", MEMBER("A") MEMBER("Nowhere")), "unknown-site",
		  SITE("Nowhere") },
		{ "a member that is no site", LINK("Off", MEMBER("A")
		  "waypostLinkedSite: cn=HTA1,cn=Servers," NET_SUFFIX "\n"), "unknown-site", NULL },
		{ "a huge cost", LINK("Big", MEMBER("A") MEMBER("C")
		  "waypostCost: 999999999999999999999999999999\n"), "out-of-range", NULL },
		{ "a huge mail cost", LINK("Big", MEMBER("A") MEMBER("C")
		  "waypostCost: 100\nwaypostMailCost: 4294967297\n"), "out-of-range", "4294967297" },
		{ "a cost that is no number", LINK("Big", MEMBER("A") MEMBER("C") "waypostCost: 1e3\n"),
		  "bad-value", "1e3" },
	};

	(void)state;
	check_rows(table, WP_COUNT(table));
}

static void test_references(void **state)
{
	static const struct bad table[] = {
		{ "a server of no site", ENTRY("cn=S,cn=Servers", "Server")
		  "waypostSiteDN: " SITE("Nowhere") "\n", "unknown-site", SITE("Nowhere") },
		{ "and so without a site", ENTRY("cn=S,cn=Servers", "Server")
		  "waypostSiteDN: " SITE("Nowhere") "\n", "server-without-site", NULL },
		{ "a subnet of no site", ENTRY("cn=10.0.0.0/8,cn=Subnets", "Subnet")
		  "waypostSiteDN: " SITE("Nowhere") "\n", "missing-attribute", NULL },
		{ "a source that is none", ENTRY("cn=Odd,cn=Send Connectors", "SendConnector")
		  "waypostSourceServer: " SITE("A") "\nwaypostAddressSpace: f.com\n", "unknown-reference",
		  SITE("A") },
		{ "and so without a source", ENTRY("cn=Odd,cn=Send Connectors", "SendConnector")
		  "waypostSourceServer: " SITE("A") "\nwaypostAddressSpace: f.com\n", "connector-no-source",
		  NULL },
		{ "a link to no receive connector", SPACE(" g.com")
		  "waypostLinkedReceiveConnector: cn=x,cn=HTA1,cn=Servers," NET_SUFFIX "\n",
		  "unknown-reference", NULL },
		{ "a catch-all that is no DN", DOMAIN(" odd.com") "waypostCatchAll: somebody\n",
		  "bad-value", "somebody" },
		{ "a default home that is none", DOMAIN(" odd.com")
		  "waypostDefaultHomeServer: " SITE("A") "\n", "unknown-reference", SITE("A") },
		{ "a receive connector below nothing", ENTRY("cn=R,cn=Sites", "ReceiveConnector"),
		  "receive-without-server", NULL },
	};

	(void)state;
	check_rows(table, WP_COUNT(table));
}

static void test_names(void **state)
{
	static const struct bad table[] = {
		{ "a second site", ENTRY("cn=b,cn=Zoo,cn=Sites", "Site"), "duplicate-name", NULL },
		{ "a second server", ENTRY("cn=htb1,cn=Zoo,cn=Servers", "Server"), "duplicate-name",
		  NULL },
		{ "a second connector", ENTRY("cn=INTERNET,cn=Zoo", "SendConnector"), "duplicate-name",
		  NULL },
		{ "a second link", ENTRY("cn=A-B,cn=Zoo", "SiteLink"), "duplicate-name", NULL },
		{ "two spellings of one DN", ENTRY("CN=A, CN=Sites", "Site"), "duplicate-name", NULL },
		/* Müller, composed and decomposed; Straße and STRASSE. */
		{ "two normal forms", ENTRY("cn=M\xc3\xbcller,cn=Sites", "Site") "\n"
		  ENTRY("cn=Mu\xcc\x88ller,cn=Zoo", "Site"), "duplicate-name", NULL },
		{ "two cases of one name", ENTRY("cn=Stra\xc3\x9f""e,cn=Sites", "Site") "\n"
		  ENTRY("cn=STRASSE,cn=Sites", "Site"), "duplicate-name", NULL },
		{ "no name", ENTRY("cn=,cn=Sites", "Site"), "no-name", NULL },
		{ "a name with a NUL", ENTRY("ou=x,cn=Sites", "Site") "cn:: QQBC\n", "no-name", NULL },
		{ "an escaped NUL", ENTRY("cn=A\\00B,cn=Sites", "Site"), "no-name", NULL },
		{ "a control character", ENTRY("cn=A\\07B,cn=Sites", "Site"), "no-name", NULL },
		{ "a line break", ENTRY("cn=A\\0D\\0AB,cn=Servers", "Server"), "no-name", NULL },
		{ "a turn of the writing", ENTRY("cn=A\\E2\\80\\AEB,cn=Sites", "Site"), "no-name", NULL },
		{ "a C1 control character", ENTRY("cn=A\\C2\\85B,cn=Sites", "Site"), "no-name", NULL },
		{ "no UTF-8", ENTRY("cn=A\\FF,cn=Sites", "Site"), "no-name", NULL },
		{ "no DN", "dn: nonsense\nobjectClass: waypostSite\ncn: x\n", "bad-dn", NULL },
	};

	(void)state;
	check_rows(table, WP_COUNT(table));
}

static void test_address_spaces(void **state)
{
	static const char *const values[] = {
		"*contoso.com", "con*.com", "*.*.com", "a.*.com", "*.", ".", ".com", "a..com", "a.com..",
		"-a.com", "a-.com", LABEL_63 "a.com", "*." LABEL_63 "a.com",
		LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".com", "a b.com", "a.com;x", "a.com;5;6",
		"a.com;-1", "a.com; 5", "SMTP:", ":a.com", "T_Y:x", "[192.0.2.300]", "[192.0.2.0/33]",
		"[2001:db8::/129]", "[192.0.2.1-192.0.2.9]", "[192.0.2.1", "[]", ";5", "user@a.com", "-",
	};
	static const struct bad table[] = {
		{ "a cost of 0", SPACE(" g.com;0"), "bad-space-cost", "g.com;0" },
		{ "a cost of 101", SPACE(" g.com;101"), "bad-space-cost", "g.com;101" },
		{ "a huge cost", SPACE(" g.com;18446744073709551617"), "bad-space-cost", NULL },
		{ "another type by DNS", SPACE(" FAX:*"), "space-needs-smarthost", "FAX:*" },
		{ "a NUL", SPACE(": Zi5jb20AeA=="), "bad-address-space", "(binary or long)" },
		{ "a line break", SPACE(": Zi5jb20KeA=="), "bad-address-space", NULL },
		{ "no UTF-8", SPACE(": /2YuY29t"), "bad-address-space", "(binary or long)" },
		{ "nothing", SPACE(""), "bad-address-space", "" },
	};

	(void)state;
	check_rows(table, WP_COUNT(table));
	for (size_t i = 0; i < WP_COUNT(values); i++) {
		struct bad bad = { values[i], NULL, "bad-address-space", NULL };
		char ldif[1024];

		snprintf(ldif, sizeof(ldif), SPACE(" %s"), values[i]);
		bad.ldif = ldif;
		check_rows(&bad, 1);
	}
}

static void test_accepted_domains(void **state)
{
	static const char *const values[] = {
		"*contoso.com", "*", "*.*.com", "a..com", ".com", LABEL_63 "a.com", "[192.0.2.1]", "a b.com",
		"user@a.com",
	};
	static const struct bad table[] = {
		{ "none", ENTRY("cn=odd,cn=Accepted Domains", "AcceptedDomain"), "missing-attribute", NULL },
		{ "another for one domain", DOMAIN(" EXAMPLE.com."), "duplicate-domain", NULL },
		{ "a type that is none", DOMAIN(" odd.com") "waypostDomainType: ours\n", "bad-value", "ours" },
		{ "a NUL", DOMAIN(": Zi5jb20AeA=="), "bad-domain", NULL },
	};

	(void)state;
	check_rows(table, WP_COUNT(table));
	for (size_t i = 0; i < WP_COUNT(values); i++) {
		struct bad bad = { values[i], NULL, "bad-domain", values[i] };
		char ldif[1024];

		snprintf(ldif, sizeof(ldif), DOMAIN(" %s"), values[i]);
		bad.ldif = ldif;
		check_rows(&bad, 1);
	}
}

static void test_subnets(void **state)
{
	static const char *const names[] = { "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "x/8",
					     "10.0.0.0/-1", "/8", "10.0.0.0/" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(names); i++) {
		struct bad bad = { names[i], NULL, "bad-subnet", names[i] };
		char ldif[512];

		snprintf(ldif, sizeof(ldif), ENTRY("cn=%s,cn=Subnets", "Subnet") "waypostSiteDN: %s\n",
			 names[i], SITE("A"));
		bad.ldif = ldif;
		check_rows(&bad, 1);
	}
}

/* What goes into a protocol or a file as it stands has to be printable. */
static void test_texts(void **state)
{
	static const struct bad table[] = {
		{ "a smart host of two lines", SPACE(" g.com") "waypostSmartHost:: YQpi\n", "bad-value", NULL },
		{ "a banner of two lines", ENTRY("cn=R,cn=HTA1,cn=Servers", "ReceiveConnector")
		  "waypostBanner:: YQ0KYg==\n", "bad-value", NULL },
		{ "a drop directory with a NUL", ENTRY("cn=F", "ForeignConnector")
		  "waypostDropDirectory:: YQBi\n", "bad-value", "(binary or long)" },
	};
	struct net *net = healthy();

	(void)state;
	check_rows(table, WP_COUNT(table));
	/* A comment may have lines. */
	net_ldif(net, ENTRY("cn=S,cn=Sites", "Site") "description:: YQpi\n");
	net_build(net);
	assert_int_equal(net_diagnostics(net, "bad-value"), 0);
	net_free(net);
}

static void test_a_malformed_default_is_the_default_not_the_opposite(void **state)
{
	struct net *net = healthy();

	(void)state;
	net_set(net_find(net, "cn=example.com,cn=Acc"), "RecipientLookup", "sometimes");
	net_set(net_find(net, "cn=Waypost"), "Postmaster", "no address");
	net_set(net_find(net, "cn=B,cn=Sites"), "InboundMail", "perhaps");
	net_person(net, "postmaster@example.com", "HTC1");
	net_build(net);
	assert_int_equal(count(net, "bad-value", "sometimes"), 1);
	assert_int_equal(count(net, "bad-value", "no address"), 1);
	assert_int_equal(count(net, "bad-value", "perhaps"), 1);
	assert_non_null(strstr(net_route(net, "HTA1", "nobody@example.com", 0), "unknown-recipient"));
	assert_non_null(strstr(net_route(net, "HTA1", "postmaster", 0),
			       "\"resolved\":\"postmaster@example.com\""));
	assert_non_null(strstr(net_route(net, "HTA1", "htb1@example.com", 0), "relay-site"));
	net_free(net);
}

static void test_names_of_any_script_route(void **state)
{
	static const char *const names[] = { "Z\xc3\xbcrich", "\xe6\x9d\xb1\xe4\xba\xac",
					     "\xd9\x85\xd9\x83\xd8\xaa\xd8\xa8", "\xf0\x9f\x8f\xa2",
					     "M\xc3\xa9xico, D.F.", "a+b=\"c\"" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(names); i++) {
		struct net *net = healthy();
		char *dn = talloc_asprintf(net->ctx, "cn=%s,cn=Sites," NET_SUFFIX,
					   dn_escape(net->ctx, names[i]));
		struct entry *hub;

		net_add(net, "Site", dn, NULL);
		hub = net_add(net, "Server", "cn=Far,cn=Servers", "Role", "hub", NULL);
		net_set(hub, "SiteDN", dn);
		net_set(net_find(net, "cn=B-C"), "LinkedSite", dn);
		net_person(net, "far@example.com", "Far");
		net_build(net);
		assert_int_equal(net_diagnostics(net, "no-name"), 0);
		assert_string_equal(net_path(net, "A", names[i]),
				    talloc_asprintf(net->ctx, "A>B>%s 20/2", names[i]));
		assert_non_null(strstr(net_route(net, "HTA1", "far@example.com", 0), "relay-site"));
		net_free(net);
	}
}

static void test_ten_thousand_address_spaces_on_one_connector(void **state)
{
	struct net *net = healthy();
	struct entry *wide = net_connector(net, "Wide", "HTA1", "d0.example.net;7");

	(void)state;
	for (int i = 1; i < 10000; i++)
		net_set(wide, "AddressSpace", talloc_asprintf(net->ctx, "d%d.example.net;%d", i,
							      1 + i % 100));
	net_set(wide, "AddressSpace", "*example.net");
	net_build(net);
	assert_int_equal(count(net, "bad-address-space", "*example.net"), 1);
	assert_non_null(strstr(net_route(net, "HTA1", "u@d9999.example.net", 0),
			       "\"connector\":\"Wide\",\"total_cost\":100"));
	assert_string_equal(net_select(net, "HTA1", "u@d10000.example.net", 0), "Internet");
	net_free(net);
}

/* Sums of the highest costs are far from the end of a number, and are compared whole. */
static void test_the_dearest_path_is_still_a_path(void **state)
{
	struct net *net = net_new();
	char last[16] = "S000";

	(void)state;
	net_site(net, last);
	for (int i = 1; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "S%03d", i);
		net_site(net, name);
		net_link(net, talloc_asprintf(net->ctx, "%s-%s 99999999999999999999999", last, name));
		strcpy(last, name);
	}
	net_build(net);
	assert_non_null(strstr(net_route(net, "HTS0001", "hts2991@example.com", 0),
			       "\"cost\":29899701,\"hops\":299"));
	net_free(net);
}

static void test_circles_of_forwards_and_groups_end(void **state)
{
	struct net *net = healthy();

	(void)state;
	net_ldif(net, "dn: cn=g1,dc=example,dc=com\nobjectClass: groupOfNames\nmail: g1@example.com\n"
		      "member: cn=g2,dc=example,dc=com\n\n"
		      "dn: cn=g2,dc=example,dc=com\nobjectClass: groupOfNames\nmail: g2@example.com\n"
		      "member: cn=g3,dc=example,dc=com\nmember: cn=nobody,dc=example,dc=com\n\n"
		      "dn: cn=g3,dc=example,dc=com\nobjectClass: groupOfNames\nmail: g3@example.com\n"
		      "member: cn=g1,dc=example,dc=com\nmember: cn=g3,dc=example,dc=com\n"
		      "rfc822MailMember: f@example.com\nrfc822MailMember: no address\n\n"
		      "dn: cn=f,dc=example,dc=com\nobjectClass: inetLocalMailRecipient\nmail: f@example.com\n"
		      "mailRoutingAddress: g1@example.com\n");
	net_build(net);
	assert_string_equal(net_route(net, "HTA1", "g1@example.com", 0),
		"{\"from\":\"HTA1\",\"recipient\":\"g1@example.com\",\"outcome\":\"expanded\",\"recipients\":["
		"{\"from\":\"HTA1\",\"recipient\":\"g2@example.com\",\"outcome\":\"expanded\",\"recipients\":["
		"{\"from\":\"HTA1\",\"recipient\":\"g3@example.com\",\"outcome\":\"expanded\",\"recipients\":["
		"{\"from\":\"HTA1\",\"recipient\":\"no address\",\"outcome\":\"rejected\","
		"\"status\":\"5.1.3\",\"reason\":\"bad-address\"}]}]}]}");
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_address_spaces),
		cmocka_unit_test(test_accepted_domains),
		cmocka_unit_test(test_subnets),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_a_malformed_default_is_the_default_not_the_opposite),
		cmocka_unit_test(test_names_of_any_script_route),
		cmocka_unit_test(test_ten_thousand_address_spaces_on_one_connector),
		cmocka_unit_test(test_the_dearest_path_is_still_a_path),
		cmocka_unit_test(test_circles_of_forwards_and_groups_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
