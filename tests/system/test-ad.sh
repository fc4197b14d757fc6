#!/bin/bash
# Active Directory, as Samba has it: sites and recipients, what changes, and what changes without
# a word; a server that dies, hangs or is restored; accounts with more and with fewer rights. The
# replica is compared with the domain controller, entry by entry.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
samba_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'sync_kill9 "$dir"; samba_cont "$dir/dc" 2>/dev/null; samba_stop "$dir/dc"; rm -rf "$dir"' EXIT
n_members=1200
[ "${WP_FULL:-0}" != 1 ] || n_members=6000

modify() { samba_admin "$dir/dc" ldapmodify "$@" >/dev/null; }
number() { sync_field "$dir" snapshot; }
above() { [ "$(number)" -gt "$1" ]; }
logged() { grep -q "$1" "$dir/log"; }
# Members that are gone may stay for a while: nobody else may have their name.
compare() {
	"$abs_top_srcdir/tests/lib/ad_compare.py" --gone "$SAMBA_BASE" "$abs_top_builddir/replica_show" "$dir/state" \
		'(&(|(mail=*)(proxyAddresses=*))(!(objectClass=computer)))' "$people" "$partners" -- \
		-x -H "$SAMBA_URL" -D "$SAMBA_ADMIN" -w "$SAMBA_PASSWORD"
}
in_step() { sync_until compare; }
conf() { # account
	printf '%s' "$2" >"$dir/password"
	chmod 600 "$dir/password"
	sync_conf "$dir" "directory \"corp\" {
		uri = {\"$SAMBA_URL\"}
		profile = \"ad\"
		recipients = {\"$people\", \"$partners\"}
		bind = \"simple\"
		bind_dn = \"$1@$SAMBA_REALM\"
		password_file = \"$dir/password\"
		cleartext = true
		sweep_guard_percent = 90
	}"
}
contact() { # DN, mail
	printf 'dn: %s\nchangetype: add\nobjectClass: contact\nmail: %s\n\n' "$1" "$2"
}
moved() { # DN, new RDN, new parent
	printf 'dn: %s\nchangetype: modrdn\nnewrdn: %s\ndeleteoldrdn: 1\nnewsuperior: %s\n\n' "$@"
}

samba_init "$dir/dc" && samba_user "$dir/dc" agent Agent.pw1 dirsync deleted &&
	samba_user "$dir/dc" plain Plain.pw1 && samba_user "$dir/dc" seer Seer.pw1 deleted || exit 1
samba_start "$dir/dc" || exit 1
samba_env "$dir/dc"
people=OU=People,$SAMBA_BASE partners=OU=Partners,$SAMBA_BASE
sites=CN=Sites,$SAMBA_CONFIG

# An organisation.
{
	for ou in People Partners Elsewhere; do
		printf 'dn: OU=%s,%s\nchangetype: add\nobjectClass: organizationalUnit\n\n' $ou "$SAMBA_BASE"
	done
	printf 'dn: OU=Sales,%s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$people"
	for name in Anna Ben Cleo Dora; do contact "CN=$name,OU=Sales,$people" "${name,,}@example.com"; done
	contact "CN=Out,OU=Elsewhere,$SAMBA_BASE" out@example.com
	printf 'dn: OU=Box,OU=Elsewhere,%s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$SAMBA_BASE"
	contact "CN=Boxed,OU=Box,OU=Elsewhere,$SAMBA_BASE" boxed@example.com
	contact "CN=Partner,$partners" partner@example.net
	for ((i = 0; i < n_members; i++)); do contact "CN=m$i,$people" "m$i@example.com"; done
	printf 'dn: CN=Sales,%s\nchangetype: add\nobjectClass: group\nmail: sales@example.com\n' "$people"
	for name in Anna Ben Cleo Dora; do echo "member: CN=$name,OU=Sales,$people"; done
	echo "member: CN=Out,OU=Elsewhere,$SAMBA_BASE"
	printf '\ndn: CN=Many,%s\nchangetype: add\nobjectClass: group\nmail: many@example.com\n' "$people"
	for ((i = 0; i < n_members; i++)); do echo "member: CN=m$i,$people"; done
	echo
	for site in HQ Lyon; do
		printf 'dn: CN=%s,%s\nchangetype: add\nobjectClass: site\n\n' $site "$sites"
	done
	cat <<-EOT
	dn: CN=HQ-Lyon,CN=IP,CN=Inter-Site Transports,$sites
	changetype: add
	objectClass: siteLink
	cost: 40
	siteList: CN=HQ,$sites
	siteList: CN=Lyon,$sites

	dn: CN=10.1.0.0/16,CN=Subnets,$sites
	changetype: add
	objectClass: subnet
	siteObject: CN=HQ,$sites

	EOT
} | modify || exit 1

conf agent Agent.pw1
sync_start "$dir"
ok "live after the first refresh" sync_wait "$dir" state live 60
ok "every recipient is there" compare
ok "the topology is there" sync_has "$dir" "^entry CN=HQ-Lyon,CN=IP,.* topology"
ok "and nothing from beside the bases" not sync_has "$dir" "CN=Out,"

# What the feed tells.
ok "an entry is added" modify <<<"$(contact "CN=New,$people" new@example.com)"
ok "and live" in_step
ok "a value is taken away, another entry deleted" modify <<EOT
dn: CN=New,$people
changetype: modify
replace: proxyAddresses
proxyAddresses: SMTP:other@example.com
-
delete: mail

dn: CN=Dora,OU=Sales,$people
changetype: delete
EOT
ok "and live" in_step
ok "an entry loses all addresses: none of ours any more" modify <<EOT
dn: CN=New,$people
changetype: modify
delete: proxyAddresses
EOT
ok "and live" in_step
ok "a group loses half of its members" modify <<EOT
dn: CN=Sales,$people
changetype: modify
delete: member
member: CN=Ben,OU=Sales,$people
member: CN=Cleo,OU=Sales,$people
EOT
ok "and live" in_step
n=$(number)
ok "the cost of a link" modify <<EOT
dn: CN=HQ-Lyon,CN=IP,CN=Inter-Site Transports,$sites
changetype: modify
replace: cost
cost: 41
EOT
ok "makes a snapshot" sync_until above "$n"

# What the feed does not tell.
ok "a member is renamed" modify <<<"$(moved "CN=Anna,OU=Sales,$people" "CN=Anne" "OU=Sales,$people")"
ok "its groups know the new name" in_step
ok "a container is renamed" modify <<<"$(moved "OU=Sales,$people" "OU=Verkauf" "$people")"
ok "its children and their groups follow" in_step
ok "a container moves to the other base" modify <<<"$(moved "OU=Verkauf,$people" "OU=Verkauf" "$partners")"
ok "and live" in_step
ok "a container leaves the bases" modify <<<"$(moved "OU=Verkauf,$partners" "OU=Verkauf" "OU=Elsewhere,$SAMBA_BASE")"
ok "its children are gone" in_step
ok "it comes back" modify <<<"$(moved "OU=Verkauf,OU=Elsewhere,$SAMBA_BASE" "OU=Verkauf" "$people")"
ok "its children too" in_step
ok "a member of a group is deleted" modify <<EOT
dn: CN=Anne,OU=Verkauf,$people
changetype: delete
EOT
ok "it is gone" sync_until not sync_has "$dir" "CN=Anne,"
ok "another takes its name" modify <<<"$(contact "CN=Anne,OU=Verkauf,$people" anne2@example.com)"
ok "and is no member of its groups" in_step
n=$(number)
ok "a site is renamed" modify <<<"$(moved "CN=Lyon,$sites" "CN=Lyons" "$sites")"
ok "makes a snapshot" sync_until above "$n"
ok "its links know" sync_until not sync_has "$dir" "^diagnostic .*HQ-Lyon"

# The server goes away, and while it is away.
samba_kill9 "$dir/dc"
ok "the status says that it is down" sync_wait "$dir" state down 20
ok "the replica is served" sync_show "$dir"
samba_start "$dir/dc"
ok "back without a restart" sync_wait "$dir" state live 30
ok "an entry is added" modify <<<"$(contact "CN=Back,$people" back@example.com)"
ok "and live" in_step
sync_kill9 "$dir"
{
	contact "CN=Away,$people" away@example.com
	printf 'dn: CN=%s,%s\nchangetype: delete\n\n' Back "$people" m0 "$people"
	moved "CN=m1,$people" "CN=moved" "$partners"
	# As it becomes a member of another class it looks like a new one.
	moved "OU=Box,OU=Elsewhere,$SAMBA_BASE" "OU=Box" "$people"
	printf 'dn: OU=Box,%s\nchangetype: modify\nadd: objectClass\nobjectClass: bootableDevice\n\n' "$people"
} >"$dir/meanwhile.ldif"
ok "while the agent is dead" modify -f "$dir/meanwhile.ldif"
generation=$(readlink "$dir/state/replica/current")
sync_start "$dir"
ok "it goes on" sync_wait "$dir" state live 30
ok "with what happened meanwhile" in_step
ok "from the cookie" not logged 'all of it is read'
ok "in the same generation" test "$generation" = "$(readlink "$dir/state/replica/current")"

# A name that becomes free just before the agent dies is taken when it lives again.
modify <<EOT
dn: CN=m5,$people
changetype: delete
EOT
ok "a member of a group is deleted" sync_until not sync_has "$dir" "CN=m5,"
sync_kill9 "$dir"
sync_start "$dir"
ok "the agent died and lives" sync_wait "$dir" state live 30
ok "another takes its name" modify <<<"$(contact "CN=m5,$people" another@example.com)"
ok "and is no member" in_step

# A server that hangs keeps its sockets open.
samba_pause "$dir/dc"
ok "a hanging server is found out" sync_wait "$dir" state down 20
samba_cont "$dir/dc"
ok "and taken again" sync_wait "$dir" state live 30
ok "in step" in_step

# Fewer rights: read as far as the account may, and found out by comparing what is gone.
for account in "seer Seer.pw1" "plain Plain.pw1"; do
	read -r name password <<<"$account"
	ok "stops in order" sync_stop "$dir"
	: >"$dir/log"
	conf "$name" "$password"
	sync_start "$dir"
	ok "$name: live" sync_wait "$dir" state live 60
	ok "$name: as object security" logged 'followed by DirSync as object security'
	{
		contact "CN=$name,$people" "$name@example.com"
		printf 'dn: CN=m2,%s\nchangetype: modify\nreplace: mail\nmail: %s.m2@example.com\n' \
			"$people" "$name"
	} | modify
	ok "$name: what changes is live" in_step
	modify <<EOT
dn: CN=$name,$people
changetype: delete
EOT
	if [ "$name" = seer ]; then
		ok "$name: what is gone too" in_step
	else
		ok "$name: says that it cannot see what is gone" logged 'deleted objects are not shown'
		ok "$name: stops in order" sync_stop "$dir"
		sync_start "$dir"
		ok "$name: and compares" in_step
	fi
done

# More rights again: the better way is taken.
ok "stops in order" sync_stop "$dir"
: >"$dir/log"
conf agent Agent.pw1
sync_start "$dir"
ok "live" sync_wait "$dir" state live 60
ok "everything is read once more" logged 'all of it is read'
ok "in step" in_step
: >"$dir/log"
ok "the rights are taken away" samba_revoke "$dir/dc" agent
ok "an entry is added" modify <<<"$(contact "CN=Last,$people" last@example.com)"
ok "it is followed with fewer" sync_until logged 'followed by DirSync as object security'
ok "in step" in_step
ok "stops in order" sync_stop "$dir"
ok "the replica is whole" sync_show "$dir"
exit $failed
