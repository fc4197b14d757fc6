/* What the tests of apply.h share: a replica that is told events, and its readers. */
#ifndef WP_TESTS_APPLY_FIXTURE_H
#define WP_TESTS_APPLY_FIXTURE_H

#include "ldapsync/apply.h"
#include "ldapsync/source.h"

enum { BINDING = 7, MANY = 60, KEEP = 20 };

/* Of the test that runs: one directory, "corp"; a second, "more", with n_directories 2. */
extern struct apply_config config;
extern struct apply *apply;

/* cmocka set-up and tear-down: an empty state directory, opened. */
int apply_setup(void **state);
int apply_teardown(void **state);
void open_apply(void);

/* ---- what a directory tells; whatever fails, fails the test ---- */

void give(size_t directory, enum event_kind kind, uint64_t number, const void *data, size_t len);
/* Frees ENTRY. */
void give_entry(size_t directory, struct entry *entry);
void give_uuid(size_t directory, enum event_kind kind, unsigned id);
void give_person(size_t directory, unsigned id);
void commit(void);
/* A site, a server and N people from 100 on, in one refresh. */
void refresh(size_t directory, enum source_refresh kind, unsigned n, const char *cookie);

/* ---- what a reader sees, in a process of its own ---- */

bool sees_replica(void);
/* The person ID, by address. */
bool finds(unsigned id);
/* N people, when all are gone through. */
bool walks_over(unsigned n);
bool snapshot_has_sites(unsigned n);

uint64_t snapshot_now(void);
bool has_cookie(size_t directory, const char *text);

#endif
