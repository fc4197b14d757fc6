# A private 389 Directory Server for tests. Source it from bash behind slapd.sh; do not run it.
#
#   ds389_init  DIR               lay out DIR: dc=example,dc=com, our schema, content synchronisation
#   ds389_load  DIR FILE.ldif     adds the entries; the server must run
#   ds389_tls   DIR CERT KEY CA   offer STARTTLS from its next start on; the server must run
#   ds389_start DIR               start it and wait until it answers
#   ds389_stop  DIR | ds389_kill9 DIR | ds389_pause DIR | ds389_cont DIR
#   ds389_env   DIR               set DS389_URL DS389_PORT
#   ds389_admin DIR COMMAND ARGS  run ldapmodify, ldapsearch … as the directory manager
#
# As in slapd.sh: 0, or one line to stderr and 1; ds389_need returns 77. No systemd and no
# dscreate, which takes ten seconds: the configuration is made from the package's template. Under
# root the server runs as the package's user dirsrv, which has to be able to reach DIR.

ds389_need() {
	command -v ns-slapd >/dev/null && [ -f /usr/share/dirsrv/data/template-dse.ldif ] && return 0
	echo "skipped: 389-ds-base is not installed" >&2
	return 77
}

ds389_fail() {
	echo "ds389.sh: $*" >&2
	return 1
}

ds389_init() {
	local dir=$1 user port
	mkdir -p "$dir"/{config/schema,db,log,run,lock,ldif,bak,tmp,inst} && dir=$(cd "$dir" && pwd) || return 1
	port=$(peer_free_port) || return 1
	user=$(id -un)
	[ "$(id -u)" != 0 ] || user=dirsrv
	printf 'DS389_URL=ldap://127.0.0.1:%s\nDS389_PORT=%s\n' "$port" "$port" >"$dir/env"
	cp /etc/dirsrv/config/{slapd-collations.conf,certmap.conf} "$dir/config/" &&
		cp /etc/dirsrv/schema/* "$dir/config/schema/" &&
		cp "$abs_top_srcdir/schema/waypost-389ds.ldif" "$dir/config/schema/98waypost.ldif" || return 1
	# What OpenLDAP has in misc.schema; its OID of mailLocalAddress is mailAlternateAddress here.
	cat >"$dir/config/schema/97laser.ldif" <<-'EOT'
	dn: cn=schema
	attributeTypes: ( mailLocalAddress-oid NAME 'mailLocalAddress' EQUALITY caseIgnoreIA5Match
	  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 X-ORIGIN 'user defined' )
	objectClasses: ( 2.16.840.1.113730.3.2.147 NAME 'inetLocalMailRecipient' SUP top AUXILIARY
	  MAY ( mailLocalAddress $ mailHost $ mailRoutingAddress ) X-ORIGIN 'user defined' )
	EOT
	python3 - /usr/share/dirsrv/data/template-dse.ldif "$dir" "$port" "$user" >"$dir/config/dse.ldif" <<-'EOT' || return 1
	import re, sys
	template, dir, port, user = sys.argv[1:]
	values = dict(ds_port=port, ds_user=user, fqdn="localhost", rootdn="cn=Directory Manager",
	              ds_passwd="{CLEAR}admin", ds_suffix="dc=example,dc=com", ldapi_enabled="off",
	              ldapi="", ldapi_autobind="off", db_lib="bdb", config_dir=dir + "/config",
	              schema_dir=dir + "/config/schema", cert_dir=dir + "/config", db_home_dir=dir + "/db")
	text = open(template).read()
	text = re.sub("%(\\w+)%", lambda m: values.get(m[1], dir + "/" + m[1].removesuffix("_dir")), text)
	text = text.replace(f"nsslapd-port: {port}\n", f"nsslapd-port: {port}\nnsslapd-listenhost: 127.0.0.1\n")
	# The retro changelog feeds content synchronisation, by the unique id of what changed.
	for name, more in (("Retro Changelog Plugin", "nsslapd-attribute: nsuniqueid:targetUniqueId\n"),
	                   ("Content Synchronization", "")):
	    text, n = re.subn(r"(dn: cn=%s,[^\n]*\n(?:[^\n]+\n)*?nsslapd-pluginenabled:) off\n" % name,
	                      r"\1 on\n" + more, text, flags=re.IGNORECASE)
	    if n != 1:
	        sys.exit(f"ds389.sh: the template has no {name}")
	print(text)
	EOT
	[ "$(id -u)" != 0 ] || chown -R dirsrv: "$dir"
}

ds389_env() {
	. "$1/env"
}

ds389_pid() { peer_pid "$1/run/pid" "$(cd "$1" 2>/dev/null && pwd)/config"; }

ds389_admin() {
	local dir=$1 DS389_URL DS389_PORT
	shift
	ds389_env "$dir"
	"$1" -x -H "$DS389_URL" -D "cn=Directory Manager" -w admin "${@:2}"
}

ds389_start() {
	local dir pid i DS389_URL DS389_PORT
	dir=$(cd "$1" && pwd) || return 1
	ds389_pid "$dir" >/dev/null && return 0
	ds389_env "$dir"
	# What a killed one left: it is taken for alive while nobody has waited for it.
	rm -f "$dir"/lock/*/* 2>/dev/null
	# With -d it stays in the foreground, so that the pid is the one this shell saw.
	ns-slapd -D "$dir/config" -d 0 </dev/null >>"$dir/start.log" 2>&1 &
	pid=$!
	echo $pid >"$dir/run/pid"
	for ((i = 0; i < 200; i++)); do
		timeout 2 ldapwhoami -x -H "$DS389_URL" >/dev/null 2>&1 && return 0
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$dir/log/errors" >&2
	ds389_fail "ns-slapd did not start in $dir"
}

# The suffix, then the file: through the server, which makes its indexes by the way.
ds389_load() {
	ds389_admin "$1" ldapadd >"$1/load.log" 2>&1 <<-'EOT' && ds389_admin "$1" ldapadd -f "$2" >>"$1/load.log" 2>&1 && return 0
	dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config
	objectClass: top
	objectClass: extensibleObject
	objectClass: nsBackendInstance
	cn: userRoot
	nsslapd-suffix: dc=example,dc=com

	dn: cn=dc\3Dexample\2Cdc\3Dcom,cn=mapping tree,cn=config
	objectClass: top
	objectClass: extensibleObject
	objectClass: nsMappingTree
	cn: dc=example,dc=com
	nsslapd-state: backend
	nsslapd-backend: userRoot
	EOT
	tail -n 5 "$1/load.log" >&2
	ds389_fail "$2 was refused"
}

ds389_tls() {
	local dir=$1 log=$1/tls.log db=$1/config
	openssl pkcs12 -export -in "$2" -inkey "$3" -name Server-Cert -passout pass: -out "$dir/tls.p12" &&
		certutil -N -d "$db" --empty-password >"$log" 2>&1 &&
		certutil -A -d "$db" -n ca -t CT,, -i "$4" >>"$log" 2>&1 &&
		pk12util -i "$dir/tls.p12" -d "$db" -W "" -K "" >>"$log" 2>&1 &&
		ds389_admin "$dir" ldapmodify >>"$log" 2>&1 <<-EOT || { tail -n 5 "$log" >&2; ds389_fail "no TLS in $dir"; return 1; }
		dn: cn=config
		changetype: modify
		replace: nsslapd-security
		nsslapd-security: on
		-
		replace: nsslapd-securePort
		nsslapd-securePort: $(peer_free_port)

		dn: cn=RSA,cn=encryption,cn=config
		changetype: modify
		replace: nsSSLActivation
		nsSSLActivation: on
		-
		replace: nsSSLPersonalitySSL
		nsSSLPersonalitySSL: Server-Cert
		-
		replace: nsSSLToken
		nsSSLToken: internal (software)
		EOT
	[ "$(id -u)" != 0 ] || chown -R dirsrv: "$db"
}

ds389_signal() { peer_signal ds389 "$1" "$2"; }
ds389_pause() { ds389_signal "$1" STOP; }
ds389_cont() { ds389_signal "$1" CONT; }
ds389_kill9() { peer_kill9 ds389 "$1" "$1/run/pid"; }
ds389_stop() { peer_stop ds389 "$1" 300; }
