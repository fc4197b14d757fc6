#!/bin/bash
# The history of snapshots on a running host, with a real slapd: what changed, old and new; routes
# as they were; a snapshot that is held live while the directory goes on, over restarts and
# kill -9; what is not kept any more.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/slapd.sh"
. "$(dirname "$0")/../lib/org.sh"
slapd_need || exit $?
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wphisXXXXXX)
kills=${WP_ROUNDS:-4} # each makes five snapshots
[ "${WP_FULL:-0}" = 1 ] && kills=40
sinks=()

cleanup() {
	local status=$?
	if [ $status != 0 ]; then
		hub "$dir/h" queue list || true
		hub "$dir/h" sync status || true
		hub "$dir/h" topology log || true
		tail -n 40 "$dir/h/log"
	fi
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	slapd_stop "$dir/d" || true
	wait
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
exits() { # status command…
	local want=$1 got=0
	shift
	"$@" >"$dir/said" 2>&1 || got=$?
	[ "$got" = "$want" ] || { echo "$* ended with $got:"; cat "$dir/said"; return 1; }
}

in=$(peer_free_port) out=$(peer_free_port) other=$(peer_free_port) lmtp=$(peer_free_port)
start_sink() { # name of the port, more options
	local port=$1
	shift
	"$tools/smtp_sink" --listen "127.0.0.1:${!port}" --journal "$dir/journal-$port" "$@" >"$dir/sink-$port" 2>&1 &
	sinks+=($!)
	wait_for 10 grep -q listening "$dir/sink-$port"
}
seq=0
load() { # how many, to
	"$tools/smtp_load" --port "$in" --messages "$1" --to "$2" --first-seq "$seq" --acked "$dir/acked-$seq" \
		--users 10 >"$dir/load"
	grep -q "\"accepted\":$1,\"failed\":0" "$dir/load" || { cat "$dir/load"; return 1; }
	seq=$((seq + $1))
}
arrived() { [ "$(cat "$dir/journal-$1" | wc -l)" = "$2" ]; }
status() { hub "$dir/h" sync status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
is() { [ "$(status "$1")" = "$2" ]; }
modify() { slapd_admin "$dir/d" ldapmodify >/dev/null; }
set_cost() {
	modify <<-EOT
	dn: cn=A-B,cn=Site Links,$org_base
	changetype: modify
	replace: waypostCost
	waypostCost: $1
	EOT
}
set_smart_host() {
	modify <<-EOT
	dn: cn=Out,cn=Send Connectors,$org_base
	changetype: modify
	replace: waypostSmartHost
	waypostSmartHost: [127.0.0.1]:$1
	EOT
}
# log EXPRESSION [ARGS]: what is true of the log, called v.
log() {
	local expression=$1
	shift
	hub "$dir/h" topology log --json "$@" | python3 -c 'import json, sys
v = json.load(sys.stdin)
sys.exit(not eval(sys.argv[1]))' "$expression"
}
# cost [--snapshot N]: of the path to a mailbox in site B.
cost() {
	hub "$dir/h" route --json "$@" b@example.com | python3 -c 'import json, sys; print(json.load(sys.stdin)["cost"])'
}
in_use() { [ "$(sed -n 's/.*snapshot \([0-9]*\) in use.*/\1/p' "$dir/h/log" | tail -1)" = "$1" ]; }
# Mail to the outside goes to the sink NAME.
goes_to() {
	local sink=$1 n
	n=$(cat "$dir/journal-$sink" | wc -l)
	load 1 "x%u@far.example" && wait_for 20 arrived "$sink" $((n + 1))
}

server() { # name, role, site, one more line
	cat <<-EOT

	dn: cn=$1,cn=Servers,$org_base
	changetype: add
	objectClass: waypostServer
	cn: $1
	waypostRole: $2
	waypostFqdn: ${1,,}.example.com
	waypostSiteDN: cn=$3,cn=Sites,$org_base
	$4
	EOT
}
person_at() { # name, mailbox server
	org_person "$1" add | sed "s/cn=MBX1,/cn=$2,/"
}
slapd_init "$dir/d"
{
	org_ldif "$in" "$out" "$lmtp" 10
	server HUB2 hub B "waypostAddress: 127.0.0.2"
	server MBXB mailbox B "waypostAddress: 127.0.0.3"
	person_at b MBXB
} | grep -v '^changetype: add' >"$dir/org.ldif"
slapd_load "$dir/d" "$dir/org.ldif"
slapd_start "$dir/d"
hub_conf "$dir/h" HUB1 "$(org_directory "$dir/d")
history { snapshots = 20 }"
start_sink out
start_sink other
start_sink lmtp --lmtp
hub_start "$dir/h"
first=$(status snapshot)

say "the first entry counts, and lists nothing"
log "len(v) == 1 and v[0]['cause'] == 'first' and v[0]['sites'] == 2 and v[0]['state'] == 'live'"
log "v[0]['changes'] == [] and v[0]['omitted'] == 0" "$first"

say "a cost changes: object, attribute, old, new"
set_cost 77
wait_for 20 is snapshot $((first + 1))
log "v[0]['cause'] == 'live' and v[0]['directory'] == 'corp' and 'A-B: waypostCost 10 → 77' in v[0]['summary']"
log "v[0]['changes'] == [{'kind': 'replace', 'class': 'waypostSiteLink', 'attribute': 'waypostCost',
	'dn': 'cn=A-B,cn=Site Links,$org_base', 'old': ['10'], 'new': ['77']}]" $((first + 1))
hub "$dir/h" topology log $((first + 1)) | grep -q 'waypostCost: 10 → 77'
hub "$dir/h" topology log | grep -q "A-B: waypostCost 10 → 77"
log "len(v) == 1" -n 1
log "len(v) == 2" --since 1h
log "len(v) == 0" --since 2999-01-01

say "the route of then and of now"
[ "$(cost)" = 77 ]
[ "$(cost --snapshot "$first")" = 10 ]
hub "$dir/h" route --snapshot "$first" b@example.com | grep -q "By snapshot $first of .*with the recipients of today"

say "the organisation of then and of now"
drawn() { hub "$dir/h" topology show "$@" --json | python3 -c 'import json, sys
v = json.load(sys.stdin)
print(v["snapshot"], [l["cost"] for l in v["site_links"] if l["name"] == "A-B"])'; }
[ "$(drawn)" = "$((first + 1)) [77]" ]
[ "$(drawn "$first")" = "$first [10]" ]
hub "$dir/h" topology show "$first" | head -1 | grep -q "As of snapshot $first of "
exits 3 hub "$dir/h" topology show 4711

say "what differs between them"
hub "$dir/h" topology diff "$first" $((first + 1)) --json | python3 -c 'import json, sys
v = json.load(sys.stdin)
sys.exit(not (v["changed"] > 0 and v["lost"] == 0 and v["changes_complete"] and not v["changes_undone"] and
	[(c["attribute"], c["old"], c["new"]) for c in v["changes"]] == [("waypostCost", ["10"], ["77"])]))'
hub "$dir/h" topology diff "$first" | grep -q "waypostCost: 10 → 77"
hub "$dir/h" topology diff $((first + 1)) "$first" | grep -q "whose changes are undone"
hub "$dir/h" topology diff "$first" "$first" --json | grep -q '"changed": 0'
exits 3 hub "$dir/h" topology diff "$first" 4711
exits 3 hub "$dir/h" topology diff 4711

say "what is not there has exit status 3"
exits 3 hub "$dir/h" route --snapshot 4711 b@example.com
grep -q "kept are $first to $((first + 1))" "$dir/said"
exits 3 hub "$dir/h" topology log 4711
exits 3 hub "$dir/h" topology pin 4711
exits 3 hub "$dir/h" topology unpin
exits 2 hub "$dir/h" topology pin x
exits 2 hub "$dir/h" topology log --since yesterday

say "the smart host changes, and mail with it"
goes_to out
set_smart_host "$other"
wait_for 20 is snapshot $((first + 2))
wait_for 10 in_use $((first + 2))
goes_to other

say "the first snapshot is pinned: mail goes as it went"
hub "$dir/h" topology pin "$first" | grep -q "Snapshot $first is live"
is snapshot "$first"
is newest $((first + 2))
[ -n "$(status pinned_since)" ]
wait_for 10 in_use "$first"
goes_to out
[ "$(cost)" = 10 ]

say "the directory goes on: stored and logged, not live"
set_cost 88
wait_for 20 is newest $((first + 3))
is snapshot "$first"
log "v[0]['state'] == 'newest' and v[1]['cause'] == 'pin' and v[0]['summary'].endswith('77 → 88')"
log "[e['state'] for e in v if e['snapshot'] == $first] == ['', 'pinned']"
goes_to out
exits 1 hub "$dir/h" sync wait --snapshot $((first + 3)) --for 0
grep -q pinned "$dir/said"

say "who lives on a server that the pinned snapshot does not know waits"
{
	server MBX2 mailbox A "waypostMailboxDelivery: lmtp://127.0.0.1:$lmtp"
	person_at late MBX2
} | modify
wait_for 20 is newest $((first + 4))
has_late() { hub "$dir/h" route late@example.com 2>/dev/null | grep -q no-home-server; }
wait_for 20 has_late
load 1 late@example.com
waits() {
	hub "$dir/h" queue list --json | python3 -c 'import json, sys
sys.exit(not [q for q in json.load(sys.stdin) if q["kind"] == "unreachable" and q["messages"] == 1])'
}
wait_for 20 waits

say "the pin outlives kill -9 and a restart"
hub_kill9 "$dir/h" waypost-ldapsync
wait_for 30 is state live
is snapshot "$first"
is newest $((first + 4))
hub_stop "$dir/h"
hub_start "$dir/h"
grep -q "snapshot=$first" "$dir/h/out"
is snapshot "$first"
goes_to out
waits

say "unpinned: the newest is live at once, and who waited gets his mail"
hub "$dir/h" topology unpin
is snapshot $((first + 4))
is pinned_since ""
wait_for 10 in_use $((first + 4))
goes_to other
wait_for 30 arrived lmtp 1
log "v[0]['cause'] == 'unpin' and v[0]['snapshot'] == $first"

say "kill -9 while the directory changes: log and routes agree"
for ((i = 0; i < kills; i++)); do
	(for c in 1 2 3 4 5; do set_cost $((100 + 10 * i + c)); done) &
	changer=$!
	sleep 0.$((RANDOM % 2))$((RANDOM % 10))
	hub_kill9 "$dir/h" waypost-ldapsync || true
	wait $changer
	wanted() { [ "$(cost)" = $((105 + 10 * i)) ]; }
	wait_for 40 wanted
	wait_for 20 is state live
	log "[e['snapshot'] for e in v if e['state'] == 'live'] == [$(status snapshot)]"
	log "any(c['new'] == ['$((105 + 10 * i))'] for c in v[0]['changes'])" --changes
	# Each step begins where the one before it ended: nothing is missing in the log.
	log "(lambda s: all(a['old'] == b['new'] for a, b in zip(s, s[1:])))(
		[c for e in v for c in reversed(e['changes']) if c.get('attribute') == 'waypostCost'])" --changes
done

say "no more is kept than the host file says"
for ((c = 500; c < 510; c++)); do
	set_cost $c
	wanted() { [ "$(cost)" = $c ]; }
	wait_for 20 wanted
done
log "len([e for e in v if 'sites' in e]) == 20"
exits 3 hub "$dir/h" route --snapshot "$first" b@example.com
grep -q "snapshot $first is not kept any more" "$dir/said"
# Twenty, and the room of the next.
few_images() { [ "$(ls "$dir/h/state/replica/snapshots" | wc -l)" = 21 ]; }
wait_for 20 few_images
echo "the history holds"
