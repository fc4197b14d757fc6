/* The steps of a resolution: see resolve_note.h. Pure. */
#include "topology/resolve_note.h"

static const struct resolve_rule_row rows[RULE_COUNT] = {
#define RESOLVE_ROW(symbol, id, section, text) { id, section, text },
#include "topology/resolve_rows.h"
#undef RESOLVE_ROW
};

const struct resolve_rule_row *resolve_rule_row(enum resolve_rule rule)
{
	return &rows[rule];
}

const char *resolve_domain_type(const struct snap_domain *domain)
{
	static const char *const names[] = {
		[DOMAIN_AUTHORITATIVE] = "authoritative",
		[DOMAIN_INTERNAL_RELAY] = "internalRelay",
		[DOMAIN_EXTERNAL_RELAY] = "externalRelay",
	};

	return names[domain->type];
}

static void add_domain(const struct snapshot *snap, uint32_t index, struct buf *out)
{
	const struct snap_domain *domain = index != SNAP_NONE ? snap_domain(snap, index) : NULL;

	if (domain == NULL)
		buf_adds(out, "no accepted domain");
	else
		buf_printf(out, "%s%s (%s)", domain->wildcard ? "*." : "",
			   snap_str(snap, domain->domain), resolve_domain_type(domain));
}

static void add_server(const struct snapshot *snap, uint32_t index, struct buf *out)
{
	buf_adds(out, index != SNAP_NONE ? snap_str(snap, snap_server(snap, index)->peer.name) :
					   "nobody");
}

void resolve_note_text(const struct snapshot *snap, const struct resolve_note *note,
		       struct buf *out)
{
	for (const char *at = rows[note->rule].text; *at != '\0'; at++) {
		if (*at != '%') {
			buf_addc(out, *at);
			continue;
		}
		switch (*++at) {
		case 'a':
			buf_adds(out, note->address);
			break;
		case 't':
			buf_adds(out, note->to);
			break;
		case 'd':
			add_domain(snap, note->domain, out);
			break;
		default:
			add_server(snap, note->server, out);
		}
	}
}
