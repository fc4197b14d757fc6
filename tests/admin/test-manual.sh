#!/bin/bash
# The man pages know every command, every option and every key of the host file.
set -u
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
plain() { sed 's/\\-/-/g; s/" "//g; s/\\f[A-Z]//g' "$abs_top_srcdir/doc/$1" | tr -d '"'; }
plain waypost.1 >"$dir/waypost.1"
plain waypost.conf.5 >"$dir/waypost.conf.5"

knows() { # page, word
	grep -qE -- "(^|[^a-z_-])$2([^a-z_-]|$)" "$dir/$1" && pass "$1 knows $2" || fail "$1 does not know $2"
}
while read -r noun verb _; do
	case $verb in [A-Z]*) verb= ;; esac
	knows waypost.1 "$noun"
	[ -z "$verb" ] || knows waypost.1 "$verb"
	for option in $("$waypost" "$noun" $verb --help | grep -oE -- '--[a-z-]+' | sort -u); do
		knows waypost.1 "$option"
	done
done < <("$waypost" --help | sed -n '/^Commands/,/^$/s/^  //p')

# What stands over a paragraph is one line: the next is its text already.
broken=$(awk '/^\.TP/ { tag = FNR } FNR == tag + 2 && tag > 0 && /^\.[BIR]+ .*[][]/ { print FILENAME ": " FNR ": " $0 }' \
	"$abs_top_srcdir"/doc/*.[15])
[ -z "$broken" ] && pass "every synopsis is on one line" || fail "$broken"
if command -v groff >/dev/null; then
	for page in "$abs_top_srcdir"/doc/*.[15]; do
		warnings=$(groff -ww -man -Tutf8 -z "$page" 2>&1)
		[ -z "$warnings" ] && pass "${page##*/} is set without a warning" || fail "$warnings"
	done
fi

keys=0
for section in "" 'directory "d" {' 'delivery {' 'delivery { milter "m" {' 'history {' 'console {'; do
	echo "$section" >"$dir/c"
	echo 'no_such_key = 1' >>"$dir/c"
	echo "$section" | tr -cd '{' | tr '{' '}' >>"$dir/c"
	"$waypost" config check --config "$dir/c" 2>"$dir/err"
	for key in $(sed -n 's/.*known here: //p' "$dir/err" | tr -d ',{}…'); do
		knows waypost.conf.5 "$key"
		keys=$((keys + 1))
	done
done
[ $keys -gt 30 ] && pass "$keys keys" || fail "only $keys keys were found: $(cat "$dir/err")"
exit $failed
