/* What is asked of a directory. Pure. */
#include "ldapsync/sync_scope.h"

#include <string.h>
#include <xxhash.h>

#include "common/buf.h"
#include "common/dn.h"

static int add_base(struct sync_scope *scope, const struct part *part, const char *dn,
		    struct err *err)
{
	char *key = dn_key(scope, dn);

	if (key == NULL || *key == '\0')
		return err_set(err, ERR_CONFIG, 0, "directory %s: \"%s\" is no base", part->title,
			       dn);
	scope->keys[scope->n_keys++] = key;
	return 0;
}

static int add_recipients(struct sync_scope *scope, const struct part *part, struct err *err)
{
	for (size_t i = 0; i < part->directory->n_recipients; i++)
		if (add_base(scope, part, part->directory->recipients[i], err) < 0)
			return -1;
	return 0;
}

/* A base among the services of a forest asks for all of its configuration: the sites are there. */
static const char *widen_base(const char *base)
{
	for (const char *at = base; *at != '\0'; at = dn_parent(at))
		if (ascii_equal_n(at, "cn=configuration,", 17))
			return at;
	return base;
}

static int add_configuration(struct sync_scope *scope, const struct part *part,
			     const struct sync_contexts *contexts, struct err *err)
{
	const char *base = part->directory->base;

	if (base == NULL)
		base = contexts->configuration;
	return base != NULL ? add_base(scope, part, widen_base(base), err) : 0;
}

/* What is below a base and the configuration's is the configuration's. */
static int set_exception(struct sync_scope *scope, const struct part *part,
			 const struct sync_contexts *contexts, struct err *err)
{
	if (add_configuration(scope, part, contexts, err) < 0)
		return -1;
	if (scope->n_keys > 0)
		scope->except = scope->keys[--scope->n_keys];
	return 0;
}

static int add_bases(struct sync_scope *scope, const struct part *part,
		     const struct sync_contexts *contexts, struct err *err)
{
	const struct host_directory *d = part->directory;
	int rc = 0;

	scope->keys = talloc_array(scope, const char *, d->n_recipients + 2);
	switch (part->content) {
	case PART_ALL:
		if (d->base != NULL)
			rc = add_base(scope, part, d->base, err);
		if (rc == 0)
			rc = add_recipients(scope, part, err);
		break;
	case PART_CONFIGURATION:
		rc = add_configuration(scope, part, contexts, err);
		break;
	case PART_RECIPIENTS:
		rc = set_exception(scope, part, contexts, err);
		if (rc == 0)
			rc = add_recipients(scope, part, err);
		if (rc == 0 && scope->n_keys == 0 && contexts->domain != NULL)
			rc = add_base(scope, part, contexts->domain, err);
	}
	if (rc < 0 || scope->n_keys > 0)
		return rc;
	err_set(err, ERR_CONFIG, 0, "directory %s has no base, and the server names none", part->title);
	return err_remedy(err, "set %s in the host file", part->content == PART_RECIPIENTS ?
							"recipients = {\"DC=…\"}" :
							"base = \"CN=Configuration,DC=…\"");
}

static bool is_above_all(const struct sync_scope *scope, const char *key)
{
	for (size_t i = 0; i < scope->n_keys; i++)
		if (!dn_key_is_under(scope->keys[i], key))
			return false;
	return true;
}

/* A search never crosses naming contexts: one of them has to hold all bases. */
static bool is_in_one_context(const struct sync_scope *scope,
			      const struct sync_contexts *contexts)
{
	bool found = contexts->n == 0;

	for (size_t i = 0; i < contexts->n && !found; i++) {
		char *key = dn_key(NULL, contexts->all[i]);

		found = key != NULL && is_above_all(scope, key);
		talloc_free(key);
	}
	return found;
}

/* The name nearest below the root that is above all bases. */
static int find_search_base(struct sync_scope *scope, const struct part *part,
			    const struct sync_contexts *contexts, struct err *err)
{
	const char *key = scope->keys[0];

	while (*key != '\0' && !is_above_all(scope, key))
		key = dn_key_parent(key);
	scope->base = key;
	if (*key != '\0' && is_in_one_context(scope, contexts))
		return 0;
	err_set(err, ERR_CONFIG, 0, "directory %s: its bases lie in different naming contexts",
		part->title);
	return err_remedy(err, "give each of them a directory section of its own");
}

/* A server tries one part after the other, and nearly all entries are recipients: theirs come
 * first, in the list of attributes too. It halves the work of slapd. */
static const char *make_filter(struct sync_scope *scope, const struct part *part)
{
	const struct profile *profile = scope->profile;
	const char *recipients = part->directory->filter;
	const char *configuration = profile_configuration_filter(profile);

	if (recipients == NULL)
		recipients = profile_recipient_filter(profile);
	return talloc_asprintf(scope, "(|%s%s%s)",
			       part->content != PART_CONFIGURATION ? recipients : "",
			       part->content != PART_RECIPIENTS ? configuration : "",
			       profile_folder_filter(profile));
}

static char **make_attributes(struct sync_scope *scope, const char *const *names)
{
	size_t n = 0;
	char **list;

	while (names[n] != NULL)
		n++;
	list = talloc_array(scope, char *, n + 1);
	for (size_t i = 0; i < n; i++)
		list[i] = talloc_strdup(list, names[i]);
	list[n] = NULL;
	return list;
}

/* What is assumed changes what an entry means, so it is part of it. */
static uint64_t make_binding(const struct sync_scope *scope,
			     const struct host_directory *directory)
{
	struct buf text = { 0 };
	uint64_t binding;

	for (size_t i = 0; i < directory->n_uris; i++)
		buf_printf(&text, "%s\n", directory->uris[i].text);
	for (size_t i = 0; i < scope->n_keys; i++)
		buf_printf(&text, "%s\n", scope->keys[i]);
	for (char **name = scope->attributes; *name != NULL; name++)
		buf_printf(&text, "%s ", *name);
	for (size_t i = 0; i < directory->n_assume; i++)
		buf_printf(&text, "%s\n", directory->assume[i]);
	buf_printf(&text, "%s\n%d", scope->filter, (int)directory->profile);
	binding = XXH3_64bits(text.data, text.len);
	buf_free(&text);
	return binding;
}

struct sync_scope *sync_scope_new(TALLOC_CTX *ctx, const struct part *part,
				  const struct sync_contexts *contexts, struct err *err)
{
	const struct host_directory *d = part->directory;
	struct sync_scope *scope = talloc_zero(ctx, struct sync_scope);

	scope->profile = profile_new(scope, d->profile, d->assume, d->n_assume, err);
	if (scope->profile == NULL || add_bases(scope, part, contexts, err) < 0 ||
	    find_search_base(scope, part, contexts, err) < 0) {
		talloc_free(scope);
		return NULL;
	}
	scope->filter = make_filter(scope, part);
	scope->attributes = make_attributes(scope, profile_attributes(scope->profile));
	if (profile_recipient_attributes(scope->profile) != profile_attributes(scope->profile))
		scope->few = make_attributes(scope, profile_recipient_attributes(scope->profile));
	scope->binding = make_binding(scope, d);
	return scope;
}

bool sync_scope_has(const struct sync_scope *scope, const char *dn)
{
	char plain[512], *other = NULL;
	const char *key = dn_key_into(dn, plain, sizeof(plain));
	bool found;

	if (key == NULL)
		key = other = dn_key(NULL, dn);
	found = key == NULL; /* no DN at all: stored as a diagnostic */

	for (size_t i = 0; i < scope->n_keys && !found; i++)
		found = dn_key_is_under(key, scope->keys[i]);
	if (found && key != NULL && scope->except != NULL && dn_key_is_under(key, scope->except))
		found = false;
	talloc_free(other);
	return found;
}
