/* How far a long comparison is. */
#include "admin/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"

enum { PATIENCE_MS = 2000 /* before anything is told, and between two lines */ };

void progress_begin(struct progress *p, const struct cli *cli, const char *unit)
{
	*p = (struct progress){ cli, unit, clock_mono_ms() + PATIENCE_MS, false };
}

void progress_tell(struct progress *p, uint32_t done, uint32_t all)
{
	bool on_terminal = isatty(STDERR_FILENO) == 1;
	uint64_t now = clock_mono_ms();

	if (p->cli->quiet || (done < all ? now < p->next_ms : !p->has_told))
		return;
	fprintf(stderr, "%s%u of %u %s%s", on_terminal ? "\r" : "waypost: ", done, all, p->unit,
		on_terminal && done < all ? "" : "\n");
	p->next_ms = now + (on_terminal ? PATIENCE_MS / 10 : PATIENCE_MS);
	p->has_told = true;
}
