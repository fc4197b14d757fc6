/*
 * A resolver that answers from a table: for tests of whoever asks the DNS.
 *
 * One text holds the table, a record a line; names compare as the DNS does:
 *
 *	example.org        MX     10 mx1.example.org
 *	mx1.example.org    A      192.0.2.1
 *	mx1.example.org    AAAA   2001:db8::1
 *	alias.example.org  CNAME  mx1.example.org      (followed for every type)
 *	none.example.org   MX     0 .
 *	dead.example.org   SERVFAIL
 *	forged.example.org BOGUS
 *	lost.example.org   TIMEOUT                     (temporary at once: nothing here waits)
 *	safe.example.org   SECURE                      (answers for this name are validated)
 *
 * A name with a record of any type exists; any other is NXDOMAIN. SERVFAIL, BOGUS and TIMEOUT
 * may be followed by a type: then they hold for it alone. The TTL is 300.
 */
#ifndef WP_TESTS_LIB_RESOLVER_FAKE_H
#define WP_TESTS_LIB_RESOLVER_FAKE_H

#include <uv.h>

#include "delivery/resolver.h"

/* The answer of TABLE, plain malloc. Pure; aborts on a table that cannot be read. */
struct dns_answer *dns_table_answer(const char *table, const char *name, uint16_t type);

/*
 * A resolver for LOOP; TABLE is borrowed. It answers in the loop's next turn. *ASKED, if not null,
 * counts the questions. Free it with resolver_free, then run LOOP once more.
 */
struct resolver *resolver_fake_new(uv_loop_t *loop, const char *table, unsigned *asked);

#endif
