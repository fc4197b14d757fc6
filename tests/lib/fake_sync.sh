# Agents that read a scripted server (fake_sync.py). Source it from bash, behind sync.sh; do not run it.
#
#   fake_start [KIND]     starts a server, of which fake_begin is from then on; its scripts are in $dir/scripts
#   fake_cleanup          ends all servers and agents
#   fake_begin NAME       the script on standard input is what the base dc=NAME says; an agent of its
#                         own reads it: its folder is $dir/NAME, and NAME is added to the array fake_names
#   fake_served NAME      how often the base was searched
#   fake_persons NAME N   whether the replica of NAME has N people
#   fake_says NAME TEXT   whether that is the last error
#   fake_stops NAME       whether the agent ends in order, and before long
fake_names=()
fake_pids=()

fake_start() {
	command -v python3 >/dev/null || { echo "skipped: python3 is not installed" >&2; return 77; }
	mkdir -p "$dir/scripts"
	: >"$dir/server"
	"$abs_top_srcdir/tests/lib/fake_sync.py" "$dir/scripts" "$dir/served" "$@" >"$dir/server" 2>&1 &
	fake_pids+=($!)
	sync_until grep -q '^port' "$dir/server" || { cat "$dir/server"; return 1; }
	fake_port=$(sed -n 's/^port //p' "$dir/server")
}

fake_cleanup() {
	local name pid
	for name in ${fake_names[@]+"${fake_names[@]}"}; do sync_kill9 "$dir/$name"; done
	for pid in ${fake_pids[@]+"${fake_pids[@]}"}; do kill "$pid"; wait "$pid" 2>/dev/null; done
}

fake_begin() {
	cat >"$dir/scripts/$1"
	fake_names+=("$1")
	mkdir "$dir/$1"
	sync_conf "$dir/$1" "directory \"fake\" { uri = {\"ldap://127.0.0.1:$fake_port\"} base = \"dc=$1\" bind = \"none\" }"
	sync_start "$dir/$1"
}

fake_served() { grep -c "^$1 " "$dir/served"; }
fake_persons() { [ "$(sync_show "$dir/$1" 2>/dev/null | grep -c '^entry uid=p[0-9]*,')" = "$2" ]; }
fake_says() { sync_field "$dir/$1" last_error | grep -qi -- "$2"; }

fake_stops() {
	local pid
	pid=$(sync_pid "$dir/$1") || return 1
	kill -TERM "$pid"
	timeout 20 tail --pid="$pid" -f /dev/null && wait "$pid"
}
