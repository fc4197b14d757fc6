#!/bin/bash
# The LDIF file as the directory: live in under a second, refused as a whole, mended, replaced.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/sync.sh"
trap 'sync_kill9 "$dir"; rm -rf "$dir"' EXIT
org=$dir/org.ldif

number() { sync_field "$dir" snapshot; }
above() { [ "$(number)" -gt "$1" ]; }
same_as() { [ "$(number)" = "$1" ]; }
says() { sync_field "$dir" last_error | grep -q "$1"; }

cp "$abs_top_srcdir/schema/example.ldif" "$org"
sync_conf "$dir" "directory \"corp\" { uri = {\"file://$org\"} }"
sync_start "$dir"
ok "live after the first reading" sync_wait "$dir" state live
ok "a reader finds sites" sync_has "$dir" '^entry cn=HQ,cn=Sites,cn=Waypost,dc=example,dc=com topology'
ok "a reader finds recipients" sync_has "$dir" 'recipient$'

n=$(number)
sed -i 's/^waypostCost: .*/waypostCost: 77/' "$org"
ok "an edit makes a new snapshot" sync_until above "$n"

n=$(number)
touch "$org"
sleep 0.6
ok "a touched file makes none" same_as "$n"

cat >>"$org" <<'EOT'

dn: uid=new,ou=People,dc=example,dc=com
objectClass: inetOrgPerson
uid: new
cn: new
sn: new
mail: new@example.com
EOT
ok "a recipient more is live" sync_until sync_has "$dir" '^entry uid=new,ou=People,dc=example,dc=com recipient'
ok "which makes no snapshot" same_as "$n"

cp "$org" "$dir/good"
echo 'this is no LDIF' >>"$org"
ok "a broken file is refused" sync_wait "$dir" state held
ok "and says where" says 'line [0-9]*:'
ok "what was read before stays" sync_has "$dir" 'uid=new'

cp "$dir/good" "$dir/next"
sed -i 's/^waypostCost: .*/waypostCost: 78/' "$dir/next"
mv "$dir/next" "$org"
ok "a good file renamed over it is read" sync_until above "$n"
ok "and the fault is over" sync_wait "$dir" state live

# A snapshot cannot be written, as on a full disk; nobody touches the file afterwards.
n=$(number)
mv "$dir/state/replica/snapshots" "$dir/state/replica/aside"
: >"$dir/state/replica/snapshots"
sed -i 's/^waypostCost: .*/waypostCost: 79/' "$org"
ok "what cannot be stored is logged" sync_until grep -q 'error: replica: .*snapshots' "$dir/log"
ok "the status says so" sync_until says snapshots
for i in 1 2 3 4 5; do
	ok "and goes on to say so ($i)" says snapshots
	sleep 0.3
done
rm "$dir/state/replica/snapshots"
mv "$dir/state/replica/aside" "$dir/state/replica/snapshots"
ok "and tried again" sync_until above "$n"
ok "until it is stored" sync_wait "$dir" state live
ok "and the status says no more of it" sync_until eval '! says snapshots'

rm "$org"
ok "a missing file is a directory that is down" sync_wait "$dir" state down
ok "what was read before stays" sync_has "$dir" 'uid=new'
mkfifo "$org"
ok "so is a pipe in its place, which nobody waits for" sync_until says 'no regular file'
ok "with what helps" says 'or correct uri'
rm "$org"
cp "$dir/good" "$org"
ok "back again: live" sync_wait "$dir" state live

cat >>"$org" <<'EOT'

dn: nonsense
objectClass: inetOrgPerson
mail: lost@example.com

dn: cn=Bad Link,cn=Site Links,cn=Waypost,dc=example,dc=com
objectClass: waypostSiteLink
cn: Bad Link
waypostLinkedSite: cn=Nowhere,cn=Sites,cn=Waypost,dc=example,dc=com
waypostCost: 0
EOT
ok "an entry wrong in content is a diagnostic" sync_until sync_has "$dir" '^diagnostic malformed-dn nonsense'
ok "the rest works" sync_is "$dir" state live

kill -HUP "$(sync_pid "$dir")"
ok "the host file is read again" sync_until grep -q 'read again' "$dir/log"
ok "and it goes on" sync_wait "$dir" state live

n=$(number)
for i in 1 2 3; do
	sync_kill9 "$dir"
	sync_start "$dir"
	ok "live again after kill -9 ($i)" sync_wait "$dir" state live
done
ok "the same snapshot" same_as "$n"
sync_kill9 "$dir"
rm "$dir/state/replica/snapshots/$n.img"
sync_start "$dir"
ok "a missing image is made again" sync_until above "$n"
ok "the replica is whole" sync_show "$dir"
sync_kill9 "$dir"
printf 'x' | dd of="$dir/state/replica/g1/data.mdb" bs=1 seek=0 conv=notrunc 2>/dev/null
head -c 8192 /dev/zero | dd of="$dir/state/replica/g1/data.mdb" conv=notrunc 2>/dev/null
sync_start "$dir"
ok "a destroyed replica is made again" sync_until sync_has "$dir" 'uid=new'
ok "stops in order" sync_stop "$dir"
exit $failed
