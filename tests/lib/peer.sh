# What the private servers of the tests have in common: they are known by a file with their pid, and
# ended by nothing else. Sourced by the library of each.
#
#   peer_pid    FILE WORD       the pid in FILE while that process lives and WORD is on its command line,
#                               so that a pid that was used again is never taken for it
#   peer_signal KIND DIR SIGNAL sends it to the server that `KIND_pid DIR` names
#   peer_stop   KIND DIR TRIES  asks it to end, also when it is stopped, and after TRIES looks, 20 a second,
#                               kills it
#   peer_kill9  KIND DIR FILE   kills it, waits until it is gone and removes FILE
#   peer_free_port [IP]         a port for a server to listen on (free_port.py)
: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"

peer_free_port() { "$abs_top_srcdir/tests/lib/free_port.py" "$@"; }

peer_pid() {
	local pid
	pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2" || return 1
	echo "$pid"
}

peer_signal() {
	local pid
	pid=$("$1_pid" "$2") && kill "-$3" "$pid"
}

peer_stop() {
	local pid i
	pid=$("$1_pid" "$2") || return 0
	kill -CONT "$pid"
	kill -TERM "$pid"
	for ((i = 0; i < $3; i++)); do
		"$1_pid" "$2" >/dev/null || break
		sleep 0.05
	done
	"$1_kill9" "$2"
}

peer_kill9() {
	peer_signal "$1" "$2" KILL || :
	# It may be our child or not; either way it is gone when its pid names it no more.
	while "$1_pid" "$2" >/dev/null; do sleep 0.02; done
	rm -f "$3"
}
