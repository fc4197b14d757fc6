/* The administrator's credentials. */
#define _GNU_SOURCE
#include "admin/signin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/ask.h"

/* *PASSWORD_R is malloc'd, or null if none is wanted. */
static int get_password(const struct cli *cli, char **password_r, struct err *e)
{
	const char *file = cli_value(cli, "password-file");

	*password_r = NULL;
	if (cli_value(cli, "bind-dn") == NULL)
		return 0;
	if (file != NULL)
		return hostfile_secret(file, password_r, e);
	if (!cli_flag(cli, "prompt")) {
		err_set(e, ERR_USAGE, 0, "--bind-dn needs a password");
		return err_remedy(e, "add -W, or -y FILE");
	}
	*password_r = ask_hidden("Password: ");
	if (*password_r != NULL && **password_r != '\0')
		return 0;
	free(*password_r);
	*password_r = NULL;
	return err_set(e, ERR_USAGE, 0, "no password was given");
}

int signin_open(const struct cli *cli, const struct host_directory *directory,
		struct dirclient **dir_r, struct err *e)
{
	struct host_directory wanted = *directory;
	struct dirclient_bind bind = { .bind_dn = cli_value(cli, "bind-dn"),
				       .external = cli_flag(cli, "external") };
	char *password;
	int rc;

	wanted.starttls |= cli_flag(cli, "starttls");
	if (get_password(cli, &password, e) < 0)
		return -1;
	bind.password = password;
	rc = dirclient_open(&wanted, &bind, dir_r, e);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	return rc;
}
