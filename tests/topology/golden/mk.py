#!/usr/bin/python3
"""Writes the LDIF files of the golden topologies from the short-hand below.

    mk.py           write them all
    mk.py --check   exit status 1 if one of them is not what would be written

The LDIF files are what the tests read and what is reviewed; this only saves the typing. The
.query and .expect files beside them are worked out by hand.

One line is one thing:
    A-B 10                link of the sites A and B (named A-B) with its cost, or `default`
    L1{A,B,C} 10          link L1 with several member sites
      mail=25 max=10MB      … its mail cost, its largest message
    hub:B,D  off:C        hub sites; sites with InboundMail FALSE
    site:X                a site without a server
    +HTA2@A               a further server in site A
      role=mailbox state=draining address=192.168.1.1    … what it has
    subnet 192.168.1.0/24 A
    edge EDGE1 A          an edge that is subscribed to site A
    Name [HTA1 HTA2] space;1 space;2    send connector, its source servers, its address spaces
      scoped disabled max=10MB foreign smarthost=NAME linked=HTA1/NAME      … what it has
    domain example.org internalRelay catchall=ID home=HTA1 nolookup
    org KEY=VALUE         attribute of the organisation; a home server by its name
    person ID mail=ADDRESS home=HTA1 ATTRIBUTE=VALUE …
    group ID mail=ADDRESS member=ID …
    receive HTA1 NAME     a receive connector below its server
      range=LOW-HIGH max=10MB      … its clients, its largest message
Every site that a link names has a server HT<site>1 and a mailbox ht<site>1@example.com unless
`site:` says that it has none; example.com is authoritative and the default domain.
"""
import re
import sys
from pathlib import Path

from topologies import TOPOLOGIES

HERE = Path(__file__).parent
SUFFIX = "dc=example,dc=com"
BASE = "cn=Waypost," + SUFFIX
PEOPLE = "ou=People," + SUFFIX


def escaped(name):
    return re.sub(r'([,+"\\<>;=])', r"\\\1", name)


def dn(name, container):
    return f"cn={escaped(name)},cn={container},{BASE}"


def receive_dn(server, name):
    return f"cn={escaped(name)}," + dn(server, "Servers")


def size(text):
    number, unit = re.fullmatch(r"(\d+)([KM]?)B?", text).groups()
    return int(number) * {"": 1, "K": 1024, "M": 1048576}[unit]


def options(words):
    """['a=1', 'b'] -> {'a': '1', 'b': ''}"""
    return dict(w.partition("=")[::2] for w in words)


class Topology:
    def __init__(self):
        self.sites, self.empty, self.hubs, self.off = [], set(), set(), set()
        self.entries, self.servers, self.org = [], [], []

    def add(self, entry_dn, classes, **attributes):
        """An attribute without a value is left out; a list is several values."""
        lines = ["dn: " + entry_dn] + ["objectClass: " + c for c in classes.split()]
        for name, values in attributes.items():
            for value in values if isinstance(values, list) else [values]:
                if value not in (None, ""):
                    lines.append(f"{name.replace('_', '-')}: {value}")
        self.entries.append("\n".join(lines) + "\n")

    def site(self, name):
        if name not in self.sites:
            self.sites.append(name)

    def link(self, name, members, words):
        for member in members:
            self.site(member)
        o = options(words[1:])
        self.add(dn(name, "Site Links"), "waypostSiteLink", cn=name,
                 waypostLinkedSite=[dn(m, "Sites") for m in members],
                 waypostCost=None if words[0] == "default" else words[0],
                 waypostMailCost=o.get("mail"),
                 waypostMaxMessageSize=size(o["max"]) if "max" in o else None)

    def server(self, name, site, words=()):
        o = options(words)
        self.servers.append(name)
        if site:
            self.site(site)
        self.add(dn(name, "Servers"), "waypostServer", cn=name,
                 waypostFqdn=name.lower() + ".example.com",
                 waypostAddress=o.get("address"),
                 waypostRole=o.get("role", "hub").split("+"),
                 waypostSiteDN=dn(site, "Sites") if site else None,
                 waypostServerState=o.get("state"))

    def person(self, uid, mail, home, **more):
        self.add(f"uid={uid},{PEOPLE}", "inetOrgPerson waypostRecipient " + more.pop("classes", ""),
                 uid=uid, cn=uid, sn=uid, mail=mail,
                 waypostHomeServer=dn(home, "Servers") if home else None, **more)

    def connector(self, name, sources, words):
        spaces = [w for w in words if w not in ("scoped", "disabled", "foreign") and "=" not in w]
        o = options(w for w in words if w not in spaces)
        foreign = "foreign" in o
        self.add(dn(name, "Send Connectors"),
                 "waypostForeignConnector" if foreign else "waypostSendConnector", cn=name,
                 waypostEnabled="FALSE" if "disabled" in o else None,
                 waypostAddressSpace=spaces,
                 waypostScoped="TRUE" if "scoped" in o else None,
                 waypostSourceServer=[dn(s, "Edge Subscriptions" if s.startswith("EDGE") and
                                         s not in self.servers else "Servers") for s in sources],
                 waypostSmartHost=o.get("smarthost"),
                 waypostLinkedReceiveConnector=receive_dn(*o["linked"].split("/"))
                 if "linked" in o else None,
                 waypostDropDirectory=name if foreign else None,
                 waypostMaxMessageSize=size(o["max"]) if "max" in o else None)

    def line(self, text):
        words = text.split()
        first = words[0]
        if m := re.fullmatch(r"(hub|off|site):(.*)", first):
            kind, names = m[1], m[2].split(",")
            {"hub": self.hubs, "off": self.off, "site": self.empty}[kind].update(names)
            if kind == "site":
                for name in names:
                    self.site(name)
        elif m := re.fullmatch(r"(.*)\{(.*)\}", first):
            self.link(m[1], m[2].split(","), words[1:])
        elif m := re.fullmatch(r"\+([^@]*)@?(.*)", first):
            self.server(m[1], m[2], words[1:])
        elif first == "subnet":
            self.add(dn(words[1], "Subnets"), "waypostSubnet", cn=words[1],
                     waypostSiteDN=dn(words[2], "Sites"))
            self.site(words[2])
        elif first == "edge":
            self.add(dn(words[1], "Edge Subscriptions"), "waypostEdgeSubscription", cn=words[1],
                     waypostFqdn=words[1].lower() + ".example.com",
                     waypostSiteDN=dn(words[2], "Sites"))
        elif first == "domain":
            o = options(words[3:])
            self.add(dn(words[1], "Accepted Domains"), "waypostAcceptedDomain", cn=words[1],
                     waypostDomain=words[1], waypostDomainType=words[2],
                     waypostRecipientLookup="FALSE" if "nolookup" in o else None,
                     waypostCatchAll=f"uid={o['catchall']},{PEOPLE}" if "catchall" in o else None,
                     waypostDefaultHomeServer=dn(o["home"], "Servers") if "home" in o else None)
        elif first == "org":
            for name, value in options(words[1:]).items():
                value = dn(value, "Servers") if name == "DefaultHomeServer" else value
                self.org.append(f"waypost{name}: {value}")
        elif first == "person":
            pairs = [w.partition("=")[::2] for w in words[2:]]
            more = {}
            for key, value in pairs:
                more.setdefault(key, []).append(value)
            home = more.pop("home", [None])[0]
            self.person(words[1], more.pop("mail", []), home,
                        classes=" ".join(more.pop("class", [])), **more)
        elif first == "group":
            pairs = [w.partition("=")[::2] for w in words[2:]]
            self.add(f"cn={words[1]},{PEOPLE}", "groupOfNames extensibleObject", cn=words[1],
                     mail=[v for k, v in pairs if k == "mail"],
                     member=[(v if "," in v else f"uid={v},{PEOPLE}") for k, v in pairs if k == "member"],
                     rfc822MailMember=[v for k, v in pairs if k == "rfc822"])
        elif first == "receive":
            o = options(words[3:])
            self.add(receive_dn(words[1], words[2]), "waypostReceiveConnector",
                     cn=words[2], waypostBinding="0.0.0.0:2525",
                     waypostRemoteRange=o.get("range"),
                     waypostMaxMessageSize=size(o["max"]) if "max" in o else None)
        elif m := re.match(r"(.*?)\s*\[(.*?)\]\s+(.*)", text):
            self.connector(m[1], m[2].split(), m[3].split())
        elif m := re.fullmatch(r"([^-]+(?:-[^-]+)*?)-([^-]+)", first):
            self.link(first, [m[1], m[2]], words[1:])
        else:
            raise ValueError(text)

    def ldif(self, comment):
        for site in self.sites:
            if site not in self.empty:
                self.server(f"HT{site}1", site)
                self.person(f"ht{site}1".lower(), f"ht{site}1@example.com".lower(), f"HT{site}1")
        head = Topology()
        head.add(BASE, "waypostOrganization", cn="Waypost")
        head.entries[0] += "".join(a + "\n" for a in self.org)
        head.add(dn("example.com", "Accepted Domains"), "waypostAcceptedDomain", cn="example.com",
                 waypostDomain="example.com", waypostDomainType="authoritative",
                 waypostDefaultDomain="TRUE")
        for site in self.sites:
            head.add(dn(site, "Sites"), "waypostSite", cn=site,
                     waypostHubSite="TRUE" if site in self.hubs else None,
                     waypostInboundMail="FALSE" if site in self.off else None)
        return f"# {comment}\nversion: 1\n\n" + "\n".join(head.entries + self.entries)


def main():
    wrong = 0
    for name, (comment, text) in TOPOLOGIES.items():
        topology = Topology()
        for line in filter(None, (part.strip() for part in re.split(r"[\n]|,\s", text))):
            topology.line(line)
        ldif = topology.ldif(comment)
        path = HERE / (name + ".ldif")
        if "--check" not in sys.argv:
            path.write_text(ldif, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != ldif:
            print(f"{path.name} is not what mk.py writes", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
