#!/bin/bash
# What a directory holds when somebody means harm, or nobody looked: no name, no number of values and no
# size stops the agent, and no server keeps it from ending, from being told to read anew and from
# saying what is wrong. The server is scripted (fake_sync.py).
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/fake_sync.sh"
trap 'fake_cleanup; rm -rf "$dir"' EXIT
fake_start || exit $?

# begin NAME: the organisation, then what is on standard input.
begin() { fake_begin "$1" < <(echo org; cat); }
resync() { "$abs_top_srcdir/tests/lib/ctl.py" "$dir/$1/run/waypost-ldapsync.sock" sync.resync; }

null=00000000000000000000000000000000
begin null <<-EOT
	odd $null add uid=null,dc=null objectClass=inetOrgPerson mail=null@example.com
	odd $null add cn=nulls,dc=null objectClass=waypostSite cn=nulls
	done c1
	odd $null delete uid=null,dc=null
	odd $null modify uid=null,dc=null objectClass=inetOrgPerson mail=p1@example.com
	people 0 2
EOT
deep=$(printf 'ou=%s,' {1..200})dc=deep
begin deep <<-EOT
	odd 0102030405060708090a0b0c0d0e0f00 add $deep objectClass=inetOrgPerson mail=deep@example.com
	odd 0102030405060708090a0b0c0d0e0f01 add cn=deep,$deep objectClass=waypostSite cn=deep
	done c1
	odd 0102030405060708090a0b0c0d0e0f00 modify $deep objectClass=inetOrgPerson mail=deeper@example.com
	people 0 2
EOT
begin shared <<-EOT
	shared 1000 31000
	done c1
	shared 40000 40010
	people 0 2
EOT
begin addresses <<-EOT
	addresses 100000
	done c1
	addresses 99999 modify
	people 0 2
EOT
begin sizes <<-EOT
	group 100000
	large 20000000
	done c1
	people 0 2
EOT
begin noise <<-EOT
	done c1
	people 0 2
	noise
EOT
begin early <<<noise
begin quiet <<-EOT
	people 0 1
	until never
EOT
begin drip <<-EOT
	done c1
	drip 7
EOT
begin announce <<-EOT
	done c1
	announce 2000000000
EOT
begin flap <<-EOT
	people 0 2
	done c1
	close
EOT

for name in null deep shared addresses sizes; do
	ok "$name: what comes behind is there" sync_until fake_persons $name $([ $name = shared ] && echo 30012 || echo 2)
	ok "$name: live" sync_wait "$dir/$name" state live
	ok "$name: nothing was asked twice" test "$(fake_served $name)" = 1
done
ok "a null UUID is a diagnostic" sync_has "$dir/null" '^diagnostic malformed-dn uid=null,dc=null'
ok "so is a name that is too deep" sync_has "$dir/deep" '^diagnostic malformed-dn cn=deep,ou=1,'
ok "an address on everybody is one" sync_has "$dir/shared" '^diagnostic duplicate-address '
ok "more addresses than anybody needs are one" sync_has "$dir/addresses" '^diagnostic malformed-address uid=many,'
ok "a large value stops nobody" sync_has "$dir/sizes" "^entry uid=large,"

ok "messages without end: what came before is there" sync_until fake_persons noise 2
ok "messages without end: it stops" fake_stops noise
ok "messages without end, in the refresh: it stops" fake_stops early
sync_until test "$(fake_served quiet)" = 1
ok "a refresh that stands still: told to read anew" resync quiet
ok "a refresh that stands still: it does" sync_until eval '[ "$(fake_served quiet)" -ge 2 ]'
ok "an octet now and then: said to be silent" sync_until fake_says drip 'silent for'
ok "a message of 2 GB: said to be too long" sync_until fake_says announce 'more than 256 MiB'
ok "closed again and again, though live: said" sync_until fake_says flap 'the connection'
ok "and nothing is lost" fake_persons flap 2
for name in "${fake_names[@]}"; do
	case $name in noise | early) continue ;; esac
	fake_stops $name || { echo "not ok $name: does not stop in order"; tail -3 "$dir/$name/log"; failed=1; }
done
exit $failed
