#!/bin/bash
# waypost topology plan: the golden plans (plan/NAME.ldif, what is changed; NAME.json, base, exit
# status and the answer, worked out by hand), a second directory, a replica, usage and errors.
set -u
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d) || exit 1
. "$abs_top_srcdir/tests/lib/sync.sh"
trap 'sync_kill9 "$dir"; rm -rf "$dir"' EXIT
plans=$abs_top_srcdir/tests/admin/plan
golden=$abs_top_srcdir/tests/topology/golden
row=$golden/W33-answer-format.ldif

field() { # of $plans/NAME.json
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$plans/$1.json" "$2"
}
matches() {
	local told
	if told=$(printf '%s' "$out" | "$abs_top_srcdir/tests/admin/plan_match.py" "$plans/$1.json" plan); then
		pass "$1 is as worked out by hand"
	else
		fail "$1: $told"
	fi
}

# ---- golden plans ----
count=0
for change in "$plans"/*.ldif; do
	name=$(basename "$change" .ldif)
	base=$golden/$(field "$name" base).ldif
	expect "$(field "$name" status)" "$waypost" topology plan --directory "$base" --change "$change" --json
	matches "$name"
	expect "$(field "$name" status_on_lost)" "$waypost" topology plan --directory "$base" \
		--change "$change" --fail-on lost --quiet
	is_silent out
	count=$((count + 1))
done
[ $count -ge 5 ] && pass "$count golden plans" || fail "only $count golden plans"

# ---- another directory ----
expect 1 "$waypost" topology plan --directory "$golden/P14a-no-route.ldif" \
	--against "$golden/P14b-link-added.ldif" --json
json '(v["lost"], v["gained"], v["moved"]) == (0, 8, 0)'
json '[(g["reason"], g["count"]) for g in v["paths"]["groups"]] == [("no-route-to-site", 8)]'
json 'v["changes"][0]["dn"].startswith("cn=B-C,")'
expect 0 "$waypost" topology plan --directory "$golden/P14a-no-route.ldif" \
	--against "$golden/P14b-link-added.ldif" --fail-on lost
says out "0 lost, 8 gained, 0 moved, 0 changed"
says out "+ waypostSiteLink cn=B-C"
expect 1 "$waypost" topology plan --directory "$golden/P14b-link-added.ldif" \
	--against "$golden/P14a-no-route.ldif" --fail-on lost
expect 0 "$waypost" topology plan --directory "$row" --against "$row"
says out "0 lost, 0 gained, 0 moved, 0 changed"
expect 1 "$waypost" topology plan --directory "$row" --change "$plans/direct-link.ldif"
says out "moved    4, next_stop: B → direct"
says out "A to D: A > B > C > D, stops B, D, by HTB1, cost 30; then A > E > D, by HTD1, backoff E, cost 25"
expect 1 "$waypost" topology plan --directory "$row" --change "$plans/renamed-site.ldif" --sample 2 --json
json '(v["sources"]["compared"], v["sources"]["of"]) == (2, 4) and v["paths"]["lost"] == 2'

# ---- the size of the message ----
cat >"$dir/narrow.ldif" <<-'L'
dn: cn=D-E,cn=Site Links,cn=Waypost,dc=example,dc=com
changetype: modify
replace: waypostMaxMessageSize
waypostMaxMessageSize: 1000
-
L
expect 0 "$waypost" topology plan --directory "$row" --change "$dir/narrow.ldif" --size 1000
expect 1 "$waypost" topology plan --directory "$row" --change "$dir/narrow.ldif" --size 1001 --json
json 'v["lost"] == 9 and v["paths"]["groups"][0]["reason"] == "link-size"'

# ---- usage and errors ----
expect 0 "$waypost" topology plan --help
says out "a record without changetype is an addition"
expect 2 "$waypost" topology plan --directory "$row"
says err "give either --change FILE.ldif or --against URI|FILE"
expect 2 "$waypost" topology plan --directory "$row" --change x --against y
expect 2 "$waypost" topology plan --directory "$row" --change x --fail-on moved
says err "--fail-on lost"
expect 2 "$waypost" topology plan --directory "$row" --change x --sample many
expect 7 "$waypost" topology plan --directory "$dir/none.ldif" --change "$plans/people.ldif"
expect 7 "$waypost" topology plan --directory "$row" --change "$dir/none.ldif"
expect 7 "$waypost" topology plan --directory "$row" --against "$dir/none.ldif"
printf 'dn: cn=A\nchangetype: improve\n' >"$dir/bad.ldif"
expect 7 "$waypost" topology plan --directory "$row" --change "$dir/bad.ldif"
says err "bad.ldif: line 2: the changetype is none of"
printf '\ndn: cn=X,cn=Sites,cn=Waypost,dc=example,dc=com\nchangetype: delete\n' >"$dir/bad.ldif"
expect 7 "$waypost" topology plan --directory "$row" --change "$dir/bad.ldif"
says err "line 2: cn=X,cn=Sites,cn=Waypost,dc=example,dc=com does not exist"
: >"$dir/empty.ldif"
expect 0 "$waypost" topology plan --directory "$row" --change "$dir/empty.ldif"

# ---- this host's replica ----
cp "$row" "$dir/org.ldif"
sync_conf "$dir" "directory \"corp\" { uri = {\"file://$dir/org.ldif\"} }"
expect 7 "$waypost" topology plan --config "$dir/waypost.conf" --change "$plans/direct-link.ldif"
sync_start "$dir"
ok "the replica is live" sync_wait "$dir" state live
for name in direct-link renamed-site connector-replaced; do
	expect "$(field "$name" status)" "$waypost" topology plan --config "$dir/waypost.conf" \
		--change "$plans/$name.ldif" --json
	if [ "$name" = renamed-site ]; then
		matches $name
	else # the recipients are the same on both sides, and nothing they depend on differs
		json 'v["recipients"] == {"compared": False} or v["recipients"]["lost"] == 0'
		json "v['moved'] == $(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["plan"]["moved"])' "$plans/$name.json")"
	fi
done
expect 0 "$waypost" topology plan --config "$dir/waypost.conf" --against "$row" --json
json '(v["lost"], v["gained"], v["moved"], v["changed"]) == (0, 0, 0, 0) and v["recipients"]["addresses"] == 5'
expect 7 "$waypost" topology plan --config "$dir/waypost.conf" --change "$plans/people.ldif"
says err "line 15: uid=hta1,ou=People,dc=example,dc=com is a recipient, of which the replica keeps no attributes"
says err "remedy: read the directory itself"
sed '/^dn: uid=hta1/,$d' "$plans/people.ldif" >"$dir/people.ldif"
expect 1 "$waypost" topology plan --config "$dir/waypost.conf" --change "$dir/people.ldif" --json
json '(v["lost"], v["gained"], v["moved"]) == (1, 1, 0)'
json 'v["recipients"]["groups"][0]["examples"][0]["to"] == "hte1@example.com"'
json 'v["recipients"]["groups"][1]["new"] == "HTC1 (site C)"'
printf 'dn: UID=hta1, ou=People,dc=example,dc=com\nuid: again\n' >"$dir/again.ldif"
expect 7 "$waypost" topology plan --config "$dir/waypost.conf" --change "$dir/again.ldif"
says err "exists already"
ok "the agent ends well" sync_stop "$dir"

exit $failed
