#!/bin/bash
# check-layers.sh finds what it is there to find: a small tree with one offence of each kind,
# and the same tree without them.
set -u
src=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir -p common topology ldapsync delivery admin schema tests/common

write() {
	printf '%s\n' "${@:2}" >"$1"
}

write Makefile.am 'include common/Makefile.inc'
write common/Makefile.inc 'libbase_a_SOURCES = common/err.c \' '	common/err.h' \
	'libsys_a_SOURCES = common/log.c common/log.h' 'libnet_a_SOURCES = common/tls.c common/loop.c'
write topology/Makefile.inc 'libtopology_a_SOURCES = topology/paths.c topology/paths.h'
write ldapsync/Makefile.inc 'libldapsync_a_SOURCES = ldapsync/main.c ldapsync/agent.h'
write delivery/Makefile.inc 'libdelivery_a_SOURCES = delivery/queue.c delivery/queue.h'
write admin/Makefile.inc 'waypost_SOURCES = admin/cli.c'
write tests/common/Makefile.inc 'test_err_SOURCES = tests/common/test_err.c'

lay_out_clean() {
	write common/err.c '#include "common/err.h"' '#include <stdio.h>' '#include <uninorm.h>'
	write common/err.h '#include <stddef.h>'
	write common/log.c '#include "config.h"' '#include "common/err.h"' '#include <unistd.h>'
	write common/log.h
	write common/tls.c '#include <openssl/ssl.h>' '#include "common/log.h"'
	write common/loop.c '#include <uv.h>'
	write topology/paths.c '#include "topology/paths.h"' '#include "common/err.h"'
	write topology/paths.h
	write ldapsync/main.c '#include <ldap.h>' '#include "topology/paths.h"' '#include "ldapsync/agent.h"'
	write ldapsync/agent.h
	write delivery/queue.c '#include "delivery/queue.h"' '#include "common/err.h"'
	write delivery/queue.h '/* Queues. Pure. */'
	write admin/cli.c '#include "delivery/queue.h"' '#include <ldap.h>'
	write tests/common/test_err.c '#include <cmocka.h>' '#include "common/err.h"'
}

failed=0
check() { # what, expected line or nothing for clean
	local out
	out=$("$src/tests/lint/check-layers.sh" "$dir")
	local status=$?
	if [ -z "$2" ]; then
		[ "$status" = 0 ] && [ -z "$out" ] && return
	else
		[ "$status" = 1 ] && grep -qF -- "$2" <<<"$out" && return
	fi
	failed=1
	printf 'not ok: %s: exit status %s\n%s\n' "$1" "$status" "$out"
}

offend() { # what, file, its text, expected line
	lay_out_clean
	write "$2" "$3"
	check "$1" "$4"
}

lay_out_clean
check "a clean tree" ""
offend "topology does not log" topology/paths.c '#include "common/log.h"' \
	'topology/paths.c:1: topology may not include common/log.h (libsys)'
offend "common includes nothing above it" common/log.c '#include "topology/paths.h"' \
	'libsys may not include topology/paths.h'
offend "the pure part includes no file access" common/err.c '  #  include <unistd.h>' \
	'common/err.c:1: <unistd.h>'
offend "the pure part does not include the rest of common" common/err.h '#include "common/log.h"' \
	'common/err.h:1: libbase may not include common/log.h (libsys)'
offend "delivery never meets ldapsync" delivery/queue.c '#include "ldapsync/agent.h"' \
	'delivery may not include ldapsync/agent.h'
offend "ldapsync never meets delivery" ldapsync/main.c '#include "delivery/queue.h"' \
	'ldapsync may not include delivery/queue.h'
offend "nothing includes admin" delivery/queue.c '#include "admin/cli.h"' 'may not include admin/cli.h'
offend "delivery never meets libldap" delivery/queue.h '#include <ldap.h>' 'delivery/queue.h:1: <ldap.h>'
offend "what is pure does not log" delivery/queue.c '#include "common/log.h"' \
	'delivery/queue.c:1: calls itself pure, and includes common/log.h'
offend "what is pure has no loop" delivery/queue.c '#include <uv.h>' 'calls itself pure, and includes uv.h'
offend "OpenSSL stays in its files" common/loop.c '#include <openssl/err.h>' '<openssl/err.h>'
offend "the path is written out" delivery/queue.c '#include "queue.h"' '"queue.h" has no folder'
offend "every file is in a Makefile.inc" common/stray.c '' 'common/stray.c: is in no Makefile.inc'
exit $failed
