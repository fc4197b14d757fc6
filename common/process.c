/* A daemon among others: folders, user, supervisor, readiness. */
#define _GNU_SOURCE
#include "common/process.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fsutil.h"
#include "config.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

int process_args(int argc, char **argv, const char *program, const char *summary,
		 const char **config_r, struct err *e)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*config_r = NULL;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c') {
			*config_r = optarg;
		} else if (option == 'h') {
			printf("%s [--config FILE]\n\n%s\n", program, summary);
			return 0;
		} else if (option == 'v') {
			printf("%s %s\n", program, PACKAGE_VERSION);
			return 0;
		} else {
			err_set(e, ERR_USAGE, 0, "%s takes no %s", program, argv[optind - 1]);
			return err_remedy(e, "%s [--config FILE]", program);
		}
	}
	if (optind == argc)
		return 1;
	err_set(e, ERR_USAGE, 0, "%s takes no %s", program, argv[optind]);
	return err_remedy(e, "%s [--config FILE]", program);
}

static int own_folder(const char *path, const struct passwd *user, struct err *e)
{
	if (fs_mkdirs(path, 0750, e) < 0)
		return -1;
	if (user != NULL && chown(path, user->pw_uid, user->pw_gid) < 0)
		return err_errno(e, "%s cannot be given to %s", path, user->pw_name);
	return 0;
}

static int keep_low_ports(struct err *e)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[0].permitted = data[0].effective = 1u << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &header, data) < 0)
		return err_errno(e, "the right to open low ports cannot be kept");
	return 0;
}

static int become(const struct passwd *user, bool ports, struct err *e)
{
	if (ports && prctl(PR_SET_KEEPCAPS, 1) < 0)
		return err_errno(e, "the right to open low ports cannot be kept");
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return err_errno(e, "cannot become user %s", user->pw_name);
	return ports ? keep_low_ports(e) : 0;
}

/* After the change of user, which makes the kernel forget the wish. */
static int die_with_supervisor(struct err *e)
{
	const char *pid = getenv("WAYPOST_SUPERVISOR");

	if (pid == NULL)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == atoi(pid))
		return 0;
	return err_set(e, ERR_SYSTEM, ESRCH, "the supervisor is gone");
}

int process_prepare(const struct hostfile *host, bool ports, struct err *e)
{
	const struct passwd *user = NULL;

	umask(0027);
	signal(SIGPIPE, SIG_IGN);
	if (host->user != NULL && geteuid() == 0) {
		user = getpwnam(host->user);
		if (user == NULL) {
			err_set(e, ERR_CONFIG, 0, "%s: there is no user %s", host->path, host->user);
			return err_remedy(e, "make it, or leave out user = \"…\"");
		}
	}
	if (own_folder(host->state, user, e) < 0 || own_folder(host->run, user, e) < 0)
		return -1;
	if (user != NULL && user->pw_uid != 0 && become(user, ports, e) < 0)
		return -1;
	return die_with_supervisor(e);
}

static void tell_supervisor(const char *server, uint64_t snapshot)
{
	const char *number = getenv("WAYPOST_READY_FD");
	struct buf line = { 0 };
	int fd = number != NULL ? atoi(number) : -1;

	if (fd <= STDERR_FILENO)
		return;
	buf_printf(&line, "ready server=%s snapshot=%llu\n", server, (unsigned long long)snapshot);
	/* A supervisor that is gone takes this process along. */
	if (write(fd, line.data, line.len) >= 0)
		close(fd);
	buf_free(&line);
}

void process_ready(const char *server, uint64_t snapshot)
{
	static atomic_flag was_told = ATOMIC_FLAG_INIT;

	if (atomic_flag_test_and_set(&was_told))
		return;
#ifdef HAVE_SYSTEMD
	sd_notify(0, "READY=1");
#endif
	tell_supervisor(server, snapshot);
}
