# A private name server with one zone, example.test. Source it from bash; do not run it.
#
#   nsd_need               77, the skip of automake, where nsd is not installed
#   nsd_init DIR           chooses a port of 127.0.0.1, for UDP and TCP: $nsd_port
#   nsd_start DIR RECORDS  (again) with these records, in printf's spelling
#   nsd_stop               ends what nsd_start began
#
# Every file is below DIR.
: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
. "$abs_top_srcdir/tests/lib/peer.sh"
nsd_pid= nsd_port=

nsd_need() {
	command -v nsd >/dev/null || { echo "skipped: nsd is not installed" >&2; return 77; }
}

nsd_init() {
	mkdir -p "$1"
	nsd_port=$(peer_free_port)
}

nsd_stop() {
	[ -n "$nsd_pid" ] && kill "$nsd_pid" && wait "$nsd_pid" 2>/dev/null
	nsd_pid=
}

nsd_start() {
	local i
	nsd_stop
	{
		printf '$ORIGIN example.test.\n$TTL 1\n@ SOA ns hostmaster 1 3600 900 604800 1\n@ NS ns\nns A 127.0.0.1\n'
		printf "$2"
	} >"$1/zone"
	cat >"$1/nsd.conf" <<-EOT
	server:
	  ip-address: 127.0.0.1@$nsd_port
	  username: ""
	  chroot: ""
	  pidfile: "$1/nsd.pid"
	  zonesdir: "$1"
	  database: ""
	  xfrdfile: "$1/xfrd.state"
	  zonelistfile: "$1/zone.list"
	  logfile: "$1/nsd.log"
	  server-count: 1
	  rrl-ratelimit: 0
	remote-control:
	  control-enable: no
	zone:
	  name: example.test
	  zonefile: zone
	EOT
	nsd -d -c "$1/nsd.conf" 2>"$1/nsd.err" &
	nsd_pid=$!
	for ((i = 0; i < 200; i++)); do
		python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' \
			"$nsd_port" 2>/dev/null && return 0
		sleep 0.05
	done
	echo "nsd.sh: nsd did not start in $1" >&2
	return 1
}
