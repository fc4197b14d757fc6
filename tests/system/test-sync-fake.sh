#!/bin/bash
# What no good server says: a scripted one (fake_sync.py) cuts its lists short, sends what is
# malformed, out of turn or too much, and every result code. The agent never loses an entry by
# it, never hangs and never hurries: how often it came back is counted by the server.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/fake_sync.sh"
trap 'fake_cleanup; rm -rf "$dir"' EXIT
fake_start || exit $?
many=60
strangers=20000
[ "${WP_FULL:-0}" != 1 ] || strangers=1000000

# What a good server says at first, and goes on to say NAME's lines to the cookie c1.
good_then() {
	fake_begin "$1" < <(
		printf 'on none\norg\npeople 0 %s\ndone c1\nuntil %s.go\nclose\non c1\n' "$many" "$1"
		cat
	)
}
go() { : >"$dir/scripts/$1.go"; }
served_with() { grep -q "^$1 $2\$" "$dir/served"; }
came_again() { [ "$(fake_served "$1")" -ge "${2:-2}" ]; }
is() { sync_is "$dir/$1" state "$2"; }
wait_is() { sync_wait "$dir/$1" state "$2"; }
snapshot_is() { sync_until eval "[ \"\$(sync_field '$dir/$1' snapshot)\" = $2 ]"; }
started=$SECONDS
: >"$dir/scripts/audit.half"

# ---- lists that are cut short, after a first refresh that was good ----
good_then short <<-EOT
	present-org
	present 0 30
	present-done c2
EOT
good_then little <<-EOT
	present-org
	present 0 55
	present-done c2
EOT
good_then empty <<-EOT
	present-done c2
EOT
good_then early <<-EOT
	present-org
	present 0 30
	result 0
EOT
good_then gone <<-EOT
	gone 0 $many
	done c2
EOT
good_then cut <<-EOT
	present-org
	present 0 30
	close
EOT
good_then better <<-EOT
	present-org
	present 0 20
	present-done c2
	until better.more
	close
EOT
good_then silent <<-EOT
	until silent.more
	present-org
	present 0 $many
	present-done c2
EOT
# ---- out of turn, malformed ----
good_then bare <<-EOT
	present-org
	bare 0 $((many + 1))
	present-done c2
EOT
good_then twice <<-EOT
	present-org
	present 0 $many
	present-done c2
	present-done c2
EOT
good_then late <<-EOT
	present-org
	present 0 $many
	present-done
	people 0 1 present
EOT
good_then lateset <<-EOT
	present-org
	present 0 $many
	present-done
	present 0 1
EOT
good_then number <<-EOT
	people 0 1 7
	present-done c2
EOT
good_then info <<-EOT
	info ff00
	present-done c2
EOT
good_then set <<-EOT
	info a3073105040301020300
	present-done c2
EOT
good_then state <<-EOT
	state 300604020102 0
	present-done c2
EOT
good_then name <<-EOT
	present-org
	present 0 $many
	named no-dn-at-all
	named ""
	present-done c2
EOT
good_then many <<-EOT
	present-org
	present 0 $many
	strangers $strangers
	present-done c2
	people $many $((many + 1))
	cookie c3
EOT
good_then phases <<-EOT
	present-org
	present 0 $((many - 1))
	present-phase c2
	people $many $((many + 1)) modify
	gone 0 1
	done c3
EOT
good_then audit <<-EOT
	site Lyon
	quit 5 6
	people $((many - 1)) $many delete
	done c2
	until audit.more
	site Kiel
	people $((many - 2)) $((many - 1)) delete
	people $many $((many + 2))
	cookie c3
EOT
good_then notice <<-EOT
	done
	notice
EOT
good_then junk <<-EOT
	done
	junk
EOT
good_then blank <<-EOT
	cookie ""
	done ""
	people $many $((many + 1))
	cookie ""
	until blank.more
	close
EOT
fake_begin bakes < <(printf 'on none\norg\npeople 0 %s\ndone\nuntil bakes.go\nclose\n' "$many")
# Ten minutes are for who has the time.
[ "${WP_FULL:-0}" != 1 ] || good_then stuck <<-EOT
	until stuck.never
EOT
# ---- results, at first and later; 4096 that helps and that never does ----
codes="4 32 50 51 4096"
[ "${WP_FULL:-0}" != 1 ] || codes="1 2 3 4 10 11 12 32 50 51 52 53 80 4096"
for code in $codes; do
	fake_begin "first$code" <<<"result $code because"
	good_then "later$code" <<-EOT
		people 0 1 modify
		result $code because
	EOT
done
good_then reload <<<"result 4096"
good_then hurry <<-EOT
	done
	close
EOT
fake_begin closes <<<close
# ---- a server that is asked for little of an entry, and then for all of a topology's ----
fake_start openldap || exit $?
cat >"$dir/scripts/whole.read" <<-EOT
	Oslo renamed
	Rome gone
	Nice taken
EOT
echo "Lyon code 51" >"$dir/scripts/busy.read"
good_then whole <<-EOT
	present-org
	present 0 $many
	site Lyon
	site Oslo
	site Rome
	site Nice
	present-done c2
	site Kiel
	site Bonn
	people $many $((many + 1))
	until whole.more
	site Kiel modify
	people $many $((many + 1)) delete
	cookie c3
	until whole.end
	sites 0 1100 c4
EOT
fake_begin busy < <(printf 'on none\norg\nsite Lyon\npeople 0 %s\ndone c1\n' "$many")

for name in "${fake_names[@]}"; do
	case $name in
	first* | closes | busy) ;;
	*)
		ok "$name: live at first" wait_is "$name" live
		fake_persons "$name" "$many" || { echo "not ok $name: people are missing"; failed=1; }
		go "$name"
		;;
	esac
done

ok "short list: held" wait_is short held
ok "short list: says what would go" fake_says short 'would drop 30 of 60 recipients'
ok "short list: nothing is lost" fake_persons short $many
ok "a list that is short by a few: these are gone" sync_until fake_persons little 55
ok "nothing said yet: not called live" wait_is silent refresh
: >"$dir/scripts/silent.more"
ok "nothing said yet: live once it was" wait_is silent live
ok "empty list: held" wait_is empty held
ok "empty list: nothing is lost" fake_persons empty $many
ok "set of deletions: held" wait_is gone held
ok "set of deletions: nothing is lost" fake_persons gone $many
ok "the end before its time is a failure" sync_until fake_says early 'ended the search'
ok "nothing is lost" fake_persons early $many
ok "cut off: comes again with the old cookie" sync_until came_again cut 3
ok "nothing is lost" fake_persons cut $many

ok "a short list" wait_is better held
sed -i 's/^present 0 20/present 0 60/; /better.more/,$d' "$dir/scripts/better"
: >"$dir/scripts/better.more"
ok "and a whole one: live by itself" wait_is better live
ok "nothing is lost" fake_persons better $many

for name in bare twice late lateset number info set state; do
	ok "$name: comes again" sync_until came_again $name 3
	ok "$name: nothing is lost" fake_persons $name $many
done
ok "an entry without its control is named" sync_until fake_says bare 'sync state'
ok "what is malformed is named" sync_until fake_says info 'malformed'
ok "an entry without a name is left out" wait_is name live
ok "and is a diagnostic" sync_until sync_has "$dir/name" '^diagnostic malformed-dn no-dn-at-all'
ok "nothing is lost" fake_persons name $many
ok "a set of $strangers strangers" sync_until fake_persons many $((many + 1))
ok "live" wait_is many live
ok "both phases" sync_until sync_has "$dir/phases" "uid=p$many,"
ok "the last of the first phase and one of the second are gone" sync_until fake_persons phases $((many - 1))
ok "the list of what is there is long: what was told before is in force" snapshot_is audit 2
ok "deletions too" fake_persons audit $((many - 1))
ok "and it is not over" is audit refresh
: >"$dir/scripts/audit.more"
ok "changes meanwhile: in force" snapshot_is audit 3
ok "deletions too" sync_until fake_persons audit $many
ok "and it is not over" is audit refresh
rm "$dir/scripts/audit.half"
ok "until the list is through" wait_is audit live
ok "what the server forgot to tell is gone, and what it told after the list was begun stays told" \
	fake_persons audit $((many - 1))
ok "notice of disconnection: comes again" sync_until came_again notice 3
ok "nothing is lost" fake_persons notice $many
ok "octets that are no LDAP: comes again" sync_until came_again junk 3
ok "nothing is lost" fake_persons junk $many
ok "empty cookies" sync_until fake_persons blank $((many + 1))
: >"$dir/scripts/blank.more"
ok "leave the old one in force" sync_until eval '[ "$(grep -c "^blank c1$" "$dir/served")" -ge 2 ]'
sed -i /close/d "$dir/scripts/bakes"
ok "no cookie at all: everything again" sync_until came_again bakes 2
ok "live" wait_is bakes live
ok "nothing is lost" fake_persons bakes $many

declare -A word=([3]="time=unlimited" [4]="olcLimits" [10]="referrals" [11]="nsLookThroughLimit"
	[12]="syncprov" [32]="base and recipients" [50]="bind_dn")
for code in $codes; do
	ok "result $code: down" wait_is first$code down
	ok "result $code: comes again" sync_until came_again first$code 2
	[ -z "${word[$code]:-}" ] || ok "result $code: with its remedy" fake_says first$code "${word[$code]}"
	ok "result $code later: comes again" sync_until came_again later$code 3
	ok "result $code later: nothing is lost" fake_persons later$code $many
done
ok "4096: without the cookie" sync_until eval '[ "$(grep -c "^reload -" "$dir/served")" -ge 2 ]'
ok "live and closed at once, again and again: nothing is lost" fake_persons hurry $many
sed -i /close/d "$dir/scripts/reload"
ok "live" wait_is reload live
ok "nothing is lost" fake_persons reload $many

stored() { # NAME SITE: how its entry was found
	"$abs_top_builddir/replica_show" --json "$dir/$1/state" | grep "\"cn=$2," | grep -o 'by name\|by UUID'
}
is_stored() { [ "$(stored "$1" "$2")" = "$3" ]; }
ok "changes: everything in its turn" sync_until fake_persons whole $((many + 1))
ok "entries of the topology, whole, before it" is_stored whole Bonn "by name"
ok "what the first refresh told of" is_stored whole HQ-HUB1 "by name"
ok "what the second told of" is_stored whole Lyon "by name"
ok "one that was renamed since" is_stored whole Oslo "by UUID"
ok "one whose name is another's now" is_stored whole Nice "by UUID"
ok "one that is gone is left out" not sync_has "$dir/whole" '^entry cn=Rome,'
printf 'Kiel renamed\nS1099 code 51\n' >"$dir/scripts/whole.read"
: >"$dir/scripts/whole.more"
ok "a change, and a deletion behind it" sync_until fake_persons whole $many
ok "was read anew" is_stored whole Kiel "by UUID"
: >"$dir/scripts/whole.end"
ok "many at once, the last of which cannot be read: comes again" sync_until came_again whole 3
ok "and says so" grep -q "reading an entry: Server is busy" "$dir/whole/log"
ok "with a cookie from before it" eval 'grep "^whole c[34]" "$dir/served" && ! served_with whole c4.1099'
ok "in a first refresh: nothing is published" not test -e "$dir/busy/state/replica/current"
: >"$dir/scripts/busy.read"
ok "until it can be read" wait_is busy live
ok "whole" is_stored busy Lyon "by name"

is_given_up() { for ((i = 0; i < 660; i++)); do fake_says stuck "said nothing for 10 minutes" && return; sleep 1; done; return 1; }
[ "${WP_FULL:-0}" != 1 ] || ok "a search that is stuck is given up" is_given_up

# Twice for each pause, which grow from 250 ms to 5 s: a loop without them comes by the thousand.
bound=$((2 * (6 + (SECONDS - started) / 5) + 2))
for name in "${fake_names[@]}"; do
	[ "$(fake_served "$name")" -le $bound ] || { echo "not ok $name was asked $(fake_served "$name") times, more than $bound"; failed=1; }
done
ok "everybody came at least once" test "$(cut -d' ' -f1 "$dir/served" | sort -u | wc -l)" = ${#fake_names[@]}
for name in "${fake_names[@]}"; do
	sync_stop "$dir/$name" || { echo "not ok $name: does not stop in order"; tail -3 "$dir/$name/log"; failed=1; }
	case $name in first* | closes) ;; *) sync_show "$dir/$name" >/dev/null || { echo "not ok $name: damaged"; failed=1; } ;; esac
done
exit $failed
