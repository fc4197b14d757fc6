/* The control verbs of waypost-delivery: a table that help and documentation read too. */
#ifndef WP_DELIVERY_CTL_DELIVERY_H
#define WP_DELIVERY_CTL_DELIVERY_H

#include "common/ctl_server.h"

/* The context of every verb is the struct engine. */
extern const struct ctl_verb delivery_verbs[];
extern const size_t delivery_verb_count;

#endif
