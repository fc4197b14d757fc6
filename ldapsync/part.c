/* The parts of the directories. Pure. */
#include "ldapsync/part.h"

static bool is_divided(const struct host_directory *directory)
{
	return directory->profile != HOST_PROFILE_WAYPOST && directory->uris[0].scheme != HOST_FILE;
}

const struct part *part_list(TALLOC_CTX *ctx, const struct hostfile *host, size_t *count_r)
{
	struct part *parts = talloc_array(ctx, struct part, 2 * host->n_directories);
	size_t n = 0;

	for (size_t i = 0; i < host->n_directories; i++) {
		const struct host_directory *d = &host->directories[i];

		if (is_divided(d) && (i == 0 || d->base != NULL))
			parts[n++] = (struct part){ host, d, PART_CONFIGURATION,
						    talloc_asprintf(parts, "%s/configuration",
								    d->title) };
		parts[n++] = (struct part){ host, d, is_divided(d) ? PART_RECIPIENTS : PART_ALL,
					    d->title };
	}
	*count_r = n;
	return parts;
}
