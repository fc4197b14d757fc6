#!/bin/bash
# The whole test-suite: every kind of build in build/<kind>, `make check` in those that run.
# Started by `./autogen.sh check`, which installs and generates what is missing first. Prints
# what failed and what was skipped; the last line is "N passed, N failed".
# Environment: WP_FULL=1 runs every test with its full numbers.
set -u
src=$(cd "$(dirname "$0")/.." && pwd)
cd "$src" || exit 1
passed=0 failed=0
failures=() skips=()
# Whatever the tests start inherits this mark, by which what they leave behind is found.
export WP_CHECK_MARK="check-$$-$RANDOM"
unset MAKEFLAGS MAKELEVEL
logs=$src/build/logs
mkdir -p "$logs"

pass() {
	passed=$((passed + 1))
}

fail() {
	failed=$((failed + 1))
	failures+=("$*")
	echo "FAIL: $*"
}

# step NAME LOG COMMAND...: one result of its own.
step() {
	local name=$1 log=$logs/$2.log begin=$SECONDS
	shift 2
	if "$@" >"$log" 2>&1; then
		pass
		echo "ok: $name ($((SECONDS - begin)) s)"
	else
		fail "$name (see ${log#"$src"/})"
		grep -E -A3 'error|warning|undefined|\*\*\*' "$log" | head -40
		return 1
	fi
}

# is_skip_allowed TEST: a test may only skip itself where tests/skips-allowed names it.
is_skip_allowed() {
	grep -qxF -- "$1" <(sed 's/[[:space:]]*#.*//' tests/skips-allowed)
}

# Counts the results that `make check` left in build/<kind>.
count_results() {
	local kind=$1 file name result
	while read -r file; do
		name=${file#"build/$kind/"}
		name=${name%.trs}
		while read -r _ result _; do
			case $result in
			PASS | XFAIL)
				pass
				;;
			SKIP)
				skips+=("$kind $name")
				is_skip_allowed "$name" || fail "$kind $name was skipped: $(tail -1 "${file%.trs}.log")"
				;;
			*)
				fail "$kind $name"
				tail -40 "${file%.trs}.log"
				;;
			esac
		done < <(grep '^:test-result:' "$file")
	done < <(find "build/$kind" -name '*.trs' | sort)
}

# Reports of the sanitizers, also those of daemons whose exit status no test looks at.
look_for_reports() {
	local kind=$1 report found=
	for report in "$logs/$kind-report".*; do
		[ -s "$report" ] || continue
		found=yes
		head -60 "$report"
	done
	if [ -n "$found" ]; then
		fail "$kind: a sanitizer reported (see build/logs/$kind-report.*)"
	else
		pass
	fi
}

look_for_processes() {
	local kind=$1 environ pid found=
	for environ in /proc/[0-9]*/environ; do
		pid=${environ//[!0-9]/}
		[ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] || continue
		tr '\0' '\n' 2>/dev/null <"$environ" | grep -qxF "WP_CHECK_MARK=$WP_CHECK_MARK" || continue
		# Only what outlived its parents is left behind; our own subshells are not.
		[ "$(ps -o ppid= -p "$pid" | tr -d ' ')" != $$ ] || continue
		found+=" $pid ($(ps -o args= -p "$pid"))"
		kill -KILL "$pid"
	done
	if [ -n "$found" ]; then
		fail "$kind: processes were left behind:$found"
	else
		pass
	fi
}

# run_tests KIND [MAKE ARGUMENTS]: one `make check`, counted.
run_tests() {
	local kind=$1 begin=$SECONDS
	shift
	find "build/$kind" -name '*.trs' -delete
	rm -f "$logs/$kind-report".*
	local report="log_path=$logs/$kind-report"
	ASAN_OPTIONS="$report" LSAN_OPTIONS="suppressions=$src/tests/lsan.supp:print_suppressions=0" UBSAN_OPTIONS="$report:print_stacktrace=1" \
		TSAN_OPTIONS="$report:second_deadlock_stack=1:suppressions=$src/tests/tsan.supp" \
		"${prefix[@]}" make -s -k -j"$(nproc)" -C "build/$kind" check "$@" >"$logs/$kind-check.log" 2>&1
	# A failing test shows in its result; anything else that failed is one of its own.
	local status=$?
	if [ -z "$(find "build/$kind" -name '*.trs' -print -quit)" ]; then
		fail "$kind: make check ended with $status and no results (see build/logs/$kind-check.log)"
		tail -40 "$logs/$kind-check.log"
	fi
	count_results "$kind"
	look_for_reports "$kind"
	look_for_processes "$kind"
	echo "done: $kind make check ($((SECONDS - begin)) s)"
}

build() {
	step "$1 build" "$1-build" "$src/autogen.sh" build "$@"
}

prefix=(env)
if build normal --enable-werror CFLAGS='-O2 -g'; then
	run_tests normal
fi
step "clang build" clang-build sh -c "'$src/autogen.sh' build clang --enable-werror CC=clang CFLAGS='-O1 -g' &&
	make -s -j$(nproc) -C build/clang check TESTS="
if build asan --enable-asan CFLAGS='-O1 -g'; then
	run_tests asan
fi
if build tsan --enable-tsan CFLAGS='-O1 -g'; then
	# The address layout that ThreadSanitizer expects is not the one of every kernel.
	setarch "$(uname -m)" -R true 2>/dev/null && prefix=(setarch "$(uname -m)" -R)
	run_tests tsan 'TESTS=$(TSAN_TESTS)'
fi

echo
for skip in ${skips[@]+"${skips[@]}"}; do echo "skipped: $skip"; done
for failure in ${failures[@]+"${failures[@]}"}; do echo "failed: $failure"; done
[ ${#skips[@]} -eq 0 ] || echo "${#skips[@]} skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
