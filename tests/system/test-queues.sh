#!/bin/bash
# A host with very many queues: one domain each, and no DNS to find their hosts. The list comes in
# pages, `waypost queue list` shows all of it, a filter finds one, and mail for others still goes.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
lib=$(cd "$(dirname "$0")/../lib" && pwd)
dir=$(mktemp -d /tmp/wpquXXXXXX)
queues=1700
[ "${WP_FULL:-0}" = 1 ] && queues=25000
sink=
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 30 "$dir/h/log"
	hub_stop "$dir/h" || true
	[ -z "$sink" ] || kill "$sink" 2>/dev/null || true
	wait
	rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
send() { # FROM TO: recipients at the domains d<FROM>.many.example … d<TO - 1>.many.example
	python3 - "$in" "$1" "$2" <<'EOT'
import smtplib, sys
port, first, end = map(int, sys.argv[1:])
with smtplib.SMTP("127.0.0.1", port, timeout=60) as s:
    for at in range(first, end, 500):
        s.sendmail("", [f"a@d{n}.many.example" for n in range(at, min(at + 500, end))],
                   "Subject: to many\r\n\r\nHello\r\n")
EOT
}
listed() { hub "$dir/h" queue list --json | python3 -c '
import json, sys
names = [q["queue"] for q in json.load(sys.stdin)]
assert len(set(names)) == len(names)
print(sum(n.startswith("dns-connector:") for n in names))'; }
all_listed() { [ "$(listed)" = "$queues" ]; }

in=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port) nothing=$(peer_free_port)
{
	org_ldif "$in" "$out" "$lmtp" 1
	cat <<-EOT

	dn: cn=Many,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Many
	waypostAddressSpace: *.many.example
	waypostSourceServer: cn=HUB1,cn=Servers,$org_base
	waypostDnsRouting: TRUE
	EOT
} >"$dir/org.ldif"
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/org.ldif\"} }" \
	"    resolver = {\"127.0.0.1:$nothing\"}"
"$WAYPOST_BIN/smtp_sink" --lmtp --listen "127.0.0.1:$lmtp" --journal "$dir/mail" >"$dir/sink" 2>&1 &
sink=$!
wait_for 10 grep -q listening "$dir/sink"
hub_start "$dir/h"

say "a filter that names nothing is told of; without one, what is held is counted"
for verb in suspend resume retry; do
	status=0
	hub "$dir/h" queue $verb Nowhere >"$dir/said" 2>"$dir/told" || status=$?
	[ $status = 3 ]
	[ ! -s "$dir/said" ]
	grep -q 'no queue matches "Nowhere"' "$dir/told"
done
hub "$dir/h" queue retry --yes | grep -qx 'retry: there is no queue'
hub "$dir/h" queue suspend --yes | grep -qx 'suspend: queues: 1' # what takes new mail in
hub "$dir/h" queue resume | grep -qx 'resume: queues: 1'
hub "$dir/h" queue resume | grep -qx 'resume: there is no queue'

say "$queues queues, all of them listed"
send 0 "$queues"
wait_for 60 all_listed

say "no page is large, and each goes on where the one before ended"
python3 - "$dir/h/run/waypost-delivery.sock" "$queues" <<'EOF'
import json, socket, sys
path, queues = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(path)
lines = s.makefile()

def page(args):
    rows = []
    s.sendall(json.dumps({"v": 1, "id": 1, "verb": "queue.list", "args": args}).encode() + b"\n")
    for line in lines:
        answer = json.loads(line)
        if "row" not in answer:
            return rows, answer
        rows.append(answer["row"]["queue"])

names, args, pages = [], {}, 0
while True:
    rows, answer = page(args)
    assert len(rows) <= 500, len(rows)
    names += rows
    pages += 1
    if "cursor" not in answer["end"]:
        break
    args = {"cursor": answer["end"]["cursor"]}
assert pages > queues // 500, pages
assert len(set(names)) == len(names) >= queues
answer = page({"cursor": "far"})[1]
assert answer["error"]["code"] == "usage" and answer["error"]["remedy"], answer
EOF
python3 "$lib/ctl.py" "$dir/h/run/waypost-delivery.sock" queue.list | wc -l | grep -qx "$queues"

say "one of them is found on whatever page it is"
last=d$((queues - 1)).many.example
hub "$dir/h" queue list "$last" --json | grep -q "\"dns-connector:$last:Many\""

say "mail for others goes"
python3 - "$in" <<'EOF'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=60) as s:
    s.sendmail("", ["u0@example.com"], "Subject: to one\r\n\r\nHello\r\n")
EOF
wait_for 30 grep -q u0@example.com "$dir/mail"
say done
