/* admin/publish: which values change, and how it looks as LDIF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <talloc.h>

#include "admin/publish.h"
#include "common/cert.h"

static char ours[CERT_HASH_TEXT], second[CERT_HASH_TEXT], third[CERT_HASH_TEXT];

static struct entry *server(void *ctx, const char *const *ders, size_t n)
{
	struct entry *entry = entry_new(ctx, "cn=H,cn=Servers");
	char hash[CERT_HASH_TEXT];

	for (size_t i = 0; i < n; i++) {
		cert_hash_der(ders[i], strlen(ders[i]), hash);
		entry_add_text(entry, PUBLISH_HASH, hash);
		entry_add_text(entry, PUBLISH_CERTIFICATE, ders[i]);
	}
	return entry;
}

static struct publish_wish wish(const char *drop, bool only)
{
	return (struct publish_wish){ ours, { "ours", 4 }, drop, only };
}

/* The plan's changes in one line: "-hash third +cert ours" and so on. */
static const char *plan_text(void *ctx, const struct entry *entry, struct publish_wish w)
{
	char *text = talloc_strdup(ctx, "");
	struct publish_plan plan;
	struct err e;

	if (publish_plan_make(ctx, entry, &w, &plan, &e) < 0)
		return talloc_asprintf(ctx, "error %d", err_exit_status(&e));
	for (size_t i = 0; i < plan.n; i++) {
		const struct publish_change *c = &plan.changes[i];
		bool is_hash = strcmp(c->attribute, PUBLISH_HASH) == 0;
		const char *value = c->value.data;

		if (is_hash)
			value = strcmp(value, ours) == 0 ? "ours" :
				strcmp(value, second) == 0 ? "second" : "third";
		text = talloc_asprintf_append(text, "%s%c%s %s", i > 0 ? " " : "", c->is_add ? '+' : '-',
					      is_hash ? "hash" : "cert", value);
	}
	return text;
}

static void test_plans(void **state)
{
	static const char *const none[] = { "" };
	static const char *const has_ours[] = { "ours" };
	static const char *const has_second[] = { "second" };
	static const char *const has_two[] = { "second", "third" };
	static const char *const has_three[] = { "second", "ours", "third" };
	const struct {
		const char *const *ders;
		size_t n;
		const char *drop;
		bool only;
		const char *want;
	} cases[] = {
		{ none, 0, NULL, false, "+hash ours +cert ours" },
		{ has_ours, 1, NULL, false, "" },
		{ has_ours, 1, NULL, true, "" },
		{ has_second, 1, NULL, false, "+hash ours +cert ours" },
		{ has_second, 1, NULL, true, "-hash second -cert second +hash ours +cert ours" },
		{ has_second, 1, second, false, "-hash second -cert second +hash ours +cert ours" },
		{ has_second, 1, third, false, "error 3" },
		{ has_two, 2, NULL, false, "error 2" },
		{ has_two, 2, third, false, "-hash third -cert third +hash ours +cert ours" },
		{ has_three, 3, NULL, false, "error 2" },
		{ has_three, 3, second, false, "-hash second -cert second" },
		{ has_three, 3, NULL, true, "-hash second -hash third -cert second -cert third" },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++)
		assert_string_equal(plan_text(ctx, server(ctx, cases[i].ders, cases[i].n),
					      wish(cases[i].drop, cases[i].only)),
				    cases[i].want);
	talloc_free(ctx);
}

static void test_a_certificate_without_its_hash_goes(void **state)
{
	void *ctx = talloc_new(NULL);
	struct entry *entry = entry_new(ctx, "cn=H");

	(void)state;
	entry_add_text(entry, PUBLISH_CERTIFICATE, "stray");
	assert_string_equal(plan_text(ctx, entry, wish(NULL, false)),
			    "-cert stray +hash ours +cert ours");
	talloc_free(ctx);
}

static void test_hashes_compare_without_case(void **state)
{
	void *ctx = talloc_new(NULL);
	struct entry *entry = entry_new(ctx, "cn=H");
	char *upper = talloc_strdup(ctx, ours);

	(void)state;
	for (char *p = upper + 7; *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'f' ? (char)(*p - 32) : *p;
	entry_add_text(entry, PUBLISH_HASH, upper);
	entry_add_text(entry, PUBLISH_CERTIFICATE, "ours");
	assert_string_equal(plan_text(ctx, entry, wish(NULL, false)), "");
	talloc_free(ctx);
}

static void test_the_ldif_is_a_change_record(void **state)
{
	static const char *const has_second[] = { "second" };
	void *ctx = talloc_new(NULL);
	const struct publish_wish w = { ours, { "\xff", 1 }, NULL, true };
	struct publish_plan plan;
	struct buf out = { 0 };
	struct err e;
	char want[1024];

	(void)state;
	assert_int_equal(publish_plan_make(ctx, server(ctx, has_second, 1), &w, &plan, &e), 0);
	publish_ldif(&plan, &out);
	snprintf(want, sizeof(want),
		 "dn: cn=H,cn=Servers\nchangetype: modify\n"
		 "delete: waypostCertificateHash\nwaypostCertificateHash: %.52s\n %s\n-\n"
		 "delete: waypostCertificate\nwaypostCertificate: second\n-\n"
		 "add: waypostCertificateHash\nwaypostCertificateHash: %.52s\n %s\n-\n"
		 "add: waypostCertificate\nwaypostCertificate:: /w==\n-\n\n",
		 second, second + 52, ours, ours + 52);
	assert_string_equal(out.data, want);
	buf_clear(&out);
	plan.n = 0;
	publish_ldif(&plan, &out);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	talloc_free(ctx);
}

static int make_hashes(void **state)
{
	(void)state;
	cert_hash_der("ours", 4, ours);
	cert_hash_der("second", 6, second);
	cert_hash_der("third", 5, third);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_a_certificate_without_its_hash_goes),
		cmocka_unit_test(test_hashes_compare_without_case),
		cmocka_unit_test(test_the_ldif_is_a_change_record),
	};

	return cmocka_run_group_tests(tests, make_hashes, NULL);
}
