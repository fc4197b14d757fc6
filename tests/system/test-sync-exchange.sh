#!/bin/bash
# An Exchange organisation, as slapd can hold it with Microsoft's public names, is followed live
# and answers as its LDIF file does.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
profiles=$abs_top_srcdir/tests/topology/profiles
config=CN=Configuration,DC=example,DC=com
people=OU=People,DC=example,DC=com
link="CN=HQ-Lyon,CN=IP,CN=Inter-Site Transports,CN=Sites,$config"

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
route() { "$abs_top_builddir/waypost" --config "$dir/waypost.conf" route "$@"; }
# The routes that are asked for, FROM and RECIPIENT, hold the text.
says() { route --json --from "$1" "$2" | grep -qF -- "$3"; }
same_routes() {
	route --batch <"$profiles/routes.query" >"$dir/got" && diff "$profiles/routes.expect" "$dir/got"
}
conf() { # what is assumed
	sync_conf "$dir" "directory \"corp\" {
	uri = {\"$SLAPD_URL\"}
	profile = \"exchange\"
	assume = {$1}
	base = \"$config\"
	recipients = {\"$people\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/password\"
	cleartext = true
}"
}

cat "$profiles/exchange.ldif" - >"$dir/org.ldif" <<EOT

dn: ou=Services,dc=example,dc=com
objectClass: organizationalUnit

dn: cn=waypost,ou=Services,dc=example,dc=com
objectClass: inetOrgPerson
sn: waypost
userPassword: change-me
EOT
slapd_init "$dir/slapd" --schema "$abs_top_srcdir/tests/lib/exchange-schema.ldif" &&
	slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
printf change-me >"$dir/password"
chmod 600 "$dir/password"
conf '"server-roles.hub-bit=0x20"'
sync_start "$dir"
ok "live after the first refresh" sync_wait "$dir" state live
ok "all routes are those of the file" sync_until same_routes
ok "a mailbox and its forward" sync_until says OSLO-HUB1 bea@example.com '"outcome": "mailbox", "server": "OSLO-MBX1"'

modify <<EOT
dn: $link
changetype: modify
replace: msExchCost
msExchCost: 70
EOT
ok "a link's cost for mail moves a route" sync_until says LYON-HUB1 olga@example.com '"path": ["Lyon", "Oslo"]'
modify <<EOT
dn: CN=Hanna Hill,$people
changetype: modify
delete: msExchHomeServerName
-
add: homeMDB
homeMDB: CN=Mailbox Database,CN=Databases,CN=Exchange Administrative Group (TEST),CN=Administrative Groups,CN=Example,CN=Microsoft Exchange,CN=Services,$config
EOT
ok "a mailbox is moved to a database" sync_until says LYON-HUB1 hanna@example.com '"server": "LYON-HUB1"'
modify <<EOT
dn: CN=Mailbox Database,CN=Databases,CN=Exchange Administrative Group (TEST),CN=Administrative Groups,CN=Example,CN=Microsoft Exchange,CN=Services,$config
changetype: modify
replace: msExchOwningServer
msExchOwningServer: CN=HQ-HUB1,CN=Servers,CN=Exchange Administrative Group (TEST),CN=Administrative Groups,CN=Example,CN=Microsoft Exchange,CN=Services,$config
EOT
ok "the database is moved to a server" sync_until says HQ-HUB1 hanna@example.com '"server": "HQ-HUB1"'
modify <<EOT
dn: CN=Databases,CN=Exchange Administrative Group (TEST),CN=Administrative Groups,CN=Example,CN=Microsoft Exchange,CN=Services,$config
changetype: modrdn
newrdn: CN=Stores
deleteoldrdn: 1
EOT
ok "a folder's new name leaves its mailboxes without a home" \
	sync_until says HQ-HUB1 hanna@example.com '"reason": "no-home-server"'
modify <<EOT
dn: $link
changetype: delete
EOT
modify <<EOT
dn: CN=Staff,$people
changetype: modify
delete: proxyAddresses
EOT
ok "a group without an address is no recipient" \
	sync_until says HQ-HUB1 staff@example.com '"reason": "unknown-recipient"'

ok "the agent ends" sync_stop "$dir"
conf '"transport-site-flags.hub-bit=2", "transport-site-flags.no-inbound-bit=0"'
sync_start "$dir"
ok "what is assumed asks for everything anew" sync_until says HQ-HUB1 rita@example.com '"site": "Rome"'
not_hub() {
	"$abs_top_builddir/waypost" --config "$dir/waypost.conf" topology show --json | python3 -c '
import json, sys
print([s["name"] for s in json.load(sys.stdin)["sites"] if s["hub_site"]] == ["Rome"])' | grep -q True
}
ok "and another site is the hub site" sync_until not_hub
ok "the agent ends again" sync_stop "$dir"
exit $failed
