/*
 * Recipients held in memory, for `waypost route --directory FILE.ldif`, plans and tests. Pure.
 */
#ifndef WP_TOPOLOGY_RECIPIENT_MEMORY_H
#define WP_TOPOLOGY_RECIPIENT_MEMORY_H

#include "topology/recipient.h"

struct recipient_memory;

struct recipient_memory *recipient_memory_new(TALLOC_CTX *ctx);
/* Adds ENTRY if it is a recipient; it need not live on. */
void recipient_memory_add(struct recipient_memory *memory, const struct entry *entry);
void recipient_memory_add_list(struct recipient_memory *memory, const struct entry_list *list);
size_t recipient_memory_count(const struct recipient_memory *memory);
/* Read-only from now on, then any thread may use it. */
struct recipient_source recipient_memory_source(struct recipient_memory *memory);
/* For the ctx of such a source. */
recipient_each recipient_memory_each;

#endif
