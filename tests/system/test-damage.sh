#!/bin/bash
# Mail damaged on disk while it waits: under a stopped host, under a running one, and so that the
# start is refused until the damage is accepted. Where the envelope is intact the recipients fail and
# the sender is told, without the text; where nothing is, the log and the figures say so. All other
# mail goes.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
tools=$WAYPOST_BIN
lib=$(cd "$(dirname "$0")/../lib" && pwd)
dir=$(mktemp -d /tmp/wpdamXXXXXX)
sinks=()
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 30 "$dir/h/log"
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	wait
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
start_sink() { # name, port
	mkdir -p "$dir/mail-$1"
	"$tools/smtp_sink" --listen "127.0.0.1:$2" --journal "$dir/journal-$1" --keep "$dir/mail-$1" >"$dir/sink-$1" 2>&1 &
	sinks+=($!)
	wait_for 10 grep -q listening "$dir/sink-$1"
}
send() { # NAME OCTETS: from NAME@sender.example to NAME@dead.example; the text is full of "NAME-text"
	python3 - "$in" "$1" "$2" <<'EOF'
import smtplib, sys
port, name, octets = sys.argv[1:]
line = (name + "-text ") * 5 + "\r\n"
with smtplib.SMTP("127.0.0.1", int(port), timeout=20) as s:
    s.sendmail(name + "@sender.example", [name + "@dead.example"],
               "Subject: %s\r\n\r\n" % name + line * (int(octets) // len(line)))
EOF
}
# break_at TEXT FILE…: changes an octet of the first TEXT in the one FILE that has it.
break_at() {
	python3 - "$@" <<'EOF'
import sys
text, found = sys.argv[1].encode(), 0
for name in sys.argv[2:]:
    with open(name, "r+b") as file:
        at = file.read().find(text)
        if at >= 0:
            file.seek(at)
            file.write(bytes([text[0] ^ 4]))
            found += 1
assert found == 1, found
EOF
}
told() { grep -q "\"rcpts\":\\[\"$1@sender.example\"\]" "$dir/journal-out"; }
tracked() { cat "$dir"/h/state/log/track-*.jsonl | grep '"event":"FAIL"' | grep -q "$1@dead.example"; }
# The notification for NAME names its recipient and the cause, and has nothing of the text.
check_told() {
	wait_for 30 told "$1"
	cat $(grep -l "^To: <\?$1@sender.example" "$dir"/mail-out/*.eml) >"$dir/told"
	grep -q "^Status: 5\.3\.0" "$dir/told"
	grep -q "^Final-Recipient: rfc822; *$1@dead.example" "$dir/told"
	grep -q "damaged on the disk" "$dir/told"
	! grep -q "$1-text" "$dir/told"
	wait_for 20 tracked "$1"
}
figure() { python3 "$lib/ctl.py" "$dir/h/run/waypost-delivery.sock" spool.figures | python3 -c '
import json, sys
print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
figure_is() { [ "$(figure "$1")" = "$2" ]; }
waiting_is() { hub "$dir/h" queue list Dead --json | python3 -c '
import json, sys
sys.exit(sum(q["messages"] for q in json.load(sys.stdin)) != int(sys.argv[1]))' "$1"; }
arrived() { grep -q "\"$1@dead.example\"" "$dir/journal-dead"; }

in=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port) dead=$(peer_free_port)
mkdir "$dir/h"
{
	org_ldif "$in" "$out" "$lmtp" 0
	cat <<-EOT

	dn: cn=Dead,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Dead
	waypostAddressSpace: dead.example
	waypostSourceServer: cn=HUB1,cn=Servers,$org_base
	waypostDnsRouting: FALSE
	waypostSmartHost: [127.0.0.1]:$dead
	EOT
} >"$dir/h/org.ldif"
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/h/org.ldif\"} }"
start_sink out "$out"
hub_start "$dir/h"

say "under a stopped host: in the text of one message, in the envelope of another"
send text 20000
send gone 20000
send fine 20000
wait_for 20 waiting_is 3
hub_stop "$dir/h"
break_at "text-text" "$dir"/h/state/spool/*.log
break_at "gone@sender.example" "$dir"/h/state/spool/*.log
hub_start "$dir/h"
check_told text
wait_for 20 figure_is unreadable 1
wait_for 20 waiting_is 1
[ "$(grep -c "error.*a message is lost: message .*tracking log" "$dir/h/log")" = 1 ]
! told gone

say "under a running host: in a large text, which is in a file of its own"
send large 600000
wait_for 20 waiting_is 2
break_at "large-text" "$dir"/h/state/spool/body/*/*
start_sink dead "$dead"
hub "$dir/h" queue retry --yes >/dev/null
check_told large
wait_for 20 arrived fine
wait_for 20 waiting_is 0
! arrived large
# What cannot be read is still there for somebody to look at.
wait_for 20 figure_is live_messages 1
kill "${sinks[1]}"
wait "${sinks[1]}" 2>/dev/null || true

say "damage in the log stops the start until it is accepted"
send late 20000
send last 20000 # what a later commit has behind it is no torn end
wait_for 20 waiting_is 2
hub_stop "$dir/h"
rm "$dir"/h/state/spool/*.idx
break_at "late-text" "$dir"/h/state/spool/*.log
: >"$dir/h/log"
"$tools/waypost-delivery" --config "$dir/h/waypost.conf" 2>"$dir/refused" && exit 1
grep -q "error.*the spool is damaged in 2 places.*accept-damage" "$dir/refused"
touch "$dir/h/state/spool/accept-damage"
hub_start "$dir/h"
check_told late
waiting_is 1
[ ! -e "$dir/h/state/spool/accept-damage" ]
hub_stop "$dir/h"
say done
