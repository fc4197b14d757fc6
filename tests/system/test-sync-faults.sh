#!/bin/bash
# What can go wrong between slapd and the replica: a server killed in a refresh, one that hangs,
# an agent killed at any moment, a refresh that would drop too much, an organisation without servers.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_cont "$dir/slapd" 2>/dev/null; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com
n_people=2000
rounds=${WP_ROUNDS:-6}
[ "${WP_FULL:-0}" != 1 ] || { n_people=20000 rounds=${WP_ROUNDS:-50}; }

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
number() { sync_field "$dir" snapshot; }
above() { [ "$(number)" -gt "$1" ]; }
same_as() { [ "$(number)" = "$1" ]; }
# By name: a directory that was loaded anew has new UUIDs, and both are there for a while.
persons() { sync_show "$dir" | sort -u | grep -c "^entry uid=p[0-9]*,$people recipient"; }
has_persons() { [ "$(persons)" = "$1" ]; }
says() { sync_field "$dir" last_error | grep -q "$1"; }
accept() { "$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync accept --yes; }
pause() { sleep "0.$(printf %03d $((RANDOM % $1)))"; }
person() { # number, mail
	printf 'dn: uid=p%s,%s\nobjectClass: inetOrgPerson\nuid: p%s\ncn: p%s\nsn: p%s\nmail: %s@example.com\n\n' \
		"$1" "$people" "$1" "$1" "$1" "$2"
}

{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	for ((i = 0; i < n_people; i++)); do person "$i" "p$i"; done
} >"$dir/org.ldif"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL")"

# A first refresh that is cut off shows nothing; the next one all of it.
sync_start "$dir"
pause 60
slapd_kill9 "$dir/slapd"
ok "a first refresh cut off: nothing or everything" eval "not test -e '$dir/state/replica/current' || has_persons $n_people"
slapd_start "$dir/slapd"
ok "then all of it" sync_wait "$dir" state live 30
ok "every person" has_persons "$n_people"

# slapd and the agent killed at any moment while people change.
bad=0
for ((r = 0; r < rounds; r++)); do
	(
		for ((k = 0; k < 20; k++)); do
			printf 'dn: uid=p%s,%s\nchangetype: modify\nreplace: mail\nmail: r%s-%s@example.com\n\n' \
				$((RANDOM % n_people)) "$people" "$r" "$k"
		done | slapd_admin "$dir/slapd" ldapmodify -c >/dev/null 2>&1
	) &
	writer=$!
	pause 150
	if ((r % 2)); then sync_kill9 "$dir"; else slapd_kill9 "$dir/slapd"; fi
	wait "$writer"
	sync_show "$dir" >"$dir/shown" 2>&1 || { bad=1; tail -3 "$dir/shown"; }
	[ "$(grep -c "^entry uid=p" "$dir/shown")" = "$n_people" ] || { bad=1; echo "round $r: people are missing"; }
	if ((r % 2)); then sync_start "$dir"; else slapd_start "$dir/slapd"; fi
	pause 300
done
ok "$rounds rounds of kill -9: whole every time" test "$bad" = 0
ok "live again" sync_wait "$dir" state live 30
slapd_admin "$dir/slapd" ldapsearch -LLL -o ldif-wrap=no -b "$people" '(mail=*)' dn | sed -n 's/^dn: //p' | sort >"$dir/want"
ok "in step" sync_until eval "sync_show '$dir' | sed -n 's/^entry \\(.*$people\\) recipient/\\1/p' | sort | cmp - '$dir/want'"

# A server that hangs keeps its sockets open.
slapd_pause "$dir/slapd"
ok "a hanging server is found out" sync_wait "$dir" state down 20
ok "the replica is served" has_persons "$n_people"
slapd_cont "$dir/slapd"
ok "it goes on when the server does" sync_wait "$dir" state live 30
person late late | sed 's/^objectClass/changetype: add\n&/' | modify
ok "with what happened meanwhile" sync_until sync_has "$dir" "uid=plate,$people"

# A restored backup is older than the cookie: said at once, read anew after some tries.
generation=$(readlink "$dir/state/replica/current")
slapd_stop "$dir/slapd"
cp -a "$dir/slapd/data" "$dir/backup"
slapd_start "$dir/slapd"
ok "live" sync_wait "$dir" state live 30
person doomed doomed | sed 's/^objectClass/changetype: add\n&/' | modify
ok "a change after the backup" sync_until sync_has "$dir" "uid=pdoomed,$people"
slapd_stop "$dir/slapd"
rm -rf "$dir/slapd/data"
mv "$dir/backup" "$dir/slapd/data"
slapd_start "$dir/slapd"
ok "a restored backup is found out" sync_until says 'newer than provider'
ok "and read anew in the end" sync_wait "$dir" state live 60
ok "what it does not hold is gone" not sync_has "$dir" "uid=pdoomed,$people"
ok "by a full refresh" test "$generation" != "$(readlink "$dir/state/replica/current")"

# Too much would go: held back until somebody says that it is meant.
n=$(number)
ok "stops in order" sync_stop "$dir"
slapd_stop "$dir/slapd"
rm -rf "$dir/slapd/data"/*
{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	for ((i = 0; i < n_people / 2; i++)); do person "$i" "p$i"; done
} >"$dir/half.ldif"
slapd_load "$dir/slapd" "$dir/half.ldif" && slapd_start "$dir/slapd" || exit 1
sync_start "$dir"
ok "half of the people gone: held" sync_wait "$dir" state held 40
ok "and says what would go" says 'would drop'
ok "what was live stays live" has_persons "$n_people"
person more more | sed 's/^objectClass/changetype: add\n&/' | modify
sleep 0.5
ok "still held" sync_is "$dir" state held
ok "accepted" accept
ok "live" sync_wait "$dir" state live
ok "the half is gone" has_persons $((n_people / 2))
ok "what came while it was held is there" sync_has "$dir" "uid=pmore,$people"
ok "nothing more to accept" not accept

# No organisation loses its last server by accident.
n=$(number)
slapd_admin "$dir/slapd" ldapsearch -LLL -o ldif-wrap=no -b "cn=Servers,cn=Waypost,dc=example,dc=com" '(objectClass=*)' dn |
	sed -n 's/^dn: //p' | awk '{ print length, $0 }' | sort -rn | cut -d' ' -f2- |
	grep -v '^cn=Servers' | slapd_admin "$dir/slapd" ldapdelete
ok "no server left: held" sync_wait "$dir" state held
sleep 0.3
held=$(number)
modify <<EOT
dn: cn=HQ-Lyon,cn=Site Links,cn=Waypost,dc=example,dc=com
changetype: modify
replace: waypostCost
waypostCost: 91
EOT
sleep 0.5
ok "the last good snapshot stays" same_as "$held"
ok "accepted" accept
ok "a new snapshot" sync_until above "$held"
ok "live" sync_wait "$dir" state live
ok "stops in order" sync_stop "$dir"
ok "the replica is whole" sync_show "$dir"
exit $failed
