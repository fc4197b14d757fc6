/*
 * Shuts the doors that waypost-resolver does not need: it parses what strangers send.
 *
 * No new privileges, no file system (Landlock), none of the system calls that start programs,
 * look into other processes or change the system (seccomp). What the kernel does not know is
 * left out, since the program works without.
 */
#ifndef WP_DELIVERY_RESOLVER_SANDBOX_H
#define WP_DELIVERY_RESOLVER_SANDBOX_H

#include "common/err.h"

/* For the calling thread and all that it starts. */
int resolver_sandbox_enter(struct err *e) WP_MUST_CHECK;

#endif
