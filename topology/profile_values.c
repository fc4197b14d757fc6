/* Values of a directory in the form of the model: the functions of profiles' rows. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/dn.h"
#include "common/ipaddr.h"
#include "topology/profile_private.h"

static const char yes[] = "TRUE", no[] = "FALSE";

/* A negative number has its bits, as AD's 32-bit integers show them. */
static bool value_number(const struct entry_value *value, uint64_t *number_r)
{
	uint64_t magnitude;

	if (value->len > 0 && value->data[0] == '-') {
		if (!parse_u64(value->data + 1, value->len - 1, UINT32_MAX, &magnitude))
			return false;
		*number_r = (uint32_t)-(uint32_t)magnitude;
		return true;
	}
	return parse_u64(value->data, value->len, INT64_MAX, number_r);
}

bool profile_number(const struct entry *entry, const char *name, uint64_t *number_r)
{
	const struct entry_attribute *found = entry_find(entry, name);

	return found != NULL && found->n_values > 0 && value_number(&found->values[0], number_r);
}

void profile_put_as_is(const struct translation *t, const struct profile_use *use,
		       const struct entry_attribute *found)
{
	entry_share(t->out, use->model, found);
}

/* The number of the one value; false: it was handed on. */
static bool take_number(const struct translation *t, const struct profile_use *use,
			const struct entry_attribute *found, uint64_t *number_r)
{
	if (found->n_values == 1 && value_number(&found->values[0], number_r))
		return true;
	profile_put_as_is(t, use, found);
	return false;
}

void profile_put_bit(const struct translation *t, const struct profile_use *use,
		     const struct entry_attribute *found)
{
	uint32_t bit = t->assumed->numbers[use->assume];
	uint64_t flags;

	if (bit != 0 && take_number(t, use, found, &flags))
		entry_add_text(t->out, use->model, (flags & bit) != 0 ? yes : no);
}

void profile_put_no_bit(const struct translation *t, const struct profile_use *use,
			const struct entry_attribute *found)
{
	uint32_t bit = t->assumed->numbers[use->assume];
	uint64_t flags;

	if (bit != 0 && take_number(t, use, found, &flags))
		entry_add_text(t->out, use->model, (flags & bit) != 0 ? no : yes);
}

void profile_put_product(const struct translation *t, const struct profile_use *use,
			 const struct entry_attribute *found)
{
	uint64_t unit = t->assumed->numbers[use->assume], number;
	char text[24];

	if (!take_number(t, use, found, &number))
		return;
	number = unit > 1 && number > INT64_MAX / unit ? INT64_MAX : number * unit;
	snprintf(text, sizeof(text), "%" PRIu64, number);
	entry_add_text(t->out, use->model, text);
}

void profile_put_verbose(const struct translation *t, const struct profile_use *use,
			 const struct entry_attribute *found)
{
	uint64_t level;

	if (take_number(t, use, found, &level))
		entry_add_text(t->out, use->model,
			       level == t->assumed->numbers[use->assume] ? "verbose" : "none");
}

void profile_put_host(const struct translation *t, const struct profile_use *use,
		      const struct entry_attribute *found)
{
	const char *prefix = t->assumed->texts[use->assume];
	size_t len = strlen(prefix);

	for (size_t i = 0; i < found->n_values; i++)
		if (ascii_equal_n(found->values[i].data, prefix, len))
			entry_add_text(t->out, use->model, found->values[i].data + len);
}

/* Whether the directory says that DNS decides, whatever smart hosts are left over. */
static bool is_by_dns(const struct translation *t)
{
	uint64_t type;

	return profile_number(t->entry, "msExchSmtpSmartHostType", &type) &&
	       type != t->assumed->numbers[ASSUME_SMART_HOST_ALWAYS];
}

void profile_put_smart_hosts(const struct translation *t, const struct profile_use *use,
			     const struct entry_attribute *found)
{
	const char *separators = t->assumed->texts[use->assume];

	for (size_t i = 0; i < found->n_values && !is_by_dns(t); i++)
		for (const char *at = found->values[i].data; *at != '\0';) {
			size_t len = strcspn(at, separators);

			if (len > 0)
				entry_add(t->out, use->model, at, len);
			at += len + (at[len] != '\0');
		}
}

void profile_put_dns_routing(const struct translation *t, const struct profile_use *use,
			     const struct entry_attribute *found)
{
	uint64_t type;

	if (take_number(t, use, found, &type))
		entry_add_text(t->out, use->model, is_by_dns(t) ? yes : no);
}

/* The password stays in Exchange: the host's credential file has one by the connector's name. */
void profile_put_security(const struct translation *t, const struct profile_use *use,
			  const struct entry_attribute *found)
{
	uint32_t basic = t->assumed->numbers[ASSUME_SECURITY_BASIC_BIT];
	uint32_t tls = t->assumed->numbers[ASSUME_SECURITY_TLS_BIT];
	char *name = dn_rdn_value(NULL, t->entry->dn);
	uint64_t flags;

	if (take_number(t, use, found, &flags) && (flags & basic) != 0) {
		entry_add_text(t->out, use->model, (flags & tls) != 0 ? "basicRequireTls" : "basic");
		if (name != NULL)
			entry_add_text(t->out, "waypostCredentialRef", name);
	}
	talloc_free(name);
}

void profile_put_address(const struct translation *t, const struct profile_use *use,
			 const struct entry_attribute *found)
{
	static const struct ipaddr any4 = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255 } }, any6;

	for (size_t i = 0; i < found->n_values; i++) {
		const struct entry_value *value = &found->values[i];
		struct ipaddr address;

		if (!ipaddr_parse(value->data, value->len, &address) ||
		    (memcmp(&address, &any4, sizeof(address)) != 0 &&
		     memcmp(&address, &any6, sizeof(address)) != 0))
			entry_add(t->out, use->model, value->data, value->len);
	}
}

void profile_put_domain_type(const struct translation *t, const struct profile_use *use,
			     const struct entry_attribute *found)
{
	const uint32_t *numbers = t->assumed->numbers;
	char unknown[24];
	uint64_t flags;

	if (!take_number(t, use, found, &flags))
		return;
	flags &= numbers[ASSUME_DOMAIN_TYPE_MASK];
	if (flags == 0)
		entry_add_text(t->out, use->model, "authoritative");
	else if (flags == numbers[ASSUME_DOMAIN_EXTERNAL])
		entry_add_text(t->out, use->model, "externalRelay");
	else if (flags == numbers[ASSUME_DOMAIN_INTERNAL])
		entry_add_text(t->out, use->model, "internalRelay");
	else {
		snprintf(unknown, sizeof(unknown), "%" PRIu64, flags);
		entry_add_text(t->out, use->model, unknown);
	}
}

void profile_put_parent(const struct translation *t, const struct profile_use *use,
			const struct entry_attribute *found)
{
	for (size_t i = 0; i < found->n_values; i++)
		entry_add_text(t->out, use->model, dn_parent(found->values[i].data));
}
