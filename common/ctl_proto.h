/*
 * The words of the control sockets: JSON lines of at most 1 MiB over run/<program>.sock.
 *
 *   > {"v":1,"id":1,"verb":"queue.list","args":{"limit":100}}
 *   < {"id":1,"row":{…}}            any number
 *   < {"id":1,"end":{"ok":true}}    or, when there is more, {"ok":true,"cursor":"…"}
 *   < {"id":1,"error":{"code":"not-found","text":"…","remedy":"…"}}
 *
 * Requests of one connection may overlap; answers carry the request's id. A line that is no
 * request is answered with id null and the connection is closed. Pure.
 */
#ifndef WP_COMMON_CTL_PROTO_H
#define WP_COMMON_CTL_PROTO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum {
	CTL_VERSION = 1,
	CTL_LINE_MAX = 1024 * 1024, /* octets of a line with its line end */
	CTL_VERB_MAX = 63,
};

struct ctl_request {
	int64_t id;
	char verb[CTL_VERB_MAX + 1];
	json_t *args; /* an object, owned: json_decref */
};

/* One line without its line end. 0, or -1 and E says what is wrong (ERR_PROTOCOL). */
int ctl_request_parse(const char *line, size_t len, struct ctl_request *request_r,
		      struct err *e) WP_MUST_CHECK;

/* Each appends one line with its line end. BODY is borrowed. */
void ctl_put_request(struct buf *out, int64_t id, const char *verb, const json_t *args);
void ctl_put_row(struct buf *out, int64_t id, const json_t *row);
void ctl_put_end(struct buf *out, int64_t id, const char *cursor);
/* With HAS_ID false the id is null: the request could not be read. */
void ctl_put_error(struct buf *out, bool has_id, int64_t id, const struct err *error);

/*
 * A JSON string of TEXT whatever its octets: what is no UTF-8 becomes U+FFFD, null becomes
 * JSON null. For texts of peers and files.
 */
json_t *ctl_text(const char *text);
/* The domain that carries NAME in error replies ("config", …); ERR_PROTOCOL for any other. */
enum err_domain ctl_error_domain(const char *name);

#endif
