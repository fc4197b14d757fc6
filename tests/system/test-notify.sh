#!/bin/bash
# Failures are told to the sender once: also when the process is killed between the failure and the
# notification, or after it while the message still waits for others.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wpnotifyXXXXXX)
declare -A sinks=()
cleanup() {
	local status=$?
	if [ $status != 0 ]; then
		hub "$dir/h" queue list || true
		tail -n 30 "$dir/h/log" "$dir"/h/state/log/track-*
	fi
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	wait
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }

in=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port) stalled=$(peer_free_port)
start_sink() { # name of the port, more options
	local port=$1
	shift
	mkdir -p "$dir/mail-$port"
	"$tools/smtp_sink" --listen "127.0.0.1:${!port}" --journal "$dir/journal-$port" --keep "$dir/mail-$port" "$@" \
		>"$dir/sink-$port" 2>&1 &
	sinks[$port]=$!
	wait_for 10 grep -q listening "$dir/sink-$port"
}
send() { # name of the sender, recipients…
	python3 - "$in" "$@" <<'EOF'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as s:
    s.sendmail("%s@sender.example" % sys.argv[2], sys.argv[3:], "Subject: test\r\n\r\nHello.\r\n")
EOF
}
# How many notifications reached SENDER.
told() { grep -c "\"rcpts\":\\[\"$1@sender.example\"\\]" "$dir/journal-out" || true; }
told_is() { [ "$(told "$1")" = "$2" ]; }
notification() { cat $(grep -l "^To: <\\?$1@sender.example" "$dir"/mail-out/*.eml); }
tried() { [ "$(cat "$dir"/h/state/log/track-*.jsonl | grep -c "\"event\":\"$1\".*$2")" -ge "${3:-1}" ]; }
restarted() { local now; now=$(hub_child "$dir/h" waypost-delivery) && [ "$now" != "$delivery" ] && hub "$dir/h" queue list; }
kill_delivery() {
	delivery=$(hub_child "$dir/h" waypost-delivery)
	hub_kill9 "$dir/h" waypost-delivery
	wait_for 20 restarted
	wait_for 10 hub_listens "$in"
}
queues_are_empty() {
	hub "$dir/h" queue list --json | python3 -c 'import json,sys; sys.exit(sum(q["messages"] for q in json.load(sys.stdin)) != 0)'
}

mkdir "$dir/h"
{
	org_ldif "$in" "$out" "$lmtp" 0
	for name in good bad1 bad2 slow; do org_person $name; done
	cat <<-EOT

	dn: cn=Stalled,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Stalled
	waypostAddressSpace: stalled.example
	waypostSourceServer: cn=HUB1,cn=Servers,$org_base
	waypostDnsRouting: FALSE
	waypostSmartHost: [127.0.0.1]:$stalled
	EOT
} >"$dir/h/org.ldif"
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/h/org.ldif\"}
    base = \"$org_base\" recipients = {\"$org_people\"} }"
start_sink out
# The refusals come late, so that the other copies are on their way when they do.
start_sink lmtp --lmtp --rule 'rcpt/bad*=delay:300' --rule 'rcpt/bad*=550:5.2.1 No longer here' --rule 'rcpt/slow*#2=450:4.2.1 Busy'
start_sink stalled --rule data=stall
hub_start "$dir/h"

say "one notification names all who failed; the others get their mail"
send all good@example.com bad1@example.com bad2@example.com
wait_for 20 told_is all 1
notification all >"$dir/told"
grep -q "^Final-Recipient: rfc822; *bad1@example.com" "$dir/told"
grep -q "^Final-Recipient: rfc822; *bad2@example.com" "$dir/told"
! grep -q "^Final-Recipient: .*good@" "$dir/told"
grep -q "No longer here" "$dir/told"
wait_for 20 queues_are_empty

say "told already, then killed while somebody is still to be tried: not told again"
send once slow@example.com bad1@example.com
wait_for 20 told_is once 1
kill_delivery
wait_for 30 tried DELIVER slow@example.com
wait_for 20 queues_are_empty
told_is once 1

say "killed before the notification was due: told after the restart, about all"
send late bad1@example.com bad2@example.com x@stalled.example
wait_for 20 tried FAIL 'bad2@example.com' 2
told_is late 0
sleep 0.2 # states are durable after 50 ms
kill_delivery
wait_for 30 told_is late 1
notification late >"$dir/told"
grep -q "^Final-Recipient: rfc822; *bad1@example.com" "$dir/told"
grep -q "^Final-Recipient: rfc822; *bad2@example.com" "$dir/told"
grep -q "No longer here" "$dir/told"

say "a sender that wants no notification, and none of a notification"
kill "${sinks[stalled]}"
wait "${sinks[stalled]}" 2>/dev/null || true
rm -rf "$dir/mail-stalled"
start_sink stalled
hub "$dir/h" queue retry --yes
wait_for 30 queues_are_empty
python3 - "$in" <<'EOF'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as s:
    s.sendmail("", ["bad1@example.com"], "Subject: test\r\n\r\nHello.\r\n")
EOF
wait_for 20 queues_are_empty
for sender in all once late; do told_is $sender 1; done
[ "$(wc -l <"$dir/journal-out")" = 3 ]
figures() { "$(dirname "$0")/../lib/ctl.py" "$dir/h/run/waypost-delivery.sock" spool.figures | grep -q '"live_messages": 0'; }
wait_for 20 figures
hub_stop "$dir/h"
say done
