#!/bin/bash
# How the agent proves who it is to Active Directory (Samba), which demands signing or TLS: every
# bind, from a keytab without kinit, and what it says when the server refuses; then a life by tickets
# alone: changes, a server that dies, new keys.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/certs.sh"
samba_need || exit $?
trap 'sync_kill9 "$dir"; samba_stop "$dir/dc"; rm -rf "$dir"' EXIT

begin() { # URI SETTINGS
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	sync_conf "$dir" "directory \"corp\" {
		uri = {\"$1\"}
		profile = \"ad\"
		base = \"$SAMBA_BASE\"
		recipients = {\"$SAMBA_BASE\"}
		tls_ca = \"$dir/ca.pem\"
		$2
	}"
	sync_start "$dir"
}
sync_remedy() { sync_field "$dir" last_error | grep -q "starttls = true"; }
logged() { grep -q -- "$1" "$dir/log"; }
is_bound() { # HOW: by what the log says of the connection
	sync_until logged "bind: $1"
}

samba_init "$dir/dc" --tls "$dir/dc.pem" "$dir/dc.key" "$dir/ca.pem" --strong allow_sasl_over_tls || exit 1
samba_env "$dir/dc"
certs_ca "$dir" ca
certs_make "$dir" dc ca "DNS:$SAMBA_HOST,IP:$SAMBA_ADDRESS"
chmod 600 "$dir/dc.key"
samba_user "$dir/dc" agent Agent.pw1 dirsync deleted &&
	samba_keytab "$dir/dc" agent "$dir/agent.keytab" && samba_start "$dir/dc" || exit 1
chmod 600 "$dir/agent.keytab"
export KRB5_CONFIG=$SAMBA_KRB5 KRB5CCNAME=FILE:$dir/no-cache
printf Agent.pw1 >"$dir/password"
printf Wrong.pw1 >"$dir/wrong"
chmod 600 "$dir/password" "$dir/wrong"
kerberos="keytab = \"$dir/agent.keytab\""
simple="bind = \"simple\" bind_dn = \"agent@$SAMBA_REALM\" password_file = \"$dir/password\""

begin "$SAMBA_URL" "$simple starttls = true"
ok "simple, STARTTLS" is_bound "simple as agent@.*TLS: TLSv1"
begin "$SAMBA_LDAPS" "$simple"
ok "simple, ldaps" is_bound "simple as agent@.*TLS: TLSv1"
begin "$SAMBA_URL" "$simple cleartext = true"
ok "simple in clear: the server wants more" sync_until logged "Strong(er) authentication required"
ok "and the remedy is said" sync_until sync_remedy
begin "$SAMBA_LDAPS" "${simple/password\"/wrong\"}"
ok "a wrong password" sync_until logged "Invalid credentials"
for mechanism in gssapi gss-spnego; do
	begin "$SAMBA_URL" "bind = \"$mechanism\" $kerberos"
	ok "$mechanism in clear is signed and sealed" is_bound "$mechanism as agent@$SAMBA_REALM, sealed; TLS: none"
	begin "$SAMBA_URL" "bind = \"$mechanism\" $kerberos starttls = true"
	ok "$mechanism, STARTTLS" is_bound "$mechanism as agent@$SAMBA_REALM, channel binding; TLS: TLSv1"
	ok "without a layer, which the server would refuse" not logged sealed
	begin "$SAMBA_LDAPS" "bind = \"$mechanism\" $kerberos"
	ok "$mechanism, ldaps" is_bound "$mechanism as agent@$SAMBA_REALM, channel binding; TLS: TLSv1"
done
begin "$SAMBA_URL" "bind = \"scram-sha-256\" bind_dn = \"agent\" password_file = \"$dir/password\" starttls = true"
ok "what the server does not offer is named" sync_until logged "does not offer SCRAM-SHA-256 but .*GSS-SPNEGO"

# The life of a connection that is sealed by Kerberos.
admin=(-x -H "$SAMBA_LDAPS" -D "$SAMBA_ADMIN" -w "$SAMBA_PASSWORD")
with_tls() { env -u LDAPNOINIT LDAPTLS_CACERT="$dir/ca.pem" "$@"; }
people=OU=People,$SAMBA_BASE
contact() {
	printf 'dn: CN=%s,%s\nchangetype: add\nobjectClass: contact\nmail: %s@example.com\n\n' "$1" "$people" "$1" |
		with_tls ldapmodify "${admin[@]}" >/dev/null
}
compare() {
	with_tls "$abs_top_srcdir/tests/lib/ad_compare.py" --sites "CN=Sites,$SAMBA_CONFIG" \
		"$abs_top_builddir/replica_show" "$dir/state" '(mail=*)' "$people" -- "${admin[@]}"
}
in_step() { sync_until compare; }
follow() { # MECHANISM
	sync_conf "$dir" "directory \"corp\" {
		uri = {\"$SAMBA_URL\"}
		profile = \"ad\"
		recipients = {\"$people\"}
		bind = \"$1\" $kerberos
	}"
	: >"$dir/log"
	sync_start "$dir"
}
restart() {
	samba_kill9 "$dir/dc"
	sync_wait "$dir" state down 20 && samba_start "$dir/dc"
}
rotate() { # the keys of the account: those of the keytab are worth nothing
	samba-tool user setpassword agent --newpassword="$1" -s "$SAMBA_CONF" >/dev/null 2>&1
}
export_keys() {
	rm -f "$dir/new.keytab"
	samba_keytab "$dir/dc" agent "$dir/new.keytab" && chmod 600 "$dir/new.keytab" &&
		mv "$dir/new.keytab" "$dir/agent.keytab"
}
sync_stop "$dir"
rm -rf "$dir/state"
printf 'dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$people" |
	with_tls ldapmodify "${admin[@]}" >/dev/null
contact first
follow gssapi
ok "followed by DirSync" sync_until logged 'directory corp: followed by DirSync$'
ok "sealed" is_bound "gssapi as agent@$SAMBA_REALM, sealed; TLS: none"
ok "live" sync_wait "$dir" state live 30
ok "in step" in_step
ok "a change" contact second
ok "in step" in_step
ok "the server dies and is there again" restart
contact third
ok "live" sync_wait "$dir" state live 30
ok "in step" in_step
ok "by the cookie" not logged 'all of it is read'
ok "the account gets new keys" rotate New.pw1
contact fourth
ok "the connection goes on" in_step
ok "the server dies and is there again" restart
contact fifth
ok "the old keys are refused" sync_until logged 'keytab: export it again'
ok "what was there is served" sync_has "$dir" "CN=fourth,$people recipient"
ok "the new keys are exported" export_keys
ok "live without a restart" sync_wait "$dir" state live 40
ok "in step" in_step
sync_stop "$dir"
contact sixth
follow gss-spnego
ok "GSS-SPNEGO goes on where GSSAPI was" is_bound "gss-spnego as agent@$SAMBA_REALM, sealed; TLS: none"
ok "live" sync_wait "$dir" state live 30
ok "in step" in_step
ok "by the cookie" not logged 'all of it is read'
ok "no credentials cache was written" test ! -e "$dir/no-cache"
exit $failed
