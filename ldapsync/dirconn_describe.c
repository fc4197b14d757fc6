/* What a connection is, in words for status and log. */
#include <talloc.h>

#include "ldapsync/dirconn_private.h"
#include "ldapsync/dirlayer.h"

static const char *sasl_words(LDAP *ld, const char *method, void *ctx)
{
	char *user = NULL, *text;
	ber_len_t strength = 0;

	ldap_get_option(ld, LDAP_OPT_X_SASL_USERNAME, &user);
	ldap_get_option(ld, LDAP_OPT_X_SASL_SSF, &strength);
	text = talloc_asprintf(ctx, "%s%s%s%s", method, user != NULL ? " as " : "",
			       user != NULL ? user : "",
			       strength > 1 ? ", sealed" : "");
	ldap_memfree(user);
	return text;
}

static const char *bind_words(LDAP *ld, const struct host_directory *directory,
			      const struct host_uri *uri, void *ctx)
{
	const char *method = host_bind_name(directory->bind);

	switch (directory->bind) {
	case HOST_BIND_NONE:
		return method;
	case HOST_BIND_SIMPLE:
		return talloc_asprintf(ctx, "%s as %s", method, directory->bind_dn);
	case HOST_BIND_EXTERNAL:
		return talloc_asprintf(ctx, "%s by %s", method,
				       uri->scheme == HOST_LDAPI ? "the socket" : "certificate");
	case HOST_BIND_GSSAPI:
	case HOST_BIND_GSS_SPNEGO:
	case HOST_BIND_SCRAM_SHA_256:
		break;
	}
	if (dirconn_tls_kept(ld) != NULL)
		return talloc_strdup(ctx, dirconn_tls_kept(ld));
	return sasl_words(ld, method, ctx);
}

void dirconn_describe(LDAP *ld, const struct host_directory *directory,
		      const struct host_uri *uri, void *ctx, const char **bind_r,
		      const char **tls_r)
{
	const struct dial dial = { .directory = directory, .uri = uri };
	struct buf version = { 0 };

	*bind_r = bind_words(ld, directory, uri, ctx);
	*tls_r = uri->scheme == HOST_LDAPI ? "none, a local socket" : "none";
	if (!dirconn_has_tls(&dial))
		return;
	dirlayer_describe(ld, &version);
	/* A connection whose server was not verified is not one. */
	*tls_r = talloc_asprintf(ctx, "%s, server verified", version.data);
	buf_free(&version);
}
