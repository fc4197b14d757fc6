#!/bin/bash
# What 389-ds forgets while a sync search begins, by a scripted server (fake_sync.py): the agent asks
# once more by the cookie of the refresh, takes what it was not told, and nothing that is older than
# what it was told. WP_FULL=1 waits for the second time, after a minute, too.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/fake_sync.sh"
trap 'fake_cleanup; rm -rf "$dir"' EXIT
many=20

late() { cat >"$dir/scripts/$1.late"; }
has() { sync_has "$dir/$1" "$2"; }
shows() { "$abs_top_builddir/replica_show" --json "$dir/$1/state" | grep -q "$2"; }
asked() { [ "$(grep -c "^again $1 $2\$" "$dir/served")" -ge "${3:-1}" ]; }
began() { [ "$(grep -c "^$1 $2\$" "$dir/served")" -ge "${3:-1}" ]; }
uuid() { printf '%032x' "$1"; }
person() { echo "odd $(uuid "$1") $2 uid=o$1,dc=$3 objectClass=inetOrgPerson ${4:+mail=$4@example.com}"; }

fake_start 389 || exit $?
late first <<-EOT
	on c1
	people $many $((many + 1))
	gone 0 1
	result 0
EOT
fake_begin first <<-EOT
	on none
	org
	people 0 $many
	done c1
	on c1
	result 4096 and the rest of it is not there
EOT
# What goes on from a cookie; the last of the late answer is the sign that all of it was taken.
late order <<-EOT
	on c2
	$(person 1 add order old1)
	$(person 2 add order late2)
	gone 3 4
	gone 4 5
	people 5 6
	people $many $((many + 1))
	result 0
EOT
fake_begin order < <(
	printf 'on none\norg\npeople 0 %s\n' "$many"
	for ((i = 1; i <= 2; i++)); do person $i add order "first$i"; done
	echo done c1
	printf 'until order.go\nclose\non c1\npeople 0 5 modify\ndone c2\n'
	person 1 modify order new1
	echo people 3 4 add
	echo people 5 6 delete
	echo cookie c3
	printf 'until order.end\nclose\non c3\npeople 0 5\ndone c4\n'
)
late broken <<<"result 53 later"
# One who leaves the filter is in no change log; one who is told of may not be listed yet.
late filter <<-EOT
	quit $many $((many + 1))
	quit 7 8
	result 0
EOT
fake_begin filter <<-EOT
	on none
	org
	people 0 $many
	done c1
	people $many $((many + 1))
	people $((many + 2)) $((many + 3))
	people $((many + 2)) $((many + 3)) delete
	cookie c2
	until filter.go
	close
	on c1
	present-org
	present 0 7
	present 8 $((many + 1))
	present-done c3
EOT
fake_begin broken <<-EOT
	on none
	org
	people 0 $many
	done c1
	people $many $((many + 1))
	cookie c2
	on c1
	people $many $((many + 1))
	done c3
EOT
# A session that ends before it could ask.
fake_begin short <<-EOT
	on none
	org
	people 0 $many
	done c1
	people $many $((many + 1))
	cookie c2
	until short.go
	close
	on c1
	people $many $((many + 2))
	done c3
EOT
fake_start || exit $?
late other <<<"result 0"
fake_begin other <<-EOT
	on none
	org
	people 0 $many
	done c1
	people $many $((many + 1))
	cookie c2
	until other.go
	close
EOT

for name in "${fake_names[@]}"; do ok "$name: live" sync_wait "$dir/$name" state live; done
: >"$dir/scripts/order.go"
ok "short: a change behind the refresh" sync_until fake_persons short $((many + 1))
: >"$dir/scripts/short.go"
ok "and a session that ends before it asked: the next begins with the refresh's cookie" sync_until began short c1
ok "so nothing is missing" sync_until fake_persons short $((many + 2))
ok "first: an addition and a deletion that were forgotten" sync_until eval \
	'has first "uid=p$many," && ! has first "uid=p0,"'
ok "nothing else changed" fake_persons first $many
ok "was asked by the cookie of the refresh" asked first c1
ok "order: from a cookie, too" sync_until has order "uid=p$many,"
ok "what was told is not replaced by what is older" shows order new1@example.com
ok "what was not told is" shows order late2@example.com
ok "nor deleted" has order "uid=p3,"
ok "a deletion that was forgotten" not has order "uid=p4,"
ok "and what was deleted does not come back" not has order "uid=p5,"
ok "filter: nothing is told of who left it" sync_until not has filter "uid=p7,"
ok "and who was told of stays" has filter "uid=p$many,"
ok "or went, as told" fake_persons filter $many
ok "live" sync_wait "$dir/filter" state live
: >"$dir/scripts/filter.go"
ok "the cookie of the refresh is in force" sync_until began filter c1
ok "broken: an answer that is none ends the session" sync_until began broken c1
ok "which it says" grep -q "the server ended the search: Server is unwilling to perform: later" "$dir/broken/log"
ok "and the next begins with the refresh's cookie" not began broken c2
ok "other servers: a change" sync_until has other "uid=p$many,"
: >"$dir/scripts/other.go"
ok "go on from the last cookie" sync_until began other c2
ok "and are not asked" not grep -q "^again other" "$dir/served"
if [ "${WP_FULL:-0}" = 1 ]; then
	for ((i = 0; i < 70; i++)); do asked order c2 2 && break; sleep 1; done
	ok "after a minute once more, by the same cookie" asked order c2 2
	ok "which changes nothing" shows order new1@example.com
	sleep 1
	: >"$dir/scripts/order.end"
	ok "then the cookie of what was told is stored" sync_until began order c3
fi
for name in "${fake_names[@]}"; do ok "$name: stops in order" sync_stop "$dir/$name"; done
exit $failed
