#!/bin/bash
# A disk without room for the replica: in the first refresh, and while changes come. Nothing of half
# a transaction is seen, what is wrong is said, and it goes on by itself when there is room. Needs
# to mount a file system of its own; where that is not allowed the test is skipped.
set -u
dir=$(mktemp -d /tmp/wpdiskXXXXXX) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; umount "$dir/state" 2>/dev/null; rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com
n_people=6000
[ "${WP_FULL:-0}" != 1 ] || n_people=60000
n_more=$((n_people * 2 / 3)) # more than free pages have room for

size() { mount -o "remount,size=$1" "$dir/state"; }
says() { sync_field "$dir" last_error | grep -q "$1"; }
same() { sync_compare "$dir" "$dir/slapd" --section corp && sync_has "$dir" '^entry uid=few,'; }
used_kib() { df --output=used "$dir/state" | tail -1; }
person() {
	printf 'dn: uid=%s,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' \
		"$1" "$people" "$1" "$1" "$1" "$1"
}
# New ones need pages; changes of old ones may find theirs among those that changes have freed.
more() { # how many, name
	local i
	for ((i = 0; i < $1; i++)); do person "$2$i"; done | slapd_admin "$dir/slapd" ldapadd >/dev/null
}

mkdir "$dir/state" "$dir/run"
mount -t tmpfs -o size=1m none "$dir/state" 2>/dev/null || {
	echo "skipped: this host mounts no tmpfs"
	exit 77
}
{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	for ((i = 0; i < n_people; i++)); do person "p$i"; done
} >"$dir/org.ldif"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
# Beside it a file that never changes: it has nothing to say any more when the other's transaction fails.
printf 'dn: uid=few,dc=few\nobjectClass: inetOrgPerson\nuid: few\nmail: few@example.com\n' >"$dir/few.ldif"
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL")
directory \"few\" { uri = {\"file://$dir/few.ldif\"} }"

sync_start "$dir"
ok "no room for the first refresh: it is said" sync_until says 'No space left on device'
ok "and nothing is published" test ! -e "$dir/state/replica/current"
size 400m
ok "live as soon as there is room" sync_wait "$dir" state live 60
ok "the replica is the directory" sync_until same

# As much room as is used.
size "$(($(used_kib) + 8))k"
head -c 1m /dev/zero >"$dir/state/ballast" 2>/dev/null
more $n_more some
ok "no room for changes: it is said" sync_until says 'No space left on device'
ok "what was live is whole" sync_show "$dir"
rm "$dir/state/ballast"
size 400m
ok "live again" sync_wait "$dir" state live 60
ok "with what happened meanwhile" sync_until same

# The same over a restart in between.
size "$(($(used_kib) + 8))k"
head -c 1m /dev/zero >"$dir/state/ballast" 2>/dev/null
sync_kill9 "$dir"
more $n_more other
sync_start "$dir"
ok "after kill -9 without room: it is said" sync_until says 'No space left on device'
rm -f "$dir/state/ballast"
size 400m
ok "live once more" sync_wait "$dir" state live 60
ok "and in step" sync_until same
ok "stops in order" sync_stop "$dir"
exit $failed
