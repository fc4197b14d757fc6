#!/bin/bash
# Every script can at least be parsed by the interpreter that it names, can be executed, and is
# in a makefile: a test that nobody runs is none.
set -u
cd "${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}" || exit 1
failed=0

offence() {
	echo "$*"
	failed=1
}

parse_python() {
	python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])' "$1"
}

listed=$(cat Makefile.am $(find . -name Makefile.inc) | tr -s ' \t\\=' '\n')

# Named itself, or with the folder it is in.
is_listed() {
	grep -qxF -e "$1" -e "${1%/*}" <<<"$listed"
}

while read -r file; do
	is_listed "$file" || offence "$file: is in no Makefile.inc"
	IFS= read -r first <"$file"
	case $first in
	'#!/bin/sh'*) sh -n "$file" || offence "$file: sh cannot parse it" ;;
	'#!/bin/bash'*) bash -n "$file" || offence "$file: bash cannot parse it" ;;
	'#!/usr/bin/python3'*) parse_python "$file" || offence "$file: python3 cannot parse it" ;;
	'#!'*) offence "$file: unknown interpreter in $first" ;;
	*)
		# A library to be sourced or imported.
		case $file in
		*.sh) bash -n "$file" || offence "$file: bash cannot parse it" ;;
		*.py) parse_python "$file" || offence "$file: python3 cannot parse it" ;;
		esac
		[ ! -x "$file" ] || offence "$file: is executable, but names no interpreter"
		continue ;;
	esac
	[ -x "$file" ] || offence "$file: names an interpreter, but is not executable"
done < <(find autogen.sh .ci/run admin common delivery demo ldapsync schema tests topology \
	-type f \( -name '*.sh' -o -name '*.py' -o -path .ci/run \) | sort)
exit $failed
