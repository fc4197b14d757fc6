#!/bin/bash
# How the agent proves who it is to a 389 Directory Server by Kerberos: sealed in clear, tied to the TLS
# within TLS, from a keytab without kinit.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/ds389.sh"
. "$abs_top_srcdir/tests/lib/krb5.sh"
. "$abs_top_srcdir/tests/lib/certs.sh"
ds389_need || exit $?
krb5_need || exit $?
trap 'sync_kill9 "$dir"; ds389_kill9 "$dir/ds"; krb5_stop "$dir/krb5"; rm -rf "$dir"' EXIT
chmod 711 "$dir" # the server is another user

logged() { grep -q -- "$1" "$dir/log"; }
begin() { # SETTINGS
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	sync_conf "$dir" "directory \"corp\" {
		uri = {\"ldap://localhost:$DS389_PORT\"}
		base = \"cn=Waypost,dc=example,dc=com\"
		recipients = {\"ou=People,dc=example,dc=com\"}
		keytab = \"$dir/waypost.keytab\"
		$1
	}"
	sync_start "$dir"
}

certs_ca "$dir" ca
certs_make "$dir" ds ca DNS:localhost,IP:127.0.0.1
krb5_init "$dir/krb5" && krb5_add "$dir/krb5" ldap/localhost "$dir/ldap.keytab" &&
	krb5_add "$dir/krb5" waypost "$dir/waypost.keytab" && krb5_start "$dir/krb5" || exit 1
krb5_env "$dir/krb5"
[ "$(id -u)" != 0 ] || chown dirsrv: "$dir/ldap.keytab"
export KRB5_KTNAME=$dir/ldap.keytab
ds389_init "$dir/ds" && ds389_start "$dir/ds" && ds389_load "$dir/ds" "$abs_top_srcdir/schema/example.ldif" &&
	ds389_tls "$dir/ds" "$dir/ds.pem" "$dir/ds.key" "$dir/ca.pem" || exit 1
ds389_env "$dir/ds"
ds389_admin "$dir/ds" ldapmodify >"$dir/out" 2>&1 <<EOT || { cat "$dir/out"; exit 1; }
dn: cn=local,cn=mapping,cn=sasl,cn=config
changetype: add
objectClass: nsSaslMapping
cn: local
nsSaslMapRegexString: ^[^:@]+$
nsSaslMapBaseDNTemplate: ou=Services,dc=example,dc=com
nsSaslMapFilterTemplate: (cn=&)

dn: dc=example,dc=com
changetype: modify
add: aci
aci: (targetattr = "*")(version 3.0; acl "read"; allow (read, search, compare) userdn = "ldap:///cn=waypost,ou=Services,dc=example,dc=com";)

EOT
ds389_stop "$dir/ds"
ds389_start "$dir/ds" || exit 1

for mechanism in gssapi gss-spnego; do
	begin "bind = \"$mechanism\""
	ok "$mechanism in clear: live" sync_wait "$dir" state live 20
	ok "sealed" logged "bind: $mechanism as waypost@EXAMPLE.COM, sealed; TLS: none"
	begin "bind = \"$mechanism\" starttls = true tls_ca = \"$dir/ca.pem\""
	ok "$mechanism within TLS: live" sync_wait "$dir" state live 20
	ok "tied to it" logged "bind: $mechanism as waypost@EXAMPLE.COM, channel binding; TLS: TLSv1"
done
exit $failed
