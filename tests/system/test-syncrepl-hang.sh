#!/bin/bash
# A link and a server that are neither up nor down: half-open connections, a server that accepts and
# never answers, one that stops in the middle; in clear and with TLS. The agent finds it out,
# serves what it has, stops in order meanwhile, and goes on by itself.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/proxy.sh"
slapd_need || exit $?
trap 'for k in clear tls; do sync_kill9 "$dir/$k"; done; proxy_stop "$dir/proxy"; slapd_kill9 "$dir/slapd"; rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com

person() {
	printf 'dn: uid=%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' \
		"$1" "$people" "$1" "$1" "$1" "$1" | slapd_admin "$dir/slapd" ldapmodify >/dev/null
}
both() { # function, arguments: for both agents at once
	"$1" "$dir/clear" "${@:2}" && "$1" "$dir/tls" "${@:2}"
}
is() { both sync_wait state "$1" 30; }
in_step() { both sync_in_step "$dir/slapd"; }
begin() { both sync_start; }
stop() { both sync_stop; }

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$dir/server.key" -out "$dir/server.pem" 2>/dev/null
slapd_init "$dir/slapd" --tls "$dir/server.pem" "$dir/server.key" "$dir/server.pem" &&
	slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
proxy_start "$dir/proxy" "$SLAPD_PORT" || exit 1
printf change-me >"$dir/password"
chmod 600 "$dir/password"
for kind in clear tls; do
	mkdir "$dir/$kind"
	[ $kind = clear ] && how="cleartext = true" || how="starttls = true tls_ca = \"$dir/server.pem\""
	sync_conf "$dir/$kind" "directory \"corp\" {
	uri = {\"ldap://127.0.0.1:$(proxy_port "$dir/proxy")\"}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"$people\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/password\"
	$how
}"
done
begin
ok "live" is live

proxy "$dir/proxy" hold
person held
ok "a half-open link is found out" is down
ok "and served on" both sync_show
proxy "$dir/proxy" go
ok "live when it is whole" is live
ok "with what was missed" in_step

proxy "$dir/proxy" hold-answers
person unanswered
ok "so is a link that brings no answers" is down
ok "the agent stops in order meanwhile" stop
begin
ok "and begins without" is down
proxy "$dir/proxy" go
ok "live" is live
ok "in step" in_step

proxy "$dir/proxy" reset
person again
ok "a reset: in step" in_step
ok "live" is live
before=$(proxy "$dir/proxy" count)
proxy "$dir/proxy" drop
ok "a server that closes at once" is down
# Both at most twice for each pause; a loop without them comes by the thousand.
ok "is not hurried" test $(($(proxy "$dir/proxy" count) - before)) -le 60
proxy "$dir/proxy" go
ok "live" is live

slapd_pause "$dir/slapd"
ok "a server that is stopped is found out" is down
slapd_cont "$dir/slapd"
ok "live when it goes on" is live
ok "in step" in_step
ok "stops in order" stop
exit $failed
