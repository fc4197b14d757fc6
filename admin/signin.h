/*
 * Signing in to a directory as the command line says: -D with -W or -y, --external, -Z.
 */
#ifndef WP_ADMIN_SIGNIN_H
#define WP_ADMIN_SIGNIN_H

#include "admin/cli.h"
#include "admin/dirclient.h"

/* Rows for the option table of a command that calls signin_open. */
#define SIGNIN_OPTIONS                                                                \
	{ "bind-dn", 'D', "DN", "sign in to the directory as DN" },                   \
	{ "prompt", 'W', NULL, "ask for the password" },                              \
	{ "password-file", 'y', "FILE", "read the password from FILE" },              \
	{ "external", 0, NULL, "sign in with SASL EXTERNAL (ldapi://, certificate)" }, \
	{ "starttls", 'Z', NULL, "use StartTLS on ldap://" }

/* dirclient_open for DIRECTORY with the credentials of the command line. */
int signin_open(const struct cli *cli, const struct host_directory *directory,
		struct dirclient **dir_r, struct err *e) WP_MUST_CHECK;

#endif
