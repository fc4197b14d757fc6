/*
 * The schema as objects of Active Directory's schema: one attributeSchema or classSchema each.
 *
 * What such an object says for ever, its OID and its schemaIDGUID, is a function of the table:
 * the number under our arc, and a UUID made from the name. Auxiliary classes are added to single
 * objects, so nothing of Microsoft's is changed. [MS-ADTS] 3.1.1.2; [MS-ADA1] to [MS-ADSC].
 */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/compiler.h"
#include "common/entry.h"
#include "schema/gen_schema.h"
#include "topology/attrs.h"

#define SCHEMA "CN=Schema,CN=Configuration,DC=X"

static const char head[] = GEN_SCHEMA_ORIGIN
	"#\n"
	"# Active Directory, as a member of Schema Admins; a schema cannot be taken back:\n"
	"#   ldifde -i -f waypost-ad.ldif -c \"DC=X\" \"DC=ad,DC=example,DC=com\"\n"
	"# Samba, at the schema master, while it is stopped; it learns what was added from run to run:\n"
	"#   sed 's/DC=X/DC=ad,DC=example,DC=com/' waypost-ad.ldif | csplit -sz -f part - '/^dn:$/' '{*}'\n"
	"#   for part in part??; do ldbmodify -H /var/lib/samba/private/sam.ldb \\\n"
	"#     --option='dsdb:schema update allowed=true' $part; done\n"
	"#\n"
	"# On sites, site links and recipients of Active Directory add the class that has our attributes, as\n"
	"# objectClass: waypostSiteOptions, and then the attributes; Samba does not take both in one modify.\n";

/* How a syntax is written there. Case does not matter in what is IA5 elsewhere: Unicode it is. */
static const struct {
	const char *syntax;
	int om;
} syntaxes[ATTR_SYNTAXES] = {
	[ATTR_STRING] = { "2.5.5.12", 64 },
	[ATTR_IA5] = { "2.5.5.12", 64 },
	[ATTR_INTEGER] = { "2.5.5.9", 2 },
	[ATTR_SECONDS] = { "2.5.5.9", 2 },
	/* An Integer has 32 bits there. */
	[ATTR_OCTETS_COUNT] = { "2.5.5.16", 65 },
	[ATTR_BOOLEAN] = { "2.5.5.8", 1 },
	[ATTR_DN] = { "2.5.5.1", 127 },
	[ATTR_BINARY] = { "2.5.5.10", 4 },
	[ATTR_TIME] = { "2.5.5.11", 24 },
};

/* OBJECT(DS-DN), 1.3.12.2.1011.28.0.714: which of the syntaxes numbered 127 it is. */
#define DS_DN "KwwCh3McAIVK"

/* Looked for by value. */
static const char *const indexed[] = { "waypostHomeServer" };

static bool is_indexed(const char *name)
{
	for (size_t i = 0; i < WP_COUNT(indexed); i++)
		if (strcmp(indexed[i], name) == 0)
			return true;
	return false;
}

static void print_guid(const char *name)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct entry_uuid uuid;
	uint8_t padded[18] = { 0 };

	entry_uuid_from_key(name, &uuid);
	memcpy(padded, uuid.bytes, sizeof(uuid.bytes));
	fputs("schemaIDGUID:: ", stdout);
	for (size_t i = 0; i < 22; i++) {
		size_t bit = i * 6;
		unsigned pair = (unsigned)padded[bit / 8] << 8 | padded[bit / 8 + 1];

		putchar(digits[pair >> (10 - bit % 8) & 63]);
	}
	puts("==");
}

static void print_object(const char *name, const char *class, const char *text)
{
	printf("\ndn: CN=%s," SCHEMA "\nchangetype: add\nobjectClass: top\nobjectClass: %s\n", name,
	       class);
	printf("cn: %s\nlDAPDisplayName: %s\nadminDisplayName: %s\nadminDescription: %s\n", name, name,
	       name, text);
	print_guid(name);
}

static void print_attribute(const struct attr_type *type)
{
	print_object(type->name, "attributeSchema", type->text);
	printf("attributeID: " ATTR_OID_ARC ".2.%u\nattributeSyntax: %s\noMSyntax: %d\n", type->number,
	       syntaxes[type->syntax].syntax, syntaxes[type->syntax].om);
	if (type->syntax == ATTR_DN)
		puts("oMObjectClass:: " DS_DN);
	printf("isSingleValued: %s\nsearchFlags: %d\n", type->multi ? "FALSE" : "TRUE",
	       is_indexed(type->name));
}

/* Where an object of CLASS may lie. */
static void print_superiors(const struct attr_class *class)
{
	puts("possSuperiors: container\npossSuperiors: organizationalUnit");
	if (class->section == SNAP_ORG)
		return;
	puts("possSuperiors: waypostOrganization");
	if (strcmp(class->name, "waypostContainer") != 0)
		puts("possSuperiors: waypostContainer");
	if (class->section == SNAP_RECEIVE)
		puts("possSuperiors: waypostServer");
}

static void print_class(const struct attr_class *class)
{
	print_object(class->name, "classSchema", class->text);
	printf("governsID: " ATTR_OID_ARC ".1.%u\nsubClassOf: top\nrDNAttID: cn\n"
	       "objectClassCategory: %d\ndefaultObjectCategory: CN=%s," SCHEMA "\n",
	       class->number, class->auxiliary ? 3 : 1, class->name);
	for (size_t i = 0; i < class->n_uses; i++)
		/* description is top's. */
		if (strcmp(class->uses[i].attribute, "description") != 0)
			printf("%s: %s\n", class->uses[i].must ? "mustContain" : "mayContain",
			       class->uses[i].attribute);
	if (class->auxiliary)
		return;
	print_superiors(class);
	/* Administrators write, whoever has signed in reads. */
	puts("defaultSecurityDescriptor: D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)"
	     "(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPLCLORC;;;AU)");
}

/* What was added can be referred to from here on. */
static void print_update(void)
{
	puts("\ndn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n-");
}

/* Classes in which others lie, the upper before the lower. */
static const char *const outer[] = { "waypostOrganization", "waypostContainer", "waypostServer" };

static bool is_outer(const struct attr_class *class)
{
	for (size_t i = 0; i < WP_COUNT(outer); i++)
		if (strcmp(outer[i], class->name) == 0)
			return true;
	return false;
}

void gen_schema_ad(void)
{
	size_t n_types, n_classes;
	const struct attr_type *types = attr_types(&n_types);
	const struct attr_class *classes = attr_classes(&n_classes);

	fputs(head, stdout);
	for (size_t i = 0; i < n_types; i++)
		if (types[i].number != 0)
			print_attribute(&types[i]);
	print_update();
	for (size_t i = 0; i < WP_COUNT(outer); i++) {
		print_class(attr_find_class(outer[i]));
		print_update();
	}
	for (size_t i = 0; i < n_classes; i++)
		if (!is_outer(&classes[i]))
			print_class(&classes[i]);
	print_update();
}
