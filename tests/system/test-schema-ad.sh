#!/bin/bash
# A real Samba domain controller takes waypost-ad.ldif and objects of every class in it, and what
# it then exports has the same routes as the organisation has in the other profiles. The agent
# follows it, also to the new name of a server, which the recipients there show without a change.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
samba_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'sync_kill9 "$dir"; samba_stop "$dir/dc" 2>/dev/null; rm -rf "$dir"' EXIT

# ldbadd or ldbmodify, FILE; they can fail with status 0.
ldb() {
	"$1" -H "$dir/dc/private/sam.ldb" --configfile="$dir/dc/etc/smb.conf" \
		--option="dsdb:schema update allowed=true" "$2" >"$dir/ldb" 2>&1 && ! grep ERR "$dir/ldb"
}

# As the file's head says it: what refers to something is another run.
schema_loads() {
	local part
	sed "s/DC=X/$SAMBA_BASE/" "$abs_top_srcdir/schema/waypost-ad.ldif" |
		csplit -sz -f "$dir/part" - '/^dn:$/' '{*}'
	for part in "$dir"/part??; do
		ldb ldbmodify "$part" || return 1
	done
}

# The organisation of the tests of profiles, but for what a domain has already; and the classes
# that it does not use.
organisation_loads() {
	python3 - "$abs_top_srcdir/tests/topology/profiles/ad.ldif" "$SAMBA_BASE" >"$dir/org.ldif" <<-'EOT'
	import re, sys
	there = re.compile(r"DC=example|CN=(Configuration|Sites|Inter-Site Transports|IP|SMTP|Subnets|Services|Servers|DC1),"
	                   r"(CN=(HQ|Inter-Site Transports|Sites|Configuration|Servers),)*DC=")
	text = open(sys.argv[1], encoding="utf-8").read()
	for record in re.split(r"\n\s*\n", text):
	    dn = re.search(r"^dn: (.*)$", record, re.M)
	    # A forest without Exchange has no targetAddress.
	    if dn and not there.match(dn[1]) and "targetAddress" not in record:
	        # FLAG_CONFIG_ALLOW_RENAME, which only a new object may have given.
	        if "objectClass: waypostServer" in record:
	            record += "\nsystemFlags: 1073741824"
	        print(record.replace("DC=example,DC=com", sys.argv[2]) + "\n")
	EOT
	cat >>"$dir/org.ldif" <<-EOT

	dn: CN=List,CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG
	objectClass: waypostIpListEntry
	waypostRemoteRange: 192.0.2.0/24
	waypostListAction: block
	waypostExpires: 20300101000000.0Z

	dn: CN=Rewrite,CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG
	objectClass: waypostAddressRewrite
	waypostInternalAddress: a@example.com
	waypostExternalAddress: b@example.com
	waypostOutboundOnly: TRUE

	dn: CN=Own Site,CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG
	objectClass: waypostSite

	dn: CN=Own Link,CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG
	objectClass: waypostSiteLink
	waypostMaxMessageSize: 9223372036854775807

	dn: CN=10.9.0.0/16,CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG
	objectClass: waypostSubnet
	waypostSiteDN: CN=Own Site,CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG

	dn: CN=Binary,CN=Edge Subscriptions,CN=Example,CN=Services,$SAMBA_CONFIG
	objectClass: waypostEdgeSubscription
	waypostCertificate:: MAAA
	waypostSiteDN: CN=HQ,CN=Sites,$SAMBA_CONFIG
	waypostSubscribedAt: 20260101000000.0Z
	waypostEnabled: FALSE
	EOT
	python3 - "$dir/org.ldif" <<-'EOT' >"$dir/ordered.ldif"
	import re, sys
	records = re.split(r"\n\s*\n", open(sys.argv[1], encoding="utf-8").read().strip())
	names = {re.search(r"^dn: (.*)$", r, re.M)[1].lower() for r in records}
	done = set()
	# A record after all that it names, as far as that comes from here.
	while records:
	    for r in records:
	        dn, *refs = [v.lower() for v in re.findall(r"^[\w-]+: (CN=.*|OU=.*)$", r, re.M)]
	        if all(x in done or x not in names for x in refs + [dn.partition(",")[2]]):
	            print(r + "\n")
	            done.add(dn)
	            records.remove(r)
	            break
	    else:
	        sys.exit("records name each other in a circle")
	EOT
	ldb ldbadd "$dir/ordered.ldif"
}

# Every class of the schema has an object.
every_class_is_there() {
	local class missing=
	for class in $(sed -n 's/^dn: CN=\(waypost[A-Za-z]*\),CN=Schema.*/\1/p' "$dir"/part0[1-9]); do
		ldbsearch -H "$dir/dc/private/sam.ldb" --configfile="$dir/dc/etc/smb.conf" --cross-ncs \
			"(objectClass=$class)" dn | grep -q '^dn: ' || missing="$missing $class"
	done
	[ -z "$missing" ] || { echo "no object of$missing"; return 1; }
}

# All of the directory as LDIF, as an administrator would export it.
export_directory() {
	ldbsearch -H "$dir/dc/private/sam.ldb" --configfile="$dir/dc/etc/smb.conf" --cross-ncs \
		"(objectClass=*)" >"$dir/export.ldif"
}

# The questions about profiles have the same answers, but for the forwards; a group's members
# come in no order.
routes_are_the_same() {
	local profiles=$abs_top_srcdir/tests/topology/profiles
	paste -d '\n' "$profiles/routes.query" "$profiles/routes.expect" | sed -n 'N; /fred@\|cleo@\|expanded/!p' >"$dir/both"
	sed -n 'n; p' "$dir/both" >"$dir/wanted"
	sed -n 'p; n' "$dir/both" | "$abs_top_builddir/waypost" route --batch --profile ad \
		--directory "$dir/export.ldif" >"$dir/got" || return 1
	[ "$(wc -l <"$dir/wanted")" -gt 10 ] && diff "$dir/wanted" "$dir/got"
}

no_error_is_found() {
	"$abs_top_builddir/waypost" topology check --profile ad --directory "$dir/export.ldif" \
		--severity error
}

samba_init "$dir/dc" || exit 1
samba_env "$dir/dc"
ok "the schema loads" schema_loads
ok "an organisation loads" organisation_loads
ok "there is an object of every class" every_class_is_there
ok "the directory can be exported" export_directory
ok "the export has the same routes" routes_are_the_same
ok "and nothing is wrong with it" no_error_is_found

# ---- a server with another name ----

lives_at() { # person, server
	"$abs_top_builddir/replica_show" --json "$dir/state" |
		grep -qi "\"CN=$1,.*\"home[a-z]*\":\"CN=$2,$servers"
}
rename_server() { # name, new name
	samba_admin "$dir/dc" ldapmodify <<-EOT
	dn: CN=$1,$servers
	changetype: modrdn
	newrdn: CN=$2
	deleteoldrdn: 1
	EOT
}
# Our auxiliary classes on objects of Active Directory, as doc/design/profiles.md says: the class, then
# the attribute.
set_option() { # name, class, attribute, value
	samba_admin "$dir/dc" ldapmodify <<-EOT
	dn: $1
	changetype: modify
	add: objectClass
	objectClass: $2

	dn: $1
	changetype: modify
	replace: $3
	$3: $4
	EOT
}
shows() { "$abs_top_builddir/replica_show" --json "$dir/state" | grep -i "\"dn\":\"$1\"" | grep -q "\"$2\":\[\"$3\"\]"; }
servers=CN=Servers,CN=Example,CN=Services,$SAMBA_CONFIG sites=CN=Sites,$SAMBA_CONFIG
samba_user "$dir/dc" agent Agent.pw1 dirsync deleted && samba_start "$dir/dc" || exit 1
printf Agent.pw1 >"$dir/password"
chmod 600 "$dir/password"
sync_conf "$dir" "directory \"corp\" {
	uri = {\"$SAMBA_URL\"}
	profile = \"ad\"
	base = \"CN=Example,CN=Services,$SAMBA_CONFIG\"
	bind = \"simple\"
	bind_dn = \"agent@$SAMBA_REALM\"
	password_file = \"$dir/password\"
	cleartext = true
}"
sync_start "$dir"
ok "the agent is live" sync_wait "$dir" state live 60
ok "a site becomes a hub site" set_option "CN=Default-First-Site-Name,$sites" waypostSiteOptions waypostHubSite TRUE
ok "and is one" sync_until shows "CN=Default-First-Site-Name,$sites" waypostHubSite TRUE
link="CN=DEFAULTIPSITELINK,CN=IP,CN=Inter-Site Transports,$sites"
ok "a link gets a cost of its own for mail" set_option "$link" waypostSiteLinkOptions waypostMailCost 7
ok "and has it" sync_until shows "$link" waypostMailCost 7
ok "it has the home of a recipient" lives_at "Olga Olsen" OSLO-MBX1
ok "the server is renamed" rename_server OSLO-MBX1 OSLO-STORE
ok "and so is the home" sync_until lives_at "Olga Olsen" OSLO-STORE
ok "of each of them" sync_until lives_at "Otto Olsen" OSLO-STORE
ok "the agent stops" sync_stop "$dir"
ok "a server is renamed meanwhile" rename_server ROME-HUB1 ROMA-HUB1
sync_start "$dir"
ok "live" sync_wait "$dir" state live 60
ok "the home has the new name" sync_until lives_at "Rita Rossi" ROMA-HUB1
ok "the agent stops" sync_stop "$dir"
exit $failed
