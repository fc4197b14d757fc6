/*
 * Asks the real resolver what it reads: for test-resolver.sh.
 *
 *	resolver_query [--server IP@PORT]… [--insecure ZONE]… [--trust-anchor FILE] [--recursive]
 *
 * Lines of input, answered one after the other:
 *	NAME TYPE [MS]   "NAME TYPE: secure|insecure|bogus|temporary rcode=N ttl=N why… RECORD…"
 *	mx DOMAIN        "mx DOMAIN: name[address]:port…" or the outcome
 *	kill             kills the resolver process and waits until it runs again
 *	kill NAME TYPE   asks, kills it while the question is open, and prints the answer
 *	dnssec           "dnssec: yes|no|unknown", when it is known
 *	burst N SUFFIX   N questions at once for A of <i>.SUFFIX: "burst: N answered, N good"
 *	pid              "pid: N"
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "delivery/mx_lookup.h"
#include "delivery/resolver_client.h"

#define SERVERS_MAX 8

static uv_loop_t loop;
static uv_timer_t moment;
static struct resolver_service *service;
static struct resolver *client;
static bool is_answered;
static unsigned burst_open, burst_good;

static void print_record(uint16_t type, const struct dns_rdata *rdata)
{
	char name[DNS_NAME_TEXT], text[IPADDR_TEXT_SIZE];
	struct ipaddr address;
	uint16_t preference;

	if (type == DNS_MX && dns_mx_parse(rdata, &preference, name)) {
		printf(" %u:%s.", preference, name);
	} else if (dns_address_parse(type, rdata, &address)) {
		ipaddr_format(&address, text);
		printf(" %s", text);
	} else {
		printf(" ");
		for (unsigned i = 0; i < rdata->len; i++)
			printf("%02x", rdata->data[i]);
	}
}

static void on_answer(void *arg, const struct dns_answer *a)
{
	const char *kind = a->bogus ? "bogus" : a->is_temporary ? "temporary" : a->secure ? "secure" : "insecure";
	uint16_t type = *(const uint16_t *)arg;

	printf("%s rcode=%u ttl=%u canonical=%s count=%zu", kind, a->rcode, a->ttl_s, a->canonical, a->count);
	for (size_t i = 0; i < a->count && i < 8; i++)
		print_record(type, &a->records[i]);
	printf("%s%s\n", a->why[0] == '\0' ? "" : " why=", a->why);
	is_answered = true;
}

static void wait_for_answer(void)
{
	while (!is_answered)
		uv_run(&loop, UV_RUN_ONCE);
	is_answered = false;
}

static uint16_t type_of(const char *name)
{
	for (unsigned type = 1; type < 300; type++) {
		if (strcmp(dns_type_name((uint16_t)type), name) == 0)
			return (uint16_t)type;
	}
	return (uint16_t)atoi(name);
}

static void on_pause_over(uv_timer_t *timer)
{
	(void)timer;
}

/* Lets the loop run for a moment: by itself nothing here keeps it alive. */
static void run_a_moment(void)
{
	uv_timer_start(&moment, on_pause_over, 10, 0);
	uv_run(&loop, UV_RUN_ONCE);
	uv_timer_stop(&moment);
}

static void wait_for_process(pid_t old)
{
	pid_t now;

	while ((now = resolver_service_pid(service)) == 0 || now == old)
		run_a_moment();
	/* Until the client has heard of it. */
	run_a_moment();
}

static void ask(const char *name, const char *type_name, unsigned deadline_ms, bool with_kill)
{
	uint16_t type = type_of(type_name);
	pid_t pid = resolver_service_pid(service);

	printf("%s %s: ", name, type_name);
	resolver_ask(client, name, type, deadline_ms, on_answer, &type);
	if (with_kill) {
		usleep(100000);
		kill(pid, SIGKILL);
	}
	wait_for_answer();
	if (with_kill)
		wait_for_process(pid);
}

static void on_found(void *arg, const struct mx_search *search)
{
	const struct mx_target *targets;
	size_t count = mx_search_targets(search, &targets);
	struct outcome *o = mx_search_outcome(search);

	(void)arg;
	for (size_t i = 0; i < count; i++) {
		char text[IPADDR_TEXT_SIZE];

		ipaddr_format(&targets[i].address, text);
		printf(" %s[%s]:%u%s", targets[i].name, text, targets[i].port, targets[i].secure ? "!" : "");
	}
	if (o != NULL)
		printf(" %s %s", outcome_class_name(o->class), o->status);
	printf("\n");
	is_answered = true;
}

static void find_mx(const char *domain)
{
	static const struct mx_self nobody;
	struct mx_hop hop;

	printf("mx %s:", domain);
	if (!mx_domain_parse(domain, 25, &hop)) {
		printf(" no domain\n");
		return;
	}
	mx_lookup_start(&loop, client, &hop, &nobody, 1, 5000, on_found, NULL);
	wait_for_answer();
}

static void on_burst(void *arg, const struct dns_answer *a)
{
	(void)arg;
	burst_open--;
	burst_good += !a->is_temporary && a->count == 1;
}

static void burst(unsigned count, const char *suffix)
{
	char name[256];

	burst_open = count;
	burst_good = 0;
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "b%u.%s", i, suffix);
		resolver_ask(client, name, DNS_A, 20000, on_burst, NULL);
	}
	while (burst_open > 0)
		uv_run(&loop, UV_RUN_ONCE);
	printf("burst: %u answered, %u good\n", count, burst_good);
}

static void tell_dnssec(void)
{
	while (!resolver_service_has_dnssec(service) && !resolver_service_lacks_dnssec(service))
		run_a_moment();
	printf("dnssec: %s\n", resolver_service_has_dnssec(service) ? "yes" : "no");
}

static void obey(char *line)
{
	char first[300], second[64], third[64];
	int words = sscanf(line, "%299s %63s %63s", first, second, third);
	pid_t pid = resolver_service_pid(service);

	if (words == 1 && strcmp(first, "dnssec") == 0) {
		tell_dnssec();
	} else if (words == 1 && strcmp(first, "pid") == 0) {
		printf("pid: %d\n", (int)pid);
	} else if (words == 1 && strcmp(first, "kill") == 0) {
		kill(pid, SIGKILL);
		wait_for_process(pid);
	} else if (words == 3 && strcmp(first, "kill") == 0) {
		ask(second, third, 8000, true);
	} else if (words == 3 && strcmp(first, "burst") == 0) {
		burst((unsigned)atoi(second), third);
	} else if (words == 2 && strcmp(first, "mx") == 0) {
		find_mx(second);
	} else if (words >= 2) {
		ask(first, second, words == 3 ? (unsigned)atoi(third) : 8000, false);
	}
	fflush(stdout);
}

static void close_all(void)
{
	resolver_free(client);
	resolver_service_free(&service);
	uv_close((uv_handle_t *)&moment, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop) != 0) {
		fprintf(stderr, "handles were left\n");
		exit(1);
	}
}

static struct resolver_options read_args(int argc, char **argv)
{
	static struct host_address servers[SERVERS_MAX];
	static const char *insecure[SERVERS_MAX];
	struct resolver_options o = { .servers = servers, .insecure = insecure };

	for (int i = 1; i < argc; i++) {
		const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(option, "--recursive") == 0) {
			o.recursive = true;
			continue;
		}
		if (strcmp(option, "--server") == 0 && o.server_count < SERVERS_MAX) {
			char *copy = strdup(value);

			servers[o.server_count].ip = strsep(&copy, "@");
			servers[o.server_count++].port = (uint16_t)atoi(copy == NULL ? "53" : copy);
		} else if (strcmp(option, "--insecure") == 0 && o.insecure_count < SERVERS_MAX) {
			insecure[o.insecure_count++] = value;
		} else if (strcmp(option, "--trust-anchor") == 0) {
			o.trust_anchor = value;
		} else {
			fprintf(stderr, "resolver_query: unknown option %s\n", option);
			exit(2);
		}
		i++;
	}
	return o;
}

int main(int argc, char **argv)
{
	struct resolver_options options = read_args(argc, argv);
	char line[512];
	struct err e;

	log_open("resolver_query", LOG_LEVEL_INFO);
	uv_loop_init(&loop);
	uv_timer_init(&loop, &moment);
	/* More clients than are used: the others are not in the way. */
	if (resolver_service_start(&loop, &options, 3, &service, &e) != 0) {
		log_err("start", &e);
		return 1;
	}
	client = resolver_client_new(&loop, service, 1);
	while (fgets(line, sizeof(line), stdin) != NULL)
		obey(line);
	close_all();
	return 0;
}
