/*
 * The replica as a source of recipients (topology/recipient.h): records decoded, and checked
 * to bear the address. The DN key of a view is the current one, also below a renamed container.
 */
#ifndef WP_COMMON_REPLICA_RECIPIENTS_H
#define WP_COMMON_REPLICA_RECIPIENTS_H

#include "common/replica.h"
#include "topology/recipient.h"

/* The source over READER, which has to outlive it. Look-ups only between replica_begin and
 * replica_end; views live until replica_end. */
struct recipient_source replica_recipient_source(struct replica_reader *reader);
/* For the ctx of such a source. */
recipient_each replica_recipients_each;

#endif
