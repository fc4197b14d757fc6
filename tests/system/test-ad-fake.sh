#!/bin/bash
# Active Directory as it is where Samba is milder: small pages, values in ranges, answers in parts,
# cookies refused, domain controllers that are changed or restored, deletions that are not
# shown, several domains, and answers that make no sense. Scripted: tests/lib/fake_ad.py.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/sync.sh"
dir=$(mktemp -d) || exit 1
trap 'sync_kill9 "$dir"; exec {one}>&- {two}>&-; wait; rm -rf "$dir"' EXIT
people=OU=People,DC=fake,DC=test others=OU=People,DC=other,DC=test sites=CN=Sites,CN=Configuration,DC=fake,DC=test
n_people=2500 n_members=4000

# Two domains of a forest, the first with two domain controllers. Each ends with its input.
mkfifo "$dir/one" "$dir/two"
"$abs_top_srcdir/tests/lib/fake_ad.py" serve "$dir/one.sock" dc1 dc2 <"$dir/one" >"$dir/one.ports" 2>"$dir/one.log" &
exec {one}>"$dir/one"
FAKE_AD_DOMAIN=other "$abs_top_srcdir/tests/lib/fake_ad.py" serve "$dir/two.sock" dc3 <"$dir/two" >"$dir/two.ports" 2>"$dir/two.log" {one}>&- &
exec {two}>"$dir/two"
ok "the servers start" sync_until eval "grep -q ready '$dir/one.ports' && grep -q ready '$dir/two.ports'"
url() { sed -n "s,^$1 ,ldap://127.0.0.1:,p" "$dir/one.ports" "$dir/two.ports"; }

tell() { "$abs_top_srcdir/tests/lib/fake_ad.py" tell "$dir/${domain:-one}.sock" "$@" >"$dir/told" || { cat "$dir/told"; false; }; }
habit() { tell "{\"do\": \"set\", \"dc\": \"$1\", $2}"; }
drop() { tell "{\"do\": \"drop\", \"dc\": \"$1\"}"; }
count() { tell "{\"do\": \"counts\", \"dc\": \"$1\"}" && python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$dir/told" "$2"; }
more_than() { [ "$(count "$1" "$2")" -gt "$3" ]; }
user() { # name, mail, base
	tell "{\"do\": \"add\", \"dn\": \"CN=$1,${3:-$people}\", \"attributes\": {\"objectClass\": [\"top\", \"person\", \"user\"], \"mail\": [\"$2\"]}}"
}
mail() { tell "{\"do\": \"modify\", \"dn\": \"CN=$1,$people\", \"attributes\": {\"mail\": [\"$2\"]}}"; }
renamed() { tell "{\"do\": \"rename\", \"dn\": \"$1\", \"to\": \"$2\"}"; }
logged() { grep -q -- "$1" "$dir/log"; }
all_is_read() { logged 'directory corp: .* all of it is read'; }
fresh_log() { : >"$dir/log"; }
says() { sync_field "$dir" last_error | grep -q "$1"; }
compare() { # domain controller, bases
	"$abs_top_srcdir/tests/lib/ad_compare.py" "$abs_top_builddir/replica_show" "$dir/state" \
		'(|(mail=*)(proxyAddresses=*))' "${@:2}" -- -x -H "$(url "$1")" -D admin -w x
}
in_step() { sync_until compare dc1 "$people" && sync_wait "$dir" state live 30; }
# The session begins anew, by what the server is like now.
again() { fresh_log; drop "${1:-dc1}"; }

tell "{\"do\": \"add\", \"dn\": \"$people\", \"attributes\": {\"objectClass\": [\"top\", \"organizationalUnit\"]}}" \
	"{\"do\": \"add\", \"dn\": \"CN=u%d,$people\", \"count\": $n_members, \"attributes\": {\"objectClass\": [\"top\", \"person\", \"user\"]}}" || exit 1
tell "{\"do\": \"add\", \"dn\": \"CN=p%d,$people\", \"count\": $n_people, \"attributes\": {\"objectClass\": [\"top\", \"person\", \"user\"], \"mail\": [\"p%d@example.com\"]}}" \
	"{\"do\": \"add\", \"dn\": \"$sites\", \"attributes\": {\"objectClass\": [\"top\", \"sitesContainer\"]}}" \
	"{\"do\": \"add\", \"dn\": \"CN=HQ,$sites\", \"attributes\": {\"objectClass\": [\"top\", \"site\"]}}" || exit 1
python3 -c 'import json, sys
print(json.dumps({"do": "add", "dn": "CN=Big," + sys.argv[1], "attributes": {
    "objectClass": ["top", "group"], "mail": ["big@example.com"],
    "member": ["CN=u%d,%s" % (i, sys.argv[1]) for i in range(int(sys.argv[2]))]}}))' "$people" $n_members |
	tell - || exit 1
conf() { # uris
	sync_conf "$dir" "directory \"corp\" {
		uri = {$1}
		profile = \"ad\"
		recipients = {\"$people\"}
		bind = \"none\"
	}
	$2"
}
conf "\"$(url dc1)\", \"$(url dc2)\"" ""

# Pages, ranges, answers in parts. There is only one to be asked until further notice.
habit dc2 '"synchronized": false'
sync_start "$dir"
ok "live after the first refresh" sync_wait "$dir" state live 60
ok "every recipient, every member" compare dc1 "$people"
ok "in pages" more_than dc1 pages 2
ok "and ranges" more_than dc1 ranges 1
ok "notifications are asked for" more_than dc1 notifications 0
habit dc1 '"dirsync_max": 100'
n=$(count dc1 dirsync)
tell "{\"do\": \"add\", \"dn\": \"CN=q%d,$people\", \"count\": 350, \"attributes\": {\"objectClass\": [\"top\", \"person\", \"user\"], \"mail\": [\"q%d@example.com\"]}}"
ok "changes in several answers" in_step
ok "several they were" more_than dc1 dirsync $((n + 3))
habit dc1 '"shrink": 1'
ok "a group changes while its members are read" mail Big big2@example.com
ok "and is whole" in_step
habit dc1 '"refers": true'
ok "a reference to elsewhere" mail p1 refers@example.com
ok "is not followed" in_step

# An administrator's word ends the session; the next one is followed like the first.
waypost() { "$abs_top_builddir/waypost" --config "$dir/waypost.conf" "$@"; }
n=$(count dc1 pages)
ok "all is to be read anew" waypost sync resync
ok "and is" sync_until more_than dc1 pages $((n + 2))
ok "it is live again" sync_wait "$dir" state live 30
ok "a change behind it" mail p1 resync@example.com
ok "is told" in_step

# What changed without a word.
ok "a member is renamed" renamed "CN=u7,$people" "CN=seven,$people"
ok "its group knows" in_step
ok "one that has gone gives its name to another" tell "{\"do\": \"delete\", \"dn\": \"CN=u8,$people\"}"
ok "it comes" user u8 u8@example.com
ok "and is no member" in_step

# The only member of a group: nothing of the group tells that it had one.
ok "a group has one member" tell "{\"do\": \"add\", \"dn\": \"CN=Solo,$people\", \"attributes\": {\"objectClass\": [\"top\", \"group\"],
	\"mail\": [\"solo@example.com\"], \"member\": [\"CN=u9,$people\"]}}"
ok "and no other" in_step
ok "it has gone and gives its name to another" tell "{\"do\": \"delete\", \"dn\": \"CN=u9,$people\"}"
ok "who comes" user u9 u9@example.com
ok "and is no member" in_step

# Cookies refused, and a server that gives less at once than it was asked for.
habit dc1 '"refuse_cookies": 53, "page_refuse": 200'
ok "connected again" again
ok "the cookie is refused: all is read" sync_until all_is_read
ok "in smaller pages" in_step
ok "a server that refuses its own cookies" mail p2 refused@example.com
ok "is asked for USNs" sync_until logged 'directory corp: followed by USN polling'
ok "in step" in_step
ok "a change" mail p2 polled@example.com
ok "is polled" in_step
ok "a container is renamed" renamed "$people" "OU=Leute,DC=fake,DC=test"
ok "and is none of ours" sync_until not sync_has "$dir" "OU=Leute.* recipient"
ok "it comes back" renamed "OU=Leute,DC=fake,DC=test" "$people"
ok "with what is below it" in_step
ok "somebody goes" tell "{\"do\": \"delete\", \"dn\": \"CN=q1,$people\"}"
ok "and is gone" in_step
habit dc1 '"refuse_cookies": 0, "page_refuse": 0'
ok "connected again" again
ok "the better way is taken" sync_until logged 'directory corp: followed by DirSync$'
ok "in step" in_step

# Another domain controller, and one that was restored.
habit dc1 '"synchronized": false'
habit dc2 '"synchronized": true'
ok "a server that lags behind is left" again
user while1 while1@example.com
ok "for another one" sync_until logged 'directory corp: dc2.* may not have heard yet of all that dc1'
ok "all is read" sync_until all_is_read
ok "in step" in_step
habit dc1 '"synchronized": true'
habit dc2 '"synchronized": false'
user while2 while2@example.com
ok "back to the first" again dc2
ok "all is read" sync_until all_is_read
ok "in step" in_step
habit dc1 '"invocation": "Z"'
ok "a restored server" again
ok "is found out" sync_until logged 'directory corp: .* restored from a backup'
ok "in step" in_step
habit dc1 '"dirsync": false'
habit dc2 '"dirsync": false'
ok "no DirSync at all" again
ok "is USN polling" sync_until logged 'directory corp: followed by USN polling'
ok "in step" in_step
habit dc1 '"synchronized": false'
habit dc2 '"synchronized": true'
ok "at another server its numbers mean nothing" again
ok "all is read" sync_until all_is_read
user while3 while3@example.com
ok "in step" in_step
habit dc1 '"synchronized": true, "dirsync": true'
habit dc2 '"synchronized": false'
again dc2
ok "live again" sync_wait "$dir" state live 30

# Deletions that are not shown; too many of them.
habit dc1 '"shows_deleted": false, "dirsync_right": false'
ok "fewer rights" again
ok "are told of" sync_until logged 'directory corp: deleted objects are not shown'
ok "in step" in_step
ok "stops in order" sync_stop "$dir"
tell "{\"do\": \"delete\", \"dn\": \"CN=p3,$people\"}" "{\"do\": \"forget\", \"dn\": \"CN=p4,$people\"}"
sync_start "$dir"
ok "what is gone is found by comparing" in_step
ok "live" sync_wait "$dir" state live 30
ok "stops in order" sync_stop "$dir"
forget() {
	for ((i = 100; i < 1100; i++)); do echo "{\"do\": \"forget\", \"dn\": \"CN=p$i,$people\"}"; done | tell -
}
ok "a third of the people cannot be seen any more" forget
sync_start "$dir"
ok "that is held" sync_wait "$dir" state held 30
ok "with a reason" says 'would drop'
ok "they are still there" sync_has "$dir" "^entry CN=p500,"
ok "accepted" "$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync accept --yes
ok "live" sync_wait "$dir" state live
ok "in step" in_step

# Nothing but questions.
habit dc1 '"notifies": false'
ok "without notifications" again
ok "is said" sync_until logged 'no notifications'
mail p5 quiet@example.com
ok "changes come all the same" in_step
habit dc1 '"notifies": true'

# Answers that make no sense end a session, not the agent.
for kind in control page guid octets; do
	again
	ok "$kind: live before" sync_until sync_wait "$dir" state live 30
	habit dc1 "\"garbage\": \"$kind\""
	mail p6 "$kind@example.com"
	[ $kind != octets ] || again
	ok "$kind: the session fails" sync_wait "$dir" state down 30
	habit dc1 '"garbage": ""'
	ok "$kind: and comes back" sync_wait "$dir" state live 30
	ok "$kind: in step" in_step
done

# Two domains, each with its own domain controller, are one replica.
in_two() {
	local domain=two
	"$@"
}
habit dc1 '"shows_deleted": true, "dirsync_right": true'
in_two tell "{\"do\": \"add\", \"dn\": \"$others\", \"attributes\": {\"objectClass\": [\"top\", \"organizationalUnit\"]}}" || exit 1
in_two user Olga olga@example.net "$others"
ok "stops in order" sync_stop "$dir"
conf "\"$(url dc1)\"" "directory \"other\" {
	uri = {\"$(url dc3)\"}
	profile = \"ad\"
	recipients = {\"$others\"}
	bind = \"none\"
}"
sync_start "$dir"
ok "both domains are there" sync_until sync_has "$dir" "^entry CN=Olga,"
ok "live" sync_wait "$dir" state live 60
ok "a change in the second" in_two user Oskar oskar@example.net "$others"
ok "is live" sync_until sync_has "$dir" "^entry CN=Oskar,"
ok "a change in the first" mail p7 seven@example.com
moved() {
	tell "{\"do\": \"delete\", \"dn\": \"CN=p8,$people\"}" && in_two user p8 p8@example.com "$others"
}
ok "somebody moves to the other domain" moved
ok "and is there" sync_until sync_has "$dir" "^entry CN=p8,$others recipient"
ok "and here no more" sync_until not sync_has "$dir" "^entry CN=p8,$people"
ok "the servers are well" not grep -q Traceback "$dir/one.log" "$dir/two.log"
ok "stops in order" sync_stop "$dir"
ok "the replica is whole" sync_show "$dir"
exit $failed
