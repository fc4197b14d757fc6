# A private Kerberos realm for tests. Source it from bash; do not run it.
#
#   krb5_init   DIR [REALM]       lay out DIR: an empty realm (default EXAMPLE.COM) on a free port
#   krb5_start  DIR               start its KDC and wait until it listens
#   krb5_stop   DIR | krb5_pause DIR | krb5_cont DIR
#   krb5_pid    DIR               its pid while it lives
#   krb5_env    DIR               set and export KRB5_CONFIG
#   krb5_add    DIR PRINCIPAL FILE
#                                 a principal with random keys, which go into the keytab FILE
#   krb5_rekey  DIR PRINCIPAL FILE
#                                 new keys for it, into FILE; the old ones are worth nothing
#
# Every function returns 0, or prints one line to stderr and returns 1; krb5_need returns 77, the
# skip of automake, where no KDC is installed. Everything is below DIR, on loopback, and only the
# process that krb5_start began is ever ended.

: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
. "$abs_top_srcdir/tests/lib/peer.sh"
PATH=$PATH:/usr/sbin:/sbin

krb5_need() {
	local tool
	for tool in krb5kdc kadmin.local kdb5_util python3; do
		command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed" >&2; return 77; }
	done
}

krb5_fail() {
	echo "krb5.sh: $*" >&2
	return 1
}

krb5_init() {
	local dir=$1 realm=${2:-EXAMPLE.COM} port
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) && port=$(peer_free_port) || return 1
	echo "$port" >"$dir/port"
	cat >"$dir/krb5.conf" <<-EOT
	[libdefaults]
	 default_realm = $realm
	 dns_lookup_kdc = false
	 dns_lookup_realm = false
	 rdns = false
	 dns_canonicalize_hostname = false
	 default_ccache_name = FILE:$dir/there-is-no-cache
	[realms]
	 $realm = {
	  kdc = 127.0.0.1:$port
	 }
	[domain_realm]
	 localhost = $realm
	 127.0.0.1 = $realm
	EOT
	cat >"$dir/kdc.conf" <<-EOT
	[kdcdefaults]
	 kdc_listen = 127.0.0.1:$port
	 kdc_tcp_listen = 127.0.0.1:$port
	[realms]
	 $realm = {
	  database_name = $dir/principal
	  key_stash_file = $dir/stash
	  acl_file = $dir/acl
	  max_life = 1d
	  supported_enctypes = aes256-cts-hmac-sha1-96:normal
	 }
	[logging]
	 kdc = FILE:$dir/kdc.log
	 admin_server = FILE:$dir/kadmin.log
	EOT
	: >"$dir/acl"
	krb5_with "$dir" kdb5_util create -s -P "master-$RANDOM$RANDOM" >"$dir/init.log" 2>&1 || {
		tail -3 "$dir/init.log" >&2
		krb5_fail "no realm could be made"
	}
}

# krb5_with DIR COMMAND…: with the configuration of DIR and nobody else's.
krb5_with() {
	local dir=$1
	shift
	KRB5_CONFIG=$dir/krb5.conf KRB5_KDC_PROFILE=$dir/kdc.conf "$@"
}

krb5_env() {
	export KRB5_CONFIG
	KRB5_CONFIG=$(cd "$1" && pwd)/krb5.conf
	unset KRB5CCNAME KRB5_KTNAME KRB5_CLIENT_KTNAME
}

krb5_ask() { # DIR QUERY…
	local dir=$1 query
	shift
	for query in "$@"; do
		krb5_with "$dir" kadmin.local -q "$query" >>"$dir/init.log" 2>&1 || {
			krb5_fail "kadmin refused: $query"
			return 1
		}
	done
}

krb5_add() {
	krb5_ask "$1" "addprinc -randkey +requires_preauth $2" "ktadd -k $3 $2" && chmod 600 "$3"
}

krb5_rekey() {
	krb5_ask "$1" "cpw -randkey $2" && rm -f "$3.new" && krb5_ask "$1" "ktadd -k $3.new $2" &&
		chmod 600 "$3.new" && mv "$3.new" "$3"
}

krb5_pid() { peer_pid "$1/krb5.sh.pid" "$(cd "$1" 2>/dev/null && pwd)/kdc.pid"; }

krb5_start() {
	local dir pid i
	dir=$(cd "$1" && pwd) || return 1
	krb5_pid "$dir" >/dev/null && return 0
	# Not by krb5_with, whose subshell would be the pid.
	KRB5_CONFIG=$dir/krb5.conf KRB5_KDC_PROFILE=$dir/kdc.conf krb5kdc -n -P "$dir/kdc.pid" >>"$dir/kdc.out" 2>&1 </dev/null &
	pid=$!
	echo $pid >"$dir/krb5.sh.pid"
	for ((i = 0; i < 100; i++)); do
		python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' \
			"$(cat "$dir/port")" 2>/dev/null && return 0
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	tail -5 "$dir/kdc.out" "$dir/kdc.log" >&2
	krb5_fail "the KDC did not start in $dir"
}

krb5_signal() { peer_signal krb5 "$1" "$2"; }
krb5_pause() { krb5_signal "$1" STOP; }
krb5_cont() { krb5_signal "$1" CONT; }
krb5_stop() { peer_kill9 krb5 "$1" "$1/krb5.sh.pid"; }
