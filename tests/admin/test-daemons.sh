#!/bin/bash
# The verbs that ask a daemon, against control sockets that speak by the document.
set -u
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d) || exit 1
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$dir"' EXIT
mkdir "$dir/run"
cat >"$dir/c" <<-L
state = "$dir/state" run = "$dir/run" directory "o" { uri = {"file://$example"} }
L

expect 4 "$waypost" --config "$dir/c" queue list
says err "waypost-delivery is not running"
says err "remedy: start it with"
expect 4 "$waypost" --config "$dir/c" sync status
expect 4 "$waypost" --config "$dir/c" sync wait --for 0
expect 4 "$waypost" --config "$dir/c" topology pin 1
expect 4 "$waypost" --config "$dir/c" topology unpin
expect 7 "$waypost" --config "$dir/c" topology log
expect 7 "$waypost" --config "$dir/c" route --snapshot 1 ann@example.com
expect 2 "$waypost" --config "$dir/c" route --snapshot x ann@example.com
expect 2 "$waypost" --config "$dir/c" route --snapshot 1 --directory "$example" ann@example.com
says err "leave out --directory"
expect 7 "$waypost" --config "$dir/c" topology show 1
expect 2 "$waypost" --config "$dir/c" topology show x
says err '"x" is no number'
expect 2 "$waypost" --config "$dir/c" topology show 1 --directory "$example"
says err "leave out --directory"
expect 2 "$waypost" --config "$dir/c" topology pin x
expect 2 "$waypost" --config "$dir/c" topology pin
expect 2 "$waypost" --config "$dir/c" topology log -n x
expect 2 "$waypost" --config "$dir/c" topology log --since 2026-02-31x

serve() { # program
	"$abs_top_srcdir/tests/admin/fake_daemon.py" "$dir/run/$1.sock" "$dir/$1.json" "$dir/$1.log" >"$dir/$1.out" &
	pids+=($!)
	wait_until 10 grep -q ready "$dir/$1.out" || fail "the fake $1 does not start"
}
cat >"$dir/waypost-delivery.json" <<-'L'
{"queue.list": {"pages": [[{"queue": "relay-site Lyon", "kind": "relay-site", "next_hop": "Lyon", "connector": "",
 "status": "retry", "messages": 3, "oldest": "2026-01-01T00:00:00.000Z", "next_retry": null,
 "last_error": "421 \u001b[31m"}], [{"queue": "b", "kind": "mailbox", "messages": 0}]]},
 "queue.retry": {"rows": [{"queues": 2}]},
 "queue.suspend": {"rows": [{"queues": 0}]},
 "queue.resume": {"error": {"code": "not-found", "text": "no queue bears that name", "remedy": "list them"}}}
L
serve waypost-delivery
expect 0 "$waypost" --config "$dir/c" queue list --json
json 'len(v) == 2 and v[0]["messages"] == 3 and v[1]["queue"] == "b"'
expect 0 "$waypost" --config "$dir/c" queue list
says out "Last error"
says out "421 ?[31m"
expect 0 "$waypost" --config "$dir/c" queue list --quiet
is_silent out
expect 0 "$waypost" --config "$dir/c" queue retry --yes --json
json 'v == {"queues": 2}'
expect 0 "$waypost" --config "$dir/c" queue retry Lyon
says out "retry: queues: 2"
tail -1 "$dir/waypost-delivery.log" | grep -q '"verb":"queue.retry","args":{"filter":"Lyon"}' &&
	pass "the filter is passed on" || fail "the filter is lost: $(tail -1 "$dir/waypost-delivery.log")"
expect 2 "$waypost" --config "$dir/c" queue suspend
says err "--yes"
expect 0 "$waypost" --config "$dir/c" queue suspend --yes
says out "suspend: there is no queue"
expect 0 "$waypost" --config "$dir/c" queue suspend Lyon
expect 3 "$waypost" --config "$dir/c" queue resume Lyon
says err "no queue bears that name"
says err "remedy: list them"

status() { # state snapshot [newest, pinned since]
	cat >"$dir/next.json" <<-L
	{"sync.status": {"rows": [{"state": "$1", "source": "o", "lag_ms": 12, "entries": 40, "recipients": 9,
	 "snapshot": $2, "newest": ${3:-$2}, "pinned_since": "${4:-}",
	 "last_change": "2026-01-01T00:00:00.000Z", "last_error": "", "diagnostics": 1}]},
	 "topology.pin": {"rows": []},
	 "topology.unpin": {"error": {"code": "not-found", "text": "no snapshot is pinned"}}}
	L
	mv "$dir/next.json" "$dir/waypost-ldapsync.json"
}
status refresh 4
serve waypost-ldapsync
expect 0 "$waypost" --config "$dir/c" sync status --json
json 'v["state"] == "refresh" and v["snapshot"] == 4 and v["lag_ms"] == 12'
expect 0 "$waypost" --config "$dir/c" sync status
says out "refresh"
expect 1 "$waypost" --config "$dir/c" sync wait --for 0
says err "the replica is refresh with snapshot 4"
expect 0 "$waypost" --config "$dir/c" sync wait --snapshot 4 --for 0
expect 1 "$waypost" --config "$dir/c" sync wait --snapshot 5 --for 0
"$waypost" --config "$dir/c" sync wait --snapshot 5 --for 30 &
waiter=$!
sleep 0.2
kill -0 $waiter 2>/dev/null && pass "waits while there is only snapshot 4" || fail "does not wait"
status live 5
wait $waiter && pass "ends when snapshot 5 is there" || fail "did not end well"
expect 0 "$waypost" --config "$dir/c" sync wait --for 5 --json
json 'v["state"] == "live"'
cat >"$dir/next.json" <<-'L'
	{"sync.status": {"rows": [{"state": "held", "entries": 40, "held": null, "sources": [
	 {"source": "corp", "state": "refresh", "server": "ldaps://a", "tracker": "RFC 4533", "bind": "none",
	  "tls": "TLSv1.3", "lag_ms": 7, "entries": 30, "last_change": "", "held": null,
	  "progress": {"since": "2026-01-01T00:00:00.000Z", "entries": 1200, "expected": 5000, "rate": 300},
	  "last_error": "the server \u001b[31mwent", "remedy": "wait", "last_error_at": "T1", "last_error_over": "T2"},
	 {"source": "more", "state": "held", "entries": 10, "progress": null,
	  "held": {"since": "T3", "text": "too much", "remedy": "accept", "recipients": 12, "topology": 0,
	   "examples": ["uid=a,dc=x", "uid=b,dc=x"]}, "last_error": "too much", "last_error_over": ""}]}]},
	 "sync.resync": {"rows": [{"source": "corp", "state": "down"}, {"source": "more", "state": "live"}]},
	 "sync.refuse": {"rows": []}, "sync.accept": {"rows": []}}
	L
mv "$dir/next.json" "$dir/waypost-ldapsync.json"
"$waypost" --config "$dir/c" sync status --quiet
expect 0 "$waypost" --config "$dir/c" sync status
says out "Followed by"
says out "reads corp: 1200 of about 5000 entries, 300 a second"
says out "last error T1, over since T2: the server ?[31mwent"
says out "held since T3: too much"
says out "    and 10 more"
says out "remedy: accept"
expect 0 "$waypost" --config "$dir/c" sync resync
says out "corp: everything is read anew, as soon as its server answers"
says out "more: everything is read anew, from now on"
expect 0 "$waypost" --config "$dir/c" sync refuse --source more
tail -1 "$dir/waypost-ldapsync.log" | grep -q '"verb":"sync.refuse","args":{"source":"more"}' &&
	pass "the source is passed on" || fail "the source is lost"
expect 1 "$waypost" --config "$dir/c" sync wait --for 3
says err "waypost: corp: 1200 of about 5000 entries"
status live 3 7 2026-01-31T00:00:00.000Z
"$waypost" --config "$dir/c" sync status --quiet # the fake has read the answer to this one before
expect 0 "$waypost" --config "$dir/c" sync status
says out "Pinned since  2026-01-31"
says out "Newest        7"
expect 1 "$waypost" --config "$dir/c" sync wait --snapshot 7 --for 0
says err "with snapshot 3, which is pinned"
says err "remedy: waypost topology unpin"
expect 0 "$waypost" --config "$dir/c" topology pin 3
says out "Snapshot 3 is live until"
tail -1 "$dir/waypost-ldapsync.log" | grep -q '"verb":"topology.pin","args":{"snapshot":3}' &&
	pass "the number is passed on" || fail "the number is lost"
expect 3 "$waypost" --config "$dir/c" topology unpin
says err "no snapshot is pinned"
exit $failed
