/* What is asked of a directory. Pure. */
#include "ldapsync/sync_scope.h"

#include <string.h>
#include <xxhash.h>

#include "common/buf.h"
#include "common/dn.h"
#include "topology/attrs.h"
#include "topology/recipient.h"

/* Where a host file names no filter. */
static const char default_filter[] =
	"(|(mail=*)(proxyAddresses=*)(mailLocalAddress=*)(mailAlternateAddress=*))";

static const char *const container_classes[] = {
	"organizationalUnit", "organization", "domain", "locality", "country", "container",
};

static int add_base(struct sync_scope *scope, const struct host_directory *directory,
		    const char *dn, struct err *err)
{
	char *key = dn_key(scope, dn);

	if (key == NULL || *key == '\0')
		return err_set(err, ERR_CONFIG, 0, "directory %s: \"%s\" is no base", directory->title,
			       dn);
	scope->keys[scope->n_keys++] = key;
	return 0;
}

static int add_bases(struct sync_scope *scope, const struct host_directory *directory,
		     struct err *err)
{
	scope->keys = talloc_array(scope, const char *, directory->n_recipients + 1);
	if (directory->base != NULL && add_base(scope, directory, directory->base, err) < 0)
		return -1;
	for (size_t i = 0; i < directory->n_recipients; i++)
		if (add_base(scope, directory, directory->recipients[i], err) < 0)
			return -1;
	if (scope->n_keys == 0)
		return err_set(err, ERR_CONFIG, 0, "directory %s has no base", directory->title);
	return 0;
}

static bool is_above_all(const struct sync_scope *scope, const char *key)
{
	for (size_t i = 0; i < scope->n_keys; i++)
		if (!dn_key_is_under(scope->keys[i], key))
			return false;
	return true;
}

/* A search never crosses naming contexts: one of them has to hold all bases. */
static bool is_in_one_context(const struct sync_scope *scope, const char *const *contexts,
			      size_t n_contexts)
{
	bool found = n_contexts == 0;

	for (size_t i = 0; i < n_contexts && !found; i++) {
		char *key = dn_key(NULL, contexts[i]);

		found = key != NULL && is_above_all(scope, key);
		talloc_free(key);
	}
	return found;
}

/* The name nearest below the root that is above all bases. */
static int find_search_base(struct sync_scope *scope, const struct host_directory *directory,
			    const char *const *contexts, size_t n_contexts, struct err *err)
{
	const char *key = scope->keys[0];

	while (*key != '\0' && !is_above_all(scope, key))
		key = dn_key_parent(key);
	scope->base = key;
	if (*key != '\0' && is_in_one_context(scope, contexts, n_contexts))
		return 0;
	err_set(err, ERR_CONFIG, 0, "directory %s: its bases lie in different naming contexts",
		directory->title);
	return err_remedy(err, "give each of them a directory section of its own");
}

static void add_class(struct buf *filter, const char *name)
{
	buf_printf(filter, "(objectClass=%s)", name);
}

static const char *make_filter(struct sync_scope *scope, const struct host_directory *directory)
{
	size_t n_classes;
	const struct attr_class *classes = attr_classes(&n_classes);
	struct buf filter = { 0 };
	const char *text;

	buf_adds(&filter, "(|");
	for (size_t i = 0; i < n_classes; i++)
		add_class(&filter, classes[i].name);
	for (size_t i = 0; i < WP_COUNT(container_classes); i++)
		add_class(&filter, container_classes[i]);
	buf_adds(&filter, directory->filter != NULL ? directory->filter : default_filter);
	buf_addc(&filter, ')');
	text = talloc_strdup(scope, filter.data);
	buf_free(&filter);
	return text;
}

static char **make_attributes(struct sync_scope *scope)
{
	const char *const *recipient = recipient_attributes();
	size_t n_types, n_recipient = 0, at = 0;
	const struct attr_type *types = attr_types(&n_types);
	char **list;

	while (recipient[n_recipient] != NULL)
		n_recipient++;
	list = talloc_array(scope, char *, n_types + n_recipient + 2);
	list[at++] = talloc_strdup(list, "objectClass");
	for (size_t i = 0; i < n_types; i++)
		list[at++] = talloc_strdup(list, types[i].name);
	for (size_t i = 0; i < n_recipient; i++)
		list[at++] = talloc_strdup(list, recipient[i]);
	list[at] = NULL;
	return list;
}

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
	buf_printf(&text, "%s\n%d", scope->filter, (int)directory->profile);
	binding = XXH3_64bits(text.data, text.len);
	buf_free(&text);
	return binding;
}

struct sync_scope *sync_scope_new(TALLOC_CTX *ctx, const struct host_directory *directory,
				  const char *const *contexts, size_t n_contexts,
				  struct err *err)
{
	struct sync_scope *scope = talloc_zero(ctx, struct sync_scope);

	if (add_bases(scope, directory, err) < 0 ||
	    find_search_base(scope, directory, contexts, n_contexts, err) < 0) {
		talloc_free(scope);
		return NULL;
	}
	scope->filter = make_filter(scope, directory);
	scope->attributes = make_attributes(scope);
	scope->binding = make_binding(scope, directory);
	return scope;
}

bool sync_scope_has(const struct sync_scope *scope, const char *dn)
{
	char *key = dn_key(NULL, dn);
	bool found = key == NULL; /* no DN at all: stored as a diagnostic */

	for (size_t i = 0; i < scope->n_keys && !found; i++)
		found = dn_key_is_under(key, scope->keys[i]);
	talloc_free(key);
	return found;
}
