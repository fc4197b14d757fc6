/* The table of assumptions: see assumption.h. */
#include "common/assumption.h"

#include <string.h>

#include "common/buf.h"
#include "common/compiler.h"
#include "common/names.h"

static const struct assumption rows[ASSUMPTIONS] = {
#define ASSUME_ROW(symbol, name, kind, value, meaning, doubt) \
	[ASSUME_##symbol] = { name, ASSUMED_##kind, value, meaning, doubt },
#include "common/assumption_rows.h"
#undef ASSUME_ROW
};

static const char *const kinds[] = {
	[ASSUMED_NUMBER] = "a number, decimal or 0x…",
	[ASSUMED_NAME] = "the name of an attribute or class",
	[ASSUMED_TEXT] = "a text that is not empty",
};

const struct assumption *assumption_row(enum assumption_id id)
{
	return &rows[id];
}

static bool parse_hexadecimal(const char *digits, uint64_t *number_r)
{
	size_t len = strlen(digits);

	*number_r = 0;
	for (size_t i = 0; i < len; i++) {
		const char *all = "0123456789abcdef", *at = strchr(all, ascii_lower(digits[i]));

		if (at == NULL)
			return false;
		*number_r = *number_r << 4 | (uint64_t)(at - all);
	}
	return len > 0 && len <= 8;
}

static bool parse_number(const char *value, uint32_t *number_r)
{
	uint64_t number;
	bool fits = ascii_equal_n(value, "0x", 2) ?
			    parse_hexadecimal(value + 2, &number) :
			    parse_u64(value, strlen(value), UINT32_MAX, &number);

	if (fits)
		*number_r = (uint32_t)number;
	return fits;
}

/* RFC 4512 §1.4: keystring. */
static bool is_name(const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	return *value != '\0' && strchr(letters, ascii_lower(*value)) != NULL &&
	       strspn(value, all) == strlen(value);
}

static bool take_value(struct assumptions *assumptions, TALLOC_CTX *ctx, enum assumption_id id,
		       const char *value)
{
	switch (rows[id].kind) {
	case ASSUMED_NUMBER:
		return parse_number(value, &assumptions->numbers[id]);
	case ASSUMED_NAME:
		if (!is_name(value))
			return false;
		break;
	case ASSUMED_TEXT:
		if (*value == '\0' || !name_is_printable(value, strlen(value)))
			return false;
	}
	assumptions->texts[id] = talloc_strdup(ctx, value);
	return true;
}

void assumptions_init(struct assumptions *assumptions)
{
	*assumptions = (struct assumptions){ .numbers = { 0 } };
	for (unsigned id = ASSUME_NOTHING + 1; id < ASSUMPTIONS; id++)
		if (rows[id].kind == ASSUMED_NUMBER)
			parse_number(rows[id].value, &assumptions->numbers[id]);
		else
			assumptions->texts[id] = rows[id].value;
}

static enum assumption_id find(const char *name, size_t len)
{
	for (unsigned id = ASSUME_NOTHING + 1; id < ASSUMPTIONS; id++)
		if (strlen(rows[id].name) == len && strncmp(rows[id].name, name, len) == 0)
			return id;
	return ASSUME_NOTHING;
}

int assumptions_take(struct assumptions *assumptions, TALLOC_CTX *ctx, const char *text,
		     struct err *err)
{
	const char *equal = strchr(text, '=');
	enum assumption_id id = find(text, equal != NULL ? (size_t)(equal - text) : strlen(text));

	if (id == ASSUME_NOTHING) {
		err_set(err, ERR_CONFIG, 0, "\"%.80s\" is no assumption", text);
		return err_remedy(err, "`waypost schema assumptions` lists them");
	}
	if (equal != NULL && take_value(assumptions, ctx, id, equal + 1))
		return 0;
	err_set(err, ERR_CONFIG, 0, "\"%.80s\" gives %s no value of its kind", text, rows[id].name);
	return err_remedy(err, "write %s=%s; it takes %s", rows[id].name, rows[id].value,
			  kinds[rows[id].kind]);
}
