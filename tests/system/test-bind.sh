#!/bin/bash
# How the agent signs in to a directory: by password, certificate, socket, SCRAM and Kerberos from a
# keytab, with nothing in the environment; what it says when that fails, and that it goes on by
# itself when it is mended.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/krb5.sh"
slapd_need || exit $?
krb5_need || exit $?
for module in gssapiv2 scram; do
	ls /usr/lib/*/sasl2/lib$module.so >/dev/null 2>&1 || { echo "skipped: no SASL module $module"; exit 77; }
done
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; krb5_cont "$dir/krb5"; krb5_stop "$dir/krb5"; rm -rf "$dir"' EXIT

logged() { grep -q -- "$1" "$dir/log"; }
remedy() { sync_status "$dir" | grep -q -- "\"remedy\": \"[^\"]*$1"; }
sync_wait_log() { # libkrb5 asks a KDC for a while
	local i
	for ((i = 0; i < 300; i++)); do
		logged "$1" && return 0
		sleep 0.1
	done
	return 1
}
section() { # URI SETTINGS…
	echo "directory \"corp\" {
	uri = {\"$1\"}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=People,dc=example,dc=com\"}
	$2
}"
}
begin() { # URI SETTINGS
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	sync_conf "$dir" "$(section "$1" "$2")"
	sync_start "$dir"
}
restart_slapd() {
	slapd_stop "$dir/slapd"
	slapd_start "$dir/slapd"
}

# ---- certificates ----
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$dir/$1.key" -out "$dir/$1.pem" 2>/dev/null
}
leaf() { # NAME AUTHORITY SUBJECT NAMES
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" -keyout "$dir/$1.key" \
		-out "$dir/csr" 2>/dev/null
	printf 'subjectAltName=%s\n' "$4" >"$dir/ext"
	openssl x509 -req -in "$dir/csr" -CA "$dir/$2.pem" -CAkey "$dir/$2.key" -CAcreateserial -days 2 \
		-extfile "$dir/ext" -out "$dir/$1.pem" 2>/dev/null
}
names=DNS:localhost,IP:127.0.0.1
authority ca
leaf server ca /CN=localhost "$names"
leaf agent ca /DC=com/DC=example/OU=Services/CN=waypost DNS:agent.example.com
cp "$dir/server.pem" "$dir/now.pem"
cp "$dir/server.key" "$dir/now.key"

# ---- a realm, and a server of it ----
krb5_init "$dir/krb5" && krb5_add "$dir/krb5" ldap/localhost "$dir/ldap.keytab" &&
	krb5_add "$dir/krb5" waypost "$dir/waypost.keytab" && krb5_start "$dir/krb5" || exit 1
krb5_env "$dir/krb5"
slapd_init "$dir/slapd" --tls "$dir/now.pem" "$dir/now.key" "$dir/ca.pem" &&
	slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" || exit 1
slapd_env "$dir/slapd"
export KRB5_KTNAME="$dir/ldap.keytab"
slapd_start "$dir/slapd" || exit 1
slapd_admin "$dir/slapd" ldapmodify >/dev/null <<-EOT || exit 1
	dn: cn=config
	changetype: modify
	add: olcSaslHost
	olcSaslHost: localhost
	-
	add: olcAuthzRegexp
	olcAuthzRegexp: {1}uid=(waypost|second),cn=[^,]*,cn=auth cn=waypost,ou=Services,dc=example,dc=com
	olcAuthzRegexp: {2}uid=(waypost|second),cn=example.com,cn=[^,]*,cn=auth cn=waypost,ou=Services,dc=example,dc=com
EOT
restart_slapd || exit 1
url=ldap://localhost:$SLAPD_PORT
printf change-me >"$dir/password"
chmod 600 "$dir/password"
tls="starttls = true tls_ca = \"$dir/ca.pem\""
simple="bind = \"simple\" bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\" password_file = \"$dir/password\""
scram="bind = \"scram-sha-256\" bind_dn = \"waypost\" password_file = \"$dir/password\""
gssapi="bind = \"gssapi\" keytab = \"$dir/waypost.keytab\""
spnego="bind = \"gss-spnego\" keytab = \"$dir/waypost.keytab\""

# ---- every way in ----
begin "$url" "$simple $tls"
ok "simple over STARTTLS" sync_wait "$dir" state live
ok "the log says who, and by what TLS" logged 'bind: simple as cn=waypost,.*TLS: TLSv1.[23] .*, server verified'
begin "$SLAPD_LDAPI" 'bind = "external"'
ok "EXTERNAL by the socket" sync_wait "$dir" state live
ok "the log says so" logged 'bind: external by the socket; TLS: none, a local socket'
slapd_stop "$dir/slapd"
for bind in external none; do
	begin "$SLAPD_LDAPI" "bind = \"$bind\""
	ok "$bind: a socket whose server is down" sync_wait_log "bind: Can't contact LDAP server (is the server up?"
	ok "the agent lives" sync_status "$dir"
done
slapd_start "$dir/slapd" || exit 1
begin "$url" "bind = \"external\" $tls tls_cert = \"$dir/agent.pem\" tls_key = \"$dir/agent.key\""
ok "EXTERNAL by certificate" sync_wait "$dir" state live
begin "$url" "bind = \"external\" $tls"
ok "EXTERNAL without one is refused" sync_wait "$dir" state down
ok "with what the server offers instead" logged 'does not offer EXTERNAL but .*GSSAPI'
begin "$url" "$scram $tls"
ok "SCRAM-SHA-256 over STARTTLS" sync_wait "$dir" state live
ok "the log says who" logged 'bind: scram-sha-256 as waypost'
printf wrong >"$dir/password"
restart_slapd
ok "a wrong password: down" sync_wait "$dir" state down
ok "with the remedy" sync_until logged 'correct bind_dn and the password'
printf change-me >"$dir/password"
ok "live with the right one, without a restart" sync_wait "$dir" state live 20

begin "$url" "$gssapi"
ok "GSSAPI from the keytab, in clear" sync_wait "$dir" state live
ok "is sealed" logged 'bind: gssapi as waypost@EXAMPLE.COM, sealed; TLS: none'
ok "and no cache was left on disk" test ! -e "$dir/krb5/there-is-no-cache"

# ---- what changes while it runs ----
krb5_ask "$dir/krb5" "cpw -randkey waypost" || exit 1
restart_slapd
ok "a keytab older than the keys: down" sync_wait "$dir" state down
ok "with the remedy" sync_until logged 'keytab: export it again'
krb5_rekey "$dir/krb5" waypost "$dir/waypost.keytab" || exit 1
ok "live with the new keytab, without a restart" sync_wait "$dir" state live 20
krb5_stop "$dir/krb5"
restart_slapd
ok "no KDC: down" sync_wait "$dir" state down
ok "with the remedy, whether it refuses or is silent" sync_wait_log 'KDCs\? up'
krb5_start "$dir/krb5" || exit 1
ok "live when the KDC is back" sync_wait "$dir" state live 20
krb5_pause "$dir/krb5"
restart_slapd
sleep 0.5
ok "it stops in order while a KDC hangs" sync_stop "$dir"
krb5_cont "$dir/krb5"

begin "$url" "$gssapi bind_dn = \"nobody\""
ok "an account that the keytab has not: down" sync_wait "$dir" state down
ok "with the remedy" sync_until logged 'or correct bind_dn'
begin "ldap://127.0.0.1:$SLAPD_PORT" "$gssapi"
ok "a server by a name that the KDC has not: down" sync_wait "$dir" state down
ok "with the remedy" sync_until logged 'name the server in uri as the KDC knows it'

# By default libkrb5 believes DNS whose name this is: here the hosts file, that 127.0.0.1 is localhost.
sed '/rdns/d; /dns_canonicalize/d' "$dir/krb5/krb5.conf" >"$dir/believing.conf"
export KRB5_CONFIG=$dir/believing.conf
begin "ldap://127.0.0.1:$SLAPD_PORT" "$gssapi"
ok "a server by whatever name DNS gives it, in clear: down" sync_wait "$dir" state down
ok "with the remedy" sync_until remedy 'set rdns = false'
begin "ldap://127.0.0.1:$SLAPD_PORT" "$gssapi $tls"
ok "within TLS the name is taken as it is" sync_wait "$dir" state down
ok "and the KDC does not know it" sync_until remedy 'name the server in uri as the KDC knows it'
begin "$url" "$gssapi"
ok "a name that DNS does not change is good" sync_wait "$dir" state live
export KRB5_CONFIG=$dir/krb5/krb5.conf

# ---- two accounts in one process ----
krb5_add "$dir/krb5" second "$dir/second.keytab" || exit 1
sync_stop "$dir"
rm -rf "$dir/state" "$dir/log"
sync_conf "$dir" "$(section "$url" "$gssapi")
directory \"more\" {
	uri = {\"$url\"}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=Services,dc=example,dc=com\"}
	bind = \"gss-spnego\"
	keytab = \"$dir/second.keytab\"
}"
sync_start "$dir"
ok "two directories, two accounts" sync_wait "$dir" state live
ok "the one is itself" sync_until logged 'directory corp: .*gssapi as waypost@EXAMPLE.COM'
ok "and so is the other" sync_until logged 'directory more: .*gss-spnego as second@EXAMPLE.COM'

# ---- layers ----
begin "$url" "$spnego"
ok "GSS-SPNEGO from the keytab, in clear" sync_wait "$dir" state live
ok "is sealed" logged 'bind: gss-spnego as waypost@EXAMPLE.COM, sealed; TLS: none'
begin "$url" "$spnego $tls"
ok "GSS-SPNEGO over STARTTLS" sync_wait "$dir" state live
ok "is tied to it, and needs no seal" logged 'bind: gss-spnego as waypost@EXAMPLE.COM, channel binding; TLS: TLSv1'
begin "$url" "$gssapi $tls"
ok "GSSAPI over STARTTLS" sync_wait "$dir" state live
ok "is tied to it, and needs no seal" logged 'bind: gssapi as waypost@EXAMPLE.COM, channel binding; TLS: TLSv1'

# ---- what the system has, in place of a keytab ----
begin "$url" "bind = \"gssapi\" $tls"
ok "neither keytab nor cache: down" sync_wait "$dir" state down
ok "with the remedy" sync_until remedy 'set keytab'
export KRB5_CLIENT_KTNAME=$dir/waypost.keytab KRB5CCNAME=FILE:$dir/cache
for method in gssapi gss-spnego; do
	rm -f "$dir/cache"
	begin "$url" "bind = \"$method\" $tls"
	ok "$method by the system's tickets" sync_wait "$dir" state live
done
rm -f "$dir/cache"
krb5_pause "$dir/krb5"
begin "$url" "bind = \"gssapi\" $tls"
ok "a KDC that hangs in the bind has an end" sync_wait "$dir" state down 20
ok "with the remedy" sync_until remedy 'are the KDCs up'
sleep 1
ok "and does not stand in the way of the agent's" sync_stop "$dir"
krb5_cont "$dir/krb5"
begin "$url" "bind = \"gssapi\" $tls"
ok "live when the KDC is back" sync_wait "$dir" state live 20
unset KRB5_CLIENT_KTNAME KRB5CCNAME

configure() { # LDIF of a change of cn=config
	{ printf 'dn: cn=config\nchangetype: modify\n'; cat; } | slapd_admin "$dir/slapd" ldapmodify >/dev/null || exit 1
}
configure <<-EOT
	replace: olcSaslSecProps
	olcSaslSecProps: noplain,noanonymous,maxssf=0
EOT
begin "$url" "$gssapi"
ok "a server that would not seal in clear: down" sync_wait "$dir" state down
ok "with the remedy" sync_until logged 'neither signs nor seals: use TLS'
begin "$url" "$scram"
ok "SCRAM-SHA-256 in clear hides its password" sync_wait "$dir" state live
configure <<-EOT
	replace: olcSaslSecProps
	olcSaslSecProps: noplain,noanonymous
	-
	replace: olcSaslCBinding
	olcSaslCBinding: tls-endpoint
EOT
restart_slapd
for method in "$gssapi" "$spnego" "$scram"; do
	begin "$url" "$method $tls"
	ok "a server that would bind to the channel: ${method%% [kb]*}" sync_wait "$dir" state live
done
exit $failed
