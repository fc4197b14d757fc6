#!/bin/bash
# What nobody should send or write: a directory with malformed entries works but for them and says
# so; bad SMTP gets the right reply, ends no process, loses no message and leaves no session.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools=$WAYPOST_BIN
dir=$(mktemp -d /tmp/wpbadXXXXXX)
sinks=()
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 30 "$dir/h/log"
	hub_stop "$dir/h" || true
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null || true
	wait
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }

own=$(peer_free_port) open=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port)
start_sink() {
	local port=$1
	shift
	"$tools/smtp_sink" --listen "127.0.0.1:${!port}" --journal "$dir/journal-$port" "$@" >"$dir/sink-$port" 2>&1 &
	sinks+=($!)
	wait_for 10 grep -q listening "$dir/sink-$port"
}
good_ldif() {
	org_ldif "$own" "$out" "$lmtp" 5 | sed 's/^objectClass: waypostOrganization/&\nwaypostSubaddressDelimiter: +/'
	org_person ann
	cat <<-EOT

	dn: cn=Open,cn=HUB1,cn=Servers,$org_base
	objectClass: waypostReceiveConnector
	cn: Open
	waypostBinding: 127.0.0.1:$open
	waypostRemoteRange: 127.0.0.0/8
	waypostAuthMechanism: tls
	waypostPermissionGroup: anonymous
	waypostMaxMessageSize: 200000
	waypostMaxRecipients: 100
	waypostTarpitInterval: 0
	waypostInactivityTimeout: 2
	EOT
}
# Each with the diagnostic that it has to cause.
bad_ldif() {
	cat <<-EOT

	dn: cn=Nowhere,cn=Site Links,$org_base
	objectClass: waypostSiteLink
	cn: Nowhere
	waypostLinkedSite: cn=A,cn=Sites,$org_base
	waypostLinkedSite: cn=Atlantis,cn=Sites,$org_base
	waypostCost: 10

	dn: cn=Free,cn=Site Links,$org_base
	objectClass: waypostSiteLink
	cn: Free
	waypostLinkedSite: cn=A,cn=Sites,$org_base
	waypostLinkedSite: cn=B,cn=Sites,$org_base
	waypostCost: 0

	dn: cn=Garbage,cn=Site Links,$org_base
	objectClass: waypostSiteLink
	cn: Garbage
	waypostLinkedSite: this is no DN
	waypostCost: ten

	dn: cn=Orphan,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Orphan
	waypostAddressSpace: *

	dn: cn=Ghost,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Ghost
	waypostAddressSpace: *;1
	waypostSourceServer: cn=HUB99,cn=Servers,$org_base
	waypostDnsRouting: perhaps

	dn: cn=Space,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Space
	waypostAddressSpace: *;0
	waypostAddressSpace: SMTP:*.*.*
	waypostSourceServer: cn=HUB1,cn=Servers,$org_base
	waypostDnsRouting: FALSE
	waypostSmartHost: ]nonsense[

	dn: cn=HUB2,cn=Servers,$org_base
	objectClass: waypostServer
	cn: HUB2
	waypostRole: hub
	waypostMaxOutboundConnections: many
	waypostSmtpPort: 99999999

	dn: cn=Broken,cn=HUB1,cn=Servers,$org_base
	objectClass: waypostReceiveConnector
	cn: Broken
	waypostBinding: 127.0.0.1:port
	waypostRemoteRange: 999.0.0.0/8
	waypostPermissionGroup: everybody

	dn: cn=bad,cn=Accepted Domains,$org_base
	objectClass: waypostAcceptedDomain
	cn: bad
	waypostDomain: -not a domain-

	dn: uid=homeless,$org_people
	objectClass: inetOrgPerson
	objectClass: waypostRecipient
	uid: homeless
	cn: homeless
	sn: homeless
	mail: homeless@example.com
	waypostHomeServer: cn=MBX77,cn=Servers,$org_base

	dn: uid=twin,$org_people
	objectClass: inetOrgPerson
	uid: twin
	cn: twin
	sn: twin
	mail: not-an-address
	mail: @example.com
	EOT
}
figure() {
	"$here/../lib/ctl.py" "$dir/h/run/waypost-delivery.sock" spool.figures |
		python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}
figure_is() { [ "$(figure "$1")" = "$2" ]; }
queues_are_empty() {
	hub "$dir/h" queue list --json | python3 -c 'import json,sys; sys.exit(sum(q["messages"] for q in json.load(sys.stdin)) != 0)'
}

mkdir "$dir/h"
{
	good_ldif
	bad_ldif
} >"$dir/h/org.ldif"
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/h/org.ldif\"}
    base = \"$org_base\" recipients = {\"$org_people\"} }"
start_sink out
start_sink lmtp --lmtp
hub_start "$dir/h"
delivery=$(hub_child "$dir/h" waypost-delivery)

say "malformed entries are named, each with what was done about it"
hub "$dir/h" topology check --json >"$dir/check" || [ $? = 1 ]
python3 - "$dir/check" <<'EOF'
import json, sys
rows = json.load(open(sys.argv[1]))
found = {(r["id"], r["dn"].split(",")[0].lower()) for r in rows}
wanted = {("unknown-site", "cn=nowhere"), ("link-without-sites", "cn=nowhere"), ("out-of-range", "cn=free"),
          ("link-without-sites", "cn=garbage"), ("bad-value", "cn=garbage"), ("connector-no-source", "cn=orphan"),
          ("connector-no-source", "cn=ghost"), ("bad-value", "cn=ghost"), ("unknown-reference", "cn=ghost"),
          ("bad-space-cost", "cn=space"), ("bad-value", "cn=hub2"), ("out-of-range", "cn=hub2"),
          ("bad-value", "cn=broken"), ("bad-domain", "cn=bad"),
          ("malformed-address", "uid=twin"), ("recipient-without-home", "cn=waypost")}
for row in rows:
    print("  ", row["id"], row["dn"], row.get("text", ""))
if wanted - found:
    sys.exit("missing: %s" % sorted(wanted - found))
# Looked up in the replica, as a message would.
homeless = [r["detail"] for r in rows if r["id"] == "recipient-without-home"]
if homeless != ["1: homeless@example.com"]:
    sys.exit("homeless: %s" % homeless)
EOF

say "the rest works"
"$tools/smtp_load" --port "$own" --messages 20 --to 'u%u@example.com' --users 5 --acked "$dir/acked-1" >/dev/null
"$tools/smtp_load" --port "$own" --messages 20 --to 'x@far.example' --first-seq 100 --acked "$dir/acked-2" >/dev/null
wait_for 20 queues_are_empty

say "bad SMTP, while good mail goes on"
"$tools/smtp_load" --port "$own" --messages 1000000 --rate 50 --sessions 3 --to 'u%u@example.com' --users 5 --first-seq 1000 \
	--acked "$dir/acked-3" >"$dir/load" &
load=$!
sinks+=($load)
bad=0
python3 "$here/badinput.py" "$open" "$own" || bad=1
kill $load
wait $load || true
grep -q '"failed":0.*"lost_connections":0' "$dir/load" || { cat "$dir/load"; bad=1; }
[ $bad = 0 ]

say "nobody died, no session is left, nothing was lost"
[ "$delivery" = "$(hub_child "$dir/h" waypost-delivery)" ]
wait_for 20 figure_is sessions 0
wait_for 30 queues_are_empty
cat "$dir"/acked-* >"$dir/acked"
cat "$dir"/journal-* >"$dir/journal"
"$tools/smtp_check" --acked "$dir/acked" --journal "$dir/journal"
# Nothing smuggled, nothing injected.
! grep -e evil@ -e injected@ "$dir/journal"
# What clients said is in the log, and the log is JSON all the same.
python3 - "$dir"/h/state/log/track-*.jsonl <<'EOF'
import json, sys
for name in sys.argv[1:]:
    for line in open(name, encoding="utf-8"):
        json.loads(line)
EOF
hub_stop "$dir/h"
grep -q 'waypost-delivery ended with status 0' "$dir/h/log"
say done
