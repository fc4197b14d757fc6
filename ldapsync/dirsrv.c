/* SRV records of directories. Pure. */
#include "ldapsync/dirsrv.h"

#include <arpa/nameser.h>
#include <stdbool.h>
#include <string.h>

#include "common/compiler.h"

size_t dirsrv_names(TALLOC_CTX *ctx, const char *domain, const char *site,
		    const char *names_r[static DIRSRV_NAMES])
{
	size_t n = 0;

	if (site != NULL)
		names_r[n++] = talloc_asprintf(ctx, "_ldap._tcp.%s._sites.dc._msdcs.%s", site, domain);
	names_r[n++] = talloc_asprintf(ctx, "_ldap._tcp.dc._msdcs.%s", domain);
	names_r[n++] = talloc_asprintf(ctx, "_ldap._tcp.%s", domain);
	return n;
}

/* ---- answers ---- */

/* What can stand in an address without being anything else there. */
static bool is_host(const char *text)
{
	return *text != '\0' && *text != '.' && *text != '-' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == '\0';
}

static bool parse_record(const uint8_t *message, size_t len, ns_rr rr, struct dirsrv_record *record)
{
	enum { FIXED = 6 };
	const uint8_t *data = ns_rr_rdata(rr);

	if (ns_rr_type(rr) != ns_t_srv || ns_rr_rdlen(rr) <= FIXED)
		return false;
	record->priority = (uint16_t)ns_get16(data);
	record->weight = (uint16_t)ns_get16(data + 2);
	record->port = (uint16_t)ns_get16(data + 4);
	return ns_name_uncompress(message, message + len, data + FIXED, record->target,
				  sizeof(record->target)) == ns_rr_rdlen(rr) - FIXED &&
	       record->port != 0 && is_host(record->target);
}

size_t dirsrv_parse(const uint8_t *message, size_t len, struct dirsrv_record *records_r, size_t max)
{
	ns_msg parsed;
	size_t n = 0;

	if (ns_initparse(message, (int)len, &parsed) < 0)
		return 0;
	for (int i = 0; i < ns_msg_count(parsed, ns_s_an) && n < max; i++) {
		ns_rr rr;

		if (ns_parserr(&parsed, ns_s_an, i, &rr) < 0)
			break;
		if (parse_record(message, len, rr, &records_r[n]))
			n++;
	}
	return n;
}

/* ---- order ---- */

static void swap(struct dirsrv_record *a, struct dirsrv_record *b)
{
	struct dirsrv_record kept = *a;

	*a = *b;
	*b = kept;
}

/* By priority, and those without weight first: with a small chance they are chosen too. */
static int compare(const struct dirsrv_record *a, const struct dirsrv_record *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return (a->weight != 0) - (b->weight != 0);
}

static void sort(struct dirsrv_record *records, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && compare(&records[j - 1], &records[j]) > 0; j--)
			swap(&records[j - 1], &records[j]);
}

/* Which of the N records of one priority comes next. */
static size_t choose(const struct dirsrv_record *records, size_t n,
		     uint32_t (*random)(void *ctx, uint32_t bound), void *ctx)
{
	uint32_t sum = 0, wanted;
	size_t i;

	for (i = 0; i < n; i++)
		sum += records[i].weight;
	wanted = random(ctx, sum);
	sum = 0;
	for (i = 0; i + 1 < n; i++) {
		sum += records[i].weight;
		if (sum >= wanted)
			break;
	}
	return i;
}

void dirsrv_order(struct dirsrv_record *records, size_t n,
		  uint32_t (*random)(void *ctx, uint32_t bound), void *ctx)
{
	sort(records, n);
	for (size_t i = 0; i < n; i++) {
		size_t same = 1, chosen;

		while (i + same < n && records[i + same].priority == records[i].priority)
			same++;
		chosen = i + choose(&records[i], same, random, ctx);
		/* The others keep their order, the weightless first. */
		for (; chosen > i; chosen--)
			swap(&records[chosen], &records[chosen - 1]);
	}
}
