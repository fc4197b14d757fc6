# A small organisation for system tests: one hub under test, a mailbox server and a smart host
# that are sinks, a second site to change a cost to. Source it from bash, behind hub.sh.
#
#   org_ldif IN OUT LMTP PEOPLE    prints it: HUB1 listens at 127.0.0.1:IN, Send connector Out (*)
#                                  leads to 127.0.0.1:OUT, u0…u<PEOPLE - 1>@example.com are delivered
#                                  by LMTP to 127.0.0.1:LMTP
#   org_directory DIR [LINES]      prints the directory section of a host whose directory is the slapd
#                                  in DIR; writes the password file beside it
#   org_person NAME [CHANGE]       a recipient: NAME@example.com

org_base=cn=Waypost,dc=example,dc=com
org_people=ou=People,dc=example,dc=com

org_containers() {
	local name
	for name in Sites "Site Links" Servers "Send Connectors" "Accepted Domains"; do
		cat <<-EOT

		dn: cn=$name,$org_base
		objectClass: waypostContainer
		cn: $name
		EOT
	done
}

org_sites() {
	local site
	for site in A B; do
		cat <<-EOT

		dn: cn=$site,cn=Sites,$org_base
		objectClass: waypostSite
		cn: $site
		EOT
	done
	cat <<-EOT

	dn: cn=A-B,cn=Site Links,$org_base
	objectClass: waypostSiteLink
	cn: A-B
	waypostLinkedSite: cn=A,cn=Sites,$org_base
	waypostLinkedSite: cn=B,cn=Sites,$org_base
	waypostCost: 10
	EOT
}

org_servers() {
	cat <<-EOT

	dn: cn=HUB1,cn=Servers,$org_base
	objectClass: waypostServer
	cn: HUB1
	waypostFqdn: hub1.example.com
	waypostAddress: 127.0.0.1
	waypostRole: hub
	waypostSiteDN: cn=A,cn=Sites,$org_base
	waypostGlitchRetryInterval: 1
	waypostGlitchRetryCount: 100
	waypostMessageRetryInterval: 1

	dn: cn=In,cn=HUB1,cn=Servers,$org_base
	objectClass: waypostReceiveConnector
	cn: In
	waypostBinding: 127.0.0.1:$1
	waypostRemoteRange: 127.0.0.0/8
	waypostAuthMechanism: externallySecured
	waypostAuthMechanism: tls
	waypostPermissionGroup: servers

	dn: cn=MBX1,cn=Servers,$org_base
	objectClass: waypostServer
	cn: MBX1
	waypostFqdn: mbx1.example.com
	waypostRole: mailbox
	waypostSiteDN: cn=A,cn=Sites,$org_base
	waypostMailboxDelivery: lmtp://127.0.0.1:$3

	dn: cn=Out,cn=Send Connectors,$org_base
	objectClass: waypostSendConnector
	cn: Out
	waypostAddressSpace: *
	waypostSourceServer: cn=HUB1,cn=Servers,$org_base
	waypostDnsRouting: FALSE
	waypostSmartHost: [127.0.0.1]:$2
	EOT
}

# printf only: thousands of them are made.
org_person() {
	printf '\ndn: uid=%s,%s\n' "$1" "$org_people"
	[ -z "${2:-}" ] || printf 'changetype: %s\n' "$2"
	printf 'objectClass: %s\n' inetOrgPerson waypostRecipient
	printf '%s: %s\n' uid "$1" cn "$1" sn "$1" mail "$1@example.com" \
		waypostHomeServer "cn=MBX1,cn=Servers,$org_base"
}

org_ldif() {
	local i
	cat <<-EOT
	dn: dc=example,dc=com
	objectClass: organization
	objectClass: dcObject
	dc: example
	o: Example

	dn: ou=Services,dc=example,dc=com
	objectClass: organizationalUnit
	ou: Services

	dn: cn=waypost,ou=Services,dc=example,dc=com
	objectClass: applicationProcess
	objectClass: simpleSecurityObject
	cn: waypost
	userPassword: change-me

	dn: ou=People,dc=example,dc=com
	objectClass: organizationalUnit
	ou: People

	dn: $org_base
	objectClass: waypostOrganization
	cn: Waypost
	EOT
	org_containers
	org_sites
	org_servers "$@"
	cat <<-EOT

	dn: cn=example.com,cn=Accepted Domains,$org_base
	objectClass: waypostAcceptedDomain
	cn: example.com
	waypostDomain: example.com
	waypostDefaultDomain: TRUE
	EOT
	for ((i = 0; i < $4; i++)); do org_person "u$i"; done
}

org_directory() {
	local SLAPD_URL SLAPD_LDAPI SLAPD_PORT SLAPD_SUFFIX SLAPD_ROOTDN SLAPD_ROOTPW
	slapd_env "$1"
	printf change-me >"$1/password"
	chmod 600 "$1/password"
	cat <<-EOT
	directory "corp" {
	    uri = {"$SLAPD_URL"}
	    base = "$org_base"
	    recipients = {"$org_people"}
	    bind = "simple"
	    bind_dn = "cn=waypost,ou=Services,dc=example,dc=com"
	    password_file = "$1/password"
	    cleartext = true
	${2:-}
	}
	EOT
}
