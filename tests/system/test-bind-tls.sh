#!/bin/bash
# Whom the agent believes: certificates that are expired, for another host or of somebody else are told
# apart and refused, and accepted once they are repaired, without a restart; a handshake that hangs, a
# server without TLS, one that does not trust us; and that referrals are not followed.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/certs.sh"
slapd_need || exit $?
listener=
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; [ -z "$listener" ] || kill "$listener"; rm -rf "$dir"' EXIT

logged() { grep -q -- "$1" "$dir/log"; }
remedy() { sync_field "$dir" last_error | grep -q -- "$1"; }
certificate() { # NAME: what slapd shows from now on
	slapd_stop "$dir/slapd"
	cp "$dir/$1.pem" "$dir/shown.pem"
	cp "$dir/$1.key" "$dir/shown.key"
	slapd_start "$dir/slapd"
}
begin() { # URI SETTINGS
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	sync_conf "$dir" "directory \"corp\" {
		uri = {\"$1\"}
		base = \"cn=Waypost,dc=example,dc=com\"
		recipients = {\"ou=People,dc=example,dc=com\"}
		tls_ca = \"$dir/ca.pem\"
		$2
	}"
	sync_start "$dir"
}

for name in ca others; do certs_ca "$dir" $name; done
certs_make "$dir" good ca DNS:localhost,IP:127.0.0.1
certs_make "$dir" expired ca DNS:localhost,IP:127.0.0.1 -1
certs_make "$dir" elsewhere ca DNS:dc9.example.com,IP:192.0.2.9
certs_make "$dir" rogue others DNS:localhost,IP:127.0.0.1
certs_make "$dir" stranger others DNS:agent.example.com
chmod 600 "$dir"/*.key
cp "$dir/good.pem" "$dir/shown.pem"
cp "$dir/good.key" "$dir/shown.key"
slapd_init "$dir/slapd" --tls "$dir/shown.pem" "$dir/shown.key" "$dir/ca.pem" &&
	slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
printf change-me >"$dir/password"
chmod 600 "$dir/password"
account="bind = \"simple\" bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\" password_file = \"$dir/password\""

begin "ldap://localhost:$SLAPD_PORT" "$account starttls = true"
ok "a good certificate" sync_wait "$dir" state live
refused() { # NAME WORDS REMEDY
	certificate "$1"
	ok "$1: down" sync_wait "$dir" state down 20
	ok "$1: in so many words" sync_until logged "peer's certificate.*$2"
	ok "$1: and what to do" sync_until remedy "$3"
	certificate good
	ok "$1, repaired: live without a restart" sync_wait "$dir" state live 20
}
refused expired "has expired" "renew the certificate"
refused elsewhere "not for localhost but for dc9.example.com, 192.0.2.9" "renew it with subjectAltName localhost"
refused rogue "unable to verify the first certificate" "add its certification authority to tls_ca"
begin "$SLAPD_URL" "$account starttls = true"
ok "a certificate for an address" sync_wait "$dir" state live

# ---- our own certificate ----
slapd_admin "$dir/slapd" ldapmodify >/dev/null <<EOT
dn: cn=config
changetype: modify
replace: olcTLSVerifyClient
olcTLSVerifyClient: demand
EOT
slapd_stop "$dir/slapd"
slapd_start "$dir/slapd"
begin "$SLAPD_URL" "$account starttls = true tls_cert = \"$dir/stranger.pem\" tls_key = \"$dir/stranger.key\""
ok "one that the server does not trust: down" sync_wait "$dir" state down
ok "with a remedy" sync_until remedy "look at its log\|TLS"
begin "$SLAPD_URL" "$account starttls = true tls_cert = \"$dir/good.pem\" tls_key = \"$dir/good.key\""
ok "one that it trusts" sync_wait "$dir" state live

# ---- no TLS at the other end ----
python3 - "$dir" <<'PY' &
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(50)
open(sys.argv[1] + "/listening", "w").write(str(s.getsockname()[1]))
kept = []
while True:
    kept.append(s.accept()[0])
    open(sys.argv[1] + "/accepted", "a").write("x")
PY
listener=$!
sync_until test -s "$dir/listening"
begin "ldaps://127.0.0.1:$(cat "$dir/listening")" "bind = \"none\""
ok "a handshake that hangs has an end" sync_wait "$dir" state down 20
ok "and says so" sync_until logged "TLS handshake: no answer"
ok "and does not stand in the way of the agent's" sync_stop "$dir"
begin "ldaps://127.0.0.1:$SLAPD_PORT" "bind = \"none\""
ok "ldaps to a port without TLS" sync_until logged "TLS handshake"
ok "with a remedy" sync_until remedy "speaks TLS on this port"

# ---- referrals ----
slapd_admin "$dir/slapd" ldapmodify >/dev/null <<EOT
dn: cn=config
changetype: modify
delete: olcTLSVerifyClient
EOT
slapd_stop "$dir/slapd"
slapd_start "$dir/slapd"
rm -f "$dir/accepted"
slapd_admin "$dir/slapd" ldapadd >"$dir/out" 2>&1 <<EOT || { cat "$dir/out"; failed=1; }
dn: ou=Elsewhere,ou=People,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
ou: Elsewhere
ref: ldap://127.0.0.1:$(cat "$dir/listening")/ou=Elsewhere,dc=example,dc=com
EOT
begin "$SLAPD_URL" "$account starttls = true"
ok "live although there is a referral" sync_wait "$dir" state live
ok "which is not followed" test ! -e "$dir/accepted"
exit $failed
