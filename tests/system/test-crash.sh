#!/bin/bash
# kill -9 of any process at any moment, under load and while the directory changes: every
# acknowledged message arrives, none corrupt, duplicates only of what was on its way when
# somebody died; the replica ends up as the directory is; nothing stands in the way of a restart.
# Where nobody is killed the host is restarted in order, which repeats nothing at all.
# WP_ROUNDS: how many rounds (63 with WP_FULL=1, nine of each victim).
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/slapd.sh"
. "$(dirname "$0")/../lib/org.sh"
slapd_need || exit $?
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wpcrashXXXXXX)
victims=(waypost-delivery waypost-ldapsync waypost slapd waypost-resolver sink nobody)
rounds=${WP_ROUNDS:-7}
[ "${WP_FULL:-0}" = 1 ] && rounds=63
declare -A sinks=() loads=()

cleanup() {
	local status=$?
	if [ $status != 0 ]; then
		hub "$dir/h" queue list || true
		hub "$dir/h" sync status || true
		tail -n 40 "$dir/h/log" "$dir/kills"
	fi
	[ ${#loads[@]} = 0 ] || kill "${loads[@]}" 2>/dev/null || true
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	slapd_stop "$dir/d" || true
	wait
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
now_ns() { python3 -c 'import time; print(time.monotonic_ns())'; }

in=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port)
start_sink() { # out or lmtp
	"$tools/smtp_sink" $([ "$1" = lmtp ] && echo --lmtp) --listen "127.0.0.1:${!1}" --max-messages 50 \
		--journal "$dir/journal-$1" >"$dir/sink-$1" 2>&1 &
	sinks[$1]=$!
	wait_for 10 grep -q listening "$dir/sink-$1"
}
start_load() { # name, first number, to
	"$tools/smtp_load" --port "$in" --sessions 6 --messages 10000000 --first-seq "$2" --to "$3" \
		--users 40 --rate 150 --size 1000-12000 --dots --retry --retry-delay 50 \
		--acked "$dir/acked-$1" >"$dir/load-$1" 2>&1 &
	loads[$1]=$!
}

# What the directory goes through in round N: a mail address moves, somebody comes, somebody
# goes, a cost changes.
change_directory() {
	local n=$1
	{
		cat <<-EOT
		dn: uid=mover,$org_people
		changetype: modify
		replace: mail
		mail: mover$n@example.com

		dn: cn=A-B,cn=Site Links,$org_base
		changetype: modify
		replace: waypostCost
		waypostCost: $((10 + n))
		EOT
		org_person "new$n" add
		[ "$n" = 1 ] || printf '\ndn: uid=new%s,%s\nchangetype: delete\n' $((n - 1)) "$org_people"
	} | slapd_admin "$dir/d" ldapmodify >/dev/null
}

kill_one() {
	[ "$1" = nobody ] || now_ns >>"$dir/kills"
	case $1 in
	nobody)
		hub_stop "$dir/h"
		hub_start "$dir/h"
		;;
	slapd)
		slapd_kill9 "$dir/d"
		wait_for 10 is_down
		slapd_start "$dir/d"
		;;
	sink)
		local which=out
		[ $((RANDOM % 2)) = 0 ] || which=lmtp
		kill -KILL "${sinks[$which]}"
		wait "${sinks[$which]}" 2>/dev/null || true
		start_sink $which
		;;
	waypost)
		hub_kill9 "$dir/h" waypost
		wait "$(cat "$dir/h/pid")" 2>/dev/null || true
		hub_start "$dir/h"
		;;
	*)
		hub_kill9 "$dir/h" "$1"
		;;
	esac
}
is_down() { hub "$dir/h" sync status --json | grep -q '"state": *"down"'; }
is_live() { hub "$dir/h" sync status --json | grep -q '"state": *"live"'; }
all_live() { hub_child "$dir/h" waypost-delivery && hub_child "$dir/h" waypost-ldapsync &&
	hub_child "$dir/h" waypost-resolver && is_live; }
queue_is_empty() {
	hub "$dir/h" queue list --json | python3 -c 'import json,sys; sys.exit(sum(q["messages"] for q in json.load(sys.stdin)) != 0)'
}
acked() { cat "$dir"/acked-* | wc -l; }
more_acked_than() { [ "$(acked)" -gt "$1" ]; }
# Every DN of the directory is in the replica, and no other; its indexes agree (replica_show).
in_step() {
	diff <(for b in "$org_base" "$org_people"; do
		slapd_admin "$dir/d" ldapsearch -LLL -o ldif-wrap=no -b "$b" '(objectClass=*)' dn
	done | sed -n 's/^dn: //p' | sort) \
		<("$WAYPOST_BIN/replica_show" "$dir/h/state" | sed -n 's/^entry \(.*=com\).*/\1/p' |
			grep -e "$org_base\$" -e "$org_people\$" | sort)
}
knows() { hub "$dir/h" route "$1" --json | grep -q '"mailbox"'; }

slapd_init "$dir/d"
{
	org_ldif "$in" "$out" "$lmtp" 40
	org_person mover
} >"$dir/org.ldif"
slapd_load "$dir/d" "$dir/org.ldif"
slapd_start "$dir/d"
hub_conf "$dir/h" HUB1 "$(org_directory "$dir/d")"
start_sink out
start_sink lmtp
: >"$dir/kills"
hub_start "$dir/h"
start_load outside 0 'x%u@d%d.example'
start_load inside 5000000 'u%u@example.com'

for ((round = 1; round <= rounds; round++)); do
	victim=${victims[(round - 1) % ${#victims[@]}]}
	wait_for 30 all_live
	before=$(acked)
	change_directory "$round"
	sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
	say "round $round of $rounds: kill -9 $victim ($before acknowledged)"
	kill_one "$victim"
	wait_for 30 more_acked_than "$(acked)"
done

say "the load ends, the queues drain"
for name in outside inside; do
	kill "${loads[$name]}"
	wait "${loads[$name]}" || true
	tail -1 "$dir/load-$name"
	# Nothing was refused for good: who is killed makes nobody bounce.
	grep -q '"failed":0' "$dir/load-$name"
done
loads=()
wait_for 30 all_live
hub "$dir/h" queue retry --yes
wait_for 60 queue_is_empty

say "what was acknowledged is what arrived"
cat "$dir"/acked-* >"$dir/acked"
cat "$dir"/journal-* >"$dir/journal"
"$tools/smtp_check" --acked "$dir/acked" --journal "$dir/journal" --duplicates 1000000
# A copy that came again had come for the first time when somebody was about to die: outcomes
# are durable 50 ms later, here with an allowance for slow disks.
python3 - "$dir/journal" "$dir/kills" <<'EOF'
import json, sys
kills = [int(line) for line in open(sys.argv[2])]
first, repeated, late = {}, 0, []
for record in sorted((json.loads(l) for l in open(sys.argv[1])), key=lambda r: r["t_ns"]):
    for rcpt in record["rcpts"]:
        key = (record["seq"], record["attempt"], rcpt)
        if key not in first:
            first[key] = record["t_ns"]
            continue
        repeated += 1
        if not any(k - 2e9 < first[key] < k + 1e9 for k in kills):
            late.append(key)
print("# %d kills, %d copies twice" % (len(kills), repeated))
# A starved machine may take longer than the allowance; a fault repeats copies all the time.
if len(late) > max(20, len(first) // 200):
    sys.exit("%d came again although nobody died: %s" % (len(late), late[:5]))
EOF

say "the replica is what the directory is"
wait_for 10 in_step
wait_for 10 knows "mover$rounds@example.com"
! knows "mover$((rounds - 1))@example.com"

say "a restart finds nothing to do"
hub_stop "$dir/h"
hub_start "$dir/h"
queue_is_empty
say done
