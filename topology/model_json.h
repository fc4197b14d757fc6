/*
 * The whole model of a snapshot as JSON, by the table of classes and attributes (attrs.h). Pure.
 *
 * {"snapshot": N, "organization": {…}, "sites": […], "site_links": […], …}: an array for each
 * class that has records, in the order of names, called as the class without "waypost". Members
 * of an object are its name, its DN, and the attributes that routing and delivery know, called
 * as those without "waypost"; so waypostInboundMail of a waypostSite is sites[].inbound_mail.
 * Values are those in effect, defaults among them; a size of null is unlimited; what refers to an
 * object has that object's name; what is absent is left out. See doc/model.md.
 */
#ifndef WP_TOPOLOGY_MODEL_JSON_H
#define WP_TOPOLOGY_MODEL_JSON_H

#include <jansson.h>

#include "topology/snapshot.h"

/* A new reference. */
json_t *model_json(const struct snapshot *snap);

#endif
