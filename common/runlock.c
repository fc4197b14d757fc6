/* The lock of a running program. */
#include "common/runlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int runlock_take(const char *run_dir, const char *program, struct err *e)
{
	char path[4096], pid[24] = "";
	int fd, len;

	snprintf(path, sizeof(path), "%s/%s.pid", run_dir, program);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0) {
		err_errno(e, "%s cannot be opened", path);
		err_remedy(e, "make the folder, writable for the daemon's user");
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		len = (int)pread(fd, pid, sizeof(pid) - 1, 0);
		pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
		close(fd);
		err_set(e, ERR_SYSTEM, EALREADY, "%s runs already as process %s", program,
			pid[0] != '\0' ? pid : "?");
		err_remedy(e, "stop it first, or give this one another run = \"…\"");
		return -1;
	}
	len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
		err_errno(e, "%s cannot be written", path);
		close(fd);
		return -1;
	}
	return fd;
}
