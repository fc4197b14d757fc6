/* The rootDSE: one table of what is asked for and where it is kept. */
#include "ldapsync/rootdse.h"

#include <string.h>

#include "common/buf.h"
#include "ldapsync/dirconn.h"

enum kind { LIST, TEXT, NUMBER };

#define AT(field) offsetof(struct rootdse, field)

static const struct {
	const char *attribute;
	enum kind kind;
	size_t at;
} fields[ROOTDSE_ATTRIBUTES] = {
	{ "namingContexts", LIST, AT(naming_contexts) },
	{ "supportedControl", LIST, AT(controls) },
	{ "supportedExtension", LIST, AT(extensions) },
	{ "supportedCapabilities", LIST, AT(capabilities) },
	{ "supportedSASLMechanisms", LIST, AT(mechanisms) },
	{ "defaultNamingContext", TEXT, AT(default_context) },
	{ "configurationNamingContext", TEXT, AT(configuration_context) },
	{ "schemaNamingContext", TEXT, AT(schema_context) },
	{ "rootDomainNamingContext", TEXT, AT(root_domain_context) },
	{ "dnsHostName", TEXT, AT(dns_host_name) },
	{ "serverName", TEXT, AT(server_name) },
	{ "dsServiceName", TEXT, AT(service_name) },
	{ "currentTime", TEXT, AT(current_time) },
	{ "vendorName", TEXT, AT(vendor_name) },
	{ "vendorVersion", TEXT, AT(vendor_version) },
	{ "isSynchronized", TEXT, AT(is_synchronized) },
	{ "domainControllerFunctionality", TEXT, AT(functionality) },
	{ "objectClass", LIST, AT(classes) },
	{ "subschemaSubentry", TEXT, AT(subschema) },
	{ "configContext", TEXT, AT(config_context) },
	{ "monitorContext", TEXT, AT(monitor_context) },
	{ "highestCommittedUSN", NUMBER, AT(highest_usn) },
};

void rootdse_attributes(const char *names_r[static ROOTDSE_ATTRIBUTES + 1])
{
	for (size_t i = 0; i < ROOTDSE_ATTRIBUTES; i++)
		names_r[i] = fields[i].attribute;
	names_r[ROOTDSE_ATTRIBUTES] = NULL;
}

static void take_list(struct rootdse *root, struct rootdse_list *list, const char *value,
		      size_t len)
{
	list->values = talloc_realloc(root, list->values, const char *, list->count + 1);
	list->values[list->count++] = talloc_strndup(list->values, value, len);
}

void rootdse_take(struct rootdse *root, const char *attribute, const char *value, size_t len)
{
	for (size_t i = 0; i < WP_COUNT(fields); i++) {
		void *field = (char *)root + fields[i].at;

		if (!ascii_equal(fields[i].attribute, attribute) || memchr(value, '\0', len) != NULL)
			continue;
		switch (fields[i].kind) {
		case LIST:
			take_list(root, field, value, len);
			break;
		case TEXT:
			*(const char **)field = talloc_strndup(root, value, len);
			break;
		case NUMBER:
			if (!parse_u64(value, len, UINT64_MAX, field))
				*(uint64_t *)field = 0;
			break;
		}
	}
}

bool rootdse_has(const struct rootdse_list *list, const char *value)
{
	for (size_t i = 0; i < list->count; i++)
		if (ascii_equal(list->values[i], value))
			return true;
	return false;
}

bool rootdse_is_389(const struct rootdse *root)
{
	return root->vendor_name != NULL && strncmp(root->vendor_name, "389", 3) == 0;
}

static void take_entry(LDAP *ld, LDAPMessage *entry, struct rootdse *root)
{
	BerElement *ber = NULL;

	for (char *name = ldap_first_attribute(ld, entry, &ber); name != NULL;
	     name = ldap_next_attribute(ld, entry, ber)) {
		struct berval **found = ldap_get_values_len(ld, entry, name);

		for (int i = 0; i < ldap_count_values_len(found); i++)
			rootdse_take(root, name, found[i]->bv_val, found[i]->bv_len);
		ldap_value_free_len(found);
		ldap_memfree(name);
	}
	ber_free(ber, 0);
}

struct rootdse *rootdse_read(TALLOC_CTX *ctx, LDAP *ld, int stop_fd, struct err *err)
{
	const char *names[ROOTDSE_ATTRIBUTES + 1];
	LDAPMessage *message = NULL, *entry;
	struct rootdse *root;
	int id, rc;

	rootdse_attributes(names);
	rc = ldap_search_ext(ld, "", LDAP_SCOPE_BASE, "(objectClass=*)", (char **)(uintptr_t)names,
			     0, NULL, NULL, NULL, 1, &id);
	if (rc == LDAP_SUCCESS)
		rc = dirconn_await(ld, id, stop_fd, &message);
	if (rc != LDAP_SUCCESS) {
		dirconn_fail(ld, rc, err, "reading the rootDSE");
		return NULL;
	}
	root = talloc_zero(ctx, struct rootdse);
	entry = ldap_first_entry(ld, message);
	if (entry != NULL)
		take_entry(ld, entry, root);
	ldap_msgfree(message);
	return root;
}

struct sync_contexts rootdse_contexts(const struct rootdse *root)
{
	return (struct sync_contexts){ root->naming_contexts.values, root->naming_contexts.count,
				       root->configuration_context, root->default_context };
}
