/* libunbound as waypost-resolver uses it: see resolver_unbound.h. */
#include "delivery/resolver_unbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"

#define PROBE_DEADLINE_MS 4000
#define PROBE_HOURLY_MS	  3600000
#define PROBE_AGAIN_MS	  30000 /* while nothing is known */
#define PROBES_IN_VAIN	  3	/* then it counts as "no" */

static const char *const system_anchors[] = { "/usr/share/dns/root.key", "/var/lib/unbound/root.key",
					       "/etc/unbound/root.key" };

struct resolver_unbound {
	struct ub_ctx *validating; /* null: there is no trust anchor */
	struct ub_ctx *plain;
	enum resolver_dnssec dnssec;
	bool is_ready, is_probing;
	unsigned in_vain;
	struct unbound_question probe;
	uint64_t next_ms; /* the next probe, or the end of this one; 0: now */
	uint64_t now_ms;
};

static const struct {
	const char *option, *value;
} common_options[] = {
	/* A forwarder on this machine is usual. */
	{ "do-not-query-localhost:", "no" },
	{ "num-queries-per-thread:", "4096" },
	{ "outgoing-range:", "4096" },
	{ "edns-buffer-size:", "1232" },
	/* Private reverse zones are asked like all others: the servers are the organisation's. */
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
	{ "cache-max-negative-ttl:", "300" },
	/* A dead authority is tried again soon: mail waits for it. */
	{ "infra-host-ttl:", "120" },
	{ "use-syslog:", "no" },
};

/* Zones that libunbound has answers of its own for (RFC 6761), but organisations use. */
static const char *const opened_zones[] = { "test.", "home.arpa." };

static int unbound_err(struct err *e, int code, const char *what)
{
	return err_set(e, ERR_SYSTEM, 0, "%s: %s", what, ub_strerror(code));
}

static int set_options(struct ub_ctx *context, const char *modules, const struct unbound_options *o,
		       struct err *e)
{
	int rc = ub_ctx_set_option(context, "module-config:", modules);

	for (size_t i = 0; rc == 0 && i < WP_COUNT(common_options); i++)
		rc = ub_ctx_set_option(context, common_options[i].option, common_options[i].value);
	if (rc != 0)
		return unbound_err(e, rc, "libunbound refuses an option");
	for (size_t i = 0; i < o->insecure_count; i++) {
		rc = ub_ctx_set_option(context, "domain-insecure:", o->insecure[i]);
		if (rc != 0)
			return unbound_err(e, rc, o->insecure[i]);
	}
	return 0;
}

static int set_servers(struct ub_ctx *context, const struct unbound_options *o, struct err *e)
{
	int rc = 0;

	if (o->recursive)
		return 0;
	if (o->server_count == 0)
		rc = ub_ctx_resolvconf(context, NULL);
	if (rc != 0)
		return unbound_err(e, rc, "/etc/resolv.conf");
	for (size_t i = 0; i < o->server_count; i++) {
		rc = ub_ctx_set_fwd(context, o->servers[i]);
		if (rc != 0)
			return unbound_err(e, rc, o->servers[i]);
	}
	return 0;
}

/* The first call makes the context final: options and anchors come before. */
static int open_zones(struct ub_ctx *context, const struct unbound_options *o, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < WP_COUNT(opened_zones); i++)
		rc = ub_ctx_zone_add(context, opened_zones[i], "transparent");
	for (size_t i = 0; rc == 0 && i < o->insecure_count; i++)
		rc = ub_ctx_zone_add(context, o->insecure[i], "transparent");
	return rc == 0 ? 0 : unbound_err(e, rc, "libunbound cannot open its local zones");
}

static int make_context(const struct unbound_options *o, const char *anchor, struct ub_ctx **context_r,
			struct err *e)
{
	struct ub_ctx *context = ub_ctx_create();
	int rc;

	if (context == NULL)
		return err_set(e, ERR_SYSTEM, 0, "libunbound has no memory");
	*context_r = context;
	ub_ctx_async(context, 1);
	if (set_options(context, anchor == NULL ? "iterator" : "validator iterator", o, e) != 0 ||
	    set_servers(context, o, e) != 0)
		return -1;
	rc = anchor == NULL ? 0 : ub_ctx_add_ta_file(context, anchor);
	if (rc != 0)
		return unbound_err(e, rc, anchor);
	return open_zones(context, o, e);
}

static const char *find_anchor(const struct unbound_options *o)
{
	if (o->trust_anchor != NULL)
		return o->trust_anchor;
	for (size_t i = 0; i < WP_COUNT(system_anchors); i++) {
		if (access(system_anchors[i], R_OK) == 0)
			return system_anchors[i];
	}
	return NULL;
}

int resolver_unbound_new(const struct unbound_options *options, struct resolver_unbound **u_r,
			 struct err *e)
{
	struct resolver_unbound *u = mem_zero(1, sizeof(*u));
	const char *anchor = find_anchor(options);

	*u_r = u;
	if (anchor == NULL) {
		log_warn("there is no trust anchor (Debian: dns-root-data): answers are not validated");
		u->dnssec = RESOLVER_DNSSEC_NO;
		u->is_ready = true;
		u->next_ms = UINT64_MAX;
	} else if (make_context(options, anchor, &u->validating, e) != 0) {
		return -1;
	}
	return make_context(options, NULL, &u->plain, e);
}

/* The rdata of RESULT, in RECORDS (room: DNS_RECORDS_MAX). */
static size_t take_records(const struct ub_result *result, struct dns_rdata *records)
{
	size_t count = 0;

	while (count < DNS_RECORDS_MAX && result->data != NULL && result->data[count] != NULL) {
		records[count].data = (const uint8_t *)result->data[count];
		records[count].len = (uint16_t)result->len[count];
		count++;
	}
	return count;
}

static const char *rcode_name(int rcode)
{
	static char other[16];

	if (rcode == DNS_SERVFAIL)
		return "SERVFAIL";
	if (rcode == DNS_REFUSED)
		return "REFUSED";
	snprintf(other, sizeof(other), "RCODE %d", rcode);
	return other;
}

/* NAME as dns_message.h writes names; what is none stays as it is. */
static const char *tidy_name(const char *name, char text[static DNS_NAME_TEXT])
{
	uint8_t wire[DNS_NAME_WIRE];
	size_t len = dns_name_to_wire(name, wire);

	return len != 0 && dns_name_to_text(wire, len, text) != 0 ? text : name;
}

static void answer_from(struct unbound_question *q, const struct ub_result *result, bool validates)
{
	struct dns_rdata records[DNS_RECORDS_MAX];
	char canonical[DNS_NAME_TEXT];
	struct dns_answer answer = {
		.rcode = (uint8_t)result->rcode,
		.bogus = result->bogus,
		.secure = validates && result->secure && !result->bogus,
		.ttl_s = result->ttl < 0 ? 0 : (uint32_t)result->ttl,
		.canonical = tidy_name(result->canonname == NULL ? q->name : result->canonname,
				       canonical),
		.why = "",
	};

	/* Bogus data come with rcode 0: this is looked at first. */
	if (result->bogus)
		answer.why = result->why_bogus == NULL ? "bogus" : result->why_bogus;
	else if (result->rcode != DNS_NOERROR && result->rcode != DNS_NXDOMAIN)
		answer.why = rcode_name(result->rcode);
	answer.is_temporary = answer.why[0] != '\0';
	if (!answer.is_temporary && result->rcode == DNS_NOERROR)
		answer.count = take_records(result, records);
	answer.records = records;
	q->on_answer(q->arg, &answer);
}

static void on_result(struct unbound_question *q, int failure, struct ub_result *result, bool validates)
{
	struct dns_answer failed = { .is_temporary = true, .rcode = DNS_SERVFAIL, .canonical = q->name };

	q->context = NULL;
	if (failure != 0) {
		failed.why = ub_strerror(failure);
		q->on_answer(q->arg, &failed);
	} else {
		answer_from(q, result, validates);
	}
	ub_resolve_free(result);
}

static void on_validated(void *arg, int failure, struct ub_result *result)
{
	on_result(arg, failure, result, true);
}

static void on_plain(void *arg, int failure, struct ub_result *result)
{
	on_result(arg, failure, result, false);
}

static bool ask(struct ub_ctx *context, bool validates, const char *name, uint16_t type,
		struct unbound_question *q)
{
	int rc;

	snprintf(q->name, sizeof(q->name), "%s", name);
	rc = ub_resolve_async(context, q->name, type, 1, q, validates ? on_validated : on_plain,
			      &q->async_id);
	q->context = rc == 0 ? context : NULL;
	return rc == 0;
}

bool resolver_unbound_ask(struct resolver_unbound *u, const char *name, uint16_t type,
			  unbound_on_answer *on_answer, void *arg, struct unbound_question *q)
{
	bool validates = u->dnssec == RESOLVER_DNSSEC_YES;

	q->on_answer = on_answer;
	q->arg = arg;
	return ask(validates ? u->validating : u->plain, validates, name, type, q);
}

void resolver_unbound_cancel(struct unbound_question *q)
{
	if (q->context != NULL)
		ub_cancel(q->context, q->async_id);
	q->context = NULL;
}

void resolver_unbound_fds(struct resolver_unbound *u, struct pollfd fds[static UNBOUND_FDS])
{
	fds[0] = (struct pollfd){ .fd = ub_fd(u->plain), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = u->validating == NULL ? -1 : ub_fd(u->validating),
				  .events = POLLIN };
}

void resolver_unbound_process(struct resolver_unbound *u)
{
	int rc = ub_process(u->plain);

	if (rc == 0 && u->validating != NULL)
		rc = ub_process(u->validating);
	if (rc == 0)
		return;
	/* Its thread is gone: a new process is the cure, and the service starts one. */
	log_error("libunbound: %s", ub_strerror(rc));
	exit(1);
}

static void probe_over(struct resolver_unbound *u, enum resolver_dnssec found)
{
	u->is_probing = false;
	u->is_ready = true;
	if (found != RESOLVER_DNSSEC_UNKNOWN)
		u->dnssec = found;
	else if (u->dnssec == RESOLVER_DNSSEC_UNKNOWN && ++u->in_vain == PROBES_IN_VAIN)
		u->dnssec = RESOLVER_DNSSEC_NO;
	u->next_ms = u->now_ms + (found == RESOLVER_DNSSEC_UNKNOWN ? PROBE_AGAIN_MS : PROBE_HOURLY_MS);
}

static void on_probe(void *arg, const struct dns_answer *answer)
{
	struct resolver_unbound *u = arg;

	if (answer->secure && !answer->is_temporary)
		probe_over(u, RESOLVER_DNSSEC_YES);
	else if (answer->bogus)
		probe_over(u, RESOLVER_DNSSEC_NO);
	else
		probe_over(u, RESOLVER_DNSSEC_UNKNOWN);
}

static void probe_begin(struct resolver_unbound *u)
{
	u->probe.on_answer = on_probe;
	u->probe.arg = u;
	u->is_probing = true;
	u->next_ms = u->now_ms + PROBE_DEADLINE_MS;
	if (!ask(u->validating, true, ".", DNS_SOA, &u->probe))
		probe_over(u, RESOLVER_DNSSEC_UNKNOWN);
}

uint64_t resolver_unbound_tick(struct resolver_unbound *u, uint64_t now_ms)
{
	u->now_ms = now_ms;
	if (now_ms < u->next_ms)
		return u->next_ms;
	if (u->is_probing) {
		resolver_unbound_cancel(&u->probe);
		probe_over(u, RESOLVER_DNSSEC_UNKNOWN);
	} else {
		probe_begin(u);
	}
	return u->next_ms;
}

bool resolver_unbound_is_ready(const struct resolver_unbound *u)
{
	return u->is_ready;
}

enum resolver_dnssec resolver_unbound_dnssec(const struct resolver_unbound *u)
{
	return u->dnssec;
}
