/* admin/init_hostfile: what is written reads back as it was meant, and files are whole or not
 * there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/init_hostfile.h"

static char folder[] = "/tmp/wp-init-XXXXXX";
static char path[64], beside[64], secret[64];

/* Every character that means something to the file's syntax. */
static const char odd[] = "cn=\"a\\b\" ${HOME} 'q' #x // { } \t\n\x01 é,dc=x";

static void test_odd_texts_read_back(void **state)
{
	const struct host_uri uris[] = { { .text = "ldapi://%2Frun%2Fldapi" },
					 { .text = "ldaps://[2001:db8::1]:1636" } };
	static const char odd_dn[] = "cn=a\\\\b ${HOME} 'q' # // { } é,dc=x";
	const char *const recipients[] = { odd_dn, "ou=b,dc=x" };
	const struct host_directory directory = {
		.title = "a \"b\" ${HOME}",
		.uris = uris,
		.n_uris = 2,
		.profile = HOST_PROFILE_AD,
		.base = odd_dn,
		.recipients = recipients,
		.n_recipients = 2,
		.filter = "(|(a=\\2a)(b=*))",
		.bind = HOST_BIND_SIMPLE,
		.bind_dn = odd,
		.password_file = "/p w\"$x",
		.tls_ca = "/c#a",
	};
	const struct hostfile wish = { .server = "H \"1\"",
				       .state = "/s",
				       .run = "/r",
				       .directories = &directory,
				       .n_directories = 1 };
	const struct host_directory *d;
	struct hostfile *host = NULL;
	struct buf text = { 0 };
	struct err e;

	(void)state;
	setenv("HOME", "elsewhere", 1);
	init_hostfile_text(&wish, &text);
	assert_int_equal(init_hostfile_write(path, &text, NULL, false, &e), 0);
	assert_int_equal(hostfile_load(path, &host, &e), 0);
	d = &host->directories[0];
	assert_string_equal(host->server, wish.server);
	assert_string_equal(host->state, "/s");
	assert_string_equal(d->title, directory.title);
	assert_int_equal(d->n_uris, 2);
	assert_string_equal(d->uris[1].text, uris[1].text);
	assert_int_equal(d->profile, HOST_PROFILE_AD);
	assert_string_equal(d->base, odd_dn);
	assert_string_equal(d->recipients[0], odd_dn);
	assert_string_equal(d->filter, directory.filter);
	assert_int_equal(d->bind, HOST_BIND_SIMPLE);
	assert_string_equal(d->bind_dn, odd);
	assert_string_equal(d->password_file, directory.password_file);
	assert_string_equal(d->tls_ca, directory.tls_ca);
	hostfile_free(&host);
	buf_free(&text);
	unlink(path);
}

static void test_nothing_is_left_of_a_file_that_does_not_read(void **state)
{
	struct buf text = { 0 };
	struct err e;

	(void)state;
	buf_adds(&text, "directory \"x\" { uri = {\"ldap://h\"} }\n"); /* it has no base */
	assert_int_equal(init_hostfile_write(path, &text, NULL, true, &e), -1);
	assert_int_equal(e.domain, ERR_CONFIG);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(beside, F_OK), -1);
	buf_free(&text);
}

static void test_only_force_replaces(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(init_secret_write(secret, "one", NULL, false, &e), 0);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(init_secret_write(secret, "two", NULL, false, &e), -1);
	assert_non_null(strstr(e.remedy, "--force"));
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(init_secret_write(secret, "three", NULL, true, &e), 0);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(init_hostfile_check(secret, false, &e), -1);
	assert_int_equal(init_hostfile_check(secret, true, &e), 0);
	unlink(secret);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/waypost.conf", folder);
	snprintf(beside, sizeof(beside), "%s/waypost.conf.new", folder);
	snprintf(secret, sizeof(secret), "%s/directory.password", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* fails if anything is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_odd_texts_read_back),
		cmocka_unit_test(test_nothing_is_left_of_a_file_that_does_not_read),
		cmocka_unit_test(test_only_force_replaces),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
