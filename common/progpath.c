/* Finds the sister programs of the running one. */
#include "common/progpath.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = { ".", "../sbin", "../libexec/waypost" };

int progpath_find(const char *program, char path_r[static PATH_MAX], struct err *e)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *folder;

	if (len < 0)
		return err_errno(e, "/proc/self/exe cannot be read");
	self[len] = '\0';
	folder = dirname(self);
	for (size_t i = 0; i < WP_COUNT(places); i++)
		if (snprintf(path_r, PATH_MAX, "%s/%s/%s", folder, places[i], program) < PATH_MAX &&
		    access(path_r, X_OK) == 0)
			return 0;
	err_set(e, ERR_NOT_FOUND, 0, "%s is neither in %s nor in %s/../sbin", program, folder, folder);
	return err_remedy(e, "install the programs together");
}
