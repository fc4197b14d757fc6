/*
 * The host file: any text is refused with a reason, or gives a host with all that is promised.
 */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/hostfile.h"

static void check(const struct hostfile *host)
{
	FUZZ_PROMISE(host->state[0] == '/' && host->run[0] == '/' && host->fqdn != NULL);
	FUZZ_PROMISE(host->n_directories > 0 && host->delivery.workers <= 256);
	for (size_t i = 0; i < host->n_directories; i++) {
		const struct host_directory *d = &host->directories[i];

		FUZZ_PROMISE(d->n_uris > 0 && d->sweep_guard_percent <= 100);
		FUZZ_PROMISE((d->tls_cert == NULL) == (d->tls_key == NULL));
		FUZZ_PROMISE(d->base != NULL || d->uris[0].scheme == HOST_FILE);
		FUZZ_PROMISE(d->bind != HOST_BIND_SIMPLE || d->bind_dn != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("host", MFD_CLOEXEC);
	struct hostfile *host = NULL;
	char path[32];
	struct err e;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FUZZ_PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	if (hostfile_load(path, &host, &e) == 0) {
		check(host);
		hostfile_free(&host);
	} else {
		FUZZ_PROMISE(host == NULL && e.domain == ERR_CONFIG);
		FUZZ_PROMISE(strncmp(e.text, path, strlen(path)) == 0);
	}
	close(fd);
	return 0;
}
