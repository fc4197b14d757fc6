#!/bin/bash
# Every way in which slapd brings a consumer up to date, by RFC 4533: the whole content, present
# phase, delete phase by its session log, 4096, a cookie that it does not understand; and what
# slapd says only by halves: folders that are renamed or move. After each the replica is held
# against the directory entry by entry.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/proxy.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; proxy_stop "$dir/proxy"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com
n_people=60
[ "${WP_FULL:-0}" != 1 ] || n_people=3000
export SLAPD_DEBUG=stats,sync

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
in_step() { sync_in_step "$dir" "$dir/slapd"; }
logged() { grep -q -- "$1" "$dir/log"; }
person() { # uid [container]
	printf 'dn: uid=%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' \
		"$1" "${2:-$people}" "$1" "$1" "$1" "$1"
}
folder() { # name [container]
	printf 'dn: ou=%s,%s\nchangetype: add\nobjectClass: organizationalUnit\nou: %s\n\n' "$1" "${2:-$people}" "$1"
}
rename() { # dn, new rdn [new parent]
	printf 'dn: %s\nchangetype: modrdn\nnewrdn: %s\ndeleteoldrdn: 1\n' "$1" "$2"
	[ $# -lt 3 ] || printf 'newsuperior: %s\n' "$3"
	echo
}
delete() { printf 'dn: %s\nchangetype: delete\n\n' "$1"; }
syncprov() { # attribute, value
	modify <<-EOT
	dn: olcOverlay={0}syncprov,olcDatabase={1}mdb,cn=config
	changetype: modify
	replace: $1
	$1: $2
	EOT
}
# What slapd did since mark, in its own words.
slapd_said() {
	tail -c "+$((said + 1))" "$dir/slapd/slapd.log" | grep -q -- "$1"
}
mark() { said=$(stat -c %s "$dir/slapd/slapd.log") generation=$(sync_generation "$dir"); }
resumed() { [ "$generation" = "$(sync_generation "$dir")" ]; }
# All kinds of changes while the agent is away; N makes their names new.
change_all() {
	local n=$1
	{
		person "new$n"
		person "recreated$n"
		delete "uid=p$n,$people"
		printf 'dn: uid=p2%s,%s\nchangetype: modify\nreplace: mail\nmail: other%s@example.com\n\n' "$n" "$people" "$n"
		rename "uid=p3$n,$people" "uid=renamed$n"
		rename "ou=Folder$n,$people" "ou=Folder-$n"
		rename "uid=p4$n,$people" "uid=p4$n" "ou=Folder-$n,$people"
		delete "uid=recreated$n,$people"
		person "recreated$n"
		printf 'dn: cn=HQ-Lyon,cn=Site Links,cn=Waypost,dc=example,dc=com\nchangetype: modify\nreplace: waypostCost\nwaypostCost: 6%s\n\n' "$n"
	} | modify
}

{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	{
		for ((i = 0; i < n_people; i++)); do person "p$i"; done
		for i in 1 2 3 4; do folder "Folder$i"; person "inside$i" "ou=Folder$i,$people"; done
		folder Elsewhere dc=example,dc=com
		folder Outside ou=Elsewhere,dc=example,dc=com
		person outside ou=Outside,ou=Elsewhere,dc=example,dc=com
		folder Deep "ou=Folder4,$people"
		person deep "ou=Deep,ou=Folder4,$people"
	} | sed '/^changetype/d'
} >"$dir/org.ldif"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
proxy_start "$dir/proxy" "$SLAPD_PORT" || exit 1
sync_conf "$dir" "$(sync_corp "$dir" "ldap://127.0.0.1:$(proxy_port "$dir/proxy")")"

mark
sync_start "$dir"
ok "the first refresh" sync_wait "$dir" state live
ok "in step" in_step
ok "slapd ended it with refreshDelete" slapd_said 'refreshDelete'

# No session log: slapd names all that is there.
sync_stop "$dir"
change_all 1
mark
sync_start "$dir"
ok "present phase" in_step
ok "live" sync_wait "$dir" state live
ok "slapd sent a present phase" slapd_said 'refreshPresent\|syncIdSet\|present'
ok "no full refresh" resumed

# A restart of slapd while connected, and changes before the agent is back.
mark
slapd_stop "$dir/slapd"
slapd_start "$dir/slapd"
change_all 2
ok "slapd restarts: in step" in_step
ok "no full refresh" resumed

ok "a session log" syncprov olcSpSessionlog 1000
person logged | modify # the log begins with a change
ok "in step" in_step
sync_stop "$dir"
change_all 3
mark
sync_start "$dir"
ok "delete phase" in_step
ok "live" sync_wait "$dir" state live
ok "slapd sent a set of deletions" slapd_said 'refreshDelete'
ok "no full refresh" resumed

# Every change of the directory is newer than the cookie, as after a load from LDIF.
reload() {
	local now
	slapd_stop "$dir/slapd"
	# slapadd stamps whole seconds.
	now=$(date +%s)
	while [ "$(date +%s)" = "$now" ]; do sleep 0.02; done
	slapcat -F "$dir/slapd/config" -b dc=example,dc=com -l "$dir/dump.ldif" &&
		sed -i '/^entryCSN:/d; /^contextCSN:/d' "$dir/dump.ldif" && rm -f "$dir/slapd/data"/* &&
		slapd_load "$dir/slapd" "$dir/dump.ldif" && slapd_start "$dir/slapd"
}
ok "a directory with the reload hint" syncprov olcSpReloadHint TRUE
sync_stop "$dir"
ok "is loaded anew" reload
change_all 4
mark
sync_start "$dir"
ok "4096: in step" in_step
ok "live" sync_wait "$dir" state live
ok "slapd wanted a full refresh" slapd_said 'err=4096'
ok "and got it" not resumed
ok "it was refused once" test "$(tail -c "+$said" "$dir/slapd/slapd.log" | grep -c err=4096)" = 1
ok "a directory without the hint" syncprov olcSpReloadHint FALSE
sync_stop "$dir"
ok "is loaded anew" reload
delete "uid=p5,$people" | modify
sync_start "$dir"
ok "in step" in_step

# A cookie that slapd does not understand: it says nothing, and sends everything.
sync_stop "$dir"
delete "uid=p9,$people" | modify
proxy "$dir/proxy" replace csn= cxn=
mark
sync_start "$dir"
ok "live" sync_wait "$dir" state live
ok "slapd sent everything" slapd_said 'cookie=rid=[0-9]*,cxn'
proxy "$dir/proxy" replace
ok "a garbled cookie: in step" in_step
person afterwards | modify
ok "and afterwards" in_step

# Folders across the border of what is asked for: slapd tells of the folder alone.
ok "a folder moves out" eval 'rename "ou=Folder-4,$people" ou=Folder4 ou=Elsewhere,dc=example,dc=com | modify'
ok "its people are gone" in_step
ok "a folder moves in" eval 'rename ou=Outside,ou=Elsewhere,dc=example,dc=com ou=Outside "$people" | modify'
ok "its people are there" in_step
ok "and can be found" sync_has "$dir" "uid=outside,ou=Outside,$people recipient"
sync_stop "$dir"
ok "both while the agent is away" eval '{
	rename ou=Folder4,ou=Elsewhere,dc=example,dc=com ou=Folder4 "$people"
	rename "ou=Outside,$people" ou=Outside ou=Elsewhere,dc=example,dc=com
} | modify'
sync_start "$dir"
ok "in step" in_step
ok "live" sync_wait "$dir" state live
sync_stop "$dir"
ok "a folder is made while the agent is away" eval '{
	folder Fresh
	person fresh "ou=Fresh,$people"
	rename "ou=Fresh,$people" ou=Fresher
} | modify'
sync_start "$dir"
ok "in step" in_step

# Names that are used again.
ok "a folder is deleted and made again with its people" eval '{
	delete "uid=inside3,ou=Folder-3,$people"
	delete "uid=p43,ou=Folder-3,$people"
	delete "ou=Folder-3,$people"
	folder Folder-3
	person inside3 "ou=Folder-3,$people"
	person more3 "ou=Folder-3,$people"
} | modify'
ok "in step" in_step
ok "two swap their names" eval '{
	rename "uid=p10,$people" uid=swap
	rename "uid=p11,$people" uid=p10
	rename "uid=swap,$people" uid=p11
} | modify'
ok "in step" in_step
sync_stop "$dir"
ok "and again while the agent is away" eval '{
	rename "ou=Folder-3,$people" ou=T
	rename "ou=Folder-2,$people" ou=Folder-3
	rename "ou=T,$people" ou=Folder-2
	rename "uid=p10,$people" uid=swap
	rename "uid=p11,$people" uid=p10
	rename "uid=swap,$people" uid=p11
} | modify'
sync_start "$dir"
ok "in step" in_step

ok "stops in order" sync_stop "$dir"
exit $failed
