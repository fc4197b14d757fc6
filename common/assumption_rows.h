/*
 * Rows of the table of assumptions: symbol, name, kind, default, meaning, where the doubt is.
 * Included by assumption.[ch]. Names are for ever: host files hold them. A bit of 0 is not read.
 */
ASSUME_ROW(SITE_HUB_BIT, "transport-site-flags.hub-bit", NUMBER, "1",
	"msExchTransportSiteFlags of a site: it is a hub site",
	"the attribute is documented, its bits are not")
ASSUME_ROW(SITE_NO_INBOUND_BIT, "transport-site-flags.no-inbound-bit", NUMBER, "2",
	"msExchTransportSiteFlags of a site: it takes no mail from other sites",
	"the attribute is documented, its bits are not")
ASSUME_ROW(ROLE_MAILBOX, "server-roles.mailbox-bit", NUMBER, "2",
	"msExchCurrentServerRoles of a server: mailbox",
	"seen in scripts of others, for 2007 and 2010")
ASSUME_ROW(ROLE_HUB, "server-roles.hub-bit", NUMBER, "32",
	"msExchCurrentServerRoles of a server: hub",
	"seen in scripts of others, for 2007 and 2010; a mailbox server since 2013 is a hub too")
ASSUME_ROW(ROLE_EDGE, "server-roles.edge-bit", NUMBER, "64",
	"msExchCurrentServerRoles of a server: subscribed edge",
	"seen in scripts of others, for 2007 and 2010")
ASSUME_ROW(ROLES_ABSENT, "server-roles.if-absent", NUMBER, "2",
	"the roles of a server without msExchCurrentServerRoles",
	"such a server is of 2003 or older and has no such roles; its mailboxes are its own")
ASSUME_ROW(NETWORK_PREFIX, "network-address.prefix", TEXT, "ncacn_ip_tcp:",
	"the value of networkAddress that holds a server's host name begins with this",
	"the attribute is documented, the form of its values is not")
ASSUME_ROW(SMTP_DELIVERY, "server.smtp-delivery", NUMBER, "1",
	"1: a server that is both hub and mailbox takes mail for its mailboxes by SMTP, port 25",
	"true of servers since 2013; those before have other ways between the two roles")
ASSUME_ROW(LENGTH_UNIT, "content-length.unit", NUMBER, "1024",
	"octets in one unit of delivContLength and submissionContLength",
	"its tools speak of KB; no document names the unit of the attributes")
ASSUME_ROW(LIMITS_CLASS, "organization-limits.class", NAME, "msExchTransportSettings",
	"class of the object with the organisation's delivContLength, submissionContLength and "
	"msExchRecipLimit",
	"documented for the organisation's own object, which is read too; since 2007 the tools keep "
	"them with the transport settings")
ASSUME_ROW(SMART_HOST_SEPARATORS, "smart-host.separators", TEXT, ",; ",
	"characters between the smart hosts in msExchSmtpSmartHost",
	"the attribute is one string; how it holds several hosts is not documented")
ASSUME_ROW(SMART_HOST_ALWAYS, "smart-host-type.always", NUMBER, "2",
	"msExchSmtpSmartHostType of a connector: smart hosts, never DNS",
	"documented for the IIS setting of the same purpose")
ASSUME_ROW(SEND_TIMEOUT_UNIT, "send-timeout.unit", NUMBER, "1",
	"seconds in one unit of msExchSmtpSendConnectionTimeout",
	"the attribute's syntax is not documented")
ASSUME_ROW(LOGGING_VERBOSE, "protocol-logging.verbose", NUMBER, "1",
	"the logging level of a connector that means verbose",
	"the words none and verbose are documented, their numbers are not")
ASSUME_ROW(SECURITY_TLS_BIT, "outbound-security.tls-bit", NUMBER, "4",
	"msExchSmtpOutboundSecurityFlag of a connector: TLS is required",
	"as in the IIS setting of the same family; that the two are equal is not documented")
ASSUME_ROW(SECURITY_BASIC_BIT, "outbound-security.basic-bit", NUMBER, "256",
	"msExchSmtpOutboundSecurityFlag of a connector: it authenticates with a password",
	"as in the IIS setting of the same family; that the two are equal is not documented")
ASSUME_ROW(SEND_HELO_BIT, "send-flags.force-helo-bit", NUMBER, "0",
	"msExchSmtpSendFlags of a connector: greet with HELO",
	"the attribute's name is known, its bits are not")
ASSUME_ROW(SEND_NO_TLS_BIT, "send-flags.ignore-starttls-bit", NUMBER, "0",
	"msExchSmtpSendFlags of a connector: never use STARTTLS",
	"the attribute's name is known, its bits are not")
ASSUME_ROW(SEND_TLS_BIT, "send-flags.require-tls-bit", NUMBER, "0",
	"msExchSmtpSendFlags of a connector: TLS is required",
	"the attribute's name is known, its bits are not")
ASSUME_ROW(SEND_DOMAIN_BIT, "send-flags.domain-secure-bit", NUMBER, "0",
	"msExchSmtpSendFlags of a connector: mutual TLS with listed domains",
	"the attribute's name is known, its bits are not")
ASSUME_ROW(SEND_DNS_BIT, "send-flags.external-dns-bit", NUMBER, "0",
	"msExchSmtpSendFlags of a connector: resolve with the external DNS servers",
	"the attribute's name is known, its bits are not")
ASSUME_ROW(SEND_SCOPED_BIT, "send-flags.scoped-bit", NUMBER, "0",
	"msExchSmtpSendFlags of a connector: scoped, visible in its sources' sites only",
	"where the directory holds a connector's scope is not documented")
ASSUME_ROW(DROP_ATTRIBUTE, "foreign-connector.drop-directory", NAME,
	"msExchTransportDropDirectoryName", "attribute of a foreign connector: its drop directory",
	"no document names the attribute")
ASSUME_ROW(DOMAIN_FLAGS, "accepted-domain.flags", NAME, "msExchAcceptedDomainFlags",
	"attribute of an accepted domain: its type, and whether it is the default",
	"the three types are documented, the attribute is not")
ASSUME_ROW(DOMAIN_TYPE_MASK, "accepted-domain.type-mask", NUMBER, "3",
	"the part of accepted-domain.flags that is the type; 0 is authoritative",
	"the three types are documented, their numbers are not")
ASSUME_ROW(DOMAIN_EXTERNAL, "accepted-domain.external-relay", NUMBER, "1",
	"the type external relay", "the three types are documented, their numbers are not")
ASSUME_ROW(DOMAIN_INTERNAL, "accepted-domain.internal-relay", NUMBER, "2",
	"the type internal relay", "the three types are documented, their numbers are not")
ASSUME_ROW(DOMAIN_DEFAULT_BIT, "accepted-domain.default-bit", NUMBER, "4",
	"accepted-domain.flags of the organisation's default domain",
	"that there is one is documented, its bit is not")
ASSUME_ROW(REMOTE_FLAGS, "remote-domain.flags", NAME, "msExchRoutingAcceptMessageType",
	"attribute of a remote domain: what may be sent there",
	"the attribute is documented, its bits are not")
ASSUME_ROW(REMOTE_REPORTS_BIT, "remote-domain.delivery-reports-bit", NUMBER, "0",
	"remote-domain.flags: delivery reports are sent there",
	"the attribute is documented, its bits are not")
ASSUME_ROW(REMOTE_NDR_BIT, "remote-domain.ndr-bit", NUMBER, "0",
	"remote-domain.flags: failure reports are sent there",
	"the attribute is documented, its bits are not")
ASSUME_ROW(REMOTE_REPLY_BIT, "remote-domain.auto-reply-bit", NUMBER, "0",
	"remote-domain.flags: automatic replies are sent there",
	"the attribute is documented, its bits are not")
ASSUME_ROW(REMOTE_FORWARD_BIT, "remote-domain.auto-forward-bit", NUMBER, "0",
	"remote-domain.flags: automatic forwards are sent there",
	"the attribute is documented, its bits are not")
