#!/bin/bash
# Holds the include lines of every C file against the table of arrows in doc/CODING.md, and
# sees that every C file is named in a Makefile.inc. A header whose opening comment ends in
# "Pure." or "pure." is believed: it and its C file get no sockets, files, log, threads or loop.
#
#   check-layers.sh [TREE]     exit status 0 clean, 1 with one line for each offence
#
# TREE defaults to the source tree that this script lies in.
set -u
tree=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$tree" || exit 1

# unit: what it may include of our own. A file of common/ belongs to the library that lists it.
arrows='
libbase   libbase
libsys    libbase libsys
libnet    libbase libsys libnet
libview   libbase libsys libview topology
topology  libbase topology
ldapsync  libbase libsys libview libnet topology ldapsync
delivery  libbase libsys libview libnet topology delivery
admin     libbase libsys libview libnet topology ldapsync delivery admin
schema    libbase topology schema
doc       libbase topology
tests     libbase libsys libview libnet topology ldapsync delivery admin tests
'

# header (a pattern) | where it may be included (patterns of files, or lib… for a unit).
# A header in no row may be included anywhere.
headers='
ldap*.h lber*.h                 | ldapsync/* admin/* tests/*
sasl/*                          | ldapsync/* delivery/sasl* admin/* tests/*
openssl/*                       | common/tls* common/cert* tests/*
uv.h                            | libnet delivery/* ldapsync/* admin/* tests/*
lmdb.h                          | common/replica* ldapsync/replica* tests/*
unbound.h                       | delivery/resolver* tests/*
confuse.h                       | libsys tests/*
microhttpd.h                    | admin/* tests/*
systemd/*                       | libsys libnet admin/* tests/*
idn2.h uninorm.h unicase.h unictype.h uniconv.h | libbase tests/*
unistr.h                        | libbase topology/draw_text* tests/*
cmocka.h                        | tests/*
unistd.h                        | common/buf.c libsys libview libnet ldapsync/* delivery/* admin/* schema/* tests/*
fcntl.h poll.h pthread.h signal.h syslog.h netdb.h sys/socket.h sys/stat.h sys/mman.h sys/epoll.h sys/wait.h | libsys libview libnet ldapsync/* delivery/* admin/* schema/* tests/*
'

# What code that calls itself pure includes nowhere.
impure='uv.h pthread.h fcntl.h poll.h netdb.h signal.h syslog.h unistd.h sys/socket.h sys/stat.h
	sys/mman.h sys/epoll.h sys/wait.h lmdb.h ldap.h unbound.h openssl/* common/log.h
	common/fsutil.h common/process.h common/stream.h common/tls.h common/waker.h'

offences=0
offence() {
	echo "$1"
	offences=$((offences + 1))
}

makefile_words() {
	find . -name Makefile.am -o -name Makefile.inc | xargs cat | tr -s ' \t\\=' '\n'
}

# library_files NAME: the files of lib<name>.a as common/Makefile.inc lists them.
library_files() {
	awk -v name="$1_a_SOURCES" '
		$1 == name { on = 1 }
		on { for (i = 1; i <= NF; i++) if ($i ~ /\.[ch]$/) print $i }
		on && !/\\$/ { on = 0 }' common/Makefile.inc
}

declare -A unit_of_file=()
for unit in libbase libsys libview libnet; do
	while read -r file; do
		unit_of_file[$file]=$unit
	done < <(library_files $unit)
done

declare -A allowed=()
while read -r unit allowed_here; do
	[ -z "$unit" ] || allowed[$unit]=$allowed_here
done <<<"$arrows"

# The pure files, without their extensions. The one exception ends the process with a line.
declare -A is_pure=()
while read -r file; do
	is_pure[${file%.h}]=yes
done < <(find common topology ldapsync delivery admin -name '*.h' -exec awk '
	FNR == 1 { is_comment = /^\/\*/ }
	is_comment && /[Pp]ure\./ { print FILENAME; is_comment = 0 }
	/\*\// { is_comment = 0 }' {} +)
unset 'is_pure[common/buf]'

# No function below starts a process: there are thousands of include lines.

# is_listed WORD PATTERN...: WORD matches one of the patterns.
is_listed() {
	local word=$1 pattern
	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2254 -- they are patterns
		case $word in $pattern) return 0 ;; esac
	done
	return 1
}

check_pure() {
	local file=$1 line=$2 header=$3

	[ -z "${is_pure[${file%.[ch]}]-}" ] || ! is_listed "$header" $impure ||
		offence "$file:$line: calls itself pure, and includes $header"
}

check_own() {
	local file=$1 line=$2 header=$3
	local from=${unit_of_file[$file]:-${file%%/*}} to=${unit_of_file[$header]:-${header%%/*}}

	case $header in
	config.h)
		return ;;
	*/*)
		;;
	*)
		offence "$file:$line: \"$header\" has no folder in front of it"
		return ;;
	esac
	is_listed "$to" ${allowed[$from]-} ||
		offence "$file:$line: $from may not include $header ($to)"
}

check_foreign() {
	local file=$1 line=$2 header=$3 patterns places

	while IFS='|' read -r patterns places; do
		is_listed "$header" $patterns || continue
		is_listed "$file" $places || is_listed "${unit_of_file[$file]-}" $places ||
			offence "$file:$line: <$header> may only be included in:$places"
	done <<<"$headers"
}

set -f
sources=$(find common topology ldapsync delivery admin schema tests -name '*.[ch]' | sort)
listed=$(makefile_words)
while read -r file; do
	grep -qxF -- "$file" <<<"$listed" || offence "$file: is in no Makefile.inc"
done <<<"$sources"

while IFS=: read -r file line include; do
	case $include in
	*'"'*)
		header=${include#*\"}
		check_own "$file" "$line" "${header%%\"*}"
		check_pure "$file" "$line" "${header%%\"*}"
		;;
	*'<'*)
		header=${include#*<}
		check_foreign "$file" "$line" "${header%%>*}"
		check_pure "$file" "$line" "${header%%>*}"
		;;
	esac
done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' $sources /dev/null)

[ "$offences" -eq 0 ] || { echo "$offences offences against doc/CODING.md, Layers"; exit 1; }
