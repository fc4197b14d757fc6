/* How far long work is. */
#include "admin/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"

enum { PATIENCE_MS = 2000 /* before anything is told, and between two lines */, BAR = 30 };

void progress_begin(struct progress *p, const struct cli *cli, const char *unit)
{
	*p = (struct progress){ cli, unit, clock_mono_ms() + PATIENCE_MS, false };
}

static void draw_bar(const struct progress *p, uint32_t done, uint32_t all)
{
	int full = (int)((uint64_t)done * BAR / all);

	fputs("\r[", stderr);
	for (int i = 0; i < BAR; i++)
		fputc(i < full ? '#' : ' ', stderr);
	fprintf(stderr, "] %u of %u %s", done, all, p->unit);
}

void progress_tell(struct progress *p, uint32_t done, uint32_t all)
{
	bool on_terminal = isatty(STDERR_FILENO) == 1;
	uint64_t now = clock_mono_ms();

	if (p->cli->quiet || (done < all ? now < p->next_ms : !p->has_told))
		return;
	if (!on_terminal)
		fprintf(stderr, "waypost: %u of %u %s\n", done, all, p->unit);
	else if (done < all)
		draw_bar(p, done, all);
	else
		fputs("\r\033[K", stderr); /* what follows is the answer */
	p->next_ms = now + (on_terminal ? PATIENCE_MS / 10 : PATIENCE_MS);
	p->has_told = true;
}
