/*
 * Writes waypost-diagnostics(7), the list of what `waypost topology check` can find, from the
 * tables that it reads (topology/diag_rows.h, advice_rows.h), so that the two cannot drift apart.
 * The page is part of the sources; `make update-diagnostics` writes it anew and `make check` sees
 * that it is current.
 */
#include <stdio.h>

#include "topology/advice.h"

static const char head[] =
	".\\\" Made by gen_diagnostics from topology/diag_rows.h and advice_rows.h.\n"
	".\\\" To change it, change those tables.\n"
	".TH WAYPOST-DIAGNOSTICS 7 \"\" \"Waypost\" \"Waypost manual\"\n"
	".SH NAME\n"
	"waypost\\-diagnostics \\- what can be wrong with a directory\n"
	".SH DESCRIPTION\n"
	".B waypost topology check\n"
	"lists what it finds under the ids below. They are stable: a program may rely on them. An\n"
	"error means that mail is not delivered or an entry is not used; a warning, that something\n"
	"works otherwise than whoever wrote it seems to think; a note, that it works and an expert\n"
	"would mention it. Notes do not change the exit status.\n";

static const char defects[] =
	".SH DEFECTS\n"
	"What is malformed or contradicts itself. The rest of the directory works; each entry says\n"
	"what was done instead. They are found when the directory is read.\n";

static const char advice[] =
	".SH ADVICE\n"
	"What an expert would say about a directory that is well formed, and what to do about it. It\n"
	"is worked out when it is asked for, as most of it needs the paths from every site.\n";

static const char tail[] =
	".SH SEE ALSO\n"
	".BR waypost (1)\n";

/* In a man page a plain hyphen may become another character. */
static void put(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '-')
			putchar('\\');
		putchar(*text);
	}
}

static void put_row(const struct diag_row *row)
{
	fputs(".TP\n.B ", stdout);
	put(row->id);
	printf("\n%s: ", diag_severity_name(row->severity));
	put(row->text);
	fputs(".\n.br\n\\(-> ", stdout);
	put(row->action);
	fputs(".\n", stdout);
}

int main(void)
{
	fputs(head, stdout);
	fputs(defects, stdout);
	for (uint32_t i = 0; i < DIAG_COUNT; i++)
		put_row(diag_row(i));
	fputs(advice, stdout);
	for (uint32_t i = 0; i < ADVICE_COUNT; i++)
		put_row(advice_row(i));
	fputs(tail, stdout);
	return 0;
}
