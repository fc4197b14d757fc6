#!/bin/bash
# A new snapshot under open connections: what has nothing to do with a connection leaves it alone,
# its host gone from the connector ends it in order, its peer's certificate gone cuts it off. A
# message is held by the sink while the directory changes, and the next one may use one connection
# only: so the sinks count which connection it was given.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wpswapXXXXXX)
declare -A sinks=()
cleanup() {
	local status=$?
	if [ $status != 0 ]; then
		hub "$dir/h" queue list || true
		tail -n 30 "$dir/h/log" "$dir"/h/state/log/track-*
	fi
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	wait
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
start_sink() { # name, port, more options
	local name=$1 port=$2
	shift 2
	"$tools/smtp_sink" --listen "127.0.0.1:$port" --journal "$dir/journal-$name" "$@" >"$dir/sink-$name" 2>&1 &
	sinks[$name]=$!
	wait_for 10 grep -q listening "$dir/sink-$name"
}
# stop_sink NAME CONNECTIONS: how many there were, a pattern.
stop_sink() {
	kill -TERM "${sinks[$1]}"
	wait "${sinks[$1]}" || true
	unset "sinks[$1]"
	grep -q "\"connections\":$2," "$dir/sink-$1" || { cat "$dir/sink-$1"; return 1; }
}
send() { # SENDER RECIPIENT
	python3 - "$in" "$@" <<'EOF'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as s:
    s.sendmail(sys.argv[2], [sys.argv[3]], "Subject: test\r\n\r\nHello.\r\n")
EOF
}
arrived() { grep -q "\"$2\"" "$dir/journal-$1" 2>/dev/null; } # sink, recipient
is_active() { hub "$dir/h" queue list --json | grep -q '"active"'; }
snapshots() { grep -c "snapshot [0-9]* in use" "$dir/h/log"; }
swapped() { [ "$(snapshots)" -gt "$1" ]; }

link_cost=10 host_port= hash_of_b= other_hash=
write_org() {
	{
		org_ldif "$in" "$host_port" "$lmtp" 0 |
			sed "s/^waypostCost: 10\$/waypostCost: $link_cost/; s/^waypostMessageRetryInterval: 1\$/&\nwaypostMaxPerDomainConnections: 1/"
		cat <<-EOT

		dn: cn=HUBB,cn=Servers,$org_base
		objectClass: waypostServer
		cn: HUBB
		waypostFqdn: hubb.example.com
		waypostAddress: 127.0.0.1
		waypostSmtpPort: $peer
		waypostRole: hub
		waypostSiteDN: cn=B,cn=Sites,$org_base
		waypostCertificateHash: $hash_of_b
		${other_hash:+waypostCertificateHash: $other_hash}

		dn: cn=MBXB,cn=Servers,$org_base
		objectClass: waypostServer
		cn: MBXB
		waypostFqdn: mbxb.example.com
		waypostRole: mailbox
		waypostSiteDN: cn=B,cn=Sites,$org_base
		waypostMailboxDelivery: lmtp://127.0.0.1:$lmtp
		EOT
		for name in one two three four; do org_person "$name" | sed 's/cn=MBX1,/cn=MBXB,/'; done
	} | sed '/^$/N;/^\n$/D' >"$dir/org.new"
	mv "$dir/org.new" "$dir/org.ldif"
}
# swap NAME VALUE…: the directory has other values, and the host knows.
swap() {
	local before
	before=$(snapshots)
	while [ $# -gt 0 ]; do
		printf -v "$1" %s "$2"
		shift 2
	done
	write_org
	wait_for 20 swapped "$before"
}

in=$(peer_free_port) out=$(peer_free_port) other=$(peer_free_port) lmtp=$(peer_free_port) peer=$(peer_free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=hubb.example.com \
	-keyout "$dir/key" -out "$dir/cert" 2>/dev/null
real_hash=sha256:$(openssl x509 -in "$dir/cert" -outform DER | sha256sum | cut -d' ' -f1)
zero_hash=sha256:$(printf '0%.0s' {1..64})
host_port=$out hash_of_b=$real_hash
write_org
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/org.ldif\"}
    base = \"$org_base\" recipients = {\"$org_people\"} }"
slow=mail/slow@*%1=delay:6000
start_sink out "$out" --rule "$slow"
start_sink other "$other"
start_sink peer "$peer" --cert "$dir/cert" --key "$dir/key" --rule "$slow"
hub_start "$dir/h"

say "another link's cost: the connection goes on"
send slow@sender.example a@far.example
wait_for 20 is_active
swap link_cost 11
! arrived out a@far.example
send quick@sender.example b@far.example
wait_for 20 arrived out b@far.example
stop_sink out 1
start_sink out "$out" --rule "$slow"

say "another smart host: the message that is under way gets through, the next one goes there"
send slow@sender.example c@far.example
wait_for 20 is_active
swap host_port "$other"
! arrived out c@far.example
send quick@sender.example d@far.example
wait_for 20 arrived other d@far.example
wait_for 20 arrived out c@far.example
stop_sink out 1
stop_sink other 1

say "a hub of another site: a second certificate, and the connection goes on"
send slow@sender.example one@example.com
wait_for 20 is_active
swap other_hash "$zero_hash" link_cost 12
! arrived peer one@example.com
send quick@sender.example two@example.com
wait_for 20 arrived peer two@example.com
stop_sink peer 1

say "its certificate leaves the directory: cut off at once, the message waits"
start_sink peer "$peer" --cert "$dir/cert" --key "$dir/key" --rule 'mail/slow@*#1=delay:90000'
send slow@sender.example three@example.com
wait_for 20 is_active
swap hash_of_b "$zero_hash" other_hash ''
says_why() { cat "$dir"/h/state/log/track-*.jsonl | grep three@example.com | grep DEFER | grep -q "certificate left the directory"; }
wait_for 20 says_why
swap hash_of_b "$real_hash"
hub "$dir/h" queue retry --yes >/dev/null
wait_for 20 arrived peer three@example.com
stop_sink peer '[2-9]' # one or more until the certificate was back
hub_stop "$dir/h"
say done
