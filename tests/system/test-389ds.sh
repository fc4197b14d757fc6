#!/bin/bash
# Content synchronisation with a real 389 Directory Server: our schema, the whole content,
# changes, renames, deletions, restarts, kill -9, a cookie of another server. Its UUIDs are its
# nsUniqueIds. After each step the replica is held against the directory entry by entry.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/ds389.sh"
. "$abs_top_srcdir/tests/lib/proxy.sh"
ds389_need || exit $?
trap 'sync_kill9 "$dir"; proxy_stop "$dir/proxy"; ds389_cont "$dir/ds" 2>/dev/null; ds389_kill9 "$dir/ds"; rm -rf "$dir"' EXIT
chmod 711 "$dir" # the server is another user
people=ou=People,dc=example,dc=com
n_people=40 rounds=${WP_ROUNDS:-3}
[ "${WP_FULL:-0}" != 1 ] || { n_people=2000 rounds=${WP_ROUNDS:-25}; }

modify() { ds389_admin "$dir/ds" ldapmodify >/dev/null; }
compare() {
	"$abs_top_srcdir/tests/lib/compare.py" --show "$abs_top_builddir/replica_show" \
		--config "$dir/waypost.conf" --uuid nsUniqueId -- \
		ldapsearch -x -H "$DS389_URL" -D "cn=Directory Manager" -w admin
}
in_step() {
	local i
	for ((i = 0; i < 400; i++)); do
		compare >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	compare
}
logged() { grep -q -- "$1" "$dir/log"; }
person() { # uid [container]
	printf 'dn: uid=%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' \
		"$1" "${2:-$people}" "$1" "$1" "$1" "$1"
}
folder() { printf 'dn: ou=%s,%s\nchangetype: add\nobjectClass: organizationalUnit\nou: %s\n\n' "$1" "${2:-$people}" "$1"; }
rename() { # dn, new rdn [new parent]
	printf 'dn: %s\nchangetype: modrdn\nnewrdn: %s\ndeleteoldrdn: 1\n' "$1" "$2"
	[ $# -lt 3 ] || printf 'newsuperior: %s\n' "$3"
	echo
}
delete() { printf 'dn: %s\nchangetype: delete\n\n' "$1"; }
mail() { printf 'dn: uid=%s,%s\nchangetype: modify\nreplace: mail\nmail: %s@example.com\n\n' "$1" "$people" "$2"; }
cost() {
	printf 'dn: cn=HQ-Lyon,cn=Site Links,cn=Waypost,dc=example,dc=com\nchangetype: modify\nreplace: waypostCost\nwaypostCost: %s\n\n' "$1"
}
change_all() {
	{
		person "new$1"
		mail "p$1" "other$1"
		delete "uid=p1$1,$people"
		rename "uid=p2$1,$people" "uid=q2$1"
		cost "6$1"
		delete "uid=new$1,$people"
		person "new$1"
	} | modify
}

limits() { printf 'dn: cn=waypost,ou=Services,dc=example,dc=com\nchangetype: modify\nreplace: nsSizeLimit\nnsSizeLimit: %s\n' "$1" | modify; }

ds389_init "$dir/ds" && ds389_start "$dir/ds" || exit 1
ds389_env "$dir/ds"
ok "our schema and the example organisation are taken" ds389_load "$dir/ds" "$abs_top_srcdir/schema/example.ldif"
{
	for ((i = 0; i < n_people; i++)); do person "p$i"; done
	folder A
	person inside ou=A,$people
	folder Elsewhere dc=example,dc=com
	folder Outside ou=Elsewhere,dc=example,dc=com
	person outside ou=Outside,ou=Elsewhere,dc=example,dc=com
	cat <<-'EOT'
	dn: dc=example,dc=com
	changetype: modify
	add: aci
	aci: (targetattr!="userPassword")(version 3.0; acl "Services read"; allow (read, search, compare)
	 userdn="ldap:///cn=*,ou=Services,dc=example,dc=com";)
	EOT
} | modify
ok "the account has no limits" limits -1
proxy_start "$dir/proxy" "$DS389_PORT" || exit 1
sync_conf "$dir" "$(sync_corp "$dir" "ldap://127.0.0.1:$(proxy_port "$dir/proxy")")"
sync_start "$dir"
ok "live" sync_wait "$dir" state live 20
ok "the whole content" in_step
ok "changes" eval 'change_all 1; in_step'
ok "a folder is renamed" eval 'rename "ou=A,$people" ou=B | modify; in_step'
ok "and is followed by what is below it" sync_has "$dir" "uid=inside,ou=B,$people recipient"
ok "a folder moves out" eval 'rename "ou=B,$people" ou=B ou=Elsewhere,dc=example,dc=com | modify; in_step'
ok "a folder moves in" eval 'rename ou=Outside,ou=Elsewhere,dc=example,dc=com ou=Outside "$people" | modify; in_step'
ok "live" sync_wait "$dir" state live 20

generation=$(sync_generation "$dir")
sync_stop "$dir"
{
	change_all 2
	printf 'dn: uid=p7,%s\nchangetype: modify\ndelete: mail\n\n' "$people" | modify # 389 says nothing of it
}
sync_start "$dir"
ok "changes while the agent was away" in_step
ok "live" sync_wait "$dir" state live 20
ok "no full refresh" test "$generation" = "$(sync_generation "$dir")"

ds389_stop "$dir/ds"
ok "the server is away" sync_wait "$dir" state down
ds389_start "$dir/ds"
change_all 3
ok "it is back" sync_wait "$dir" state live 20
ok "in step" in_step

bad=0
for ((r = 0; r < rounds; r++)); do
	(for ((k = 0; k < 10; k++)); do mail "p$((30 + k % 10))" "r$r-$k"; done | modify 2>/dev/null) &
	writer=$!
	sleep "0.$((RANDOM % 9))"
	if ((r % 2)); then sync_kill9 "$dir"; else ds389_kill9 "$dir/ds"; fi
	wait "$writer"
	if ((r % 2)); then sync_start "$dir"; else ds389_start "$dir/ds" || bad=1; fi
	in_step || { bad=1; break; }
done
ok "$rounds rounds of kill -9: in step each time" test $bad = 0

ds389_pause "$dir/ds"
ok "a server that hangs is found out" sync_wait "$dir" state down 20
ds389_cont "$dir/ds"
ok "live when it goes on" sync_wait "$dir" state live 20

# A cookie of another server: 389 asks for a full refresh.
sync_stop "$dir"
delete "uid=p5,$people" | modify
generation=$(sync_generation "$dir")
proxy "$dir/proxy" replace localhost: foreigner:
sync_start "$dir"
ok "a foreign cookie" sync_until eval '[ "$generation" != "$(sync_generation "$dir")" ]'
ok "in step" in_step
proxy "$dir/proxy" replace
proxy "$dir/proxy" reset
ok "live" sync_wait "$dir" state live 20
mail p6 last | modify
ok "in step" in_step
ok "the account may read five entries" limits 5
ok "all is to be read anew" "$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync resync
says_limit() { sync_field "$dir" sources | grep "Size limit exceeded" | grep -q "nsSizeLimit -1"; }
for ((i = 0; i < 60; i++)); do says_limit && break; sleep 1; done
ok "389 stops at the limit, without a word: it is found out, and said with what to do" says_limit
ok "the limit is taken away" limits -1
ok "live" sync_wait "$dir" state live 40
ok "in step" in_step
ok "stops in order" sync_stop "$dir"
exit $failed
