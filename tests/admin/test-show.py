#!/usr/bin/python3
"""waypost topology show: organisations of several shapes as tree, Graphviz, SVG and JSON.

Each picture is read back: it has every site and link once, texts that no name can break out of,
and no two labels of sites on top of each other.
"""
import base64
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

WAYPOST = os.path.join(os.environ.get("abs_top_builddir", "."), "waypost")
BASE = "cn=Waypost,dc=example,dc=com"
SVG = "{http://www.w3.org/2000/svg}"
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
    print("ok" if ok else "not ok", what)


def escape_dn(name):
    return "".join("\\%02x" % ord(c) if c in '",+<>;\\=#' or ord(c) < 32 else c for c in name)


def attribute(name, value):
    return "%s:: %s\n" % (name, base64.b64encode(value.encode()).decode())


class Org:
    """Entries of one organisation; sites and links are kept by name."""

    def __init__(self):
        self.sites, self.links, self.entries = [], {}, []
        self.add("waypostOrganization", BASE, "Waypost")

    def add(self, kind, dn, name, *pairs):
        text = attribute("dn", dn) + "objectClass: %s\n" % kind + attribute("cn", name)
        self.entries.append(text + "".join(attribute("waypost" + a, v) for a, v in pairs))

    def site(self, name, hub=False, served=True, description=None):
        self.sites.append(name)
        self.add("waypostSite", self.dn("Sites", name), name, ("HubSite", "TRUE" if hub else "FALSE"))
        if description is not None:
            self.entries[-1] += attribute("description", description)
        if served:
            self.add("waypostServer", self.dn("Servers", "HUB " + name), "HUB " + name,
                     ("SiteDN", self.dn("Sites", name)))

    def link(self, name, cost, *sites):
        self.links[name] = sites
        self.add("waypostSiteLink", self.dn("Site Links", name), name, ("Cost", str(cost)),
                 *(("LinkedSite", self.dn("Sites", s)) for s in sites))

    def connector(self, name, spaces, *sources):
        self.add("waypostSendConnector", self.dn("Send Connectors", name), name,
                 *(("AddressSpace", s) for s in spaces), *(("SourceServer", s) for s in sources))

    def edge(self, name, site):
        self.add("waypostEdgeSubscription", self.dn("Edge Subscriptions", name), name,
                 ("SiteDN", self.dn("Sites", site)))

    @staticmethod
    def dn(container, name):
        return "cn=%s,cn=%s,%s" % (escape_dn(name), container, BASE)

    def show(self, form, backwards=False):
        entries = self.entries[:1] + self.entries[:0:-1] if backwards else self.entries
        with tempfile.NamedTemporaryFile("w", suffix=".ldif") as f:
            f.write("\n".join(entries))
            f.flush()
            run = subprocess.run([WAYPOST, "topology", "show", "--format", form, "--directory", f.name],
                                 stdout=subprocess.PIPE, check=True)
        return run.stdout.decode()


def star(n):
    org = Org()
    org.site("Centre", hub=True)
    for i in range(1, n):
        org.site("Branch %d" % i)
        org.link("Link %d" % i, 10 + i, "Centre", "Branch %d" % i)
    org.edge("EDGE1", "Centre")
    org.connector("Internet", ["*;10"], Org.dn("Edge Subscriptions", "EDGE1"))
    org.connector("Partners", ["*.p%d.example" % i for i in range(20)], Org.dn("Servers", "HUB Branch 1"))
    return org


def tiers(n):
    """A ring of regions, branches at each, some of them at two."""
    org, regions = Org(), max(3, n // 12)
    for i in range(n):
        org.site("Site %03d" % i, hub=i < regions, served=i % 9 != 8)
    for i in range(regions):
        org.link("Core %d" % i, 5, "Site %03d" % i, "Site %03d" % ((i + 1) % regions))
    for i in range(regions, n):
        org.link("Up %d" % i, 20, "Site %03d" % i, "Site %03d" % (i % regions))
        if i % 7 == 0:
            org.link("Second %d" % i, 30, "Site %03d" % i, "Site %03d" % ((i + 1) % regions))
    return org


def mesh(n):
    """Each site with some of its neighbours, two links in parallel, one of many, one of none."""
    org, chance = Org(), random.Random(n)
    for i in range(n):
        org.site("Town of mesh %d" % i)
    for i in range(1, n):
        for j in sorted(chance.sample(range(max(0, i - 9), i), min(i, 2))):
            org.link("L %d %d" % (i, j), chance.randint(1, 999), org.sites[i], org.sites[j])
    org.link("Parallel", 7, org.sites[1], org.sites[0])
    org.link("Cloud", 100, *org.sites[::max(1, n // 6)])
    org.link("Lonely", 100, org.sites[0])
    org.site("Island")
    return org


def clique(n):
    """Everything is near everything, and wide: stress alone would pile it up."""
    org = Org()
    for i in range(n):
        org.site("Corner %d" % i)
        org.connector("Connector %d" % i, ["*.department%d.of.a.long.name.example" % i],
                      Org.dn("Servers", "HUB Corner %d" % i))
        for j in range(i):
            org.link("L %d %d" % (i, j), 1, "Corner %d" % i, "Corner %d" % j)
    return org


def hostile():
    """The loader ignores names with control characters; descriptions may have them."""
    org = Org()
    names = ["<script>alert(1)</script>", "a\"b'c&d", "]]>--<!--", "back\\slash \\N", "Zürich 東京 القاهرة",
             "W" * 64, "東" * 40]
    for name in names:
        org.site(name, hub=True, description=name + "\x1b[31mred\x07\nof two lines")
        org.edge("E" + name, name)
        org.connector("C" + name, ["X400:c=<us>&\"%d\"" % len(name), "FAX:*"], Org.dn("Servers", "HUB " + name))
    org.link("l<&>\"'", 10, *names[:2])
    org.link("many<&>\"'", 10, *names)
    return org


# ---- SVG ----

def number(element, name):
    return float(element.get(name))


def width(text, size):
    """What a label needs in an ordinary font."""
    return sum(1.0 if ord(c) > 0x1100 else 0.6 for c in text) * size


def label_box(text):
    size = 14 if text.get("class") == "name" else 11 if "cost" in (text.get("class") or "") else 12
    x, w = number(text, "x"), width(text.text or "", size)
    if text.get("text-anchor") == "middle":
        x -= w / 2
    return x, number(text, "y") - size * 0.8, w, size


def overlaps(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def rect_box(rect):
    return tuple(number(rect, name) for name in ("x", "y", "width", "height"))


def inside(a, b):
    return a[0] >= b[0] and a[1] >= b[1] and a[0] + a[2] <= b[0] + b[2] and a[1] + a[3] <= b[1] + b[3]


def check_svg(what, org):
    text = org.show("svg")
    root = ET.fromstring(text)
    sites = [g for g in root.iter(SVG + "g") if g.get("data-site") is not None]
    links = [g.get("data-link") for g in root.iter(SVG + "g") if g.get("data-link") is not None]
    check(sorted(g.get("data-site") for g in sites) == sorted(org.sites), what + ": every site once")
    check(sorted(links) == sorted(org.links), what + ": every link once")
    labels = [(g, label_box(g.find(SVG + "text"))) for g in sites]
    bad = [(a[0].get("data-site"), b[0].get("data-site")) for i, a in enumerate(labels) for b in labels[:i]
           if overlaps(a[1], b[1])]
    check(not bad, what + ": no label of a site on another %s" % bad[:3])
    cards = [rect_box(g.find(SVG + "rect")) for g in root.iter(SVG + "g")
             if (g.get("data-site") or g.get("data-link")) and g.find(SVG + "rect") is not None]
    bad = sum(overlaps(a, b) and not inside(a, b) and not inside(b, a) for i, a in enumerate(cards)
              for b in cards[:i])
    # In the grid of a very large part costs stand where they may.
    check(bad == 0 or len(org.sites) > 1000, what + ": no box across another's border (%d are)" % bad)
    out = [g.get("data-site") for g, box in labels if not inside(box, rect_box(g.find(SVG + "rect")))]
    check(not out, what + ": labels of sites within their boxes %s" % out[:3])
    width_, height = number(root, "width"), number(root, "height")
    drawing = next(g for g in root.iter(SVG + "g") if (g.get("transform") or "").startswith("translate"))
    dx, dy = map(float, re.findall(r"[-0-9.]+", drawing.get("transform")))
    boxes = [rect_box(r) for r in drawing.iter(SVG + "rect")]
    check(all(b[0] + dx >= 0 and b[1] + dy >= 0 and b[0] + b[2] + dx <= width_ and b[1] + b[3] + dy <= height
              for b in boxes), what + ": nothing outside the picture")
    check(text == org.show("svg", backwards=True), what + ": the same whatever the order of the entries")
    return root, labels


def check_costs(what, root, labels):
    """Costs of wires are on no site's name, and on no other cost."""
    costs = [rect_box(r) for r in root.iter(SVG + "rect") if r.get("class") == "cost"][:-1]  # the legend's
    on_costs = sum(overlaps(a, b) for i, a in enumerate(costs) for b in costs[:i])
    on_names = sum(overlaps(c, l) for c in costs for _, l in labels)
    check(on_costs == 0 and on_names == 0,
          "%s: %d costs, %d on others, %d on names" % (what, len(costs), on_costs, on_names))


for name, make, size in (("star", star, 5), ("star", star, 200), ("tiers", tiers, 30), ("tiers", tiers, 200),
                         ("clique", clique, 14), ("mesh", mesh, 12), ("mesh", mesh, 30), ("mesh", mesh, 200),
                         ("mesh", mesh, 1100)):
    what = "%s of %d" % (name, size)
    root, labels = check_svg(what, make(size))
    if size <= 200:
        check_costs(what, root, labels)

org = star(5)
root = ET.fromstring(org.show("svg"))
texts = [t.text for t in root.iter(SVG + "text")]
check("hub site" in texts and "EDGE1" in texts and "*;10" in texts and "Internet · by EDGE1" in texts,
      "a hub site is marked, edge, connector and address space are there")
check("and 12 more" in texts and "*.p7.example" in texts and "*.p8.example" not in texts,
      "long lists of address spaces are cut and counted")
check("prefers-color-scheme:dark" in org.show("svg") and root.find(SVG + "title") is not None, "dark, and a title")
check(sum(g.get("class") == "link" for g in ET.fromstring(mesh(30).show("svg")).iter(SVG + "g")
          if g.get("data-link")) == 2, "a link of many and one of one are nodes of their own")

org = hostile()
root, _ = check_svg("hostile names", org)
svg = org.show("svg")
check(root.find(".//" + SVG + "script") is None and "\x1b" not in svg and "\x07" not in svg,
      "hostile texts: nothing breaks out")
check(any("\ufffd\nof two lines\nHUB " in t.text for t in root.iter(SVG + "title")),
      "a tooltip has lines")
check("東" * 40 in [g.get("data-site") for g in root.iter(SVG + "g")] and "東" * 40 not in
      [t.text for t in root.iter(SVG + "text")], "long names are shortened, and whole in the data")

# ---- an edge's own directory, and an empty one ----
empty = Org()
root = ET.fromstring(empty.show("svg"))
check(root.find(SVG + "title").text == "Mail routing of Waypost", "an organisation without sites")
empty.entries = ["dn: dc=com\nobjectClass: domain\ndc: com\n"]
ET.fromstring(empty.show("svg"))
check(empty.show("tree").startswith("(no organisation)  0 sites, "), "a directory without anything")

# ---- Graphviz: a statement a line, strings quoted ----
STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\])*"'
STATEMENT = re.compile(r'graph %s \{|\}|\t(?:graph|node|edge|[slcea]\d+(?: -- [slcea]\d+)?)(?: \[[a-z]+=(?:%s|[a-z0-9]+)'
                       r'(?:, [a-z]+=(?:%s|[a-z0-9]+))*\])?' % (STRING, STRING, STRING))
for what, org in (("star", star(30)), ("mesh", mesh(30)), ("hostile names", hostile())):
    dot = org.show("dot")
    wrong = [line for line in dot.splitlines() if not STATEMENT.fullmatch(line)]
    check(not wrong, "dot, %s: %s" % (what, wrong[:2]))
    check(len(re.findall(r"^\ts\d+ \[", dot, re.M)) == len(org.sites), "dot, %s: every site" % what)
    nodes = len(re.findall(r"^\tl\d+ \[", dot, re.M)) + len(re.findall(r"^\ts\d+ -- s\d+", dot, re.M))
    check(nodes == len(org.links), "dot, %s: every link" % what)

# ---- the tree ----
tree = star(5).show("tree")
check(tree.splitlines()[0] == "Waypost  5 sites, 4 site links, 5 servers, 1 edge, 2 connectors", "tree: counts")
check("└─ Centre  hub site\n   ├─ HUB Centre  hub\n   ├─ link Link 1  cost 11  → Branch 1\n" in tree, "tree: a site")
check("   └─ connector Internet  *;10  by EDGE1, at most 35 MB\n" in tree, "tree: a connector by an edge")
check(tree.count("connector ") == 2 and "and 14 more  by HUB Branch 1" in tree, "tree: long lists are cut")
tree = hostile().show("tree")
check("\x1b" not in tree and "[31mred" in tree, "tree: no text drives the terminal")
check("\ufffd of two lines\n" in tree, "tree: a description is in one line")

# ---- JSON ----
model = json.loads(star(5).show("json"))
check([s["name"] for s in model["sites"]] == ["Branch 1", "Branch 2", "Branch 3", "Branch 4", "Centre"] and
      model["sites"][4]["hub_site"] is True and model["sites"][0]["inbound_mail"] is True, "json: sites")
check(model["site_links"][0] == {"name": "Link 1", "dn": Org.dn("Site Links", "Link 1"), "cost": 11,
                                 "linked_site": ["Branch 1", "Centre"], "max_message_size": None}, "json: links")
check(model["send_connectors"][0]["source_server"] == ["EDGE1"] and
      model["send_connectors"][0]["address_space"] == ["*;10"], "json: connectors")
check(model["servers"][0]["site"] == "Branch 1" and model["servers"][0]["role"] == ["hub"], "json: servers")
check({"organization", "subnets", "receive_connectors", "foreign_connectors", "accepted_domains", "remote_domains",
       "edge_subscriptions"} <= set(model), "json: every class")
json.loads(hostile().show("json"))
org = star(5)
org.add("waypostSendConnector", Org.dn("Send Connectors", "Relay"), "Relay", ("AddressSpace", "*.r.example"),
        ("SourceServer", Org.dn("Servers", "HUB Branch 1")), ("SmartHost", "[192.0.2.1]:2525"), ("SmartHost", "[1.2.3"))
org.add("waypostReceiveConnector", "cn=In," + Org.dn("Servers", "HUB Branch 1"), "In", ("Binding", "[::]:25"),
        ("Binding", "nonsense"))
model = json.loads(org.show("json"))
check(model["send_connectors"][2]["smart_host"] == ["[192.0.2.1]:2525"], "json: smart hosts")
check(model["receive_connectors"][0]["binding"] == ["[::]:25"], "json: bindings")
sys.exit(failures > 0)
