/*
 * The parts of the directories: what has a thread, a connection, a cookie, a refresh and a sweep
 * of its own. Pure.
 *
 * Active Directory tracks its changes by naming context, so a directory there is two parts: the
 * configuration of the forest, and the recipients of one domain. Everywhere else it is one.
 */
#ifndef WP_LDAPSYNC_PART_H
#define WP_LDAPSYNC_PART_H

#include <stdbool.h>
#include <stddef.h>

#include <talloc.h>

#include "common/hostfile.h"

enum part_content { PART_ALL, PART_CONFIGURATION, PART_RECIPIENTS };

struct part {
	const struct hostfile *host;
	const struct host_directory *directory;
	enum part_content content;
	/* Its name in status, log and replica: the directory's, "TITLE/configuration" for that. */
	const char *title;
};

/*
 * The parts of HOST's directories, in their order, under CTX. Every domain controller of a forest
 * has the same configuration, so it is read once: from the first directory, and from any with a
 * base of its own.
 */
const struct part *part_list(TALLOC_CTX *ctx, const struct hostfile *host, size_t *count_r);

#endif
