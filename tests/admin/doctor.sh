# What the tests of the directory doctor share. Source it from bash behind lib.sh; do not run it.
# The host file is $dir/c.

# visit STATUS: what the doctor says, as JSON in $out.
visit() {
	expect "$1" timeout 60 "$waypost" --config "$dir/c" config check --json
}

# found CHECK SEVERITY TEXT [FIX]: a row of it is so, with the text, and FIX in its remedy or commands.
found() {
	if printf '%s' "$out" | python3 -c '
import json, sys
check, severity, text, fix = sys.argv[1:5]
rows = [r for r in json.load(sys.stdin) if r["check"] == check and r["severity"] == severity and text in r["text"]]
sys.exit(not any(fix in r.get("remedy", "") + r.get("commands", "") for r in rows))' "$1" "$2" "$3" "${4-}"; then
		pass "$1: $2: $3"
	else
		fail "$1 is not $2 with \"$3\" and \"${4-}\""
		printf '%s' "$out" | python3 -c '
import json, sys
for r in json.load(sys.stdin):
    if r["severity"] != "ok": print("   ", r)'
	fi
}

# follow CHECK SED-SCRIPT: runs the commands that are printed for it, made to fit the server of the test.
follow() {
	printf '%s' "$out" | python3 -c '
import json, sys
print(*(r["commands"] for r in json.load(sys.stdin) if r["check"] == sys.argv[1] and "commands" in r), sep="\n")' "$1" |
		sed "$2" >"$dir/commands"
	if grep -q . "$dir/commands" && bash -e "$dir/commands" >"$dir/commands.log" 2>&1; then
		pass "what is printed for $1 can be run"
	else
		fail "what is printed for $1 cannot be run: $(cat "$dir/commands" "$dir/commands.log")"
	fi
}
