#!/bin/sh
# The set-up of a working copy.
#
#   ./autogen.sh          generate configure, nothing else
#   ./autogen.sh deps     install the Debian packages that are missing (root or sudo)
#   ./autogen.sh run      deps, build, and run the demonstration organisation
#   ./autogen.sh check    deps, then every build and the whole test-suite
#
# Nothing is installed or built again without need: a second run is quick and needs no network.
set -eu
src=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# Every tool speaks the language that this script and the tests read.
LC_ALL=C.UTF-8
export PATH LC_ALL

# Debian 12 and 13: package, and a word why.
packages() {
	sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' <<-EOT
	autoconf              # generates configure
	automake
	make
	gcc                   # the compiler, with its sanitizers
	libc6-dev
	pkgconf               # finds the libraries
	libtalloc-dev         # memory trees
	libxxhash-dev         # checksums, hashes
	libidn2-dev           # domain names to A-labels
	libunistring-dev      # case folding, normal forms
	libjansson-dev        # JSON
	libconfuse-dev        # host file
	libuv1-dev            # event loop
	libssl-dev            # TLS
	libldap-dev           # directory client
	libsasl2-dev          # authentication
	libkrb5-dev           # tickets from a keytab
	liblmdb-dev           # replica
	libunbound-dev        # DNS with DNSSEC
	libsystemd-dev        # readiness, journal
	uthash-dev            # hash tables
	libbsd-dev            # sys/tree.h: the timers of the queues
	libcmocka-dev         # unit tests
	clang                 # second compiler
	libclang-rt-dev       # its sanitizers and fuzzer
	slapd                 # test peer: directory
	ldap-utils            # writes to it
	389-ds-base           # test peer: directory
	libnss3-tools         # its certificates
	libsasl2-modules      # mechanisms of both ends
	libsasl2-modules-gssapi-mit
	krb5-kdc              # test peer: Kerberos
	krb5-admin-server     # makes its principals
	samba-ad-dc           # test peer: Active Directory
	samba-ad-provision    # what a new domain is made of
	ldb-tools             # writes to it
	postfix               # test peer: next hop, measure of comparison
	postfix-ldap
	swaks                 # test peer: SMTP client
	dns-root-data         # trust anchor of the resolver
	nsd                   # test peer: authoritative DNS
	ldnsutils             # signs its zones
	dovecot-core          # test peer: mailbox server
	dovecot-lmtpd
	lmdb-utils            # looks into the replica
	strace                # counts system calls
	valgrind
	libc6-dbg             # what valgrind reads
	openssl               # certificates of the tests
	python3               # drivers of the tests
	python3-gssapi        # the server's side of Kerberos
	curl                  # HTTP client
	procps                # ps
	ca-certificates
	EOT
}

missing_packages() {
	for package in $(packages); do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
		[ "$state" = installed ] || echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "autogen.sh: installing packages needs root; remedy: run this as root, or install sudo" >&2
		exit 1
	fi
}

# No package may start its service here: apt asks policy-rc.d. One that exists is kept.
policy=/usr/sbin/policy-rc.d
allow_no_service() {
	own_policy=
	[ ! -e $policy ] || return 0
	own_policy=yes
	trap 'end_policy; exit 1' INT TERM
	trap end_policy EXIT
	printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
	as_root chmod 755 $policy
}

end_policy() {
	[ -z "$own_policy" ] || as_root rm -f $policy
	own_policy=
	trap - EXIT INT TERM
}

preseed() {
	as_root debconf-set-selections <<-EOT
	slapd slapd/no_configuration boolean true
	postfix postfix/main_mailer_type select No configuration
	EOT
}

deps() {
	if ! command -v dpkg-query >/dev/null; then
		echo "autogen.sh: no Debian: install by hand what the table in autogen.sh names" >&2
		return 0
	fi
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	echo "autogen.sh: installing" $missing
	allow_no_service
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
	preseed
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends $missing
	end_policy
}

generate() {
	mkdir -p "$src/build-aux"
	(cd "$src" && autoreconf --install --force)
}

# What changed in a Makefile.inc later is make's business: its rules run automake again.
generate_if_missing() {
	[ -x "$src/configure" ] && [ -f "$src/Makefile.in" ] || generate
}

# build KIND ARGUMENTS: configures build/KIND once, with these arguments, and makes all of it.
build() {
	kind=$1
	shift
	if [ -f "$src/config.status" ]; then
		echo "autogen.sh: $src is configured in place; remedy: make distclean" >&2
		return 1
	fi
	# Objects of other arguments are not what make thinks they are.
	[ "$(cat "$src/build/$kind/configured" 2>/dev/null)" = "$*" ] || rm -rf "${src:?}/build/$kind"
	mkdir -p "$src/build/$kind"
	cd "$src/build/$kind"
	[ -f Makefile ] || "$src/configure" -q "$@"
	echo "$*" >configured
	make -s -j"$(nproc)" all
}

case ${1-} in
'')
	generate
	;;
deps)
	deps
	;;
run)
	shift
	deps
	generate_if_missing
	build run CFLAGS='-O2 -g' && make -s smtp_sink
	export abs_top_srcdir="$src" abs_top_builddir="$src/build/run"
	exec "$src/demo/demo.sh" "$@"
	;;
check)
	deps
	generate_if_missing
	exec "$src/tests/check.sh"
	;;
build)
	# For tests/check.sh: one kind of build, configured as the following arguments say.
	shift
	build "$@"
	;;
*)
	sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
