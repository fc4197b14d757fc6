#!/bin/bash
# kill -9 of slapd and of the agent at random moments, and servers that hang, while everything in
# the directory changes: people, folders with what is in them, groups, connectors. Afterwards the
# replica is held against the directory entry by entry (compare.py). WP_ROUNDS: how many rounds
# (200 with WP_FULL=1); WP_SEED repeats a run as far as chance allows;
# WP_SESSIONLOG=0|1: slapd without a session log, with one.
set -u
dir=$(mktemp -d /tmp/wpchaosXXXXXX) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_cont "$dir/slapd" 2>/dev/null; slapd_stop "$dir/slapd"
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com
base=cn=Waypost,dc=example,dc=com
rounds=${WP_ROUNDS:-8}
[ "${WP_FULL:-0}" != 1 ] || rounds=${WP_ROUNDS:-200}
seed=${WP_SEED:-$RANDOM}
RANDOM=$seed
echo "# WP_SEED=$seed"

pause() { sleep "0.$(printf %03d $((RANDOM % $1)))"; }
person() { # number, folder
	printf 'dn: uid=p%s,%s\nobjectClass: inetOrgPerson\nuid: p%s\ncn: p%s\nsn: p%s\nmail: p%s@example.com\n\n' \
		"$1" "$2" "$1" "$1" "$1" "$1"
}
# Writes changes until it is stopped; what is refused does not matter.
churn() {
	local n
	for ((n = 0; n < 6; n++)); do
		"$abs_top_srcdir/tests/lib/churn.py" --people "$people" --topology "$base" --count 15 \
			--seed $((seed * 1000 + round * 10 + n)) -- \
			ldapsearch -Q -Y EXTERNAL -H "$SLAPD_LDAPI" >"$dir/churn.ldif" 2>/dev/null
		slapd_admin "$dir/slapd" ldapmodify -c -f "$dir/churn.ldif" >/dev/null 2>&1
	done
}
same() { sync_compare "$dir" "$dir/slapd"; }
whole() { sync_show "$dir" >/dev/null; }

{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	for ((i = 0; i < 8; i++)); do
		printf 'dn: ou=f%s,%s\nobjectClass: organizationalUnit\nou: f%s\n\n' "$i" "$people" "$i"
	done
	for ((i = 0; i < 400; i++)); do person "$i" "ou=f$((i % 8)),$people"; done
} >"$dir/org.ldif"
# Present phases by themselves, or sets of deletions from a session log.
sessionlog=${WP_SESSIONLOG:-$((RANDOM % 2))}
[ "$sessionlog" = 0 ] || echo "# with a session log"
# shellcheck disable=SC2046
slapd_init "$dir/slapd" $([ "$sessionlog" = 0 ] || echo --sessionlog 500) &&
	slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL")"
sync_start "$dir"
ok "live" sync_wait "$dir" state live 30
ok "the replica is the directory" sync_until same

victims=(agent slapd agent slapd both hang)
bad=0
for ((round = 0; round < rounds && bad == 0; round++)); do
	victim=${victims[RANDOM % ${#victims[@]}]}
	churn &
	writer=$!
	pause 900
	case $victim in
	agent | both) sync_kill9 "$dir" ;;&
	slapd | both) slapd_kill9 "$dir/slapd" ;;&
	hang) slapd_pause "$dir/slapd" ;;
	esac
	pause 300
	[ ! -e "$dir/state/replica/current" ] || whole || bad=1
	case $victim in
	slapd | both) slapd_start "$dir/slapd" || bad=1 ;;&
	agent | both) sync_start "$dir" ;;&
	hang) slapd_cont "$dir/slapd" ;;
	esac
	wait "$writer"
	sync_wait "$dir" state live 40 >"$dir/out" || bad=1
	sync_until same >/dev/null || bad=1
	if [ $bad = 1 ]; then
		echo "round $round: $victim"
		cat "$dir/out"
		same
		tail -20 "$dir/log"
	fi
done
ok "$rounds rounds of kill -9 and hanging: the replica is the directory after each" test $bad = 0
ok "stops in order" sync_stop "$dir"
exit $failed
