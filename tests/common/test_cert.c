/* common/cert: a pair is made once, survives interruption, and its hash is what openssl says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cert.h"
#include "common/cert_facts.h"

static const uint64_t now_ms = 1767225600000; /* 2026-01-01 */

static char folder[] = "/tmp/wp-cert-XXXXXX";
static char cert[64], key[64], other_cert[64], other_key[64];

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make(const char *cert_path, const char *key_path)
{
	struct err e;
	int rc = cert_make_if_missing(cert_path, key_path, "hub1.example.com", now_ms, &e);

	if (rc < 0)
		print_message("%s\n", e.text);
	return rc;
}

static void test_a_pair_is_made_once_and_loads(void **state)
{
	struct cert_pair first, again;
	unsigned char digest[32];
	char hex[65];
	struct err e;

	(void)state;
	assert_int_equal(make(cert, key), 1);
	assert_int_equal(mode_of(key), 0600);
	assert_int_equal(mode_of(cert), 0644);
	assert_int_equal(cert_load(cert, key, &first, &e), 0);
	assert_int_equal(X509_check_host(first.x509, "hub1.example.com", 0, 0, NULL), 1);
	assert_int_equal(EVP_PKEY_get_bits(first.key), 256);
	SHA256(first.der, first.der_len, digest);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_memory_equal(first.hash, "sha256:", 7);
	assert_string_equal(first.hash + 7, hex);
	assert_int_equal(make(cert, key), 0);
	assert_int_equal(cert_load(cert, NULL, &again, &e), 0);
	assert_null(again.key);
	assert_string_equal(first.hash, again.hash);
	cert_fini(&first);
	cert_fini(&again);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_a_key_alone_gets_its_certificate(void **state)
{
	struct cert_pair before, after;
	struct err e;

	(void)state;
	assert_true(make(cert, key) >= 0);
	assert_int_equal(cert_load(cert, key, &before, &e), 0);
	unlink(cert);
	assert_int_equal(make(cert, key), 1);
	assert_int_equal(cert_load(cert, key, &after, &e), 0);
	assert_int_equal(EVP_PKEY_eq(before.key, after.key), 1);
	assert_string_not_equal(before.hash, after.hash);
	cert_fini(&before);
	cert_fini(&after);
}

static void test_a_certificate_alone_is_an_error(void **state)
{
	struct err e;

	(void)state;
	assert_true(make(other_cert, other_key) >= 0);
	unlink(other_key);
	assert_int_equal(cert_make_if_missing(other_cert, other_key, "x", now_ms, &e), -1);
	assert_int_equal(e.domain, ERR_TLS);
	assert_non_null(strstr(e.remedy, "restore the key"));
	unlink(other_cert);
}

static void test_a_key_of_another_pair_is_refused(void **state)
{
	struct cert_pair pair;
	struct err e;

	(void)state;
	assert_true(make(cert, key) >= 0 && make(other_cert, other_key) >= 0);
	assert_int_equal(cert_load(cert, other_key, &pair, &e), -1);
	assert_int_equal(e.domain, ERR_TLS);
	assert_non_null(strstr(e.text, "not that of"));
	assert_null(pair.x509);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_files_that_hold_no_pem_are_refused(void **state)
{
	struct cert_pair pair;
	struct err e;

	(void)state;
	assert_true(make(cert, key) >= 0);
	put(other_cert, "");
	assert_int_equal(cert_load(other_cert, NULL, &pair, &e), -1);
	put(other_cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_int_equal(cert_load(other_cert, NULL, &pair, &e), -1);
	assert_int_equal(e.domain, ERR_TLS);
	put(other_key, "no key\n");
	assert_int_equal(cert_load(cert, other_key, &pair, &e), -1);
	assert_non_null(strstr(e.text, other_key));
	assert_int_equal(cert_load("/nonexistent/c", NULL, &pair, &e), -1);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_a_certificate_says_for_whom_and_until_when(void **state)
{
	void *ctx = talloc_new(NULL);
	struct cert_facts facts;
	struct cert_pair pair;
	struct err e;

	(void)state;
	unlink(cert);
	unlink(key);
	assert_true(make(cert, key) >= 0);
	assert_int_equal(cert_load(cert, NULL, &pair, &e), 0);
	assert_int_equal(cert_facts_read(ctx, pair.der, pair.der_len, &facts, &e), 0);
	assert_string_equal(facts.subject, "CN=hub1.example.com");
	assert_string_equal(facts.names, "hub1.example.com");
	assert_true(facts.is_self_issued);
	assert_true(facts.begins_ms == now_ms - 86400000 && facts.ends_ms > now_ms);
	assert_true(cert_is_for(pair.der, pair.der_len, "HUB1.example.com"));
	assert_false(cert_is_for(pair.der, pair.der_len, "hub2.example.com"));
	assert_false(cert_is_for(pair.der, pair.der_len, "192.0.2.1"));
	for (size_t len = 0; len < pair.der_len; len += 7)
		assert_int_equal(cert_facts_read(ctx, pair.der, len, &facts, &e), -1);
	assert_int_equal(e.domain, ERR_TLS);
	assert_false(cert_is_for("x", 1, "x"));
	assert_int_equal(ERR_peek_error(), 0);
	cert_fini(&pair);
	talloc_free(ctx);
}

static void test_paths_are_the_host_files_or_in_its_state(void **state)
{
	struct hostfile host = { .state = "/s" };
	char *cert_path, *key_path;

	(void)state;
	cert_paths(&host, &cert_path, &key_path);
	assert_string_equal(cert_path, "/s/tls/server.crt");
	assert_string_equal(key_path, "/s/tls/server.key");
	free(cert_path);
	free(key_path);
	host.delivery.tls_cert = "/c";
	host.delivery.tls_key = "/k";
	cert_paths(&host, &cert_path, &key_path);
	assert_string_equal(cert_path, "/c");
	assert_string_equal(key_path, "/k");
	free(cert_path);
	free(key_path);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(cert, sizeof(cert), "%s/tls/server.crt", folder);
	snprintf(key, sizeof(key), "%s/tls/server.key", folder);
	snprintf(other_cert, sizeof(other_cert), "%s/tls/other.crt", folder);
	snprintf(other_key, sizeof(other_key), "%s/tls/other.key", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	unlink(cert);
	unlink(key);
	unlink(other_cert);
	unlink(other_key);
	snprintf(path, sizeof(path), "%s/tls", folder);
	return rmdir(path) == 0 ? rmdir(folder) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pair_is_made_once_and_loads),
		cmocka_unit_test(test_a_key_alone_gets_its_certificate),
		cmocka_unit_test(test_a_certificate_alone_is_an_error),
		cmocka_unit_test(test_a_key_of_another_pair_is_refused),
		cmocka_unit_test(test_files_that_hold_no_pem_are_refused),
		cmocka_unit_test(test_a_certificate_says_for_whom_and_until_when),
		cmocka_unit_test(test_paths_are_the_host_files_or_in_its_state),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
