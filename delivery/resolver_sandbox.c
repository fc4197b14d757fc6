/* Shuts the doors that waypost-resolver does not need: see resolver_sandbox.h. */
#define _GNU_SOURCE
#include "config.h"

#include "delivery/resolver_sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define DENY(name)                                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		RETURN(SECCOMP_RET_ERRNO | EPERM)

#ifdef NATIVE_ARCH
static const struct sock_filter denied[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef __x86_64__
	/* The x32 numbers would be a way around the list. */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
	RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
	/* Programs and other processes. */
	DENY(execve), DENY(execveat), DENY(ptrace), DENY(process_vm_readv), DENY(process_vm_writev),
	DENY(kill), DENY(pidfd_open), DENY(pidfd_getfd), DENY(pidfd_send_signal), DENY(kcmp),
	/* The system. */
	DENY(mount), DENY(umount2), DENY(pivot_root), DENY(chroot), DENY(setns), DENY(unshare),
	DENY(move_mount), DENY(open_tree), DENY(fsopen), DENY(reboot), DENY(swapon), DENY(swapoff),
	DENY(acct), DENY(settimeofday), DENY(clock_settime), DENY(sethostname), DENY(setdomainname),
	DENY(init_module), DENY(finit_module), DENY(delete_module), DENY(kexec_load), DENY(quotactl),
	/* Interfaces of the kernel with a history. */
	DENY(bpf), DENY(perf_event_open), DENY(userfaultfd), DENY(io_uring_setup), DENY(keyctl),
	DENY(add_key), DENY(request_key), DENY(open_by_handle_at), DENY(personality),
	RETURN(SECCOMP_RET_ALLOW),
};
#endif

static int filter_calls(struct err *e)
{
#ifdef NATIVE_ARCH
	const struct sock_fprog program = {
		.len = WP_COUNT(denied),
		.filter = (struct sock_filter *)denied,
	};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 && errno != EINVAL)
		return err_errno(e, "no seccomp filter");
#endif
	(void)e;
	return 0;
}

/* Everything that opens a path, without an exception. */
static int leave_files(struct err *e)
{
	const struct landlock_ruleset_attr rules = {
		/* The rights of the first version, which every kernel with Landlock knows. */
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	long rc;

	if (fd < 0) {
		if (errno == ENOSYS || errno == EOPNOTSUPP)
			return 0;
		return err_errno(e, "no Landlock rules");
	}
	rc = syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
	return rc == 0 ? 0 : err_errno(e, "Landlock");
}

int resolver_sandbox_enter(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, "no_new_privs");
#ifdef WP_SANITIZED
	/* The sanitizers read /proc and trace themselves. */
	(void)leave_files;
	(void)filter_calls;
	return 0;
#else
	if (leave_files(e) != 0)
		return -1;
	return filter_calls(e);
#endif
}
