#!/usr/bin/python3
"""churn.py --people DN [--outside DN] [--topology DN] [--sites DN] [--style inet|ad] [--count N]
[--seed N] -- LDAPSEARCH…

Prints N random changes of a directory as LDIF for `ldapmodify -c`, made for what is in it now:
people come, go, are made anew under their old name, change their address or lose it, are renamed
and moved between folders; folders are renamed with all that is in them; members join and leave
groups; with --topology links change their cost, connectors come and go, servers change their name.
With --outside people and folders also move there and back, with --sites (of Active Directory) sites
come, go and are renamed, links and subnets follow them or not. Changes may cross each other, so some of them may be refused: that belongs to it.

The command is ldapsearch with what it needs to reach and read everything.
"""
import argparse
import random
import subprocess
import sys

STYLES = {
    "inet": {"person": ["inetOrgPerson"], "folder": "organizationalUnit", "folder_rdn": "ou",
             "group": "groupOfNames", "rdn": "uid", "must": lambda n: f"cn: {n}\nsn: {n}\n",
             "group_mail": False},
    # Nothing without an address is a recipient there.
    "ad": {"person": ["contact"], "folder": "organizationalUnit", "folder_rdn": "OU",
           "group": "group", "rdn": "CN", "must": lambda n: "", "group_mail": True},
}


def parent(dn):
    return dn.partition(",")[2]


def rdn(dn):
    return dn.partition(",")[0]


class Churn:
    def __init__(self, args):
        self.args = args
        self.style = STYLES[args.style]
        self.random = random.Random(args.seed)
        self.serial = self.random.randrange(10**9)
        self.people = self.search(args.people, f"(objectClass={self.style['person'][0]})")
        self.groups = self.search(args.people, f"(objectClass={self.style['group']})")
        self.folders = [dn for dn in self.search(args.people, f"(objectClass={self.style['folder']})")
                        if dn.lower() != args.people.lower()]
        if args.outside:
            self.people += self.search(args.outside, f"(objectClass={self.style['person'][0]})")
            self.folders += [dn for dn in
                             self.search(args.outside, f"(objectClass={self.style['folder']})")
                             if dn.lower() != args.outside.lower()]
        self.links, self.connectors, self.servers = [], [], []
        if args.topology:
            self.links = self.search(args.topology, "(objectClass=waypostSiteLink)")
            self.connectors = self.search(args.topology, "(&(objectClass=waypostSendConnector)(cn=churn*))")
            self.servers = self.search(args.topology, "(objectClass=waypostServer)")
        self.sites, self.site_links, self.subnets = [], [], []
        if args.sites:
            self.sites = self.search(args.sites, "(objectClass=site)")
            self.site_links = self.search(args.sites, "(objectClass=siteLink)")
            self.subnets = self.search(args.sites, "(objectClass=subnet)")

    def search(self, base, filter):
        run = subprocess.run([*self.args.command, "-LLL", "-o", "ldif-wrap=no", "-b", base, filter,
                              "1.1"], capture_output=True, text=True, check=False)
        if run.returncode not in (0, 32):
            sys.exit(f"churn.py: {run.stderr.strip()}")
        return sorted(line[4:] for line in run.stdout.splitlines() if line.startswith("dn: "))

    def new_name(self, kind):
        self.serial += 1
        return f"{kind}{self.serial}"

    def pick(self, dns):
        return self.random.choice(dns) if dns else None

    def folder(self):
        outside = [self.args.outside] if self.args.outside else []
        return self.pick([*self.folders, self.args.people, *outside])

    def add_person_at(self, dn):
        name = rdn(dn).partition("=")[2]
        classes = "".join(f"objectClass: {c}\n" for c in self.style["person"])
        extra = f"{self.style['rdn'].lower()}: {name}\n" if self.args.style == "inet" else ""
        return (f"dn: {dn}\nchangetype: add\n{classes}{extra}{self.style['must'](name)}"
                f"mail: {name}.{self.random.randrange(1000)}@example.com\n\n")

    def come(self):
        dn = f"{self.style['rdn']}={self.new_name('churn')},{self.folder()}"
        self.people.append(dn)
        return self.add_person_at(dn)

    def go(self):
        dn = self.pick(self.people)
        if dn is None or len(self.people) < 20:
            return self.come()
        self.people.remove(dn)
        return f"dn: {dn}\nchangetype: delete\n\n"

    def come_again(self):
        dn = self.pick(self.people)
        return f"dn: {dn}\nchangetype: delete\n\n{self.add_person_at(dn)}" if dn else self.come()

    def change_address(self):
        dn = self.pick(self.people)
        name = self.new_name("mail")
        return dn and f"dn: {dn}\nchangetype: modify\nreplace: mail\nmail: {name}@example.com\n\n"

    def lose_address(self):
        dn = self.pick(self.people)
        return dn and f"dn: {dn}\nchangetype: modify\nreplace: mail\n\n"

    def rename(self, dns, attribute, superior=""):
        dn = self.pick(dns)
        if dn is None:
            return None
        new = f"{attribute}={self.new_name('moved')}"
        dns[dns.index(dn)] = f"{new},{superior or parent(dn)}"
        more = f"newsuperior: {superior}\n" if superior else ""
        return f"dn: {dn}\nchangetype: modrdn\nnewrdn: {new}\ndeleteoldrdn: 1\n{more}\n"

    def rename_person(self):
        return self.rename(self.people, self.style["rdn"])

    def move_person(self):
        return self.rename(self.people, self.style["rdn"], self.folder())

    def make_folder(self):
        dn = f"{self.style['folder_rdn']}={self.new_name('folder')},{self.args.people}"
        self.folders.append(dn)
        return f"dn: {dn}\nchangetype: add\nobjectClass: {self.style['folder']}\n\n"

    def rename_folder(self, move=False):
        old = self.pick(self.folders)
        if old is None or len(self.folders) < 4:
            return self.make_folder()
        new, to, more = f"{self.style['folder_rdn']}={self.new_name('folder')}", parent(old), ""
        if move:
            to = self.random.choice((self.args.people, self.args.outside))
            new, more = rdn(old), f"newsuperior: {to}\n"

        def renamed(dn):
            inside = dn.lower() == old.lower() or dn.lower().endswith("," + old.lower())
            return dn[:len(dn) - len(old)] + f"{new},{to}" if inside else dn

        self.people = [renamed(dn) for dn in self.people]
        self.folders = [renamed(dn) for dn in self.folders]
        self.groups = [renamed(dn) for dn in self.groups]
        return f"dn: {old}\nchangetype: modrdn\nnewrdn: {new}\ndeleteoldrdn: 1\n{more}\n"

    def move_folder(self):
        return self.rename_folder(move=True)

    def join(self):
        group, member = self.pick(self.groups), self.pick(self.people)
        if member is None:
            return None
        if group is None or len(self.groups) < 3:
            name = self.new_name("group")
            dn = f"CN={name},{self.args.people}"
            self.groups.append(dn)
            mail = f"mail: {name}@example.com\n" if self.style["group_mail"] else ""
            return (f"dn: {dn}\nchangetype: add\nobjectClass: {self.style['group']}\n{mail}"
                    f"member: {member}\n\n")
        how = self.random.choice(("add", "replace"))
        return f"dn: {group}\nchangetype: modify\n{how}: member\nmember: {member}\n\n"

    def change_cost(self):
        dn = self.pick(self.links)
        cost = self.random.randrange(1, 500)
        return dn and f"dn: {dn}\nchangetype: modify\nreplace: waypostCost\nwaypostCost: {cost}\n\n"

    def change_connector(self):
        dn = self.pick(self.connectors)
        if dn is not None and len(self.connectors) > 5:
            self.connectors.remove(dn)
            return f"dn: {dn}\nchangetype: delete\n\n"
        server = self.pick(self.servers)
        if server is None:
            return None
        name = self.new_name("churn")
        dn = f"cn={name},cn=Send Connectors,{self.args.topology}"
        self.connectors.append(dn)
        return (f"dn: {dn}\nchangetype: add\nobjectClass: waypostSendConnector\ncn: {name}\n"
                f"waypostAddressSpace: SMTP:{name}.test;{self.random.randrange(1, 100)}\n"
                f"waypostSourceServer: {server}\n\n")

    def change_server(self):
        dn = self.pick(self.servers)
        port = self.random.randrange(1, 65536)
        return dn and (f"dn: {dn}\nchangetype: modify\nreplace: waypostSmtpPort\n"
                       f"waypostSmtpPort: {port}\n\n")

    def make_site(self):
        dn = f"CN={self.new_name('site')},{self.args.sites}"
        self.sites.append(dn)
        return f"dn: {dn}\nchangetype: add\nobjectClass: site\n\n"

    def rename_site(self):
        return self.rename(self.sites, "CN") if len(self.sites) > 3 else self.make_site()

    def drop_site(self):
        dn = self.pick(self.sites)
        if dn is None or len(self.sites) < 6:
            return self.make_site()
        self.sites.remove(dn)
        return f"dn: {dn}\nchangetype: delete\n\n"

    def change_site_link(self):
        dn, site = self.pick(self.site_links), self.pick(self.sites)
        if len(self.site_links) < 4:
            dn = f"CN={self.new_name('link')},CN=IP,CN=Inter-Site Transports,{self.args.sites}"
            self.site_links.append(dn)
            return f"dn: {dn}\nchangetype: add\nobjectClass: siteLink\nsiteList: {site}\n\n"
        how, name, value = self.random.choice((
            ("replace", "cost", self.random.randrange(1, 500)), ("add", "siteList", site)))
        return f"dn: {dn}\nchangetype: modify\n{how}: {name}\n{name}: {value}\n\n"

    def change_subnet(self):
        dn, site = self.pick(self.subnets), self.pick(self.sites)
        if dn is not None and len(self.subnets) > 5 and self.random.random() < 0.3:
            self.subnets.remove(dn)
            return f"dn: {dn}\nchangetype: delete\n\n"
        if dn is None or len(self.subnets) < 3 or self.random.random() < 0.3:
            dn = f"CN=10.{self.serial % 256}.{self.random.randrange(256)}.0/24,CN=Subnets,{self.args.sites}"
            self.subnets.append(dn)
            return f"dn: {dn}\nchangetype: add\nobjectClass: subnet\nsiteObject: {site}\n\n"
        return f"dn: {dn}\nchangetype: modify\nreplace: siteObject\nsiteObject: {site}\n\n"

    def run(self):
        kinds = [self.come, self.come, self.go, self.come_again, self.change_address,
                 self.change_address, self.lose_address, self.rename_person, self.move_person,
                 self.make_folder, self.rename_folder, self.join, self.join]
        if self.args.topology:
            kinds += [self.change_cost, self.change_connector, self.change_server]
        if self.args.outside:
            kinds += [self.move_folder, self.move_person]
        if self.args.sites:
            kinds += [self.make_site, self.rename_site, self.drop_site, self.change_site_link,
                      self.change_site_link, self.change_subnet, self.change_subnet]
        for _ in range(self.args.count):
            sys.stdout.write(self.random.choice(kinds)() or "")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--people", required=True)
    parser.add_argument("--outside")
    parser.add_argument("--topology")
    parser.add_argument("--sites")
    parser.add_argument("--style", choices=STYLES, default="inet")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("command", nargs="+")
    Churn(parser.parse_args()).run()


main()
