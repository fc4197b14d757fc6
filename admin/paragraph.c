/* Text in lines of a width. */
#include "admin/paragraph.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unilbrk.h>
#include <unistd.h>
#include <uniwidth.h>

#include "admin/table.h"

enum { WIDTH = 100, WIDTH_MIN = 60, WIDTH_MAX = 120 };

static void end_line(struct buf *out)
{
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_addc(out, '\n');
}

void paragraph_add(struct buf *out, const char *first, const char *rest, const char *text,
		   int width)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	const char *clean = table_clean(ctx, text);
	size_t len = strlen(clean);
	char *breaks = talloc_size(ctx, len + 1);
	int indent = u8_strwidth((const uint8_t *)first, "UTF-8");

	u8_width_linebreaks((const uint8_t *)clean, len, width, indent, 0, NULL, "UTF-8", breaks);
	buf_adds(out, first);
	/* The library begins later lines at column 0: those are measured again from the indent. */
	for (size_t i = 0; i < len; i++) {
		if (breaks[i] == UC_BREAK_POSSIBLE || breaks[i] == UC_BREAK_MANDATORY) {
			end_line(out);
			buf_adds(out, rest);
			u8_width_linebreaks((const uint8_t *)clean + i, len - i, width, indent, 0,
					    NULL, "UTF-8", breaks + i);
		}
		buf_addc(out, clean[i]);
	}
	end_line(out);
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
