/* What a certificate says of itself. */
#include "common/cert_facts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "common/ipaddr.h"

static X509 *parse(const void *der, size_t len)
{
	const unsigned char *at = der;
	X509 *x509 = d2i_X509(NULL, &at, (long)len);

	ERR_clear_error();
	return x509;
}

/* "CN=ldap1,O=Example": the most special part first, as in LDAP. */
static const char *name_text(TALLOC_CTX *ctx, const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	const char *text;
	char *data;
	long len;

	X509_NAME_print_ex(out, name, 0,
			   XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	len = BIO_get_mem_data(out, &data);
	text = talloc_strndup(ctx, data, (size_t)len);
	BIO_free(out);
	return text;
}

static uint64_t time_ms(const ASN1_TIME *time)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	return (uint64_t)timegm(&tm) * 1000;
}

static char *add_name(char *names, const char *text, size_t len)
{
	return talloc_asprintf_append(names, "%s%.*s", *names != '\0' ? ", " : "", (int)len,
				      text);
}

static char *add_address(char *names, const ASN1_OCTET_STRING *octets)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(octets);
	int len = ASN1_STRING_length(octets);
	char *text = NULL;

	if (len == 4)
		text = talloc_asprintf(NULL, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2],
				       bytes[3]);
	else
		text = talloc_strdup(NULL, "");
	for (int i = 0; len == 16 && i < len; i += 2)
		text = talloc_asprintf_append(text, "%s%x", i > 0 ? ":" : "",
					      bytes[i] << 8 | bytes[i + 1]);
	if (*text != '\0')
		names = add_name(names, text, strlen(text));
	talloc_free(text);
	return names;
}

/* The common name counts only where there is no alternative name. */
static char *add_common_name(char *names, X509 *x509)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), len;
	unsigned char *text = NULL;

	if (at < 0)
		return names;
	len = ASN1_STRING_to_UTF8(&text,
				  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0)
		names = add_name(names, (const char *)text, (size_t)len);
	OPENSSL_free(text);
	return names;
}

static const char *host_names(TALLOC_CTX *ctx, X509 *x509)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	char *names = talloc_strdup(ctx, "");

	for (int i = 0; all != NULL && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

		if (one->type == GEN_DNS)
			names = add_name(names,
					 (const char *)ASN1_STRING_get0_data(one->d.dNSName),
					 (size_t)ASN1_STRING_length(one->d.dNSName));
		else if (one->type == GEN_IPADD)
			names = add_address(names, one->d.iPAddress);
	}
	if (all == NULL)
		names = add_common_name(names, x509);
	GENERAL_NAMES_free(all);
	ERR_clear_error();
	return names;
}

int cert_facts_read(TALLOC_CTX *ctx, const void *der, size_t len, struct cert_facts *facts_r,
		    struct err *e)
{
	X509 *x509 = parse(der, len);

	if (x509 == NULL)
		return err_set(e, ERR_TLS, 0, "it is no certificate");
	*facts_r = (struct cert_facts){
		.subject = name_text(ctx, X509_get_subject_name(x509)),
		.issuer = name_text(ctx, X509_get_issuer_name(x509)),
		.names = host_names(ctx, x509),
		.begins_ms = time_ms(X509_get0_notBefore(x509)),
		.ends_ms = time_ms(X509_get0_notAfter(x509)),
		.is_self_issued = X509_NAME_cmp(X509_get_subject_name(x509),
						X509_get_issuer_name(x509)) == 0,
	};
	X509_free(x509);
	ERR_clear_error();
	return 0;
}

bool cert_is_for(const void *der, size_t len, const char *host)
{
	X509 *x509 = parse(der, len);
	struct ipaddr ignored;
	bool is_address = ipaddr_parse(host, strlen(host), &ignored), ok;

	if (x509 == NULL)
		return false;
	ok = is_address ? X509_check_ip_asc(x509, host, 0) == 1 :
			  X509_check_host(x509, host, 0, 0, NULL) == 1;
	X509_free(x509);
	ERR_clear_error();
	return ok;
}
