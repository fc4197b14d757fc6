# A link that can be broken (tcp_proxy.py). Source it from bash; do not run it.
#
#   proxy_start DIR PORT      in front of 127.0.0.1:PORT; DIR/port is where to connect to
#   proxy DIR COMMAND…        tells it what to do; prints its answer if that is not "ok"
#   proxy_port DIR            the port
#   proxy_stop DIR
: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
. "$abs_top_srcdir/tests/lib/peer.sh"

proxy_start() {
	local i
	mkdir -p "$1"
	python3 "$abs_top_srcdir/tests/lib/tcp_proxy.py" "$1/control" "127.0.0.1:$2" >"$1/out" 2>"$1/err" </dev/null &
	echo $! >"$1/pid"
	for ((i = 0; i < 200; i++)); do
		grep -q '^port' "$1/out" && return 0
		sleep 0.05
	done
	cat "$1/err" >&2
	return 1
}

proxy_port() {
	sed -n 's/^port //p' "$1/out"
}

proxy() {
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
s.sendall(" ".join(sys.argv[2:]).encode() + b"\n")
answer = s.makefile().readline().strip()
print(answer) if answer != "ok" else None' "$1/control" "${@:2}"
}

proxy_stop() {
	local pid
	pid=$(peer_pid "$1/pid" "$1/control") || return 0
	kill "$pid"
	wait "$pid" 2>/dev/null
	return 0
}
