#!/bin/bash
# What an administrator does to the agent's host: a host file that names the directory otherwise, another
# organisation, a place that cannot be written, the same directory twice; two agents on one state. Nobody is lost
# by it, and what ran goes on. The server is scripted (fake_sync.py).
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/fake_sync.sh"
trap 'fake_cleanup; rm -rf "$dir"' EXIT
fake_start || exit $?

# begin NAME: an organisation of 60, then what is on standard input.
begin() { fake_begin "$1" < <(printf 'org\npeople 0 60\ndone c1\n'; cat); }
edit() { sed -i "$2" "$dir/$1/waypost.conf"; } # NAME SED-COMMAND
hang_up() { kill -HUP "$(sync_pid "$dir/$1")"; }
logged() { grep -q -- "$2" "$dir/$1/log"; }
says() { sync_until logged "$@"; }
live() { sync_wait "$dir/$1" state live; }
# A second agent: that it ends, and says what.
second() {
	! timeout 20 "$abs_top_builddir/waypost-ldapsync" --config "$1" >"$dir/second" 2>&1 && grep -q -- "$2" "$dir/second"
}

begin title </dev/null
begin other </dev/null
begin place </dev/null
begin twice <<-EOT
	until twice.go
	people 5 6 delete
	people 60 61
EOT
for name in title other place twice; do ok "$name: live" live $name; done

# ---- another title, while the server does not answer ----
sync_stop "$dir/title"
edit title "s/\"fake\"/\"main\"/; s/:$fake_port/:1/"
sync_start "$dir/title"
ok "another title: down" sync_wait "$dir/title" state down
ok "nobody is missing" fake_persons title 60
edit title "s/:1\"/:$fake_port\"/"
hang_up title
ok "the server is back: live" live title
ok "nobody is missing" fake_persons title 60
ok "what was known under the old title is not there twice" sync_is "$dir/title" entries 62

# ---- another organisation in the place of this one ----
printf 'org\npeople 500 560\ndone c1\n' >"$dir/scripts/elsewhere"
edit other 's/dc=other/dc=elsewhere/'
hang_up other
ok "another base: held" sync_wait "$dir/other" state held
ok "nobody is lost" fake_persons other 60
ok "nobody has come" not sync_has "$dir/other" uid=p500,

# ---- host files that cannot be gone by ----
edit place 's#^state = .*#state = "/proc/nowhere"#'
hang_up place
ok "a place that cannot be written: said" says place 'cannot be gone by'
ok "the old one stays in force" live place
edit place 's/^run/ruin/'
hang_up place
ok "no host file: said" says place 'not read again'
ok "the old one stays in force" live place
sync_conf "$dir/place/more" "$(grep '^directory' "$dir/place/waypost.conf")"
edit place/more "s#^state = .*#state = \"$dir/place/state\"#"
ok "a second agent on its state: ends" second "$dir/place/more/waypost.conf" 'another waypost-ldapsync works'
ok "the first goes on" live place

# ---- the same directory twice ----
sync_stop "$dir/twice"
grep '^directory' "$dir/twice/waypost.conf" | sed 's/"fake"/"again"/' >>"$dir/twice/waypost.conf"
sync_start "$dir/twice"
ok "the same directory twice: live" live twice
ok "everybody is there" fake_persons twice 60
: >"$dir/scripts/twice.go"
ok "who comes is there" sync_until sync_has "$dir/twice" "^entry uid=p60,"
ok "and who goes is not" sync_until not sync_has "$dir/twice" "^entry uid=p5,"

for name in "${fake_names[@]}"; do
	fake_stops $name || { echo "not ok $name: does not stop in order"; tail -3 "$dir/$name/log"; failed=1; }
done
exit $failed
