/* Names, answers and records of the DNS: see dns_message.h. RFC 1035 §3, §5.1. */
#include "delivery/dns_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static const struct {
	uint16_t type;
	const char *name;
} type_names[] = {
	{ DNS_A, "A" },	      { DNS_CNAME, "CNAME" }, { DNS_SOA, "SOA" },   { DNS_MX, "MX" },
	{ DNS_TXT, "TXT" },   { DNS_AAAA, "AAAA" },   { DNS_SRV, "SRV" },   { DNS_TLSA, "TLSA" },
};

const char *dns_type_name(uint16_t type)
{
	static _Thread_local char other[16];

	for (size_t i = 0; i < WP_COUNT(type_names); i++) {
		if (type_names[i].type == type)
			return type_names[i].name;
	}
	snprintf(other, sizeof(other), "TYPE%u", type);
	return other;
}

/* Copies TEXT with its NUL to *TO, which moves behind it. */
static const char *place_text(char **to, const char *text)
{
	size_t size = strlen(text) + 1;
	char *at = *to;

	memcpy(at, text, size);
	*to += size;
	return at;
}

struct dns_answer *dns_answer_new(const struct dns_answer *like)
{
	const char *canonical = like->canonical == NULL ? "" : like->canonical;
	const char *why = like->why == NULL ? "" : like->why;
	size_t count = like->is_temporary ? 0 : like->count;
	size_t size = sizeof(*like) + count * sizeof(*like->records) + strlen(canonical) + strlen(why) + 2;
	struct dns_answer *answer;
	struct dns_rdata *records;
	char *to;

	for (size_t i = 0; i < count; i++)
		size += like->records[i].len;
	answer = mem_alloc(size);
	*answer = *like;
	answer->count = count;
	answer->records = records = (struct dns_rdata *)(answer + 1);
	to = (char *)(records + count);
	for (size_t i = 0; i < count; i++) {
		records[i] = like->records[i];
		records[i].data = (const uint8_t *)to;
		memcpy(to, like->records[i].data, like->records[i].len);
		to += like->records[i].len;
	}
	answer->canonical = place_text(&to, canonical);
	answer->why = place_text(&to, why);
	return answer;
}

struct dns_answer *dns_answer_temporary(const char *name, const char *why)
{
	struct dns_answer like = {
		.is_temporary = true, .rcode = DNS_SERVFAIL, .canonical = name, .why = why,
	};

	return dns_answer_new(&like);
}

void dns_answer_free(struct dns_answer *answer)
{
	free(answer);
}

bool dns_mx_parse(const struct dns_rdata *rdata, uint16_t *preference_r,
		  char exchange_r[static DNS_NAME_TEXT])
{
	size_t name_len;

	if (rdata->len < 3)
		return false;
	*preference_r = (uint16_t)(rdata->data[0] << 8 | rdata->data[1]);
	name_len = dns_name_to_text(rdata->data + 2, rdata->len - 2u, exchange_r);
	return name_len != 0 && name_len == rdata->len - 2u;
}

bool dns_address_parse(uint16_t type, const struct dns_rdata *rdata, struct ipaddr *address_r)
{
	static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (type == DNS_AAAA && rdata->len == 16) {
		memcpy(address_r->bytes, rdata->data, 16);
		return true;
	}
	if (type != DNS_A || rdata->len != 4)
		return false;
	memcpy(address_r->bytes, v4_prefix, sizeof(v4_prefix));
	memcpy(address_r->bytes + sizeof(v4_prefix), rdata->data, 4);
	return true;
}

bool dns_cname_parse(const struct dns_rdata *rdata, char target_r[static DNS_NAME_TEXT])
{
	size_t len = dns_name_to_text(rdata->data, rdata->len, target_r);

	return len != 0 && len == rdata->len;
}
