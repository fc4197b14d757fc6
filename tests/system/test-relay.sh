#!/bin/bash
# One hub, an LDIF file as its directory, a smart host: everything that is acknowledged arrives once,
# unchanged; refusals are the right ones; a queue waits for a next hop and drains when it is back.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wprelayXXXXXX)
messages=500
[ "${WP_FULL:-0}" = 1 ] && messages=20000
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 40 "$dir/h/log"
	hub_stop "$dir/h" || true
	[ -z "${sink:-}" ] || kill "$sink" 2>/dev/null || true
	wait
	rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }

in=$(peer_free_port) out=$(peer_free_port)
base=cn=Waypost,dc=example,dc=com
mkdir "$dir/h"
cat >"$dir/h/org.ldif" <<EOF
dn: $base
objectClass: waypostOrganization
cn: Waypost

dn: cn=A,cn=Sites,$base
objectClass: waypostSite
cn: A

dn: cn=HUB1,cn=Servers,$base
objectClass: waypostServer
cn: HUB1
waypostFqdn: hub1.example.com
waypostAddress: 127.0.0.1
waypostRole: hub
waypostSiteDN: cn=A,cn=Sites,$base

dn: cn=In,cn=HUB1,cn=Servers,$base
objectClass: waypostReceiveConnector
cn: In
waypostBinding: 127.0.0.1:$in
waypostRemoteRange: 127.0.0.0/8
waypostAuthMechanism: externallySecured
waypostAuthMechanism: tls
waypostPermissionGroup: servers

dn: cn=example,cn=Accepted Domains,$base
objectClass: waypostAcceptedDomain
cn: example
waypostDomain: example.com

dn: cn=Out,cn=Send Connectors,$base
objectClass: waypostSendConnector
cn: Out
waypostAddressSpace: *
waypostSourceServer: cn=HUB1,cn=Servers,$base
waypostDnsRouting: FALSE
waypostSmartHost: [127.0.0.1]:$out
EOF
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/h/org.ldif\"} }"
start_sink() {
	"$tools/smtp_sink" --listen "127.0.0.1:$out" --journal "$dir/journal" "$@" >"$dir/sink.out" &
	sink=$!
	wait_for 5 grep -q listening "$dir/sink.out"
}
stop_sink() {
	kill "$sink"
	wait "$sink" 2>/dev/null || true
	sink=
}
queued() { hub "$dir/h" queue list --json | python3 -c 'import json,sys; print(sum(q["messages"] for q in json.load(sys.stdin)))'; }
queue_is_empty() { [ "$(queued)" = 0 ]; }
arrived() { [ "$(wc -l <"$dir/journal")" -ge "$1" ]; }

start_sink
hub_start "$dir/h"
cat "$dir/h/out"

say "$messages messages by 20 sessions"
"$tools/smtp_load" --port "$in" --sessions 20 --messages "$messages" --dots --acked "$dir/acked"
wait_for 60 arrived "$messages"
"$tools/smtp_check" --acked "$dir/acked" --journal "$dir/journal"
wait_for 10 queue_is_empty

say "large, long and many recipients"
"$tools/smtp_load" --port "$in" --sessions 2 --messages 6 --size 900000 --first-seq 100000 --acked "$dir/acked2"
"$tools/smtp_load" --port "$in" --sessions 2 --messages 10 --rcpts 50 --first-seq 200000 --acked "$dir/acked3"
wait_for 60 queue_is_empty
cat "$dir/acked" "$dir/acked2" "$dir/acked3" >"$dir/all"
"$tools/smtp_check" --acked "$dir/all" --journal "$dir/journal"

say "STARTTLS in"
"$tools/smtp_load" --port "$in" --starttls --sessions 2 --messages 20 --first-seq 300000 --acked "$dir/acked4"

say "an unknown recipient of an authoritative domain is refused at RCPT"
python3 - "$in" <<'EOF'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=10) as s:
    s.ehlo("x")
    s.mail("a@b.example")
    code, text = s.rcpt("nobody@example.com")
    assert (code, text[:6]) == (550, b"5.1.1 "), (code, text)
EOF

say "the next hop is down: the queue waits, says why, survives a restart, and drains"
wait_for 30 queue_is_empty
stop_sink
"$tools/smtp_load" --port "$in" --sessions 4 --messages 50 --first-seq 400000 --acked "$dir/acked5"
[ "$(queued)" = 50 ]
wait_for 10 sh -c "'$WAYPOST_BIN/waypost' --config '$dir/h/waypost.conf' queue list --json | grep -q 'connecting failed'"
hub_stop "$dir/h"
hub_start "$dir/h"
wait_for 10 sh -c "[ \$('$WAYPOST_BIN/waypost' --config '$dir/h/waypost.conf' queue list --json | tr ',' '\n' | grep -c '\"messages\"') -ge 1 ]"
start_sink
hub "$dir/h" queue retry --yes
wait_for 30 queue_is_empty
cat "$dir/all" "$dir/acked4" "$dir/acked5" >"$dir/all2"
"$tools/smtp_check" --acked "$dir/all2" --journal "$dir/journal"

say "a smart host edited in the file is used by the next message"
other=$(peer_free_port)
"$tools/smtp_sink" --listen "127.0.0.1:$other" --journal "$dir/journal2" >"$dir/sink2.out" &
second=$!
trap 'kill $second 2>/dev/null; cleanup' EXIT
wait_for 5 grep -q listening "$dir/sink2.out"
sed "s/:$out\$/:$other/" "$dir/h/org.ldif" >"$dir/h/org.new"
mv "$dir/h/org.new" "$dir/h/org.ldif"
moved() {
	"$tools/smtp_load" --port "$in" --messages 1 --first-seq 500000 >/dev/null && sleep 0.2 && [ -s "$dir/journal2" ]
}
wait_for 15 moved
hub_stop "$dir/h"
say done
