/*
 * Between the parts of the resolver: client, service and their tests.
 */
#ifndef WP_DELIVERY_RESOLVER_PRIVATE_H
#define WP_DELIVERY_RESOLVER_PRIVATE_H

#include "delivery/resolver_client.h"

/* A client that speaks over FD, one end of a SOCK_SEQPACKET pair, which becomes its own. */
struct resolver *resolver_client_open(uv_loop_t *loop, int fd);
/* The loop's end of pair INDEX; given away once. */
int resolver_service_take(struct resolver_service *service, unsigned index);

/* The descriptors of waypost-resolver: the service's, then one for each loop. */
#define RESOLVER_STATUS_FD 3
#define RESOLVER_FIRST_FD  4

#endif
