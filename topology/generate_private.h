/*
 * What the parts of the generator share: generate.c (parameters, tree), generate_names.c (cities
 * and people), generate_sites.c (sites, links, subnets), generate_servers.c (servers, ways out,
 * domains), generate_people.c (recipients, groups).
 */
#ifndef WP_TOPOLOGY_GENERATE_PRIVATE_H
#define WP_TOPOLOGY_GENERATE_PRIVATE_H

#include <talloc.h>

#include "topology/generate.h"

enum { GENERATE_NAME_SIZE = 96, CITIES_MAX = 72, CENTRES_MAX = 12 };

/* One run. The entry under construction hangs below CTX, which is new for every entry. */
struct generator {
	const struct generate_params *p;
	const char *domain; /* the default domain */
	uint32_t centres;   /* sites 0 … are the centres of the shape */
	uint32_t regions;   /* GENERATE_TIERS: the sites behind the centres that are centres of a region */
	uint32_t internet;  /* sites 0 … have a way to the Internet */
	uint32_t links;     /* all that are wanted, and made so far */
	uint32_t links_made;
	int (*fn)(void *arg, const struct entry *entry, struct err *err);
	void *arg;
	struct err *err;
	TALLOC_CTX *ctx;
	int rc; /* -1: FN gave up, make no more */
};

/* What draws are for, so that no two things draw the same numbers. */
enum draw_kind { DRAW_LINK, DRAW_CERTIFICATE, DRAW_CONNECTOR, DRAW_DOMAIN, DRAW_PERSON, DRAW_GROUP };

/* A stream of pseudo-random numbers: splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
struct draw {
	uint64_t state;
};

struct draw draw_for(const struct generator *g, enum draw_kind kind, uint32_t index);
uint64_t draw_next(struct draw *draw);
/* 0 … N-1; N is at least 1. */
uint32_t draw_below(struct draw *draw, uint32_t n);
/* True once in N times. */
bool draw_once_in(struct draw *draw, uint32_t n);

/* Begins an entry of CLASS; RDN is "cn=name", ABOVE what follows the comma, down to the suffix
 * ("" directly below it). */
struct entry *generate_begin(struct generator *g, const char *rdn, const char *above,
			     const char *class);
/* Adds a value made like printf to the attribute waypostNAME, or NAME if that begins with a small letter. */
void generate_set(struct entry *entry, const char *name, const char *fmt, ...) WP_PRINTF(3, 4);
/* Hands it on and forgets it. */
void generate_end(struct generator *g, struct entry *entry);
/* The DN of NAME in a container of the model, under g->ctx. */
const char *generate_dn(struct generator *g, const char *container, const char *name);

/* Site I: its city with a number from the second on; the short code that names its servers. */
void generate_site_name(uint32_t i, char name[static GENERATE_NAME_SIZE]);
void generate_site_code(uint32_t i, char code[static GENERATE_NAME_SIZE]);
/* Kilometres between two sites, roughly, squared. */
uint64_t generate_distance(uint32_t a, uint32_t b);
/* Person I: two names, and the local part of the address. */
void generate_person(uint32_t i, const char **first_r, const char **last_r,
		     char local[static GENERATE_NAME_SIZE]);

/* Servers of a site are numbered: hubs first, then mailbox servers; a lone one is both. */
uint32_t generate_hubs(const struct generator *g);
void generate_server_name(const struct generator *g, uint32_t site, uint32_t k,
			  char name[static GENERATE_NAME_SIZE]);
/* The Kth mailbox server of SITE, K taken round. */
const char *generate_mailbox_dn(struct generator *g, uint32_t site, uint32_t k);
/* Where subnet K of SITE begins, with room for hosts behind it; its length in bits. */
int generate_subnet(uint32_t site, uint32_t k, char prefix[static GENERATE_NAME_SIZE]);

void generate_sites(struct generator *g);
void generate_servers(struct generator *g);
void generate_outside(struct generator *g);
void generate_people(struct generator *g);

#endif
