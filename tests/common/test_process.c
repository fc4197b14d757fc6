/* common/process: a daemon's command line, folders, user and readiness. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process.h"

static char folder[] = "/tmp/wp-process-XXXXXX";
static char state_dir[64], run_dir[64];

/* The exit status of WORK in a process of its own. */
static int status_of(int (*work)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(work());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static struct hostfile host_as(const char *user)
{
	return (struct hostfile){ .path = "c", .state = state_dir, .run = run_dir, .user = user };
}

static void test_only_config_is_taken(void **state)
{
	static const struct {
		const char *argv[4];
		int argc, want;
		const char *config;
	} cases[] = {
		{ { "d" }, 1, 1, NULL },
		{ { "d", "--config", "f" }, 3, 1, "f" },
		{ { "d", "--config=f" }, 2, 1, "f" },
		{ { "d", "--config" }, 2, -1, NULL },
		{ { "d", "--fly" }, 2, -1, NULL },
		{ { "d", "word" }, 2, -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++) {
		const char *config = "unset";
		char *argv[5] = { NULL };
		struct err e = { 0 };

		for (int k = 0; k < cases[i].argc; k++)
			argv[k] = strdup(cases[i].argv[k]);
		optind = 0;
		assert_int_equal(process_args(cases[i].argc, argv, "d", "", &config, &e), cases[i].want);
		if (cases[i].want < 0)
			assert_int_equal(err_exit_status(&e), 2);
		else if (cases[i].config == NULL)
			assert_null(config);
		else
			assert_string_equal(config, cases[i].config);
		for (int k = 0; k < cases[i].argc; k++)
			free(argv[k]);
	}
}

static int prepare_as_caller(void)
{
	struct hostfile host = host_as(NULL);
	struct stat st;
	struct err e;

	if (process_prepare(&host, true, &e) < 0)
		return 1;
	if (stat(state_dir, &st) < 0 || (st.st_mode & 0777) != 0750 || stat(run_dir, &st) < 0)
		return 2;
	return signal(SIGPIPE, SIG_DFL) == SIG_IGN ? 0 : 3;
}

static void test_folders_are_made_and_sigpipe_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(status_of(prepare_as_caller), 0);
}

/* Binds a port below 1024 on loopback; the number of those that are free does not matter. */
static bool can_bind_low_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool can = false;

	for (uint16_t port = 700; port < 720 && !can; port++) {
		struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
					       .sin_addr = { htonl(INADDR_LOOPBACK) } };

		can = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	}
	close(fd);
	return can;
}

static int become_nobody(bool ports)
{
	struct hostfile host = host_as("nobody");
	const struct passwd *nobody = getpwnam("nobody");
	struct stat st;
	struct err e;

	if (process_prepare(&host, ports, &e) < 0)
		return 1;
	if (getuid() != nobody->pw_uid || getegid() != nobody->pw_gid || setuid(0) == 0)
		return 2;
	if (stat(state_dir, &st) < 0 || st.st_uid != nobody->pw_uid)
		return 3;
	return can_bind_low_port() ? 10 : 11;
}

static int become_nobody_with_ports(void)
{
	return become_nobody(true);
}

static int become_nobody_without_ports(void)
{
	return become_nobody(false);
}

/* Where every port is free to all (a container's setting), only the change of user counts. */
static bool low_ports_are_guarded(void)
{
	int first = 1024;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");

	if (file != NULL && fscanf(file, "%d", &first) != 1)
		first = 1024;
	if (file != NULL)
		fclose(file);
	return first > 720;
}

static void test_root_becomes_the_user_and_keeps_low_ports(void **state)
{
	(void)state;
	if (geteuid() != 0 || getpwnam("nobody") == NULL)
		skip();
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(status_of(become_nobody_with_ports), 10);
	assert_int_equal(status_of(become_nobody_without_ports), low_ports_are_guarded() ? 11 : 10);
}

static int become_unknown(void)
{
	struct hostfile host = host_as("no-such-user-here");
	struct err e;

	return process_prepare(&host, false, &e) < 0 ? err_exit_status(&e) : 0;
}

static void test_an_unknown_user_is_a_configuration_error(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(status_of(become_unknown), 6);
}

static int prepare_under(pid_t supervisor)
{
	struct hostfile host = host_as(NULL);
	char pid[16];
	int signal_number = 0;
	struct err e;

	snprintf(pid, sizeof(pid), "%d", (int)supervisor);
	setenv("WAYPOST_SUPERVISOR", pid, 1);
	if (process_prepare(&host, false, &e) < 0)
		return 1;
	prctl(PR_GET_PDEATHSIG, &signal_number);
	return signal_number == SIGKILL ? 0 : 2;
}

static int prepare_supervised(void)
{
	return prepare_under(getppid());
}

static int prepare_orphaned(void)
{
	return prepare_under(1 + getppid());
}

static void test_a_daemon_dies_with_its_supervisor(void **state)
{
	(void)state;
	assert_int_equal(status_of(prepare_supervised), 0);
	assert_int_equal(status_of(prepare_orphaned), 1);
}

static int tell_ready_twice(void)
{
	process_ready("HQ-HUB1", 7);
	process_ready("HQ-HUB1", 8);
	return 0;
}

static void test_readiness_is_told_once(void **state)
{
	char line[128] = "", number[8];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(number, sizeof(number), "%d", ends[1]);
	setenv("WAYPOST_READY_FD", number, 1);
	assert_int_equal(status_of(tell_ready_twice), 0);
	unsetenv("WAYPOST_READY_FD");
	close(ends[1]);
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, "ready server=HQ-HUB1 snapshot=7\n");
	assert_int_equal(read(ends[0], line, 1), 0);
	close(ends[0]);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
	snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	rmdir(state_dir);
	rmdir(run_dir);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_config_is_taken),
		cmocka_unit_test(test_folders_are_made_and_sigpipe_is_ignored),
		cmocka_unit_test(test_root_becomes_the_user_and_keeps_low_ports),
		cmocka_unit_test(test_an_unknown_user_is_a_configuration_error),
		cmocka_unit_test(test_a_daemon_dies_with_its_supervisor),
		cmocka_unit_test(test_readiness_is_told_once),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
