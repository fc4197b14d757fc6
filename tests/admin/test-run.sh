#!/bin/bash
# The supervisor: readiness, restart after a crash, reload, graceful and forced stop, and that
# nothing outlives it.
set -u
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d) || exit 1
trap 'kill "${pid:-}" 2>/dev/null; wait; rm -rf "$dir"' EXIT
mkdir "$dir/bin"
cp "$waypost" "$dir/bin/waypost"
for name in waypost-ldapsync waypost-delivery; do
	cp "$abs_top_srcdir/tests/admin/fake_child.sh" "$dir/bin/$name"
	chmod +x "$dir/bin/$name"
done
cat >"$dir/c" <<-L
state = "$dir/state" run = "$dir/run" directory "o" { uri = {"file://$example"} }
L
log=$dir/bin/log

start() {
	rm -f "$log" "$dir"/bin/*.pid
	"$dir/bin/waypost" run --config "$dir/c" >"$dir/run.out" 2>"$dir/run.err" &
	pid=$!
	wait_until 20 test -s "$dir/bin/waypost-delivery.pid" -a -s "$dir/bin/waypost-ldapsync.pid" ||
		fail "the daemons do not start: $(cat "$dir/run.err")"
}
child() { cat "$dir/bin/waypost-$1.pid"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
stop() { # signal, expected status
	kill "-$1" $pid
	wait $pid
	[ $? = "$2" ] && pass "SIG$1 ends it with $2" || fail "SIG$1 does not end it with $2"
}

start
grep -qx "ready server=HQ-HUB1 snapshot=[12]" "$dir/run.out" || wait_until 10 grep -q ready "$dir/run.out"
grep -qx "ready server=HQ-HUB1 snapshot=[12]" "$dir/run.out" && pass "the ready line is handed on" ||
	fail "no ready line: $(cat "$dir/run.out")"
grep -q -- "--config $dir/c" "$log" && pass "the daemons get the host file" || fail "no --config"
[ "$(ps -o pgid= -p "$(child delivery)" | tr -d ' ')" = "$(ps -o pgid= -p $pid | tr -d ' ')" ] &&
	pass "one process group" || fail "the child left the process group"

expect 1 "$dir/bin/waypost" run --config "$dir/c"
says err "waypost runs already as process $pid"

old=$(child delivery)
sync=$(child ldapsync)
[ -n "$old" ] && kill -9 "$old"
wait_until 20 sh -c "[ \"\$(cat $dir/bin/waypost-delivery.pid)\" != $old ]" &&
	pass "a daemon that was killed is started again" || fail "no restart"
[ "$(child ldapsync)" = "$sync" ] && ! is_gone "$sync" && pass "the other one stays" || fail "both restarted"
wait_until 10 sh -c "[ \$(grep -c ready $dir/run.out) = 2 ]" && pass "and is ready again" || fail "not ready again"
grep -q "waypost-delivery ended by signal 9; starts again in 100 ms" "$dir/run.err" &&
	pass "the log tells why" || fail "the log is silent"

kill -HUP $pid
wait_until 10 grep -q "waypost-delivery reloads" "$log" && wait_until 10 grep -q "waypost-ldapsync reloads" "$log" &&
	pass "SIGHUP is passed on" || fail "SIGHUP is lost"

stop TERM 0
grep -q "waypost-delivery stops" "$log" && grep -q "waypost-ldapsync stops" "$log" &&
	pass "both were asked to stop" || fail "a daemon was not asked"

start
stop INT 0

start
first=$(child delivery) second=$(child ldapsync)
kill -9 $pid
wait $pid
wait_until 10 is_gone "$first" && wait_until 10 is_gone "$second" &&
	pass "kill -9 of the supervisor takes the daemons along" || fail "a daemon outlives the supervisor"
start
pass "and nothing stands in the way of a restart"
stop TERM 0

echo stubborn >"$dir/bin/waypost-ldapsync.mode"
start
stubborn=$(child ldapsync)
before=$(date +%s)
stop TERM 0
is_gone "$stubborn" && pass "who does not stop is killed" || fail "a daemon is left"
grep -q "does not end; killed" "$dir/run.err" && pass "and the log says so" || fail "the log is silent"
[ $(($(date +%s) - before)) -lt 30 ] || fail "the stop took too long"

echo "exit 6" >"$dir/bin/waypost-delivery.mode"
rm "$dir/bin/waypost-ldapsync.mode"
expect 6 timeout 60 "$dir/bin/waypost" run --config "$dir/c"
says err "waypost-delivery refuses its configuration"

rm "$dir/bin/waypost-delivery"
expect 3 "$dir/bin/waypost" run --config "$dir/c"
says err "waypost-delivery is neither in"
exit $failed
