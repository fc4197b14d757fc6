#!/bin/bash
# The library that starts a private slapd does what its head says: everything else relies on it.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
slapd_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'slapd_stop "$dir/one"; slapd_stop "$dir/two"; rm -rf "$dir"' EXIT
failed=0

ok() { # what, command…
	local what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $what"
	else
		echo "not ok $what"
		cat "$dir/out"
		failed=1
	fi
}

not() {
	! "$@"
}

agent() { # command and arguments: over the network, as the agent
	"$1" -x -H "$SLAPD_URL" -D "cn=waypost,ou=Services,$SLAPD_SUFFIX" -w change-me "${@:2}"
}

sees_sites() {
	[ "$(agent ldapsearch "$@" -LLL -b "cn=Waypost,$SLAPD_SUFFIX" '(objectClass=waypostSite)' dn | grep -c ^dn:)" = 3 ]
}

hidden_from_strangers() {
	not ldapsearch -x -H "$SLAPD_URL" -LLL -b "$SLAPD_SUFFIX" '(objectClass=waypostSite)' dn
}

syncprov_answers() {
	agent ldapsearch -LLL -b "cn=Waypost,$SLAPD_SUFFIX" -E sync=ro '(objectClass=waypostSite)' dn |
		grep -q '^dn: cn=Oslo'
}

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null || exit 1

ok "laid out with TLS" slapd_init "$dir/one" --sessionlog 100 --tls "$dir/cert.pem" "$dir/key.pem" "$dir/cert.pem"
ok "laid out once only" not slapd_init "$dir/one"
ok "loaded" slapd_load "$dir/one" "$abs_top_srcdir/schema/example.ldif"
ok "a bad file is refused" not slapd_load "$dir/one" "$abs_top_srcdir/README.md"
ok "started" slapd_start "$dir/one"
slapd_env "$dir/one"
first=$(slapd_pid "$dir/one")
ok "started twice is started once" slapd_start "$dir/one"
ok "the same process" test "$first" = "$(slapd_pid "$dir/one")"
ok "the agent reads" sees_sites
ok "the agent reads over TLS" sees_sites -ZZ -o "TLS_CACERT=$dir/cert.pem"
ok "strangers read nothing" hidden_from_strangers
ok "it serves syncrepl" syncprov_answers
ok "a second one beside it" slapd_init "$dir/two" --suffix dc=other,dc=test
ok "the second starts" slapd_start "$dir/two"
ok "each has its port" test "$(. "$dir/one/env"; echo "$SLAPD_PORT")" != "$(. "$dir/two/env"; echo "$SLAPD_PORT")"
ok "killed" slapd_kill9 "$dir/one"
ok "gone" not slapd_pid "$dir/one"
ok "started again" slapd_start "$dir/one"
slapd_env "$dir/one"
ok "with its data" sees_sites
ok "paused" slapd_pause "$dir/one"
ok "stopped while paused" slapd_stop "$dir/one"
ok "gone again" not slapd_pid "$dir/one"
exit $failed
