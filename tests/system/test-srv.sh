#!/bin/bash
# A directory by its SRV records: the site's before the domain's, priority, servers that are dead, the
# one that served kept, records that change, and name servers that do not answer.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/nsd.sh"
slapd_need || exit $?
nsd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/a"; slapd_stop "$dir/b"; nsd_stop; rm -rf "$dir"' EXIT

logged() { grep -q -- "$1" "$dir/log"; }
begin() { # SETTINGS
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	sync_conf "$dir" "directory \"corp\" {
	uri = {\"srv:example.test\"}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=People,dc=example,dc=com\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/password\"
	cleartext = true
	${1-}
}
delivery {
	resolver = {\"127.0.0.1:$nsd_port\"}
}"
	sync_start "$dir"
}

nsd_init "$dir"
# Two servers of one directory: the same entries, with the same UUIDs.
slapd_init "$dir/a" && slapd_load "$dir/a" "$abs_top_srcdir/schema/example.ldif" &&
	slapcat -F "$dir/a/config" -b dc=example,dc=com -l "$dir/all.ldif" 2>/dev/null &&
	slapd_init "$dir/b" && slapd_load "$dir/b" "$dir/all.ldif" &&
	slapd_start "$dir/a" && slapd_start "$dir/b" || exit 1
slapd_env "$dir/a"
a=$SLAPD_PORT
slapd_env "$dir/b"
b=$SLAPD_PORT
printf change-me >"$dir/password"
chmod 600 "$dir/password"

begin
ok "no name server: down" sync_wait "$dir" state down
ok "with the remedy" sync_until logged 'DNS does not tell .*resolver in the host file'
nsd_start "$dir" ''
ok "no records: it says which" sync_until logged 'no SRV records _ldap._tcp.example.test'
nsd_start "$dir" "_ldap._tcp SRV 10 0 $a localhost.\n_ldap._tcp SRV 20 0 $b localhost.\n"
ok "live as soon as there are records" sync_wait "$dir" state live 20
ok "with the lowest priority" sync_is "$dir" source "ldap://localhost:$a"
slapd_stop "$dir/a"
ok "the other when it ends" sync_wait "$dir" source "ldap://localhost:$b" 20
slapd_start "$dir/a"
# The connection is lost, the records and their order are the same.
slapd_stop "$dir/b" && slapd_start "$dir/b"
ok "the one that served is kept" sync_wait "$dir" state live 20
ok "although the other has priority" sync_is "$dir" source "ldap://localhost:$b"
nsd_stop
slapd_stop "$dir/b"
ok "without DNS those from before are tried" sync_wait "$dir" source "ldap://localhost:$a" 20
slapd_start "$dir/b"
nsd_start "$dir" "_ldap._tcp SRV 10 0 $b localhost.\n"
slapd_stop "$dir/a"
ok "records that changed are seen" sync_wait "$dir" source "ldap://localhost:$b" 20
slapd_start "$dir/a"

nsd_start "$dir" "_ldap._tcp SRV 0 0 $a localhost.\n_ldap._tcp.dc._msdcs SRV 0 0 $a localhost.
_ldap._tcp.HQ._sites.dc._msdcs SRV 0 0 $b localhost.\n"
begin 'site = "HQ"'
ok "the domain controllers of the site" sync_wait "$dir" state live
ok "come first" sync_is "$dir" source "ldap://localhost:$b"
begin 'site = "Elsewhere"'
ok "a site without any: those of the domain" sync_wait "$dir" state live
ok "are taken" sync_is "$dir" source "ldap://localhost:$a"
exit $failed
