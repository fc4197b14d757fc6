#!/bin/bash
# The demonstration runs through, and each message took the path that was explained: by what was
# printed, by the Received fields of what arrived, by the journals of the mailboxes and of the
# outside world. Then it stays up, tells of a message that came from outside, and ends when it is
# asked to. Nothing is left behind.
set -u
. "$(dirname "$0")/../lib/hub.sh"
: "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
demo=$abs_top_srcdir/demo/demo.sh
dir=$(mktemp -d /tmp/wpdemoXXXXXX)
pid=
failed=0

cleanup() {
	[ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap cleanup EXIT

ok() {
	local name=$1
	shift
	if "$@"; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		failed=1
	fi
}

# What was started below FOLDER and still runs.
left_behind() {
	pgrep -af -- "${1:?}/"
}

nothing_left() {
	! left_behind "$1"
}

said() { grep -q "$1" "$dir/play.out"; }
# A line of what it tells while it is up, by pattern.
told() { grep -q -- "$1" <(sed '1,/Up for play/d' "$dir/play.out"); }

"$demo" --once --folder "$dir/once" >"$dir/once.out" 2>"$dir/once.err" </dev/null
status=$?
[ $status != 77 ] || { tail -1 "$dir/once.err" >&2; exit 77; }
ok "it runs through" [ $status = 0 ]
[ $status = 0 ] || { cat "$dir/once.out" "$dir/once.err"; exit 1; }
ok "and writes no error" [ ! -s "$dir/once.err" ]
ok "and leaves no process" nothing_left "$dir/once"
ok "every message took the path that was explained" \
	python3 "$abs_top_srcdir/tests/system/demo_check.py" "$dir/once.out" "$dir/once/mail"
ok "no escape sequence where there is no terminal" eval "! grep -q $'\e' '$dir/once.out'"

# Not --once: it owns its folder and stays.
"$demo" >"$dir/play.out" 2>"$dir/play.err" </dev/null &
pid=$!
ok "it stays up for play" wait_for 90 said "queue retry --yes"
folder=$(sed -n 's/^cd //p' "$dir/play.out")
from_outside=$(grep -- "--from bob@" "$dir/play.out") &&
	to_group=$(grep -- "--to all@" "$dir/play.out") || exit 1
ok "the command it offers sends a message from outside" eval "$from_outside >/dev/null"
ok "it tells of the message" wait_for 30 told "OSLO-HUB1 → OSLO-MBX1"
ok "the command it offers sends a message to the group" eval "$to_group >/dev/null"
ok "it tells of every member" wait_for 30 told "HQ-HUB1   → HQ-MBX1 .*hugo@"
ok "the tracking log has the members" \
	grep -q '"recipients":\["all@example.com"\],"resolved":\["hanna@' "$folder"/LYON-HUB1/state/log/track-*.jsonl
ok "it is up still" kill -0 "$pid"
kill -TERM "$pid"
wait "$pid"
ok "it ends with success when asked to" [ $? = 0 ]
pid=
ok "and leaves no process" nothing_left "$folder"
ok "and no folder" [ ! -e "$folder" ]
ok "and wrote no error" [ ! -s "$dir/play.err" ]

# Ctrl-C reaches every process of the terminal at once, whatever the shell is waiting for.
python3 - "$demo" >"$dir/terminal.out" <<-'EOT'
import os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
text, end, is_pressed = b"", time.monotonic() + 90, False
while time.monotonic() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            text += os.read(terminal, 65536)
        except OSError:
            break
    if not is_pressed and b"when it is back\r\n" in text:
        os.write(terminal, b"\x03")
        is_pressed = True
else:
    os.kill(pid, 9)
os.write(1, text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
EOT
ok "Ctrl-C ends it with success" [ $? = 0 ]
folder=$(sed -n 's/^cd \(.*\)\r$/\1/p' "$dir/terminal.out")
ok "and leaves no process of it" nothing_left "$folder"
ok "and no folder of it" [ ! -e "$folder" ]
[ $failed = 0 ] || cat "$dir/terminal.out" "$dir/once.out" "$dir/play.out" "$dir/play.err"
exit $failed
