#!/bin/bash
# Mail by MX, end to end: a hub, the real resolver, NSD and next hops at port 25 of loopback
# addresses. Preference, fallback when the first is down, implicit MX; null MX and no such
# domain give the sender a DSN that says so.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
set -eu
PATH=$PATH:/usr/sbin:/sbin
command -v nsd >/dev/null || { echo "skipped: nsd is not installed"; exit 77; }
# MX hosts are asked at port 25 and nowhere else.
python3 -c 'import socket; socket.socket().bind(("127.77.25.9", 25))' 2>/dev/null ||
	{ echo "skipped: port 25 of a loopback address is not to be had"; exit 77; }
dir=$(mktemp -d /tmp/wpmxXXXXXX)
pids=()
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 40 "$dir/h/log"
	hub_stop "$dir/h" || true
	for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
	wait
	rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }

start_sink() { # NAME ADDRESS:PORT: $sink is its process
	mkdir -p "$dir/$1.mail"
	"$WAYPOST_BIN/smtp_sink" --listen "$2" --journal "$dir/$1" --keep "$dir/$1.mail" >"$dir/$1.out" &
	sink=$!
	pids+=("$sink")
	wait_for 5 grep -q listening "$dir/$1.out"
}
arrived() { [ -s "$dir/$1" ] && [ "$(wc -l <"$dir/$1")" = "$2" ]; } # NAME COUNT
send() { # RECIPIENT
	python3 - "$in" "$1" <<'EOF'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=10) as s:
    s.sendmail("sender@back.test", [sys.argv[2]], "Subject: by MX\r\n\r\nHello\r\n")
EOF
}

dns=$(peer_free_port) in=$(peer_free_port) back=$(peer_free_port)
cat >"$dir/root" <<'EOF'
. 300 SOA ns. hostmaster. 1 3600 900 604800 60
. 300 NS ns.
ns. 300 A 127.0.0.1
two.test. 300 MX 10 first.two.test.
two.test. 300 MX 20 second.two.test.
first.two.test. 300 A 127.77.25.1
second.two.test. 300 A 127.77.25.2
none.test. 300 MX 0 .
implicit.test. 300 A 127.77.25.3
EOF
cat >"$dir/nsd.conf" <<EOF
server:
  ip-address: 127.0.0.1@$dns
  username: ""
  chroot: ""
  pidfile: "$dir/nsd.pid"
  zonesdir: "$dir"
  database: ""
  xfrdfile: "$dir/xfrd.state"
  zonelistfile: "$dir/zone.list"
  logfile: "$dir/nsd.log"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: .
  zonefile: root
EOF
nsd -d -c "$dir/nsd.conf" 2>"$dir/nsd.err" &
pids+=($!)
wait_for 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $dns), 1)"

base=cn=Waypost,dc=example,dc=com
mkdir "$dir/h"
cat >"$dir/h/org.ldif" <<EOF
dn: $base
objectClass: waypostOrganization
cn: Waypost

dn: cn=A,cn=Sites,$base
objectClass: waypostSite
cn: A

dn: cn=HUB1,cn=Servers,$base
objectClass: waypostServer
cn: HUB1
waypostFqdn: hub1.example.com
waypostAddress: 127.0.0.1
waypostRole: hub
waypostSiteDN: cn=A,cn=Sites,$base

dn: cn=In,cn=HUB1,cn=Servers,$base
objectClass: waypostReceiveConnector
cn: In
waypostBinding: 127.0.0.1:$in
waypostRemoteRange: 127.0.0.0/8
waypostAuthMechanism: externallySecured
waypostPermissionGroup: servers

dn: cn=Internet,cn=Send Connectors,$base
objectClass: waypostSendConnector
cn: Internet
waypostAddressSpace: *
waypostSourceServer: cn=HUB1,cn=Servers,$base
waypostDnsRouting: TRUE

dn: cn=Back,cn=Send Connectors,$base
objectClass: waypostSendConnector
cn: Back
waypostAddressSpace: back.test
waypostSourceServer: cn=HUB1,cn=Servers,$base
waypostDnsRouting: FALSE
waypostSmartHost: [127.0.0.1]:$back
EOF
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/h/org.ldif\"} }" \
	"    resolver = {\"127.0.0.1:$dns\"}"
start_sink back "127.0.0.1:$back"
start_sink second 127.77.25.2:25
start_sink implicit 127.77.25.3:25
start_sink first 127.77.25.1:25
hub_start "$dir/h"

say "the least preference comes first"
send a@two.test
wait_for 20 arrived first 1
[ ! -s "$dir/second" ]

say "the next one takes over when the first is down"
kill "$sink"
wait "$sink" 2>/dev/null || true
send b@two.test
wait_for 30 arrived second 1

say "an address is an implicit MX"
send c@implicit.test
wait_for 20 arrived implicit 1
[ ! -s "$dir/back" ]

say "a null MX gives a DSN with 5.1.10"
send d@none.test
wait_for 20 arrived back 1
grep -q '^Status: 5\.1\.10' "$dir/back.mail/000001.eml"
grep -q '^Final-Recipient: rfc822; *d@none.test' "$dir/back.mail/000001.eml"

say "no such domain gives a DSN with 5.1.2"
send e@gone.test
wait_for 20 arrived back 2
grep -q '^Status: 5\.1\.2' "$dir/back.mail/000002.eml"
grep -q '^Final-Recipient: rfc822; *e@gone.test' "$dir/back.mail/000002.eml"
say done
