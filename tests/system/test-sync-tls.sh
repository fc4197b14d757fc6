#!/bin/bash
# How the agent reaches a directory: STARTTLS with a checked certificate, LDAPI with the system's
# word for who asks, the second server when the first is dead; and that it never sends a
# password in clear unasked.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT

logged() { grep -q "$1" "$dir/log"; }
certificate() { # NAME SUBJECT-ALT-NAME
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -addext "subjectAltName=$2" \
		-keyout "$dir/$1.key" -out "$dir/$1.pem" 2>/dev/null
}
section() { # URIS SETTINGS…
	echo "directory \"corp\" {
	uri = {$1}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=People,dc=example,dc=com\"}
	$2
}"
}
simple="bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/password\""
begin() { # SECTION
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	sync_conf "$dir" "$1"
	sync_start "$dir"
}

certificate server IP:127.0.0.1
certificate other IP:127.0.0.1
slapd_init "$dir/slapd" --tls "$dir/server.pem" "$dir/server.key" "$dir/server.pem" &&
	slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
printf change-me >"$dir/password"
chmod 600 "$dir/password"

begin "$(section "\"$SLAPD_URL\"" "$simple starttls = true tls_ca = \"$dir/server.pem\"")"
ok "STARTTLS: live" sync_wait "$dir" state live

begin "$(section "\"$SLAPD_URL\"" "$simple starttls = true tls_ca = \"$dir/other.pem\"")"
ok "a certificate of somebody else is refused" sync_until logged "peer's certificate: self-signed"
ok "and the directory counts as down" sync_wait "$dir" state down
cp "$dir/server.pem" "$dir/other.pem"
ok "the right one is accepted without a restart" sync_wait "$dir" state live 20

begin "$(section "\"$SLAPD_URL\"" "$simple")"
wait "$(cat "$dir/pid")"
ok "a password in clear is refused" test $? != 0
ok "with the remedy" logged starttls

begin "$(section "\"$SLAPD_LDAPI\"" 'bind = "external"')"
ok "LDAPI, EXTERNAL: live" sync_wait "$dir" state live

begin "$(section "\"ldap://127.0.0.1:1\", \"$SLAPD_URL\"" "$simple cleartext = true")"
ok "the second server when the first is dead" sync_wait "$dir" state live
ok "and the status names it" sync_is "$dir" source "$SLAPD_URL"

# A hung server does not stand in the way of the end.
slapd_pause "$dir/slapd"
ok "stops in order although the server hangs" sync_stop "$dir"
sync_start "$dir"
sleep 0.5
ok "and while it is being connected to" sync_stop "$dir"
slapd_cont "$dir/slapd"
exit $failed
