/*
 * The inside of profiles: the rows of their tables, for profile.c (which works them off),
 * profile_ad.c and profile_exchange.c (the rows), profile_values.c (values of another form).
 */
#ifndef WP_TOPOLOGY_PROFILE_PRIVATE_H
#define WP_TOPOLOGY_PROFILE_PRIVATE_H

#include <stdbool.h>

#include "common/assumption.h"
#include "topology/profile.h"

/* An entry on its way. */
struct translation {
	const struct assumptions *assumed;
	const struct entry *entry;
	struct entry *out;
};

/*
 * A native attribute and the model's. Of several rows for one attribute of the model the first
 * that gives a value counts.
 */
struct profile_use {
	const char *native, *model;
	/* Puts the values, of which there is at least one; null: as they are. */
	void (*put)(const struct translation *t, const struct profile_use *use,
		    const struct entry_attribute *found);
	enum assumption_id assume; /* what PUT needs to know */
	enum assumption_id by;     /* the native name is what is assumed here */
	const char *absent;        /* the value where the native one is absent, or null */
};

/* A row of a value that is the same in both. */
#define PROFILE_COPY(name, model_name) { .native = (name), .model = (model_name) }

/* A native class and the model's. The first row that an entry fits counts. */
struct profile_class {
	const char *native;    /* null: any */
	enum assumption_id by; /* as of a use */
	bool (*fits)(const struct assumptions *assumed, const struct entry *entry); /* or null */
	const char *model; /* "": a recipient; PROFILE_AS_IS; null: such an entry is nothing to us */
	const struct profile_use *uses;
	size_t n_uses;
};

#define PROFILE_AS_IS "="

/* What a profile is made from. */
struct profile_table {
	const struct profile_class *classes;
	size_t n_classes;
	const char *const *extra;   /* attributes to ask for beyond those of the rows */
	const char *const *folders; /* classes of folders */
	const char *recipients;     /* the filter of recipients */
};

extern const struct profile_table profile_table_ad, profile_table_exchange;

/* Whether the parent of ENTRY is CN=IP of the site transports: links of SMTP do not count. */
bool profile_is_ip_link(const struct assumptions *assumed, const struct entry *entry);

/* The first value of the native attribute NAME as a number; false if it is absent or none. */
bool profile_number(const struct entry *entry, const char *name, uint64_t *number_r);

/* Functions of rows. Values that are not of the native form go on as they are, to be judged. */
typedef void profile_put(const struct translation *t, const struct profile_use *use,
			 const struct entry_attribute *found);
profile_put profile_put_as_is;
profile_put profile_put_bit;   /* TRUE or FALSE: the bit ASSUME is set; nothing if it is 0 */
profile_put profile_put_no_bit; /* the opposite */
profile_put profile_put_product; /* the number times ASSUME */
profile_put profile_put_verbose; /* "verbose" or "none" by the number ASSUME */
profile_put profile_put_host;    /* the host name behind the prefix ASSUME */
profile_put profile_put_smart_hosts;
profile_put profile_put_dns_routing; /* by the type of smart hosts */
profile_put profile_put_security;    /* SmartHostAuth */
profile_put profile_put_address;     /* an IP address that is not 0.0.0.0 */
profile_put profile_put_domain_type;
profile_put profile_put_parent;      /* a DN: that of its parent */

#endif
