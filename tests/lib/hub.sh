# Running Waypost hosts in tests and in the demonstration. Source it from bash; do not run it.
#
#   hub_conf  DIR SERVER DIRECTORY-SECTION [DELIVERY-LINES]   lay out DIR: waypost.conf, state, run
#   hub_start DIR [PROGRAM…]   start it and wait until it takes mail (`waypost run` without PROGRAM)
#   hub_stop  DIR              SIGTERM, wait
#   hub_kill9 DIR PROGRAM      SIGKILL to one process of the host: waypost, waypost-delivery, …
#   hub_listens PORT           whether it takes connections there; started again, it answers `queue list` earlier
#   hub       DIR ARGS…        run `waypost --config` of that host
#   wait_for  SECONDS COMMAND… until the command succeeds; the last answer is shown if it never does
#
# $WAYPOST_BIN is the folder with the programs: a build tree or PREFIX/bin. Every file is below
# DIR, which has to be short: it holds Unix sockets. Only processes begun here are ended.

: "${WAYPOST_BIN:=${abs_top_builddir:-$PWD}}"

hub_fail() {
	echo "hub.sh: $*" >&2
	return 1
}

wait_for() {
	local seconds=$1 end
	shift
	end=$(($(date +%s%N) / 1000000 + seconds * 1000))
	until "$@" >/dev/null 2>&1; do
		if [ $(($(date +%s%N) / 1000000)) -gt "$end" ]; then
			echo "gave up after $seconds s: $*" >&2
			"$@" >&2
			return 1
		fi
		sleep 0.05
	done
}

hub_conf() {
	local dir=$1 server=$2 directory=$3 delivery=${4:-}
	mkdir -p "$dir/state" "$dir/run"
	cat >"$dir/waypost.conf" <<EOF
server = "$server"
state = "$dir/state"
run = "$dir/run"
$directory
delivery {
    workers = 2
$delivery
}
EOF
	chmod 600 "$dir/waypost.conf"
}

hub() {
	local dir=$1
	shift
	"$WAYPOST_BIN/waypost" --config "$dir/waypost.conf" "$@"
}

hub_is_ready() {
	grep -q '^ready ' "$1/out" 2>/dev/null || ! kill -0 "$(cat "$1/pid")" 2>/dev/null
}

hub_start() {
	local dir=$1
	: >"$dir/out"
	"$WAYPOST_BIN/waypost" run --config "$dir/waypost.conf" >"$dir/out" 2>>"$dir/log" &
	echo $! >"$dir/pid"
	wait_for "${HUB_START_SECONDS:-30}" hub_is_ready "$dir" && grep -q '^ready ' "$dir/out" && return 0
	tail -20 "$dir/log" >&2
	hub_fail "$dir did not become ready"
}

# The supervisor's children by program name, and theirs: waypost-resolver is delivery's.
hub_child() {
	local pid child
	for pid in $(pgrep -P "$(cat "$1/pid")"); do
		for child in "$pid" $(pgrep -P "$pid"); do
			[ "$(tr '\0' '\n' <"/proc/$child/cmdline" 2>/dev/null | head -1 | xargs -r basename)" = "$2" ] &&
				echo "$child" && return 0
		done
	done
	return 1
}

hub_kill9() {
	local pid
	if [ "$2" = waypost ]; then
		kill -KILL "$(cat "$1/pid")"
		return
	fi
	pid=$(hub_child "$1" "$2") && kill -KILL "$pid"
}

hub_listens() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

hub_stop() {
	local dir=$1 pid
	[ -s "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	rm -f "$dir/pid"
	kill -TERM "$pid" 2>/dev/null || return 0
	wait "$pid" 2>/dev/null
	return 0
}
