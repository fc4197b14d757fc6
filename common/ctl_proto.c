/* The lines of the control sockets. Pure. */
#include "common/ctl_proto.h"

#include <string.h>
#include <unistr.h>

static int not_a_request(struct err *e, const char *why)
{
	err_set(e, ERR_PROTOCOL, 0, "this is no request: %s", why);
	return err_remedy(e, "send {\"v\":1,\"id\":1,\"verb\":\"help\"} and a line end");
}

/* What is wrong with the members of ROOT, or null. */
static const char *take_members(json_t *root, struct ctl_request *r)
{
	const json_t *version = json_object_get(root, "v"), *id = json_object_get(root, "id");
	const json_t *verb = json_object_get(root, "verb");
	json_t *args = json_object_get(root, "args");

	if (json_integer_value(version) != CTL_VERSION)
		return "its \"v\" is not 1";
	if (!json_is_integer(id))
		return "its \"id\" is no integer";
	if (!json_is_string(verb) || json_string_length(verb) == 0 ||
	    json_string_length(verb) > CTL_VERB_MAX)
		return "its \"verb\" is no name";
	if (args != NULL && !json_is_object(args))
		return "its \"args\" are no object";
	r->id = json_integer_value(id);
	memcpy(r->verb, json_string_value(verb), json_string_length(verb) + 1);
	r->args = args != NULL ? json_incref(args) : json_object();
	return NULL;
}

int ctl_request_parse(const char *line, size_t len, struct ctl_request *request_r, struct err *e)
{
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *wrong;

	if (!json_is_object(root)) {
		json_decref(root);
		return not_a_request(e, "it is no JSON object");
	}
	wrong = take_members(root, request_r);
	json_decref(root);
	return wrong == NULL ? 0 : not_a_request(e, wrong);
}

static int to_buf(const char *data, size_t len, void *out)
{
	buf_add(out, data, len);
	return 0;
}

static void put_json(struct buf *out, const json_t *value)
{
	if (value == NULL || json_dump_callback(value, to_buf, out, JSON_COMPACT) != 0)
		buf_adds(out, "null");
}

static void put_string(struct buf *out, const char *text)
{
	json_t *value = ctl_text(text);

	json_dump_callback(value, to_buf, out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
}

static void put_id(struct buf *out, int64_t id)
{
	buf_printf(out, "{\"id\":%lld,", (long long)id);
}

void ctl_put_request(struct buf *out, int64_t id, const char *verb, const json_t *args)
{
	buf_printf(out, "{\"v\":%d,\"id\":%lld,\"verb\":", CTL_VERSION, (long long)id);
	put_string(out, verb);
	buf_adds(out, ",\"args\":");
	put_json(out, args);
	buf_adds(out, "}\n");
}

void ctl_put_row(struct buf *out, int64_t id, const json_t *row)
{
	put_id(out, id);
	buf_adds(out, "\"row\":");
	put_json(out, row);
	buf_adds(out, "}\n");
}

void ctl_put_end(struct buf *out, int64_t id, const char *cursor)
{
	put_id(out, id);
	buf_adds(out, "\"end\":{\"ok\":true");
	if (cursor != NULL) {
		buf_adds(out, ",\"cursor\":");
		put_string(out, cursor);
	}
	buf_adds(out, "}}\n");
}

void ctl_put_error(struct buf *out, bool has_id, int64_t id, const struct err *error)
{
	if (has_id)
		put_id(out, id);
	else
		buf_adds(out, "{\"id\":null,");
	buf_adds(out, "\"error\":{\"code\":");
	put_string(out, err_domain_name(error->domain));
	buf_adds(out, ",\"text\":");
	put_string(out, error->text);
	buf_adds(out, ",\"remedy\":");
	put_string(out, error->remedy);
	buf_adds(out, "}}\n");
}

json_t *ctl_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	struct buf clean = { 0 };
	size_t len;
	json_t *value;

	if (text == NULL)
		return json_null();
	len = strlen(text);
	while (len > 0) {
		const uint8_t *wrong = u8_check((const uint8_t *)text, len);
		size_t good = wrong != NULL ? (size_t)(wrong - (const uint8_t *)text) : len;

		buf_add(&clean, text, good);
		if (wrong == NULL)
			break;
		buf_adds(&clean, replacement);
		text += good + 1;
		len -= good + 1;
	}
	value = json_stringn(clean.len > 0 ? clean.data : "", clean.len);
	buf_free(&clean);
	return value;
}

enum err_domain ctl_error_domain(const char *name)
{
	for (int domain = ERR_NONE + 1; domain <= ERR_PROTOCOL; domain++)
		if (strcmp(err_domain_name((enum err_domain)domain), name) == 0)
			return (enum err_domain)domain;
	return ERR_PROTOCOL;
}
