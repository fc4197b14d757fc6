/*
 * SRV records of directories: which names to ask for, what the answers hold, and in which order
 * the servers are tried (RFC 2782). Pure.
 */
#ifndef WP_LDAPSYNC_DIRSRV_H
#define WP_LDAPSYNC_DIRSRV_H

#include <stddef.h>
#include <stdint.h>

#include <talloc.h>

enum {
	DIRSRV_NAMES = 3,
	DIRSRV_TARGET = 256, /* a host name and the NUL */
};

struct dirsrv_record {
	uint16_t priority, weight, port;
	char target[DIRSRV_TARGET]; /* without a final dot */
};

/*
 * The names of DOMAIN's records, the first that has any counting: the domain controllers of SITE
 * (null: not known), those of the domain, any directory. How many; the texts are under CTX.
 */
size_t dirsrv_names(TALLOC_CTX *ctx, const char *domain, const char *site,
		    const char *names_r[static DIRSRV_NAMES]);
/*
 * The records in the DNS message of LEN octets into RECORDS_R, at most MAX; how many. Malformed
 * ones, targets that are no host name, and "." (no such service) are left out.
 */
size_t dirsrv_parse(const uint8_t *message, size_t len, struct dirsrv_record *records_r,
		    size_t max);
/*
 * Orders RECORDS: lowest priority first, in each by weight. RANDOM gives a number from 0 to BOUND,
 * both included.
 */
void dirsrv_order(struct dirsrv_record *records, size_t n,
		  uint32_t (*random)(void *ctx, uint32_t bound), void *ctx);

#endif
