#!/bin/bash
# Three sites in a row, one hub each, one LDIF file: mail takes the computed path over pinned TLS,
# travels as one copy to the fork, waits as near as possible to a site that is down, reaches
# mailboxes by LMTP, and what fails comes back as a notification.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
set -eu
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wphubsXXXXXX)
port=$(peer_free_port 127.0.21.1) lmtp=$(peer_free_port)
base=cn=Waypost,dc=example,dc=com
sinks=()
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 30 "$dir"/?/log
	for s in A B C; do hub_stop "$dir/$s" || true; done
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	wait
	rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
number() { case $1 in A) echo 1 ;; B) echo 2 ;; C) echo 3 ;; esac; }
address() { echo "127.0.21.$(number "$1")"; }

# site S: its site, hub (with the hash of its certificate) and mailbox server.
site_ldif() {
	local s=$1 hash=$2
	cat <<EOF

dn: cn=$s,cn=Sites,$base
objectClass: waypostSite
cn: $s
$([ "$s" = B ] && echo "waypostHubSite: $hub_b" || true)

dn: cn=HUB$s,cn=Servers,$base
objectClass: waypostServer
cn: HUB$s
waypostFqdn: hub$s.example.com
waypostAddress: $(address "$s")
waypostSmtpPort: $port
waypostRole: hub
waypostSiteDN: cn=$s,cn=Sites,$base
waypostCertificateHash: $hash
waypostGlitchRetryInterval: 1

dn: cn=MBX$s,cn=Servers,$base
objectClass: waypostServer
cn: MBX$s
waypostFqdn: mbx$s.example.com
waypostRole: mailbox
waypostSiteDN: cn=$s,cn=Sites,$base
waypostMailboxDelivery: lmtp://$(address "$s"):$lmtp

dn: cn=user$s,ou=People,dc=example,dc=com
objectClass: inetOrgPerson
objectClass: waypostRecipient
cn: user$s
sn: $s
mail: user$s@example.com
waypostHomeServer: cn=MBX$s,cn=Servers,$base
EOF
}
link_ldif() {
	cat <<EOF

dn: cn=$1$2,cn=Site Links,$base
objectClass: waypostSiteLink
cn: $1$2
waypostLinkedSite: cn=$1,cn=Sites,$base
waypostLinkedSite: cn=$2,cn=Sites,$base
waypostCost: $3
EOF
}
write_org() { # hub flag of B, [hash of C]
	hub_b=$1
	{
		printf 'dn: %s\nobjectClass: waypostOrganization\ncn: Waypost\n' "$base"
		printf '\ndn: cn=d,cn=Accepted Domains,%s\nobjectClass: waypostAcceptedDomain\ncn: d\nwaypostDomain: example.com\nwaypostDefaultDomain: TRUE\n' "$base"
		site_ldif A "$(hash_of A)"
		site_ldif B "$(hash_of B)"
		site_ldif C "${2:-$(hash_of C)}"
		link_ldif A B 10
		link_ldif B C 10
		link_ldif A C 50
	} >"$dir/org.new"
	mv "$dir/org.new" "$dir/org.ldif"
}
hash_of() {
	echo "sha256:$(openssl x509 -in "$dir/$1/state/tls/server.crt" -outform DER | sha256sum | cut -d' ' -f1)"
}
key_pair() {
	mkdir -p "$dir/$1/state/tls"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=hub$1.example.com" \
		-keyout "$dir/$1/state/tls/server.key" -out "$dir/$1/state/tls/server.crt" 2>/dev/null
	chmod 600 "$dir/$1/state/tls/server.key"
}
start_mailbox() {
	local keep=$dir/mail$1/${#sinks[@]} # each run of a sink counts from 1
	mkdir -p "$keep"
	"$tools/smtp_sink" --lmtp --listen "$(address "$1"):$lmtp" --journal "$dir/mbx$1" --keep "$keep" \
		${2:+--rule "$2"} >"$dir/sink$1" 2>&1 &
	sinks+=($!)
	wait_for 5 grep -q listening "$dir/sink$1"
}
send() { # site, from, to…
	local s=$1 from=$2 to
	shift 2
	python3 - "$(address "$s")" "$port" "$from" "$@" <<'EOF'
import smtplib, sys
host, port, sender, to = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
with smtplib.SMTP(host, port, timeout=10) as s:
    s.sendmail(sender, to, "From: <%s>\r\nTo: %s\r\nMessage-ID: <m-%s@test>\r\nSubject: test\r\n\r\nHello.\r\n.dot\r\n"
               % (sender, ", ".join(to), "-".join(to)))
EOF
}
got() { [ "$(cat "$dir/mail$1"/*/*.eml 2>/dev/null | grep -c "$2")" -ge "${3:-1}" ]; }
# track S: what the host of site S did, one word and place a line.
track() {
	sleep 0.2
	python3 - "$dir/$1"/state/log/track-*.jsonl "$2" <<'EOF'
import json, sys
for name in sys.argv[1:-1]:
    for line in open(name):
        r = json.loads(line)
        if sys.argv[-1] in " ".join(r.get("recipients", [])) + r.get("message_id", ""):
            print(r["event"], r.get("host", ""), ",".join(r["recipients"]))
EOF
}

for s in A B C; do key_pair $s; done
write_org TRUE
for s in A B C; do
	hub_conf "$dir/$s" HUB$s "directory \"org\" { uri = {\"file://$dir/org.ldif\"} }"
	start_mailbox $s
done
for s in A B C; do hub_start "$dir/$s"; done

say "from A to C: by the hub site B, mutual TLS, then LMTP"
send A userA@example.com userC@example.com
wait_for 20 got C "m-userC@example.com"
track A userC | grep -qx "SEND hubb.example.com userC@example.com"
track B userC | grep -qx "SEND hubc.example.com userC@example.com"
track C userC | grep -q "^DELIVER .*userC@example.com"
grep -q '"tls":"TLSv1.3 [A-Z0-9_]* pinned"' "$dir"/A/state/log/track-*.jsonl
grep -q "^Return-Path: <userA@example.com>" "$dir"/mailC/*/*.eml
! grep -q "X-Waypost-Organization" "$dir"/mailC/*/*.eml

say "recipients in B and C: one copy to the fork, two deliveries"
send A userA@example.com userB@example.com userC@example.com
wait_for 20 got B "m-userB@example.com-userC@example.com"
wait_for 20 got C "m-userB@example.com-userC@example.com"
[ "$(track A "userB@example.com-userC" | grep -c ^SEND)" = 1 ]

say "a recipient that the mailbox refuses: the sender is told"
kill "${sinks[2]}"
wait "${sinks[2]}" 2>/dev/null || true
start_mailbox C rcpt=550:5.2.1
send A userA@example.com userC@example.com
wait_for 20 got A "multipart/report"
grep -q "5.2.1" "$dir"/mailA/*/*.eml

say "C is down: the message is handed to B, the nearest site on the path, and waits there"
write_org FALSE
sleep 1.5
hub_stop "$dir/C"
kill "${sinks[3]}"
wait "${sinks[3]}" 2>/dev/null || true
start_mailbox C
send A userA@example.com userC@example.com
waits_at() { hub "$dir/$1" queue list --json | python3 -c 'import json,sys; sys.exit(0 if any(q["kind"]=="relay-site" and q["messages"]==1 for q in json.load(sys.stdin)) else 1)'; }
wait_for 20 waits_at B
hub_start "$dir/C"
hub "$dir/B" queue retry --yes
wait_for 20 got C "m-userC@example.com" 3

say "a certificate that the directory does not have: nothing is sent, the queue says why"
write_org FALSE sha256:0000000000000000000000000000000000000000000000000000000000000000
sleep 1.5
send A userA@example.com userC@example.com
says_why() { hub "$dir/A" queue list --json | grep -q "certificate" || hub "$dir/B" queue list --json | grep -q certificate; }
wait_for 20 says_why
write_org FALSE
wait_for 40 got C "m-userC@example.com" 4
for s in A B C; do hub_stop "$dir/$s"; done
say done
