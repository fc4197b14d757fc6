#!/bin/bash
# Two domain controllers of Active Directory (Samba) that replicate: the agent stays on one, goes over to
# the other when that dies, and is then what the other is, also where that has not heard of a change
# yet. Nothing is replicated but by order. Afterwards it is what both are.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/samba_pair.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
samba_need || exit $?
samba_pair_names "$0" "$@"
dir=$(mktemp -d) || exit 1
trap 'sync_kill9 "$dir"; samba_kill9 "$dir/one"; samba_kill9 "$dir/two"; rm -rf "$dir"' EXIT

modify() { samba_admin "$dir/$1" ldapmodify >/dev/null; }
compare() { # domain controller
	samba_env "$dir/$1"
	"$abs_top_srcdir/tests/lib/ad_compare.py" --sites "$sites" --gone "$SAMBA_BASE" "$abs_top_builddir/replica_show" "$dir/state" \
		'(|(mail=*)(proxyAddresses=*))' "$people" -- -x -H "$SAMBA_URL" -D "$SAMBA_ADMIN" -w "$SAMBA_PASSWORD"
}
is_as() { sync_until compare "$1"; }
are_at() { # URI: of all sources
	sync_status "$dir" | python3 -c 'import json, sys
sys.exit(any(source["server"] != sys.argv[1] for source in json.load(sys.stdin)["sources"]))' "$1"
}
follows() { # domain controller
	samba_env "$dir/$1"
	sync_until are_at "$SAMBA_URL" && sync_wait "$dir" state live 40
}
revive() { # domain controller, the other
	KRB5_CONFIG=$dir/$2/krb5.conf samba_start "$dir/$1"
}
contact() { # name, mail
	printf 'dn: CN=%s,%s\nchangetype: add\nobjectClass: contact\nmail: %s\n\n' "$1" "$people" "$2"
}
mail() { # name, mail
	printf 'dn: CN=%s,%s\nchangetype: modify\nreplace: mail\nmail: %s\n\n' "$1" "$people" "$2"
}
delete() { printf 'dn: CN=%s,%s\nchangetype: delete\n\n' "$1" "$people"; }
cost() {
	printf 'dn: CN=DEFAULTIPSITELINK,CN=IP,CN=Inter-Site Transports,%s\nchangetype: modify\nreplace: cost\ncost: %s\n\n' \
		"$sites" "$1"
}
replicate() { samba_replicate "$dir/one" "$dir/two" && samba_replicate "$dir/two" "$dir/one"; }

samba_init "$dir/one" && samba_user "$dir/one" agent Agent.pw1 dirsync deleted &&
	samba_start "$dir/one" && samba_join "$dir/one" "$dir/two" || exit 1
samba_env "$dir/two"
second=$SAMBA_URL
samba_env "$dir/one"
people=OU=People,$SAMBA_BASE sites=CN=Sites,$SAMBA_CONFIG
{
	printf 'dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$people"
	for ((i = 0; i < 50; i++)); do contact "p$i" "p$i@example.com"; done
	printf 'dn: CN=All,%s\nchangetype: add\nobjectClass: group\nmail: all@example.com\n' "$people"
	for ((i = 0; i < 10; i++)); do echo "member: CN=p$i,$people"; done
} | modify one || exit 1
ok "the organisation is at both" replicate

sync_conf "$dir" "$(sync_ad "$dir" "$people" "$SAMBA_URL" "$second")"
sync_start "$dir"
ok "the first is followed" follows one
ok "the replica is as the first" is_as one
ok "and as the second" compare two

# What only the first has heard of when it dies.
{
	contact new new@example.com
	mail p1 changed@example.com
	delete p2
	cost 7
	printf 'dn: CN=p3,%s\nchangetype: modrdn\nnewrdn: CN=renamed\ndeleteoldrdn: 1\n\n' "$people"
} | modify one
ok "changes at the first" is_as one
ok "which the second has not heard of" not compare two
samba_kill9 "$dir/one"
ok "it dies, the second is followed" follows two
ok "the replica is as the second" is_as two
{ contact other other@example.com; mail p1 otherwise@example.com; delete p4; cost 8; } | modify two
ok "changes at the second" is_as two
revive one two
ok "the first is back, the second is followed" follows two
ok "the replica is as the second" is_as two
ok "each hears of the other's changes" replicate
ok "the replica is as the second" is_as two
ok "and as the first" is_as one
mail p5 late@example.com | modify one
ok "a change at the first" samba_replicate "$dir/one" "$dir/two"
ok "arrives by way of the second" is_as one

# The agent is away while the second dies: its cookie is one of the second.
sync_kill9 "$dir"
{ contact last last@example.com; mail p6 lost@example.com; } | modify two
mail p7 kept@example.com | modify one
samba_kill9 "$dir/two"
sync_start "$dir"
ok "the first is followed" follows one
ok "the replica is as the first" is_as one
revive two one
ok "the second is back, and each hears of the other" replicate
ok "the replica is as the first" is_as one
ok "and as the second" is_as two
ok "stops in order" sync_stop "$dir"
exit $failed
