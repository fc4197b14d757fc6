#!/bin/bash
# The replica's files removed, cut, emptied and put in place of by others under a running host: it is said in
# the log, the directory is read anew by itself, and the hub takes mail and follows changes again.
. "$(dirname "$0")/../lib/hub.sh"
. "$(dirname "$0")/../lib/peer.sh" # peer_free_port
. "$(dirname "$0")/../lib/org.sh"
set -eu
dir=$(mktemp -d /tmp/wpdmgXXXXXX)
cleanup() {
	local status=$?
	[ $status = 0 ] || tail -n 40 "$dir/h/log"
	hub_stop "$dir/h" || true
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"
	return $status
}
trap cleanup EXIT
say() { echo "# $*"; }
replica=$dir/h/state/replica
data() { echo "$replica/$(readlink "$replica/current")/data.mdb"; }
count() { grep -c -- "$1" "$dir/h/log" || true; }
more_than() { [ "$(count "$2")" -gt "$1" ]; } # NUMBER PATTERN
is_live() { hub "$dir/h" sync status --json | grep -q '"state": "live"'; }
accepts() { # whom the directory has, and nobody else
	python3 - "$in" <<'EOT'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as s:
    s.ehlo()
    s.mail("a@sender.example")
    codes = [s.rcpt(name + "@example.com")[0] for name in ("u0", "nobody")]
sys.exit(codes != [250, 550])
EOT
}
cost=10
change() {
	cost=$((cost + 1))
	sed "s/^waypostCost: .*/waypostCost: $cost/" "$dir/h/org.ldif" >"$dir/h/org.new"
	mv "$dir/h/org.new" "$dir/h/org.ldif"
}
# spoiled WHAT COMMAND…: and everything is as before.
spoiled() {
	local ends news
	say "$1"
	ends=$(count 'cannot go on: ') news=$(count 'snapshot [0-9]* in use')
	shift
	"$@"
	wait_for 60 more_than "$ends" 'cannot go on: .*replica'
	wait_for 60 is_live
	wait_for 60 accepts
	news=$(count 'snapshot [0-9]* in use')
	change
	wait_for 60 more_than "$news" 'snapshot [0-9]* in use'
	wait_for 60 accepts
}
put_another_in_place() {
	cp -a "$replica" "$dir/copy"
	mv "$replica" "$dir/was"
	mv "$dir/copy" "$replica"
}

mkdir "$dir/h"
in=$(peer_free_port) out=$(peer_free_port) lmtp=$(peer_free_port)
org_ldif "$in" "$out" "$lmtp" 3 >"$dir/h/org.ldif"
hub_conf "$dir/h" HUB1 "directory \"org\" { uri = {\"file://$dir/h/org.ldif\"} }"
hub_start "$dir/h"
wait_for 60 accepts

spoiled "the folder is removed" rm -r "$replica"
spoiled "the link is removed" rm "$replica/current"
spoiled "the data file is removed" rm "$(data)"
spoiled "the data file is cut" truncate -s 16384 "$(data)"
spoiled "the data file is emptied" truncate -s 0 "$(data)"
spoiled "another folder is put in its place" put_another_in_place

say "the image is removed: it is made again on the spot"
rm "$replica"/snapshots/*.img
wait_for 60 more_than 0 'it is made again'
wait_for 60 accepts

say "cut while the host is stopped"
hub_stop "$dir/h"
truncate -s 16384 "$(data)"
hub_start "$dir/h"
wait_for 60 is_live
wait_for 60 accepts
say done
