#!/bin/bash
# What slapd forgets when it is killed: its contextCSN is then that of the newest entry, so a
# deletion that came after it seems not to have been. Nobody who asks for what changed since the
# newest entry is told of it, not even by the session log, which begins anew at this point; to
# who knows of the deletion slapd says that he is newer than itself.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
cases=()
trap 'for name in ${cases[@]+"${cases[@]}"}; do sync_kill9 "$dir/$name"; slapd_stop "$dir/$name/slapd"; done
	rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com

person() { printf 'dn: uid=%s,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' "$1" "$people" "$1" "$1" "$1" "$1"; }
modify() { slapd_admin "$at/slapd" ldapmodify >/dev/null; }
delete() { printf 'dn: uid=%s,%s\nchangetype: delete\n\n' "$1" "$people" | modify; }
touch_last() { printf 'dn: uid=last,%s\nchangetype: modify\nreplace: sn\nsn: %s\n\n' "$people" "$1" | modify; }
in_step() { sync_in_step "$at" "$at/slapd"; }
has() { sync_has "$at" "^entry uid=$1,"; }

# begin NAME [slapd_init's options]: an agent that is in step, the newest entry being uid=last.
begin() {
	at=$dir/$1
	mkdir "$at"
	cases+=("$1")
	slapd_init "$at/slapd" "${@:2}" && slapd_load "$at/slapd" "$dir/org.ldif" && slapd_start "$at/slapd" || exit 1
	slapd_env "$at/slapd"
	sync_conf "$at" "$(sync_corp "$at" "$SLAPD_URL")"
	sync_start "$at"
	ok "live" sync_wait "$at" state live
	touch_last one
	ok "in step" in_step
}
crash() { slapd_kill9 "$at/slapd" 2>/dev/null; slapd_start "$at/slapd"; }

{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	for name in first second third fourth fifth sixth seventh last; do person "$name"; done
} >"$dir/org.ldif"

for log in "" "--sessionlog 500"; do
	# shellcheck disable=SC2086
	begin "crash${log:+log}" $log
	generation=$(sync_generation "$at")
	what=${log:-no session log}
	# The first deletion is in slapd's database as its contextCSN, the second is not.
	delete first
	ok "$what: a deletion" in_step
	sync_stop "$at"
	ok "it has the second entry" has second
	delete second
	crash
	sync_start "$at"
	ok "deleted while the agent was away, then slapd killed" in_step
	ok "live" sync_wait "$at" state live

	touch_last two
	delete third
	ok "in step" in_step
	sync_kill9 "$at"
	delete fourth
	crash
	touch_last three
	sync_start "$at"
	ok "deleted, killed, and a change afterwards" in_step
	ok "live" sync_wait "$at" state live
	ok "no full refresh" test "$generation" = "$(sync_generation "$at")"
	ok "stops in order" sync_stop "$at"
done

delete fifth
slapd_stop "$at/slapd"
sync_start "$at"
slapd_start "$at/slapd"
touch_last four
delete sixth
ok "in step" in_step
delete seventh
ok "a deletion that only the agent knows of after the kill" in_step
crash
ok "read anew, after some tries: live" sync_wait "$at" state live 30
ok "in step" in_step
ok "stops in order" sync_stop "$at"
exit $failed
