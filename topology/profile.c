/* Entries into the model's terms, by the tables of profiles: see profile.h. */
#include "topology/profile.h"

#include <string.h>

#include "common/assumption.h"
#include "common/compiler.h"
#include "topology/attrs.h"
#include "topology/profile_private.h"
#include "topology/recipient.h"

struct profile {
	const struct profile_table *table;
	struct assumptions assumed;
	const char *const *attributes;
	const char *configuration, *recipients, *folders;
};

/* The model's own names need no rows. */
static const char *const waypost_folders[] = {
	"organizationalUnit", "organization", "domain", "locality", "country", "container", NULL
};
static const struct profile_table waypost_table = {
	.folders = waypost_folders,
	.recipients = "(|(mail=*)(proxyAddresses=*)(mailLocalAddress=*)(mailAlternateAddress=*))",
};

static const struct profile_table *const tables[] = {
	[HOST_PROFILE_WAYPOST] = &waypost_table,
	[HOST_PROFILE_AD] = &profile_table_ad,
	[HOST_PROFILE_EXCHANGE] = &profile_table_exchange,
};

/* The native name of a row, which may be what is assumed. */
static const char *name_by(const struct assumptions *assumed, const char *native,
			   enum assumption_id by)
{
	return by != ASSUME_NOTHING ? assumed->texts[by] : native;
}

/* ---- what to ask for ---- */

struct names {
	const char **list; /* null-terminated */
	size_t count;
};

static void add_name(struct profile *profile, struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (ascii_equal(names->list[i], name))
			return;
	names->list = talloc_realloc(profile, names->list, const char *, names->count + 2);
	names->list[names->count++] = name;
	names->list[names->count] = NULL;
}

static void add_uses(struct profile *profile, struct names *names, const struct profile_class *class)
{
	for (size_t i = 0; i < class->n_uses; i++)
		add_name(profile, names,
			 name_by(&profile->assumed, class->uses[i].native, class->uses[i].by));
}

static const char *const *make_attributes(struct profile *profile)
{
	const struct profile_table *table = profile->table;
	const char *const *recipient = recipient_attributes();
	size_t n_types;
	const struct attr_type *types = attr_types(&n_types);
	struct names names = { NULL, 0 };

	/* What nearly all entries have comes first: servers look for one name after the other. */
	for (size_t i = 0; recipient[i] != NULL; i++)
		add_name(profile, &names, recipient[i]);
	add_name(profile, &names, "entryUUID");
	for (size_t i = 0; i < n_types; i++)
		add_name(profile, &names, types[i].name);
	for (size_t i = 0; i < table->n_classes; i++)
		add_uses(profile, &names, &table->classes[i]);
	for (size_t i = 0; table->extra != NULL && table->extra[i] != NULL; i++)
		add_name(profile, &names, table->extra[i]);
	return names.list;
}

static void add_class(struct buf *filter, const char *name)
{
	buf_printf(filter, "(objectClass=%s)", name);
}

/* Takes the text of FILTER, which is emptied. */
static const char *take_filter(struct profile *profile, struct buf *filter)
{
	const char *text;

	buf_addc(filter, ')');
	text = talloc_strdup(profile, filter->data);
	buf_free(filter);
	return text;
}

static const char *make_configuration(struct profile *profile)
{
	size_t n_classes;
	const struct attr_class *classes = attr_classes(&n_classes);
	struct buf filter = { 0 };

	buf_adds(&filter, "(|");
	for (size_t i = 0; i < n_classes; i++)
		if (!classes[i].auxiliary)
			add_class(&filter, classes[i].name);
	for (size_t i = 0; i < profile->table->n_classes; i++) {
		const struct profile_class *class = &profile->table->classes[i];
		const char *name = name_by(&profile->assumed, class->native, class->by);

		if (name != NULL && class->model != NULL && *class->model != '\0')
			add_class(&filter, name);
	}
	return take_filter(profile, &filter);
}

static const char *make_folders(struct profile *profile)
{
	struct buf filter = { 0 };

	buf_adds(&filter, "(|");
	for (size_t i = 0; profile->table->folders[i] != NULL; i++)
		add_class(&filter, profile->table->folders[i]);
	return take_filter(profile, &filter);
}

struct profile *profile_new(TALLOC_CTX *ctx, enum host_profile id, const char *const *assume,
			    size_t n, struct err *err)
{
	struct profile *profile = talloc_zero(ctx, struct profile);

	assumptions_init(&profile->assumed);
	for (size_t i = 0; i < n; i++)
		if (assumptions_take(&profile->assumed, profile, assume[i], err) < 0) {
			talloc_free(profile);
			return NULL;
		}
	profile->table = tables[id];
	profile->attributes = make_attributes(profile);
	profile->configuration = make_configuration(profile);
	profile->folders = make_folders(profile);
	profile->recipients = profile->table->recipients;
	return profile;
}

const char *const *profile_attributes(const struct profile *profile)
{
	return profile->attributes;
}

/* Where classes have rows, what an entry is may hang on any attribute of it. */
const char *const *profile_recipient_attributes(const struct profile *profile)
{
	return profile->table->n_classes == 0 ? recipient_attributes() : profile->attributes;
}

const char *profile_configuration_filter(const struct profile *profile)
{
	return profile->configuration;
}

const char *profile_recipient_filter(const struct profile *profile)
{
	return profile->recipients;
}

const char *profile_folder_filter(const struct profile *profile)
{
	return profile->folders;
}

/* ---- translation ---- */

/* Most classes of most entries are in no row: their lengths tell. */
static bool has_class(const struct entry_attribute *classes, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; classes != NULL && i < classes->n_values; i++)
		if (classes->values[i].len == len && ascii_equal_n(classes->values[i].data, name, len))
			return true;
	return false;
}

/* The row that ENTRY fits, or null. */
static const struct profile_class *class_of(const struct profile *profile, const struct entry *entry)
{
	const struct entry_attribute *classes = entry_find(entry, "objectClass");

	for (size_t i = 0; i < profile->table->n_classes; i++) {
		const struct profile_class *class = &profile->table->classes[i];
		const char *name = name_by(&profile->assumed, class->native, class->by);

		if ((name == NULL || has_class(classes, name)) &&
		    (class->fits == NULL || class->fits(&profile->assumed, entry)))
			return class;
	}
	return NULL;
}

static void translate_use(const struct translation *t, const struct profile_use *use)
{
	const struct entry_attribute *found =
		entry_find(t->entry, name_by(t->assumed, use->native, use->by));

	if (entry_find(t->out, use->model) != NULL)
		return;
	if (found != NULL && found->n_values > 0)
		(use->put != NULL ? use->put : profile_put_as_is)(t, use, found);
	else if (use->absent != NULL)
		entry_add_text(t->out, use->model, use->absent);
}

struct entry *profile_translate(const struct profile *profile, TALLOC_CTX *ctx, struct entry *entry)
{
	const struct profile_class *class = class_of(profile, entry);
	struct translation t = { &profile->assumed, entry, NULL };

	if (class == NULL || (class->model != NULL && strcmp(class->model, PROFILE_AS_IS) == 0))
		return entry;
	t.out = entry_new(ctx, entry->dn);
	t.out->uuid = entry->uuid;
	if (class->model != NULL && *class->model != '\0')
		entry_add_text(t.out, "objectClass", class->model);
	for (size_t i = 0; i < class->n_uses; i++)
		translate_use(&t, &class->uses[i]);
	return t.out;
}
