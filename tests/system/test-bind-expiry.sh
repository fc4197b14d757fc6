#!/bin/bash
# Connections that outlive the ticket they were made with. A domain controller (Samba) ends them, sealed
# or within TLS: the agent is back at once, with a new ticket and the old cookie, and never counts as
# down. slapd goes on. Samba gives no service a ticket of two minutes or less, so this one takes that long.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/krb5.sh"
. "$abs_top_srcdir/tests/lib/certs.sh"
samba_need || exit $?
slapd_need || exit $?
krb5_need || exit $?
mit=$dir/mit
trap 'sync_kill9 "$dir"; sync_kill9 "$mit"; samba_stop "$dir/dc"; slapd_stop "$mit/slapd"; krb5_stop "$mit/krb5"; rm -rf "$dir"' EXIT
# More than two minutes, with some time for a busy host.
ticket_s=128

logged() { grep -q -- "$1" "$dir/log"; }
contact() { # NAME CONTAINER
	printf 'dn: CN=%s,CN=%s,%s\nobjectClass: contact\nmail: %s@example.com\n\n' "$1" "$2" "$SAMBA_BASE" "$1"
}

# ---- a domain controller, followed in clear and within TLS ----
samba_init "$dir/dc" --tls "$dir/dc.pem" "$dir/dc.key" "$dir/ca.pem" || exit 1
samba_env "$dir/dc"
certs_ca "$dir" ca
certs_make "$dir" dc ca "DNS:$SAMBA_HOST,IP:$SAMBA_ADDRESS"
chmod 600 "$dir/dc.key"
samba_user "$dir/dc" agent Agent.pw1 dirsync deleted &&
	samba_keytab "$dir/dc" agent "$dir/agent.keytab" && samba_start "$dir/dc" || exit 1
chmod 600 "$dir/agent.keytab"
sed -i "s/^ default_realm/ ticket_lifetime = ${ticket_s}s\n&/" "$SAMBA_KRB5"
section() { # TITLE URI CONTAINER
	echo "directory \"$1\" {
		uri = {\"$2\"}
		profile = \"ad\"
		recipients = {\"CN=$3,$SAMBA_BASE\"}
		bind = \"gssapi\"
		keytab = \"$dir/agent.keytab\"
		tls_ca = \"$dir/ca.pem\"
	}"
}
sync_conf "$dir" "$(section sealed "$SAMBA_URL" Users) $(section tied "$SAMBA_LDAPS" System)"
# libldap never frees the words of a notice of disconnection, which it keeps to itself.
KRB5_CONFIG=$SAMBA_KRB5 ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 sync_start "$dir"
ok "live" sync_wait "$dir" state live 60
ok "sealed" logged "sealed: connected to .*gssapi as agent@$SAMBA_REALM, sealed; TLS: none"
ok "within TLS" logged "tied: connected to .*gssapi as agent@$SAMBA_REALM, channel binding; TLS: TLSv1"
generation=$(sync_generation "$dir")

# ---- meanwhile a slapd, with a ticket for a few seconds ----
mkdir "$mit"
krb5_init "$mit/krb5" && krb5_add "$mit/krb5" ldap/localhost "$mit/ldap.keytab" &&
	krb5_add "$mit/krb5" waypost "$mit/waypost.keytab" &&
	krb5_ask "$mit/krb5" "modprinc -maxlife 10seconds waypost" && krb5_start "$mit/krb5" || exit 1
krb5_env "$mit/krb5"
slapd_init "$mit/slapd" && slapd_load "$mit/slapd" "$abs_top_srcdir/schema/example.ldif" || exit 1
slapd_env "$mit/slapd"
export KRB5_KTNAME=$mit/ldap.keytab
slapd_start "$mit/slapd" || exit 1
slapd_admin "$mit/slapd" ldapmodify >/dev/null <<EOT || exit 1
dn: cn=config
changetype: modify
add: olcSaslHost
olcSaslHost: localhost
-
add: olcAuthzRegexp
olcAuthzRegexp: {1}uid=waypost,cn=[^,]*,cn=auth cn=waypost,ou=Services,dc=example,dc=com
EOT
slapd_stop "$mit/slapd"
slapd_start "$mit/slapd" || exit 1
sync_conf "$mit" "directory \"corp\" {
	uri = {\"ldap://localhost:$SLAPD_PORT\"}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=People,dc=example,dc=com\"}
	bind = \"gssapi\"
	keytab = \"$mit/waypost.keytab\"
}"
sync_start "$mit"
ok "slapd: live" sync_wait "$mit" state live 20
sleep 12 # for the clock of the ticket there is nothing to look at
slapd_admin "$mit/slapd" ldapmodify >/dev/null <<EOT || exit 1
dn: uid=late,ou=People,dc=example,dc=com
changetype: add
objectClass: inetOrgPerson
uid: late
cn: late
sn: late
mail: late@example.com
EOT
ok "slapd: a change after the ticket's end" sync_in_step "$mit" "$mit/slapd"
ok "by the same connection" test "$(grep -c "connected to" "$mit/log")" = 1
ok "slapd: stops in order" sync_stop "$mit"

# ---- the domain controller ends what has no ticket any more ----
for ((i = 0; i < ticket_s + 60; i++)); do
	logged "sealed: .*; connecting again" && logged "tied: .*; connecting again" && break
	sleep 1
done
ok "the sealed connection is ended, and said to be" logged "directory sealed: the connection: .*; connecting again"
ok "and that within TLS" logged "directory tied: the connection: .*; connecting again"
{
	contact late1 Users
	contact late2 System
} | samba_admin "$dir/dc" ldapadd >/dev/null || exit 1
ok "a change by the new connection" sync_until sync_has "$dir" "^entry CN=late1,"
ok "and by the other" sync_until sync_has "$dir" "^entry CN=late2,"
ok "live" sync_wait "$dir" state live
ok "never down" not logged "warn: directory"
ok "nothing was read as a whole" test "$(sync_generation "$dir")" = "$generation"
ok "stops in order" sync_stop "$dir"
exit $failed
