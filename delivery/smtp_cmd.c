/*
 * Command lines. Pure.
 *
 *	command = verb [SP argument] *SP            RFC 5321 §4.1.1
 */
#include "delivery/smtp_cmd.h"

#include <string.h>

#include "common/buf.h"
#include "delivery/smtp_text.h"

int smtp_cmd_parse(const char *line, size_t len, struct smtp_cmd *cmd_r)
{
	size_t verb = 0, arg;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 32 || line[i] == 127)
			return -1;
	while (len > 0 && line[len - 1] == ' ')
		len--;
	while (verb < len && line[verb] != ' ')
		verb++;
	if (verb == 0)
		return -1;
	for (arg = verb; arg < len && line[arg] == ' '; arg++)
		;
	cmd_r->verb = line;
	cmd_r->verb_len = verb;
	cmd_r->arg = line + arg;
	cmd_r->arg_len = len - arg;
	return 0;
}

bool smtp_cmd_is(const struct smtp_cmd *cmd, const char *name)
{
	return strlen(name) == cmd->verb_len && ascii_equal_n(cmd->verb, name, cmd->verb_len);
}

bool smtp_cmd_prefix(const struct smtp_cmd *cmd, const char *prefix, const char **rest_r,
		     size_t *rest_len_r)
{
	size_t at = strlen(prefix);

	if (cmd->arg_len < at || !ascii_equal_n(cmd->arg, prefix, at))
		return false;
	while (at < cmd->arg_len && cmd->arg[at] == ' ')
		at++;
	*rest_r = cmd->arg + at;
	*rest_len_r = cmd->arg_len - at;
	return true;
}
