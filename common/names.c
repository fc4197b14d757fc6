/* The comparison key of names: see names.h. */
#include "common/names.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unistr.h>

#include "common/buf.h"

static bool is_ascii(const char *text, size_t len)
{
	unsigned char seen = 0;

	for (size_t i = 0; i < len; i++)
		seen |= (unsigned char)text[i];
	return seen < 0x80;
}

/* For ASCII, NFC is the identity and full case folding is lower case. */
static int fold_ascii(const char *text, size_t len, char *out, size_t size)
{
	if (len >= size)
		return -1;
	for (size_t i = 0; i < len; i++)
		out[i] = ascii_lower(text[i]);
	out[len] = '\0';
	return (int)len;
}

int name_key_into(const char *text, size_t len, char *out, size_t size)
{
	size_t room = size;
	uint8_t *folded;

	if (is_ascii(text, len))
		return fold_ascii(text, len, out, size);
	if (u8_check((const uint8_t *)text, len) != NULL)
		return -1;
	folded = u8_casefold((const uint8_t *)text, len, NULL, UNINORM_NFC, (uint8_t *)out, &room);
	if (folded == NULL)
		mem_fatal(len);
	if (folded != (uint8_t *)out)
		free(folded);
	if (folded != (uint8_t *)out || room >= size)
		return -1;
	out[room] = '\0';
	return (int)room;
}

bool name_is_text(const char *text, size_t len)
{
	return memchr(text, '\0', len) == NULL && u8_check((const uint8_t *)text, len) == NULL;
}

/* C0, DEL, and C1, which is C2 80 to C2 9F in UTF-8. */
size_t name_control(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	if (at[0] < 0x20 || at[0] == 0x7f)
		return at[0] != '\0';
	if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
		return 2;
	/* U+2028 … U+202E, U+2066 … U+2069 */
	if (at[0] == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
			      (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))
		return 3;
	return 0;
}

bool name_is_printable(const char *text, size_t len)
{
	if (!name_is_text(text, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		/* The rest begins no control character. */
		if ((c < 0x20 || c == 0x7f || c == 0xc2 || c == 0xe2) && name_control(text + i) != 0)
			return false;
	}
	return true;
}

char *name_key(TALLOC_CTX *ctx, const char *text, size_t len)
{
	/* Full folding makes at most three code points of one, NFC at most three octets of one. */
	size_t size = len * 9 + 1;
	char *key = talloc_size(ctx, is_ascii(text, len) ? len + 1 : size);

	if (key == NULL)
		mem_fatal(size);
	if (name_key_into(text, len, key, talloc_get_size(key)) < 0) {
		talloc_free(key);
		return NULL;
	}
	return key;
}

int name_compare(const char *a, const char *b)
{
	char *a_key = name_key(NULL, a, strlen(a)), *b_key = name_key(NULL, b, strlen(b));
	int order = strcmp(a_key ? a_key : a, b_key ? b_key : b);

	talloc_free(a_key);
	talloc_free(b_key);
	return order;
}
