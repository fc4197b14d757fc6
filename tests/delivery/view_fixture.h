/* A view over a small network of tests/topology/net.h, for tests of delivery. */
#ifndef WP_TESTS_DELIVERY_VIEW_FIXTURE_H
#define WP_TESTS_DELIVERY_VIEW_FIXTURE_H

#include <stdlib.h>

#include "common/buf.h"
#include "delivery/view.h"
#include "tests/topology/net.h"

/* NET has to be built and to outlive the view; end it with view_unref. */
static inline struct view *view_of(struct net *net, const char *server)
{
	struct view *view = mem_zero(1, sizeof(*view));

	atomic_init(&view->refs, 1);
	view->snap = &net->snap;
	view->server = snapshot_find_server(&net->snap, server);
	view->viewpoint = viewpoint_new(&net->snap, view->server);
	view->is_edge = viewpoint_is_edge(view->viewpoint);
	view->is_serving = true;
	view->name = view->fqdn = server;
	view->limits = queue_limits_hub;
	view_learn_addresses(view);
	return view;
}

#endif
