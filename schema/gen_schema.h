/* What gen_schema.c (LDAP forms) and gen_schema_ad.c (Active Directory's form) share. */
#ifndef WP_SCHEMA_GEN_SCHEMA_H
#define WP_SCHEMA_GEN_SCHEMA_H

#define GEN_SCHEMA_ORIGIN "# Made by gen_schema from topology/attrs.c. To change it, change that table.\n"

/* Writes the form for Active Directory to standard output. */
void gen_schema_ad(void);

#endif
