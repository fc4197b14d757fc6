/* Names that there have to be. */
#include "admin/doctor_wanted.h"

#include <string.h>

#include "common/buf.h"

void wanted_add(TALLOC_CTX *ctx, struct wanted_list *list, const char *name)
{
	list->items = talloc_realloc(ctx, list->items, struct wanted, list->n + 1);
	list->items[list->n++] = (struct wanted){ name, false };
}

void wanted_find(struct wanted_list *list, const char *text, size_t len)
{
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->items[i].name) == len &&
		    ascii_equal_n(list->items[i].name, text, len))
			list->items[i].is_found = true;
}

void wanted_find_name(struct wanted_list *list, const char *value)
{
	wanted_find(list, value, strlen(value));
}

void wanted_find_defined(struct wanted_list *list, const char *value)
{
	const char *at = strstr(value, " NAME "), *end;
	size_t len;

	if (at == NULL)
		return;
	at += strlen(" NAME ");
	/* One name, or several up to the bracket. */
	end = *at == '(' ? strchr(at, ')') : *at == '\'' ? strchr(at + 1, '\'') : NULL;
	for (; end != NULL && (at = strchr(at, '\'')) != NULL && at < end; at += len + 1) {
		len = strcspn(++at, "'");
		if (at[len] == '\0')
			return;
		wanted_find(list, at, len);
	}
}

void wanted_find_values(struct wanted_list *list, const struct entry *entry, const char *name,
			void (*fn)(struct wanted_list *list, const char *value))
{
	const struct entry_attribute *attribute = entry_find(entry, name);

	for (size_t i = 0; attribute != NULL && i < attribute->n_values; i++)
		fn(list, attribute->values[i].data);
}

void wanted_add_filter(TALLOC_CTX *ctx, struct wanted_list *list, const char *filter)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	for (const char *at = filter; (at = strchr(at, '(')) != NULL;) {
		size_t len = strspn(++at, letters);

		if (len > 0 && at[len] != '\0' && strchr("=~<>:", at[len]) != NULL)
			wanted_add(ctx, list, talloc_strndup(ctx, at, len));
	}
}

char *wanted_text(TALLOC_CTX *ctx, const struct wanted_list *list, size_t first, size_t end,
		  bool found)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = first; i < end; i++)
		if (list->items[i].is_found == found)
			text = talloc_asprintf_append(text, "%s%s", *text != '\0' ? "," : "",
						      list->items[i].name);
	return text;
}
