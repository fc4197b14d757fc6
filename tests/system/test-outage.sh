#!/bin/bash
# What a host lives through: the directory away, killed in the middle of a refresh, a next hop
# that is dead and one that stalls, a full disk. Mail goes on, and all is well afterwards with no
# restart.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/slapd.sh"
. "$(dirname "$0")/../lib/org.sh"
slapd_need || exit $?
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wpoutXXXXXX)
people=3000 messages=200
[ "${WP_FULL:-0}" = 1 ] && people=30000 messages=5000
declare -A sinks=()

cleanup() {
	local status=$?
	if [ $status != 0 ]; then
		hub "$dir/h" queue list || true
		hub "$dir/h" sync status || true
		tail -n 40 "$dir/h/log"
	fi
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	slapd_signal "$dir/d" CONT || true
	slapd_stop "$dir/d" || true
	wait
	! mountpoint -q "$dir/h/state/spool" || umount "$dir/h/state/spool"
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }

in=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port)
dead=$(peer_free_port) stalled=$(peer_free_port)
start_sink() { # name of the port, more options
	local port=$1
	shift
	"$tools/smtp_sink" --listen "127.0.0.1:${!port}" --journal "$dir/journal-$port" "$@" >"$dir/sink-$port" 2>&1 &
	sinks[$port]=$!
	wait_for 10 grep -q listening "$dir/sink-$port"
}
stop_sink() {
	kill "${sinks[$1]}"
	wait "${sinks[$1]}" 2>/dev/null || true
	unset "sinks[$1]"
}
seq=0
load() { # how many, to, more options: all have to be acknowledged
	local n=$1 to=$2
	shift 2
	"$tools/smtp_load" --port "$in" --messages "$n" --to "$to" --first-seq "$seq" --acked "$dir/acked-$seq" \
		"$@" >"$dir/load"
	grep -q "\"accepted\":$n,\"failed\":0" "$dir/load" || { cat "$dir/load"; return 1; }
	seq=$((seq + n))
}
arrived() { [ "$(cat "$dir/journal-$1" | wc -l)" -ge "$2" ]; }
everything_arrived() {
	cat "$dir"/acked-* >"$dir/acked"
	cat "$dir"/journal-* >"$dir/journal"
	"$tools/smtp_check" --acked "$dir/acked" --journal "$dir/journal"
}
status() { hub "$dir/h" sync status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
is() { [ "$(status "$1")" = "$2" ]; }
queue() { # next hop or connector, field
	hub "$dir/h" queue list --json | python3 -c 'import json,sys
print(*[q[sys.argv[2]] for q in json.load(sys.stdin) if sys.argv[1] in (q["connector"], q["next_hop"])])' "$1" "$2"
}
queue_is() { [ "$(queue "$1" "$2")" = "$3" ]; }
full() { grep -q '"first_error":"452 4.3.1' "$dir/load" || { cat "$dir/load"; return 1; }; }
receives() { cat "$dir"/h/state/log/track-*.jsonl | grep -c '"event":"RECEIVE"'; }
received() { [ "$(receives)" = "$1" ]; }
queues_are_empty() {
	hub "$dir/h" queue list --json | python3 -c 'import json,sys; sys.exit(sum(q["messages"] for q in json.load(sys.stdin)) != 0)'
}
modify() { slapd_admin "$dir/d" ldapmodify >/dev/null; }
has() { "$WAYPOST_BIN/replica_show" "$dir/h/state" | grep -q "^entry uid=$1,"; }
connector() { # name, port, address space
	cat <<-EOT

	dn: cn=$1,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: $1
	waypostAddressSpace: $3
	waypostSourceServer: cn=HUB1,cn=Servers,$org_base
	waypostDnsRouting: FALSE
	waypostSmartHost: [127.0.0.1]:$2
	EOT
}

slapd_init "$dir/d"
{
	org_ldif "$in" "$out" "$lmtp" 20
	connector Dead "$dead" dead.example
	connector Stalled "$stalled" stalled.example
} >"$dir/org.ldif"
slapd_load "$dir/d" "$dir/org.ldif"
slapd_start "$dir/d"
hub_conf "$dir/h" HUB1 "$(org_directory "$dir/d")"
start_sink out
start_sink lmtp --lmtp
hub_start "$dir/h"
load 20 'u%u@example.com' --users 20

say "the directory is stopped: mail goes on, the status says so"
slapd_stop "$dir/d"
wait_for 20 is state down
[ -n "$(status last_error)" ]
load 50 'u%u@example.com' --users 20 --sessions 5
load 50 'x%u@far.example' --sessions 5
wait_for 20 arrived lmtp 70
wait_for 20 arrived out 50

say "the host starts again without it"
hub_stop "$dir/h"
hub_start "$dir/h"
is state down
load 20 'u%u@example.com' --users 20
wait_for 20 arrived lmtp 90

say "it is back: the host catches up by itself"
slapd_start "$dir/d"
org_person late add | modify
wait_for 60 has late
wait_for 10 is state live
load 1 late@example.com

say "slapd is killed in the middle of a refresh: nothing is half applied"
hub_stop "$dir/h"
{
	for ((i = 0; i < people; i++)); do org_person "p$i" add; done
	cat <<-EOT

	dn: uid=late,$org_people
	changetype: delete

	dn: cn=A-B,cn=Site Links,$org_base
	changetype: modify
	replace: waypostCost
	waypostCost: 77
	EOT
} | modify
slapd=$(slapd_pid "$dir/d")
before=$(readlink -f "$dir/h/state/replica/current")
slapd_pause "$dir/d"
hub_start "$dir/h"
snapshot=$(status snapshot) recipients=$(status recipients)
# In slow motion: slapd runs a moment at a time until a part of the answer has arrived.
is_half() {
	kill -CONT "$slapd"
	sleep 0.003
	kill -STOP "$slapd"
	sleep 0.3 # the agent takes what was sent
	local now
	now=$(status recipients)
	! is state live || { echo "it was over before it was seen" >&2; exit 1; }
	[ "$now" -gt $((recipients + 10)) ]
}
wait_for 60 is_half
echo "# $(status recipients) of $((recipients + people - 1)) recipients when it was killed"
slapd_kill9 "$dir/d"
wait_for 20 is state down
is snapshot "$snapshot"
has late
load 1 late@example.com
slapd_start "$dir/d"
wait_for 60 is state live
wait_for 20 is recipients $((recipients + people - 1))
! has late
! is snapshot "$snapshot"
[ "$before" = "$(readlink -f "$dir/h/state/replica/current")" ]
load 1 "p$((people - 1))@example.com"

say "next hops are dead or stall: the others go at full speed"
wait_for 20 queues_are_empty
start_sink stalled --rule data=stall
all=$(wc -l <"$dir/journal-out")
load "$messages" 'x%u@dead.example' --sessions 5
load "$messages" 'x%u@stalled.example' --sessions 5
load "$messages" 'x%u@far.example' --sessions 5
wait_for 60 arrived out $((all + messages))
queue_is Dead messages "$messages"
queue_is Stalled messages "$messages"
[[ "$(queue Dead last_error)" == *"connecting failed"* ]]
start_sink dead
stop_sink stalled
start_sink stalled
wait_for 60 queues_are_empty

say "the next hop is away and comes back within the retry interval"
stop_sink out
load 30 'x%u@far.example'
wait_for 10 queue_is Out messages 30
hub_stop "$dir/h"
# A start that fails, here for want of a control socket, leaves nothing behind, nor in memory.
rm -f "$dir/h/run/waypost-delivery.sock"
mkdir -p "$dir/h/run/waypost-delivery.sock/in-the-way"
status=0
ASAN_OPTIONS= "$WAYPOST_BIN/waypost-delivery" --config "$dir/h/waypost.conf" >"$dir/failed" 2>&1 || status=$?
[ $status = 1 ] || { cat "$dir/failed"; exit 1; }
grep -q 'control socket .* cannot be made' "$dir/failed"
! grep Sanitizer "$dir/failed" || { cat "$dir/failed"; exit 1; }
rm -r "$dir/h/run/waypost-delivery.sock"
hub_start "$dir/h"
wait_for 10 queue_is Out messages 30
start_sink out
wait_for 60 queues_are_empty
everything_arrived

say "the disk is full: 452, nothing acknowledged is lost, and it goes on when there is room"
hub_stop "$dir/h"
# Four segments of 64 MiB and a little.
mv "$dir/h/state/spool" "$dir/h/state/spool.was"
mkdir "$dir/h/state/spool"
if mount -t tmpfs -o size=300m none "$dir/h/state/spool" 2>/dev/null; then
	cp -a "$dir/h/state/spool.was/." "$dir/h/state/spool/"
	stop_sink out
	hub_start "$dir/h"
	before=$(receives) first=$seq
	"$tools/smtp_load" --port "$in" --messages 2000 --sessions 5 --size 250000 --to 'x%u@far.example' \
		--first-seq "$seq" --acked "$dir/acked-$seq" >"$dir/load" || true
	seq=$((seq + 2000))
	cat "$dir/load"
	full
	grep -q '"accepted":[1-9]' "$dir/load"
	# Large ones have files of their own: refused too, while they come in.
	"$tools/smtp_load" --port "$in" --messages 100 --size 2000000 --to 'x%u@far.example' \
		--first-seq "$seq" --acked "$dir/acked-$seq" >"$dir/load" || true
	seq=$((seq + 100))
	cat "$dir/load"
	full
	# What was refused is not in the tracking log as received.
	wait_for 20 received $((before + $(cat "$dir/acked-$first" "$dir/acked-$((first + 2000))" | wc -l)))
	start_sink out
	hub "$dir/h" queue retry --yes
	wait_for 120 queues_are_empty
	can_load() { load 1 x@far.example; }
	wait_for 30 can_load
	load 20 'x%u@far.example' --size 100000
	wait_for 60 queues_are_empty
	everything_arrived

	say "a disk of one segment is full when the host starts: what is queued makes room"
	hub_stop "$dir/h"
	umount "$dir/h/state/spool"
	mount -t tmpfs -o size=112m none "$dir/h/state/spool"
	stop_sink out
	hub_start "$dir/h"
	"$tools/smtp_load" --port "$in" --messages 400 --sessions 5 --size 250000 --to 'x%u@far.example' \
		--first-seq "$seq" --acked "$dir/acked-$seq" >"$dir/load" || true
	full
	queued=$(wc -l <"$dir/acked-$seq")
	seq=$((seq + 400))
	# Others take what is left.
	dd if=/dev/zero of="$dir/h/state/spool/others" bs=64k 2>/dev/null || true
	hub_kill9 "$dir/h" waypost-delivery
	wait_for 30 queue_is Out messages "$queued"
	wait_for 10 hub_listens "$in"
	"$tools/smtp_load" --port "$in" --messages 1 --to x@far.example --acked "$dir/acked-none" >"$dir/load" || true
	full
	rm "$dir/acked-none"
	start_sink out
	hub "$dir/h" queue retry --yes
	wait_for 60 queues_are_empty
	rm "$dir/h/state/spool/others"
	wait_for 30 can_load
	everything_arrived
else
	echo "# left out: no file system can be mounted here"
fi
hub_stop "$dir/h"
say done
