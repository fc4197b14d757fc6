/* A sync search that says nothing. */
#include "ldapsync/silence.h"

#include "common/clock.h"
#include "ldapsync/dirconn.h"
#include "ldapsync/sync_search.h"

enum { ASK_AFTER_MS = 15000, GIVE_UP_MINUTES = 10 };

void silence_init(struct silence *silence, struct session *session, const struct sync_scope *scope)
{
	*silence = (struct silence){ .session = session, .scope = scope,
				     .heard_ms = clock_mono_ms(), .id = -1,
				     .has_asked = !rootdse_is_389(session->dse) };
}

void silence_broken(struct silence *silence)
{
	silence->heard_ms = clock_mono_ms();
}

static int ask(struct silence *silence, struct err *err)
{
	static char *nothing[] = { (char *)LDAP_NO_ATTRS, NULL };
	LDAP *ld = silence->session->ld;
	int rc;

	silence->has_asked = true;
	rc = ldap_search_ext(ld, silence->scope->base, LDAP_SCOPE_SUBTREE, silence->scope->filter,
			     nothing, 0, NULL, NULL, NULL, LDAP_NO_LIMIT, &silence->id);
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(ld, rc, err, "search");
}

int silence_check(struct silence *silence, struct err *err)
{
	uint64_t silent_ms = clock_mono_ms() - silence->heard_ms;

	if (!silence->has_asked && silent_ms >= ASK_AFTER_MS)
		return ask(silence, err);
	if (silent_ms < GIVE_UP_MINUTES * 60000ull)
		return 0;
	err_set(err, ERR_DIRECTORY, LDAP_TIMEOUT,
		"the server answers, but its search has said nothing for %d minutes", GIVE_UP_MINUTES);
	return err_remedy(err, "look what the server waits for, or start it again");
}

int silence_take(struct silence *silence, LDAPMessage *message, struct err *err)
{
	char *diagnostic;
	int code;

	if (ldap_msgtype(message) != LDAP_RES_SEARCH_RESULT)
		return 0;
	silence->id = -1;
	code = sync_search_result(silence->session->ld, message, &diagnostic, err);
	ldap_memfree(diagnostic);
	if (code != LDAP_SUCCESS)
		return -1;
	err->text[0] = '\0';
	return 0;
}
