/* Which values of a server object change when a certificate is published. */
#include "admin/publish.h"

#include <string.h>

#include "common/cert.h"
#include "common/ldif.h"

static const struct entry_value *values_of(const struct entry *entry, const char *name, size_t *n_r)
{
	const struct entry_attribute *attribute = entry_find(entry, name);

	*n_r = attribute != NULL ? attribute->n_values : 0;
	return attribute != NULL ? attribute->values : NULL;
}

/* Whether the certificate of HASH stays (or comes) in the directory. */
static bool is_kept(const struct publish_wish *wish, const char *hash)
{
	if (ascii_equal(hash, wish->hash))
		return true;
	return !wish->only && (wish->drop == NULL || !ascii_equal(hash, wish->drop));
}

static void add_change(TALLOC_CTX *ctx, struct publish_plan *plan, bool is_add,
		       const char *attribute, struct entry_value value)
{
	plan->changes = talloc_realloc(ctx, plan->changes, struct publish_change, plan->n + 1);
	plan->changes[plan->n++] = (struct publish_change){ is_add, attribute, value };
}

static int too_many(const struct entry_value *hashes, size_t n, const struct publish_wish *wish,
		    struct err *e)
{
	const char *others[2] = { "", "" };
	size_t found = 0;

	for (size_t i = 0; i < n && found < 2; i++)
		if (is_kept(wish, hashes[i].data) && !ascii_equal(hashes[i].data, wish->hash))
			others[found++] = hashes[i].data;
	err_set(e, ERR_USAGE, 0, "two other certificates are published already: %.80s and %.80s",
		others[0], others[1]);
	return err_remedy(e, "name the one that goes with --drop HASH, or let both go with --only");
}

static int plan_hashes(TALLOC_CTX *ctx, const struct entry *entry, const struct publish_wish *wish,
		       struct publish_plan *plan, struct err *e)
{
	size_t n, kept = 0;
	const struct entry_value *hashes = values_of(entry, PUBLISH_HASH, &n);
	bool has_ours = false, was_dropped = wish->drop == NULL;

	for (size_t i = 0; i < n; i++) {
		has_ours |= ascii_equal(hashes[i].data, wish->hash);
		was_dropped |= !was_dropped && ascii_equal(hashes[i].data, wish->drop);
		if (!is_kept(wish, hashes[i].data))
			add_change(ctx, plan, false, PUBLISH_HASH, hashes[i]);
		else
			kept += !ascii_equal(hashes[i].data, wish->hash);
	}
	if (!was_dropped) {
		err_set(e, ERR_NOT_FOUND, 0, "%s is not published", wish->drop);
		return err_remedy(e, "leave out --drop");
	}
	if (kept > 1)
		return too_many(hashes, n, wish, e);
	if (!has_ours)
		add_change(ctx, plan, true, PUBLISH_HASH,
			   (struct entry_value){ wish->hash, strlen(wish->hash) });
	return 0;
}

/* A certificate whose hash is not published is of no use to anybody. */
static bool is_published(const struct entry *entry, const struct publish_wish *wish,
			 const char *hash)
{
	size_t n;
	const struct entry_value *hashes = values_of(entry, PUBLISH_HASH, &n);

	for (size_t i = 0; i < n; i++)
		if (ascii_equal(hashes[i].data, hash))
			return is_kept(wish, hash);
	return ascii_equal(hash, wish->hash);
}

static void plan_certificates(TALLOC_CTX *ctx, const struct entry *entry,
			      const struct publish_wish *wish, struct publish_plan *plan)
{
	size_t n;
	const struct entry_value *certs = values_of(entry, PUBLISH_CERTIFICATE, &n);
	bool has_ours = false;

	for (size_t i = 0; i < n; i++) {
		char hash[CERT_HASH_TEXT];

		cert_hash_der(certs[i].data, certs[i].len, hash);
		has_ours |= strcmp(hash, wish->hash) == 0;
		if (!is_published(entry, wish, hash))
			add_change(ctx, plan, false, PUBLISH_CERTIFICATE, certs[i]);
	}
	if (!has_ours)
		add_change(ctx, plan, true, PUBLISH_CERTIFICATE, wish->der);
}

static void deletions_first(struct publish_plan *plan)
{
	for (size_t i = 1; i < plan->n; i++)
		for (size_t j = i; j > 0 && plan->changes[j - 1].is_add && !plan->changes[j].is_add; j--) {
			struct publish_change other = plan->changes[j];

			plan->changes[j] = plan->changes[j - 1];
			plan->changes[j - 1] = other;
		}
}

int publish_plan_make(TALLOC_CTX *ctx, const struct entry *entry, const struct publish_wish *wish,
		      struct publish_plan *plan_r, struct err *e)
{
	*plan_r = (struct publish_plan){ .dn = entry->dn };
	if (plan_hashes(ctx, entry, wish, plan_r, e) < 0)
		return -1;
	plan_certificates(ctx, entry, wish, plan_r);
	deletions_first(plan_r);
	return 0;
}

/* The LDIF of an entry with at most one value, without its blank line. */
static void put_lines(const char *dn, const struct publish_change *change, struct buf *out)
{
	struct entry *entry = entry_new(NULL, dn);

	if (change != NULL)
		entry_add(entry, change->attribute, change->value.data, change->value.len);
	ldif_write(entry, out);
	if (out->len >= 2 && out->data[out->len - 2] == '\n')
		out->len--;
	talloc_free(entry);
}

void publish_ldif(const struct publish_plan *plan, struct buf *out)
{
	struct buf head = { 0 }, lines = { 0 };

	if (plan->n == 0)
		return;
	put_lines(plan->dn, NULL, &head);
	buf_add(out, head.data, head.len);
	buf_adds(out, "changetype: modify\n");
	for (size_t i = 0; i < plan->n; i++) {
		const struct publish_change *change = &plan->changes[i];

		buf_clear(&lines);
		put_lines(plan->dn, change, &lines);
		buf_printf(out, "%s: %s\n", change->is_add ? "add" : "delete", change->attribute);
		buf_add(out, lines.data + head.len, lines.len - head.len);
		buf_adds(out, "-\n");
	}
	buf_addc(out, '\n');
	buf_free(&head);
	buf_free(&lines);
}
