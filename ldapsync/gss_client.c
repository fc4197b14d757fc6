/* The client's side of a Kerberos conversation. */
#include "ldapsync/gss_client.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <ldap.h>
#include <stdlib.h>

#include "common/clock.h"
#include "ldapsync/aside.h"

/* The job of a step is all of it. */
struct gss_client {
	enum gss_mechanism mechanism;
	struct ticket *ticket;
	char *host;
	struct buf channel;
	gss_cred_id_t cred;
	gss_name_t service;
	gss_ctx_id_t context;
	OM_uint32 flags;     /* what the context came to have */
	struct buf in, out;  /* tokens */
	OM_uint32 major;     /* of the last step */
	struct err err;
};

/* 1.3.6.1.5.5.2 */
static gss_OID_desc spnego = { 6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02" };

static gss_OID oid_of(const struct gss_client *c)
{
	return c->mechanism == GSS_SPNEGO ? &spnego : (gss_OID)gss_mech_krb5;
}

/* ---- in words ---- */

static void add_status(struct buf *text, OM_uint32 status, int kind, gss_OID mechanism)
{
	gss_buffer_desc words = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, more = 0;

	if (gss_display_status(&minor, status, kind, mechanism, &more, &words) == GSS_S_COMPLETE)
		buf_add(text, words.value, words.length);
	gss_release_buffer(&minor, &words);
}

/* In the thread of the call that failed: libkrb5 keeps its words by thread. */
static int explain(const struct gss_client *c, OM_uint32 major, OM_uint32 minor, struct err *err)
{
	struct buf text = { 0 };

	if (minor != 0)
		add_status(&text, minor, GSS_C_MECH_CODE, oid_of(c));
	if (text.len == 0)
		add_status(&text, major, GSS_C_GSS_CODE, GSS_C_NO_OID);
	err_set(err, ERR_DIRECTORY, LDAP_LOCAL_ERROR, "Kerberos: %s",
		text.len > 0 ? text.data : "unknown error");
	buf_free(&text);
	ticket_remedy(err, (int32_t)minor);
	return -1;
}

/* ---- a step, aside ---- */

static OM_uint32 acquire(struct gss_client *c, OM_uint32 *minor)
{
	gss_key_value_element_desc cache = { "ccache", NULL };
	gss_key_value_set_desc store = { 1, &cache };
	gss_OID_set_desc wanted = { 1, oid_of(c) }, kerberos = { 1, (gss_OID)gss_mech_krb5 };
	gss_buffer_desc nothing = GSS_C_EMPTY_BUFFER;
	OM_uint32 major;

	if (c->ticket != NULL)
		cache.value = ticket_cache(c->ticket);
	major = gss_acquire_cred_from(minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted, GSS_C_INITIATE,
				      c->ticket != NULL ? &store : NULL, &c->cred, NULL, NULL);
	if (GSS_ERROR(major) || c->mechanism != GSS_SPNEGO)
		return major;
	major = gss_set_neg_mechs(minor, c->cred, &kerberos);
	/* SPNEGO would ask for integrity by itself, which the server takes for a layer. */
	return GSS_ERROR(major) ? major :
				  gss_set_cred_option(minor, &c->cred,
						      (gss_OID)GSS_KRB5_CRED_NO_CI_FLAGS_X, &nothing);
}

/* With a ticket, the very name that it is for: no other has to be looked for. */
static OM_uint32 name_service(struct gss_client *c, OM_uint32 *minor)
{
	struct buf text = { 0 };
	gss_buffer_desc name;
	OM_uint32 major;

	if (c->ticket != NULL)
		buf_adds(&text, ticket_service(c->ticket));
	else
		buf_printf(&text, "ldap@%s", c->host);
	name = (gss_buffer_desc){ text.len, text.data };
	major = gss_import_name(minor, &name,
				c->ticket != NULL ? (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME :
						    GSS_C_NT_HOSTBASED_SERVICE,
				&c->service);
	buf_free(&text);
	return major;
}

static OM_uint32 advance(struct gss_client *c, OM_uint32 *minor)
{
	struct gss_channel_bindings_struct channel = {
		.initiator_addrtype = GSS_C_AF_UNSPEC,
		.acceptor_addrtype = GSS_C_AF_UNSPEC,
		.application_data = { c->channel.len, c->channel.data },
	};
	gss_buffer_desc in = { c->in.len, c->in.data }, out = GSS_C_EMPTY_BUFFER;
	OM_uint32 ignored, major;

	/* Neither integrity nor confidentiality is asked for: TLS has them, and a domain controller
	 * refuses them within. */
	major = gss_init_sec_context(minor, c->cred, &c->context, c->service, oid_of(c),
				     GSS_C_MUTUAL_FLAG | GSS_C_SEQUENCE_FLAG, 0,
				     c->channel.len > 0 ? &channel : GSS_C_NO_CHANNEL_BINDINGS, &in, NULL,
				     &out, &c->flags, NULL);
	if (out.length > 0)
		buf_add(&c->out, out.value, out.length);
	gss_release_buffer(&ignored, &out);
	return major;
}

static void step(void *job)
{
	struct gss_client *c = job;
	OM_uint32 minor = 0;

	c->major = c->cred == GSS_C_NO_CREDENTIAL ? acquire(c, &minor) : GSS_S_COMPLETE;
	if (!GSS_ERROR(c->major) && c->service == GSS_C_NO_NAME)
		c->major = name_service(c, &minor);
	if (!GSS_ERROR(c->major))
		c->major = advance(c, &minor);
	if (GSS_ERROR(c->major))
		explain(c, c->major, minor, &c->err);
	else if (c->major == GSS_S_COMPLETE && (c->flags & GSS_C_MUTUAL_FLAG) == 0)
		err_set(&c->err, ERR_DIRECTORY, LDAP_LOCAL_ERROR,
			"Kerberos: the server did not prove who it is");
}

static void drop(void *job)
{
	gss_client_free(job);
}

/* ---- the caller ---- */

struct gss_client *gss_client_new(enum gss_mechanism mechanism, struct ticket *ticket,
				  const char *host, const struct buf *channel)
{
	struct gss_client *c = mem_zero(1, sizeof(*c));

	c->mechanism = mechanism;
	c->ticket = ticket;
	c->host = mem_strdup(host);
	if (channel->len > 0)
		buf_add(&c->channel, channel->data, channel->len);
	return c;
}

void gss_client_free(struct gss_client *c)
{
	OM_uint32 minor;

	if (c == NULL)
		return;
	gss_delete_sec_context(&minor, &c->context, GSS_C_NO_BUFFER);
	gss_release_name(&minor, &c->service);
	gss_release_cred(&minor, &c->cred);
	ticket_free(c->ticket);
	free(c->host);
	buf_free(&c->channel);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

int gss_client_step(struct gss_client **client, const struct buf *in, struct buf *out, int stop_fd,
		    struct err *err)
{
	struct gss_client *c = *client;

	buf_clear(&c->in);
	buf_clear(&c->out);
	if (in->len > 0)
		buf_add(&c->in, in->data, in->len);
	if (!aside_run(step, drop, c, stop_fd, clock_mono_ms() + TICKET_WAIT_MS)) {
		*client = NULL;
		return ticket_late(err);
	}
	if (c->err.domain != ERR_NONE) {
		if (err != NULL)
			*err = c->err;
		return -1;
	}
	if (c->out.len > 0)
		buf_add(out, c->out.data, c->out.len);
	return c->major == GSS_S_COMPLETE;
}

int gss_client_wrap(struct gss_client *c, const struct buf *in, struct buf *out, struct err *err)
{
	gss_buffer_desc plain = { in->len, in->data }, wrapped = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, ignored;
	OM_uint32 major = gss_wrap(&minor, c->context, 0, GSS_C_QOP_DEFAULT, &plain, NULL, &wrapped);

	if (GSS_ERROR(major))
		return explain(c, major, minor, err);
	buf_add(out, wrapped.value, wrapped.length);
	gss_release_buffer(&ignored, &wrapped);
	return 0;
}

int gss_client_unwrap(struct gss_client *c, const struct buf *in, struct buf *out, struct err *err)
{
	gss_buffer_desc wrapped = { in->len, in->data }, plain = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, ignored;
	OM_uint32 major = gss_unwrap(&minor, c->context, &wrapped, &plain, NULL, NULL);

	if (GSS_ERROR(major))
		return explain(c, major, minor, err);
	buf_add(out, plain.value, plain.length);
	gss_release_buffer(&ignored, &plain);
	return 0;
}

void gss_client_name(struct gss_client *c, struct buf *name)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	gss_name_t self = GSS_C_NO_NAME;
	OM_uint32 minor;

	if (gss_inquire_context(&minor, c->context, &self, NULL, NULL, NULL, NULL, NULL, NULL) ==
		    GSS_S_COMPLETE &&
	    gss_display_name(&minor, self, &text, NULL) == GSS_S_COMPLETE)
		buf_add(name, text.value, text.length);
	gss_release_buffer(&minor, &text);
	gss_release_name(&minor, &self);
}
