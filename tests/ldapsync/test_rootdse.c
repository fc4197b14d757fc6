/* The rootDSE: what is asked for is what is kept, and a server may say anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ldapsync/ad_wire.h"
#include "ldapsync/rootdse.h"

static void take(struct rootdse *root, const char *attribute, const char *value)
{
	rootdse_take(root, attribute, value, strlen(value));
}

static void test_every_attribute_has_its_place(void **state)
{
	const char *names[ROOTDSE_ATTRIBUTES + 1];
	struct rootdse none = { 0 };

	(void)state;
	rootdse_attributes(names);
	for (size_t n = 0; names[n] != NULL; n++) {
		struct rootdse *root = talloc_zero(NULL, struct rootdse);

		take(root, names[n], "7");
		assert_memory_not_equal(root, &none, sizeof(none));
		talloc_free(root);
	}
}

static void test_an_active_directory_is_recognised(void **state)
{
	struct rootdse *root = talloc_zero(NULL, struct rootdse);

	(void)state;
	take(root, "SUPPORTEDCAPABILITIES", "1.2.840.113556.1.4.1670");
	take(root, "supportedCapabilities", ROOTDSE_ACTIVE_DIRECTORY);
	take(root, "supportedSASLMechanisms", "GSS-SPNEGO");
	take(root, "highestCommittedUSN", "12345");
	take(root, "dnsHostName", "dc1.example.com");
	assert_true(rootdse_has(&root->capabilities, ROOTDSE_ACTIVE_DIRECTORY));
	assert_false(rootdse_has(&root->controls, AD_CONTROL_DIRSYNC));
	assert_true(rootdse_has(&root->mechanisms, "gss-spnego"));
	assert_int_equal(root->highest_usn, 12345);
	assert_string_equal(root->dns_host_name, "dc1.example.com");
	talloc_free(root);
}

static void test_nonsense_is_left_out(void **state)
{
	struct rootdse *root = talloc_zero(NULL, struct rootdse);

	(void)state;
	take(root, "highestCommittedUSN", "-1");
	take(root, "unknown", "x");
	rootdse_take(root, "namingContexts", "dc=a\0b", 6);
	rootdse_take(root, "vendorName", "", 0);
	assert_int_equal(root->highest_usn, 0);
	assert_int_equal(root->naming_contexts.count, 0);
	assert_string_equal(root->vendor_name, "");
	talloc_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_attribute_has_its_place),
		cmocka_unit_test(test_an_active_directory_is_recognised),
		cmocka_unit_test(test_nonsense_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
