/* Which addresses serve a next hop, and in which order: see mx.h, whose steps are numbered. */
#include "delivery/mx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define ADDRESSES_MAX 16 /* of a host and family */

/* One of the hosts that serve the next hop. */
struct host {
	char *name, *canonical;
	uint16_t preference;
	uint64_t lot;	  /* drawn, decides among equals */
	bool secure;	  /* the MX record was, and so far its addresses */
	bool is_temporary;/* a question about it failed */
	struct ipaddr addresses[2][ADDRESSES_MAX]; /* IPv6, IPv4 */
	size_t counts[2];
};

enum phase { PHASE_MX, PHASE_ADDRESSES, PHASE_DONE };

/* Question 0 is for the MX records, then two for each host: AAAA and A. */
struct mx_search {
	struct mx_hop hop;
	const struct mx_self *self;
	uint64_t random;
	enum phase phase;
	unsigned next_question, open_questions, end_questions;
	struct host *hosts;
	size_t host_count;
	bool is_implicit; /* step 4 */
	bool was_cut;	  /* step 5 */
	uint32_t ttl_s;
	struct mx_target targets[MX_TARGETS_MAX];
	size_t target_count;
	struct outcome *outcome;
	char why[160]; /* the last question that failed did so because of this */
};

/* splitmix64 over the caller's random bits. */
static uint64_t draw(struct mx_search *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void shuffle(struct mx_search *s, struct ipaddr *addresses, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = draw(s) % i;
		struct ipaddr swapped = addresses[i - 1];

		addresses[i - 1] = addresses[j];
		addresses[j] = swapped;
	}
}

/*
 * Ends without targets. For a configured host it is the host that is unavailable, whatever
 * CLASS a domain would get, and the status is a temporary one.
 */
static void give_up(struct mx_search *s, enum outcome_class class, const char *status,
		    const char *text)
{
	struct outcome_peer peer = { .host = s->hop.name };
	char changed[OUTCOME_STATUS_SIZE];

	snprintf(changed, sizeof(changed), "%s", status);
	if (s->hop.kind != MX_DOMAIN) {
		class = OUTCOME_HOST_UNAVAILABLE;
		changed[0] = '4';
	}
	s->phase = PHASE_DONE;
	if (class != OUTCOME_FAILED)
		s->ttl_s = 0;
	s->outcome = outcome_local(class, OUTCOME_STAGE_RESOLVE, changed, &peer, "%s: %s%s%s%s",
				   s->hop.name, text, s->why[0] == '\0' ? "" : " (", s->why,
				   s->why[0] == '\0' ? "" : ")");
}

static bool is_own_name(const struct mx_search *s, const char *name)
{
	for (size_t i = 0; i < s->self->name_count; i++) {
		if (dns_name_equal(s->self->names[i], name))
			return true;
	}
	return false;
}

static bool is_own_address(const struct mx_search *s, const struct ipaddr *address)
{
	for (size_t i = 0; i < s->self->binding_count; i++) {
		const struct mx_endpoint *b = &s->self->bindings[i];

		if (b->port == s->hop.port && ipaddr_equal(&b->address, address))
			return true;
	}
	return false;
}

static void add_target(struct mx_search *s, const struct host *h, const struct ipaddr *address)
{
	if (s->target_count == MX_TARGETS_MAX)
		return;
	s->targets[s->target_count++] = (struct mx_target){
		.name = h->name,
		.canonical = h->canonical,
		.address = *address,
		.port = s->hop.port,
		.preference = h->preference,
		.secure = h->secure,
	};
}

static struct host *add_host(struct mx_search *s, const char *name, uint16_t preference, bool secure)
{
	struct host *h;

	s->hosts = mem_grow(s->hosts, (s->host_count + 1) * sizeof(*s->hosts));
	h = &s->hosts[s->host_count++];
	memset(h, 0, sizeof(*h));
	h->name = mem_strdup(name);
	h->canonical = mem_strdup(name);
	h->preference = preference;
	h->secure = secure;
	h->lot = draw(s);
	return h;
}

static void drop_hosts(struct mx_search *s, size_t from)
{
	while (s->host_count > from) {
		struct host *h = &s->hosts[--s->host_count];

		free(h->name);
		free(h->canonical);
	}
}

/* Step 5: HOST is this host: it and all that are no better go. Hosts are in order. */
static void cut_off(struct mx_search *s, const struct host *own)
{
	uint16_t preference = own->preference;
	size_t keep = 0;

	while (keep < s->host_count && s->hosts[keep].preference < preference)
		keep++;
	drop_hosts(s, keep);
	s->was_cut = true;
}

static void cut_off_by_name(struct mx_search *s)
{
	if (s->hop.kind != MX_DOMAIN)
		return;
	for (size_t i = 0; i < s->host_count; i++) {
		if (is_own_name(s, s->hosts[i].name) || is_own_name(s, s->hosts[i].canonical)) {
			cut_off(s, &s->hosts[i]);
			return;
		}
	}
}

static bool has_own_address(const struct mx_search *s, const struct host *h)
{
	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i < h->counts[family]; i++) {
			if (is_own_address(s, &h->addresses[family][i]))
				return true;
		}
	}
	return false;
}

static void cut_off_by_address(struct mx_search *s)
{
	if (s->hop.kind != MX_DOMAIN)
		return;
	for (size_t i = 0; i < s->host_count; i++) {
		if (has_own_address(s, &s->hosts[i])) {
			cut_off(s, &s->hosts[i]);
			return;
		}
	}
}

/* Step 7. */
static void add_targets_of(struct mx_search *s, struct host *h)
{
	size_t longer = h->counts[0] > h->counts[1] ? h->counts[0] : h->counts[1];

	for (int family = 0; family < 2; family++)
		shuffle(s, h->addresses[family], h->counts[family]);
	for (size_t i = 0; i < longer; i++) {
		for (int family = 0; family < 2; family++) {
			if (i >= h->counts[family])
				continue;
			/* A smart host that is this host, by address and port. */
			if (is_own_address(s, &h->addresses[family][i]))
				s->was_cut = true;
			else
				add_target(s, h, &h->addresses[family][i]);
		}
	}
}

/* Step 6. */
static void give_up_without_address(struct mx_search *s, bool is_temporary)
{
	if (is_temporary)
		give_up(s, OUTCOME_DEFERRED, "4.4.3", "the name servers gave no answer for its addresses");
	else if (s->was_cut)
		give_up(s, OUTCOME_FAILED, "5.4.6", "mail for it would loop back to this host");
	else if (s->is_implicit)
		give_up(s, OUTCOME_FAILED, "5.1.2", "the domain has neither MX nor address records");
	else if (s->hop.kind == MX_DOMAIN)
		give_up(s, OUTCOME_FAILED, "5.4.4", "none of its mail exchangers has an address");
	else
		give_up(s, OUTCOME_FAILED, "5.4.4", "the host has no address");
}

static void finish(struct mx_search *s)
{
	bool is_temporary = false;

	cut_off_by_name(s); /* again: now the ends of CNAMEs are known */
	cut_off_by_address(s);
	for (size_t i = 0; i < s->host_count; i++) {
		is_temporary |= s->hosts[i].is_temporary;
		add_targets_of(s, &s->hosts[i]);
	}
	s->phase = PHASE_DONE;
	if (is_temporary)
		s->ttl_s = 0;
	if (s->target_count == 0)
		give_up_without_address(s, is_temporary);
}

static void look_hosts_up(struct mx_search *s)
{
	s->phase = PHASE_ADDRESSES;
	s->next_question = 1;
	s->end_questions = 1 + 2 * (unsigned)s->host_count;
}

static int compare_hosts(const void *a, const void *b)
{
	const struct host *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return x->lot < y->lot ? -1 : x->lot > y->lot;
}

/* Of a host that is in the list twice only the better record stays. */
static void drop_repeated_hosts(struct mx_search *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->host_count; i++) {
		size_t j = 0;

		while (j < kept && !dns_name_equal(s->hosts[j].name, s->hosts[i].name))
			j++;
		if (j == kept) {
			struct host swapped = s->hosts[kept];

			s->hosts[kept++] = s->hosts[i];
			s->hosts[i] = swapped;
		}
	}
	drop_hosts(s, kept);
}

/* Step 2. True if a record names the root, which is no host. */
static bool read_mx_records(struct mx_search *s, const struct dns_answer *answer)
{
	char exchange[DNS_NAME_TEXT];
	uint16_t preference;
	bool has_root = false;

	for (size_t i = 0; i < answer->count && i < DNS_RECORDS_MAX; i++) {
		if (!dns_mx_parse(&answer->records[i], &preference, exchange))
			continue;
		if (exchange[0] == '\0')
			has_root = true;
		else
			add_host(s, exchange, preference, answer->secure);
	}
	if (s->host_count > 1) /* with none there is no array */
		qsort(s->hosts, s->host_count, sizeof(*s->hosts), compare_hosts);
	return has_root;
}

static void on_mx_records(struct mx_search *s, const struct dns_answer *answer)
{
	bool has_root = read_mx_records(s, answer);

	if (s->host_count == 0 && has_root) {
		give_up(s, OUTCOME_FAILED, "5.1.10", "the domain accepts no mail (null MX)");
		return;
	}
	if (s->host_count == 0) {
		give_up(s, OUTCOME_DEFERRED, "4.4.3", "its MX records are malformed");
		return;
	}
	drop_repeated_hosts(s);
	cut_off_by_name(s);
	if (s->host_count == 0) {
		give_up_without_address(s, false);
		return;
	}
	if (s->host_count > MX_HOSTS_MAX)
		drop_hosts(s, MX_HOSTS_MAX);
	look_hosts_up(s);
}

static void on_mx_answer(struct mx_search *s, const struct dns_answer *answer)
{
	if (answer->is_temporary) {
		give_up(s, OUTCOME_DEFERRED, "4.4.3", "the name servers gave no answer for its MX records");
	} else if (answer->rcode == DNS_NXDOMAIN) {
		give_up(s, OUTCOME_FAILED, "5.1.2", "there is no such domain");
	} else if (answer->count > 0) {
		on_mx_records(s, answer);
	} else {
		s->is_implicit = true;
		add_host(s, s->hop.name, 0, answer->secure);
		look_hosts_up(s);
	}
}

static void on_address_answer(struct host *h, int family, const struct dns_answer *answer)
{
	uint16_t type = family == 0 ? DNS_AAAA : DNS_A;

	if (answer->is_temporary) {
		h->is_temporary = true;
		return;
	}
	if (answer->count > 0)
		h->secure &= answer->secure;
	if (answer->canonical != NULL && answer->canonical[0] != '\0') {
		free(h->canonical);
		h->canonical = mem_strdup(answer->canonical);
	}
	for (size_t i = 0; i < answer->count && h->counts[family] < ADDRESSES_MAX; i++) {
		struct ipaddr *to = &h->addresses[family][h->counts[family]];
		static const struct ipaddr no_v6, no_v4 = { { [10] = 0xff, [11] = 0xff } };

		/* The unspecified address would be this host under another name. */
		if (dns_address_parse(type, &answer->records[i], to) && !ipaddr_equal(to, &no_v6) &&
		    !ipaddr_equal(to, &no_v4))
			h->counts[family]++;
	}
}

struct mx_search *mx_search_new(const struct mx_hop *hop, const struct mx_self *self,
				uint64_t random)
{
	struct mx_search *s = mem_zero(1, sizeof(*s));
	struct host *h;

	s->hop = *hop;
	s->self = self;
	s->random = random;
	s->ttl_s = UINT32_MAX;
	if (hop->is_literal) {
		/* Step 1. */
		h = add_host(s, hop->name, 0, false);
		h->addresses[0][h->counts[0]++] = hop->literal;
		finish(s);
	} else if (hop->kind == MX_HOST) {
		add_host(s, hop->name, 0, true);
		look_hosts_up(s);
	} else {
		s->end_questions = 1;
	}
	return s;
}

void mx_search_free(struct mx_search *s)
{
	if (s == NULL)
		return;
	drop_hosts(s, 0);
	free(s->hosts);
	outcome_unref(s->outcome);
	free(s);
}

bool mx_search_question(struct mx_search *s, struct mx_question *question_r)
{
	unsigned id = s->next_question;

	if (s->phase == PHASE_DONE || id == s->end_questions)
		return false;
	question_r->id = id;
	question_r->name = id == 0 ? s->hop.name : s->hosts[(id - 1) / 2].name;
	question_r->type = id == 0 ? DNS_MX : id % 2 == 1 ? DNS_AAAA : DNS_A;
	s->next_question++;
	s->open_questions++;
	return true;
}

void mx_search_answer(struct mx_search *s, unsigned id, const struct dns_answer *answer)
{
	s->open_questions--;
	if (answer->is_temporary)
		snprintf(s->why, sizeof(s->why), "%s", answer->why == NULL ? "" : answer->why);
	else if (answer->ttl_s < s->ttl_s)
		s->ttl_s = answer->ttl_s;
	if (id == 0)
		on_mx_answer(s, answer);
	else
		on_address_answer(&s->hosts[(id - 1) / 2], (int)((id - 1) % 2), answer);
	if (s->phase == PHASE_ADDRESSES && s->open_questions == 0 &&
	    s->next_question == s->end_questions)
		finish(s);
}

bool mx_search_is_done(const struct mx_search *s)
{
	return s->phase == PHASE_DONE;
}

size_t mx_search_targets(const struct mx_search *s, const struct mx_target **targets_r)
{
	*targets_r = s->targets;
	return s->target_count;
}

struct outcome *mx_search_outcome(const struct mx_search *s)
{
	return s->outcome;
}

uint32_t mx_search_ttl_s(const struct mx_search *s)
{
	return s->ttl_s;
}
