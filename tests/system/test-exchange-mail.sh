#!/bin/bash
# Mail by an Exchange organisation: a hub whose directory has Microsoft's names (slapd with public
# ones) takes a message for a contact and hands it to the smart host of the connector that the
# organisation chooses, delivers to the mailboxes of its own server, holds what only another
# server may have, and follows the directory while it runs.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh" # ok
. "$abs_top_srcdir/tests/lib/hub.sh"
. "$abs_top_srcdir/tests/lib/nsd.sh"
slapd_need && nsd_need || exit $?
command -v swaks >/dev/null || { echo "skipped: swaks is not installed" >&2; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: mailbox servers of Exchange listen at port 25, which needs root" >&2; exit 77; }
sinks=()
cleanup() {
	[ $failed = 0 ] || tail -n 20 "$dir/hub/log"
	hub_stop "$dir/hub"
	[ ${#sinks[@]} = 0 ] || kill "${sinks[@]}" 2>/dev/null
	nsd_stop
	slapd_stop "$dir/slapd"
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
config=CN=Configuration,DC=example,DC=com
org="CN=Example,CN=Microsoft Exchange,CN=Services,$config"
group="CN=Exchange Administrative Group (TEST),CN=Administrative Groups,$org"
lyon="CN=LYON-HUB1,CN=Servers,$group"
partner="CN=Partner,CN=Connections,CN=Exchange Routing Group (TEST),CN=Routing Groups,$group"
# Each run has a loopback address of its own, as in samba.sh: port 25 cannot be chosen.
mailbox=127.$((1 + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255))
port=$(peer_free_port)

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
# start_sink NAME ADDRESS:PORT
start_sink() {
	mkdir -p "$dir/$1"
	"$WAYPOST_BIN/smtp_sink" --listen "$2" --journal "$dir/$1/journal" --keep "$dir/$1" >"$dir/$1.out" 2>&1 &
	sinks+=($!)
	wait_for 5 grep -q listening "$dir/$1.out"
}
# send RECIPIENT: as a stranger; its subject is the recipient.
send() {
	swaks --silent 2 --server "127.0.0.1:$port" --helo stranger.example --from ann@stranger.example \
		--to "$1" --header "Subject: for $1"
}
# got NAME RECIPIENT [ENVELOPE]: whether the sink has the message.
got() { wait_for 15 grep -qrF "Subject: for $2" "$dir/$1" --include='*.eml' && grep -qF "${3:-$2}" "$dir/$1/journal"; }
# has_queue TEXT…: whether one queue's row has all the texts.
has_queue() {
	hub "$dir/hub" queue list --json | python3 -c '
import json, sys
sys.exit(not any(all(text in json.dumps(row) for text in sys.argv[1:]) for row in json.load(sys.stdin)))' "$@"
}

# ---- the organisation, with the addresses of this machine ----
{
	cat "$abs_top_srcdir/tests/topology/profiles/exchange.ldif"
	cat <<-L

	dn: ou=Services,dc=example,dc=com
	objectClass: organizationalUnit

	dn: cn=waypost,ou=Services,dc=example,dc=com
	objectClass: inetOrgPerson
	sn: waypost
	userPassword: change-me

	dn: CN=Default LYON-HUB1,CN=SMTP Receive Connectors,CN=Protocols,$lyon
	objectClass: top
	objectClass: msExchSmtpReceiveConnector
	cn: Default LYON-HUB1
	msExchSmtpReceiveBindings: 127.0.0.1:$port
	msExchSmtpReceiveRemoteIPRanges: 127.0.0.0-127.255.255.255
	msExchSmtpReceiveEnabled: TRUE
	L
} | sed 's/ncacn_ip_tcp:lyon-hub1.example.com/ncacn_ip_tcp:lyon-hub1.example.test/' >"$dir/org.ldif"
slapd_init "$dir/slapd" --schema "$abs_top_srcdir/tests/lib/exchange-schema.ldif" &&
	slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
first=$(peer_free_port) second=$(peer_free_port)
set_partner() { # the port of the smart host
	modify <<-L
	dn: $partner
	changetype: modify
	replace: msExchSmtpSmartHost
	msExchSmtpSmartHost: [127.0.0.1]
	-
	replace: msExchSmtpSendPort
	msExchSmtpSendPort: $1
	L
}
set_partner "$first"
nsd_init "$dir/dns"
nsd_start "$dir/dns" "lyon-hub1 A $mailbox\n" || exit 1
start_sink partner "127.0.0.1:$first" && start_sink moved "127.0.0.1:$second" && start_sink mailbox "$mailbox:25" || exit 1

mkdir -p "$dir/hub"
printf change-me >"$dir/hub/password"
chmod 600 "$dir/hub/password"
hub_conf "$dir/hub" LYON-HUB1 "directory \"corp\" {
	uri = {\"$SLAPD_URL\"}
	profile = \"exchange\"
	base = \"$config\"
	recipients = {\"OU=People,DC=example,DC=com\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/hub/password\"
	cleartext = true
}" "resolver = {\"127.0.0.1:$nsd_port\"}
resolver_insecure = {\"example.test\"}"
ok "init finds the organisation and its sites" eval 'hub "$dir/hub" init --uri "$SLAPD_URL" --cleartext --bind simple \
	--bind-dn cn=waypost,ou=Services,dc=example,dc=com --password-file "$dir/hub/password" --server LYON-HUB1 \
	--dry-run --json | python3 -c "
import json, sys
v = json.load(sys.stdin)
sys.exit((v[\"profile\"], v[\"found\"][\"sites\"][\"count\"], v[\"found\"][\"servers\"][\"count\"]) != (\"exchange\", 4, 8))"'
ok "the doctor lets it go" hub "$dir/hub" config check --quiet
ok "the hub takes mail" hub_start "$dir/hub"

# ---- mail ----
ok "a message for a contact is taken" send cleo@example.com
ok "and leaves by the connector for his address" got partner cleo@example.com cleo@eu.partner.example
ok "a message for a mailbox is taken" send louis@example.com
ok "and is delivered to its server" got mailbox louis@example.com
ok "nobody unknown" not send nobody@example.com
ok "no relay for strangers" not send someone@elsewhere.example
ok "a message for another site is taken" send olga@example.com
ok "and waits at the first stop: nobody there can prove who he is" \
	wait_for 15 has_queue '"next_hop": "HQ"' '"messages": 1' certificate

set_partner "$second"
ok "another smart host in the directory" wait_for 10 eval \
	'hub "$dir/hub" connector show Partner --json | grep -q "$second"'
ok "a second message" send cleo@example.com
ok "takes the new way" got moved cleo@example.com cleo@eu.partner.example
exit $failed
