#!/bin/bash
# What a receive connector allows: connections in all and of one source, messages a minute, the life
# of a connection. Two loops share the counts; own servers are not held to the share of strangers; a
# place is free again however a connection ended; a flood of refusals is no flood in the log.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/wplimXXXXXX)
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 30 "$dir/h/log"
	hub_stop "$dir/h" || true
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }

few=$(peer_free_port) plain=$(peer_free_port) own=$(peer_free_port) rate=$(peer_free_port) short=$(peer_free_port)
nobody=$(peer_free_port)
connector() { # NAME PORT LINES…
	cat <<-EOT

	dn: cn=$1,cn=HUB1,cn=Servers,$org_base
	objectClass: waypostReceiveConnector
	cn: $1
	waypostBinding: 127.0.0.1:$2
	waypostRemoteRange: 127.0.0.0/8
	waypostAuthMechanism: tls
	waypostPermissionGroup: anonymous
	EOT
	shift 2
	[ $# = 0 ] || printf 'waypost%s\n' "$@"
}
hash=sha256:$(
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hub2.example.com \
		-keyout "$dir/key" -out "$dir/cert" 2>/dev/null
	openssl x509 -in "$dir/cert" -outform DER | sha256sum | cut -d' ' -f1
)
write_org() { # SHARE
	{
		org_ldif "$own" "$nobody" "$nobody" 1
		connector Few "$few" 'MaxConnections: 8' "MaxConnectionsPerSource: $1"
		connector Plain "$plain"
		connector Rate "$rate" 'MessageRate: 30'
		connector Short "$short" 'ConnectionTimeout: 2' 'InactivityTimeout: 60' 'TarpitInterval: 0'
		cat <<-EOT

		dn: cn=HUB2,cn=Servers,$org_base
		objectClass: waypostServer
		cn: HUB2
		waypostFqdn: hub2.example.com
		waypostRole: hub
		waypostSiteDN: cn=A,cn=Sites,$org_base
		waypostCertificateHash: $hash
		EOT
	} >"$dir/org.new"
	mv "$dir/org.new" "$dir/org.ldif"
}
figure() {
	"$here/../lib/ctl.py" "$dir/h/run/waypost-delivery.sock" spool.figures |
		python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}
figure_is() { [ "$(figure "$1")" = "$2" ]; }
run() {
	say "$1" | tr _ ' '
	python3 "$here/limits.py" "$1" "$few" "$plain" "$own" "$rate" "$short" "$dir/cert" "$dir/key"
	wait_for 20 figure_is sessions 0
}

mkdir "$dir/h"
write_org 3
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/org.ldif\"}
    base = \"$org_base\" recipients = {\"$org_people\"} }"
ulimit -S -n 1024 # as in most systems
hub_start "$dir/h"
delivery=$(hub_child "$dir/h" waypost-delivery)

run source_has_its_share
run share_is_twenty_by_default
run connector_has_its_limit
run own_servers_have_no_share
run a_certificate_makes_room
run messages_have_a_rate
run proven_servers_have_no_rate
run a_connection_ends_whatever_it_does
run a_connection_ends_though_nobody_reads

say "a flood is refused, and logged in a few lines"
before=$(figure refused)
run a_flood
refused=$(($(figure refused) - before))
[ "$refused" -ge 1000 ]
lines=$(grep -c 'receive connector Few refuses 127.0.0.9: too many connections from your address' "$dir/h/log")
[ "$lines" -ge 1 ] && [ $((lines * 50)) -lt "$refused" ] || { echo "$lines lines for $refused refusals"; exit 1; }

say "a new limit counts without a restart"
write_org 5
run a_new_limit

say "there is room for as many connections as a connector allows by default"
read -r _ _ _ soft hard _ < <(grep '^Max open files' "/proc/$delivery/limits")
[ "$soft" = "$hard" ]
[ "$delivery" = "$(hub_child "$dir/h" waypost-delivery)" ]
hub_stop "$dir/h"
grep -q 'waypost-delivery ended with status 0' "$dir/h/log"
say done
