/*
 * DNS data from strangers: names, rdata, the resolver's packets, and a search for a next hop
 * whose answers are the input.
 */
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "delivery/mx.h"
#include "delivery/resolver_proto.h"

static void fuzz_name(const uint8_t *data, size_t size)
{
	char text[DNS_NAME_TEXT], again[DNS_NAME_TEXT];
	uint8_t wire[DNS_NAME_WIRE];
	size_t len = dns_name_to_text(data, size, text);

	FUZZ_PROMISE(len <= size && len <= DNS_NAME_WIRE);
	if (len == 0)
		return;
	FUZZ_PROMISE(strlen(text) < DNS_NAME_TEXT);
	/* The text is a name again, of the same length, and stays as it is. */
	FUZZ_PROMISE(dns_name_to_wire(text, wire) == len);
	FUZZ_PROMISE(dns_name_to_text(wire, len, again) == len && strcmp(text, again) == 0);
	FUZZ_PROMISE(dns_name_equal(text, again));
}

static void fuzz_rdata(const uint8_t *data, size_t size)
{
	struct dns_rdata rdata = { data, (uint16_t)(size > UINT16_MAX ? UINT16_MAX : size) };
	char name[DNS_NAME_TEXT];
	struct ipaddr address;
	uint16_t preference;

	if (dns_mx_parse(&rdata, &preference, name))
		FUZZ_PROMISE(rdata.len >= 3);
	if (dns_cname_parse(&rdata, name))
		FUZZ_PROMISE(rdata.len >= 1);
	FUZZ_PROMISE(dns_address_parse(DNS_A, &rdata, &address) == (rdata.len == 4));
	FUZZ_PROMISE(dns_address_parse(DNS_AAAA, &rdata, &address) == (rdata.len == 16));
}

static void fuzz_text(const uint8_t *data, size_t size)
{
	char text[2048], back[DNS_NAME_TEXT];
	uint8_t wire[DNS_NAME_WIRE];
	size_t len = size < sizeof(text) ? size : sizeof(text) - 1;
	struct mx_hop hop;

	memcpy(text, data, len);
	text[len] = '\0';
	len = dns_name_to_wire(text, wire);
	FUZZ_PROMISE(len <= DNS_NAME_WIRE);
	if (len != 0)
		FUZZ_PROMISE(dns_name_to_text(wire, len, back) == len);
	if (mx_smart_host_parse(text, 25, &hop, NULL) == 0)
		FUZZ_PROMISE(hop.port != 0 && hop.name[0] != '\0');
	if (mx_domain_parse(text, 25, &hop))
		FUZZ_PROMISE(hop.name[0] != '\0');
}

static void fuzz_packet(const uint8_t *data, size_t size)
{
	struct resolver_question question;
	enum resolver_dnssec state;
	struct dns_answer *answer;
	struct buf out = { 0 };
	uint64_t id;

	if (resolver_get_answer(data, size, &id, &answer)) {
		FUZZ_PROMISE(answer->count <= DNS_RECORDS_MAX);
		FUZZ_PROMISE(!answer->is_temporary || answer->count == 0);
		FUZZ_PROMISE(!answer->bogus || answer->is_temporary);
		resolver_put_answer(&out, id, answer);
		FUZZ_PROMISE(resolver_kind(out.data, out.len) == RESOLVER_ANSWER);
		dns_answer_free(answer);
	}
	if (resolver_get_question(data, size, &question)) {
		resolver_put_question(&out, &question);
		FUZZ_PROMISE(out.len == size && memcmp(out.data, data, size) == 0);
	}
	if (resolver_get_dnssec(data, size, &state))
		FUZZ_PROMISE(state <= RESOLVER_DNSSEC_NO);
	buf_free(&out);
}

/* Takes an answer off the input: flags, a count, and as many records of a length and octets. */
static void take_answer(const uint8_t **data, size_t *size, struct dns_answer *answer,
			struct dns_rdata records[static 16])
{
	uint8_t head = *size > 0 ? **data : 0;

	*data += *size > 0;
	*size -= *size > 0;
	*answer = (struct dns_answer){ .records = records, .canonical = "c", .why = "" };
	answer->is_temporary = (head & 0xe0) == 0xe0;
	answer->rcode = (head & 0xe0) == 0xc0 ? DNS_NXDOMAIN : DNS_NOERROR;
	for (size_t count = answer->is_temporary ? 0 : head & 0x0f; count > 0 && *size > 0; count--) {
		uint16_t len = (uint16_t)(**data < *size - 1 ? **data : *size - 1);

		records[answer->count++] = (struct dns_rdata){ *data + 1, len };
		*data += 1 + len;
		*size -= 1u + len;
	}
}

static void fuzz_search(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a" };
	static const struct mx_endpoint binding = { { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2 } }, 25 };
	static const struct mx_self self = { names, 1, &binding, 1 };
	struct mx_hop hop = { .kind = size > 0 ? data[0] % 3 : 0, .name = "example.org", .port = 25 };
	struct mx_search *s = mx_search_new(&hop, &self, size);
	const struct mx_target *targets;
	struct dns_rdata records[16];
	struct dns_answer answer;
	struct mx_question q;
	size_t count;

	while (mx_search_question(s, &q)) {
		take_answer(&data, &size, &answer, records);
		mx_search_answer(s, q.id, &answer);
	}
	FUZZ_PROMISE(mx_search_is_done(s));
	count = mx_search_targets(s, &targets);
	FUZZ_PROMISE(count <= MX_TARGETS_MAX && (count == 0) == (mx_search_outcome(s) != NULL));
	for (size_t i = 0; i < count; i++) {
		FUZZ_PROMISE(!ipaddr_equal(&targets[i].address, &binding.address));
		FUZZ_PROMISE(i == 0 || targets[i - 1].preference <= targets[i].preference);
	}
	mx_search_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_name(data, size);
	fuzz_rdata(data, size);
	fuzz_text(data, size);
	fuzz_packet(data, size);
	fuzz_search(data, size);
	return 0;
}
