/* Text in lines of a width. */
#define _GNU_SOURCE
#include "admin/paragraph.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uniwidth.h>

#include "admin/table.h"

enum { WIDTH = 100, WIDTH_MIN = 60, WIDTH_MAX = 120 };

/* Lines end between words only: DNs, hashes and commands are there to be copied. */
void paragraph_add(struct buf *out, const char *first, const char *rest, const char *text,
		   int width)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	char *save = NULL, *words = table_clean(ctx, text);
	int column = u8_strwidth((const uint8_t *)first, "UTF-8");
	bool is_begun = false;

	buf_adds(out, first);
	for (char *word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		int room = u8_strwidth((const uint8_t *)word, "UTF-8");

		if (is_begun && column + 1 + room > width) {
			buf_printf(out, "\n%s", rest);
			column = u8_strwidth((const uint8_t *)rest, "UTF-8");
		} else if (is_begun) {
			buf_addc(out, ' ');
			column++;
		}
		buf_adds(out, word);
		column += room;
		is_begun = true;
	}
	buf_addc(out, '\n');
	talloc_free(ctx);
}

int paragraph_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
	    size.ws_col == 0)
		return WIDTH;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}
