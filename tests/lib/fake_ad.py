#!/usr/bin/python3
"""A scripted Active Directory: what a real domain controller does and Samba does not.

    fake_ad.py serve CONTROL-SOCKET DC...     one domain with the domain controllers DC (name)
    fake_ad.py tell CONTROL-SOCKET JSON...    commands, "-": those of standard input; prints the
                                              answers, one a line

The domain is DC=fake,DC=test, the first of its forest, or another one by FAKE_AD_DOMAIN.
`serve` prints "NAME PORT" for each domain controller and runs until its standard input ends. All of
them have the same objects, each its own invocationId, numbers and habits. Who binds as "admin" is
spared the habits. Commands, as JSON objects:

    {"do": "add", "dn": DN, "attributes": {NAME: [VALUE…]}}     "count": N adds N, %d being the number
    {"do": "modify", "dn": DN, "attributes": {NAME: [VALUE…]}}  replaces
    {"do": "rename", "dn": DN, "to": DN} | {"do": "delete", "dn": DN} | {"do": "forget", "dn": DN}
                          forget: gone without a trace, as for one who may not see it
    {"do": "set", "dc": NAME, HABIT: VALUE…}
    {"do": "counts", "dc": NAME}          what was asked of it
    {"do": "drop", "dc": NAME}            closes its connections

Habits: page_max (1000 entries at once), page_refuse (a larger page is refused with sizeLimitExceeded), range_max
(1500 values), dirsync_max (objects an answer), dirsync_right (flags 0 allowed), dirsync (at all),
refuse_cookies (result code for any cookie), shows_deleted, notifies, refers (references to elsewhere), invocation (a letter), garbage (what is broken: "control", "page", "guid",
"octets"), synchronized, clock (seconds ahead), shrink (removes values while a range is being read).
"""
import json
import os
import socket
import socketserver
import sys
import threading
import time

SUFFIX = "DC=%s,DC=test" % os.environ.get("FAKE_AD_DOMAIN", "fake")
CONTEXTS = [SUFFIX, "CN=Configuration,DC=fake,DC=test"]
DIRSYNC, NOTIFY, SHOW_DELETED = (b"1.2.840.113556.1.4." + n for n in (b"841", b"528", b"417"))
PAGES, DOMAIN_SCOPE = b"1.2.840.113556.1.4.319", b"1.2.840.113556.1.4.1339"
LINKS = {"member", "sitelist", "siteobject", "altrecipient"}

# ---- BER ----


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes(4, "big")
    return bytes([tag, 0x84]) + size + body


def integer(value, tag=2):
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value, tag=4):
    return tlv(tag, value if isinstance(value, bytes) else value.encode())


def split(data):
    """The elements of DATA: (tag, contents)."""
    at, found = 0, []
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            n = size & 0x7f
            size, at = int.from_bytes(data[at:at + n], "big"), at + n
        found.append((tag, data[at:at + size]))
        at += size
    return found


def number(data):
    return int.from_bytes(data, "big", signed=True)


# ---- the directory ----


class Object:
    def __init__(self, dn, usn):
        self.guid = os.urandom(16)
        self.dn = dn
        self.values = {}   # name in lower case: (name, list of octets or GUIDs of linked objects)
        self.usns = {"objectclass": usn, "name": usn, "whencreated": usn}
        self.created = self.changed = usn
        self.deleted = False
        self.old_parent = None


def parent_of(dn):
    return dn.partition(",")[2]


class Directory:
    def __init__(self):
        self.lock = threading.RLock()
        self.usn = 1000
        self.objects = []
        self.by_dn, self.by_guid = {}, {}
        self.watchers = []
        for dn, kind in ((CONTEXTS[0], "domainDNS"), (CONTEXTS[1], "configuration"),
                         ("CN=Deleted Objects," + SUFFIX, "container"),
                         ("CN=Deleted Objects," + CONTEXTS[1], "container")):
            self.add(dn, {"objectClass": ["top", kind]})
        for dn in ("CN=Deleted Objects," + SUFFIX, "CN=Deleted Objects," + CONTEXTS[1]):
            self.set(self.by_dn[dn.lower()], {"isDeleted": ["TRUE"]})

    def add(self, dn, attributes):
        self.usn += 1
        new = Object(dn, self.usn)
        self.objects.append(new)
        self.by_dn[dn.lower()], self.by_guid[new.guid] = new, new
        self.set(new, attributes)

    def set(self, target, attributes):
        self.usn += 1
        for name, values in attributes.items():
            values = [v.encode() for v in values]
            if name.lower() in LINKS:
                values = [self.by_dn[v.decode().lower()].guid for v in values]
            target.values[name.lower()] = (name, values)
            target.usns[name.lower()] = self.usn
        target.changed = self.usn

    def rename(self, dn, to):
        self.usn += 1
        moved = self.by_dn.pop(dn.lower())
        moved.usns["name"] = moved.changed = self.usn
        for other in self.objects:
            if other is not moved and other.dn.lower().endswith("," + dn.lower()):
                del self.by_dn[other.dn.lower()]
                other.dn = other.dn[:-len(dn)] + to
                self.by_dn[other.dn.lower()] = other
        moved.dn = to
        self.by_dn[to.lower()] = moved

    def unlink(self, guid):
        for other in self.objects:
            for name, (spelt, values) in other.values.items():
                if name in LINKS and guid in values:
                    other.values[name] = (spelt, [v for v in values if v != guid])

    def delete(self, dn):
        self.usn += 1
        gone = self.by_dn.pop(dn.lower())
        self.unlink(gone.guid)
        context = CONTEXTS[1] if dn.endswith(CONTEXTS[1]) else SUFFIX
        gone.old_parent = parent_of(dn)
        gone.dn = "%s\\0ADEL:%s,CN=Deleted Objects,%s" % (dn.partition(",")[0], gone.guid.hex(), context)
        gone.deleted = True
        gone.values = {"isdeleted": ("isDeleted", [b"TRUE"]),
                       "objectclass": gone.values["objectclass"]}
        for name in ("isdeleted", "name", "lastknownparent"):
            gone.usns[name] = self.usn
        gone.changed = self.usn

    def forget(self, dn):
        gone = self.by_dn.pop(dn.lower())
        self.unlink(gone.guid)
        self.objects.remove(gone)
        del self.by_guid[gone.guid]

    def values_of(self, target, dc):
        """For filters: the values of one attribute, without looking at the others."""
        def find(name):
            if name in target.values and name not in LINKS:
                return target.values[name][1]
            if name == "objectguid":
                return [target.guid]
            if name in LINKS or name.startswith("usn") or name in ("name", "lastknownparent"):
                return self.shown(target, dc).get(name, (None, []))[1]
            return []
        return find

    def shown(self, target, dc):
        """All attributes as they are read: name in lower case: (name, values)."""
        found = {}
        for name, (spelt, values) in target.values.items():
            if name in LINKS:
                values = [self.by_guid[v].dn.encode() for v in values]
            if values:
                found[name] = (spelt, values)
        rdn = target.dn.partition(",")[0].partition("=")[2]
        found["name"] = ("name", [rdn.encode()])
        found["objectguid"] = ("objectGUID", [target.guid])
        found["instancetype"] = ("instanceType", [b"4"])
        found["usnchanged"] = ("uSNChanged", [str(target.changed + dc.offset).encode()])
        found["whencreated"] = ("whenCreated", [b"20260101000000.0Z"])
        found["usncreated"] = ("uSNCreated", [str(target.created + dc.offset).encode()])
        if target.old_parent:
            old = self.by_dn.get(target.old_parent.lower())
            prefix = "<GUID=%s>;" % old.guid.hex() if old else ""
            found["lastknownparent"] = ("lastKnownParent", [(prefix + target.old_parent).encode()])
        return found


# ---- filters ----


def understand(filter_octets):
    """A filter as nested tuples."""
    (tag, body), = split(filter_octets)
    if tag in (0xa0, 0xa1):
        return tag, [understand(tlv(t, b)) for t, b in split(body)]
    if tag == 0xa2:
        return tag, understand(body)
    if tag == 0x87:
        return tag, body.decode().lower()
    (_, name), (_, value) = split(body)[:2]
    return tag, name.decode().lower(), value, value.lower()


def matches(question, values_of):
    tag = question[0]
    if tag == 0xa0:
        return all(matches(part, values_of) for part in question[1])
    if tag == 0xa1:
        return any(matches(part, values_of) for part in question[1])
    if tag == 0xa2:
        return not matches(question[1], values_of)
    values = values_of(question[1])
    if tag == 0x87:
        return bool(values)
    if tag == 0xa3:
        return any(v == question[2] or v.lower() == question[3] for v in values)
    if tag == 0xa5:
        return any(int(v) >= int(question[2]) for v in values)
    return False


# ---- one domain controller ----


class Controller:
    def __init__(self, directory, name, index):
        self.directory, self.name, self.offset = directory, name, 100000 * index
        self.habits = {"clock": 0, "page_max": 1000, "page_refuse": 0, "range_max": 1500, "dirsync_max": 1000,
                       "dirsync_right": True, "dirsync": True, "refuse_cookies": 0,
                       "shows_deleted": True, "notifies": True, "refers": False,
                       "invocation": name[-1], "garbage": "", "synchronized": True, "shrink": 0}
        self.counts = {"binds": 0, "pages": 0, "dirsync": 0, "ranges": 0, "notifications": 0,
                       "refused": 0}
        self.connections = set()

    def __getattr__(self, name):
        return self.habits[name]

    def invocation_id(self):
        return self.invocation.encode() * 16


class Session(socketserver.BaseRequestHandler):
    def setup(self):
        self.dc = self.server.dc
        self.directory = self.dc.directory
        self.is_admin = False
        self.write_lock = threading.Lock()
        self.dc.connections.add(self)

    def finish(self):
        self.dc.connections.discard(self)
        with self.directory.lock:
            self.directory.watchers = [w for w in self.directory.watchers if w[0] is not self]

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.request.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def read_message(self):
        head = self.read(2)
        size = head[1]
        if size & 0x80:
            size = int.from_bytes(self.read(size & 0x7f), "big")
        return self.read(size)

    def send(self, message_id, operation, controls=()):
        packet = integer(message_id) + operation
        if controls:
            packet += tlv(0xa0, *(tlv(0x30, octets(oid), octets(value)) for oid, value in controls))
        with self.write_lock:
            self.request.sendall(tlv(0x30, packet))

    def result(self, message_id, tag, code, text="", controls=()):
        if code:
            self.dc.counts["refused"] += 1
        self.send(message_id, tlv(tag, integer(code, 10), octets(""), octets(text)), controls)

    def entry(self, message_id, dn, attributes):
        self.send(message_id, tlv(0x64, octets(dn), tlv(0x30, *(
            tlv(0x30, octets(name), tlv(0x31, *map(octets, values))) for name, values in attributes))))

    def handle(self):
        try:
            while True:
                parts = split(self.read_message())
                message_id, (tag, body) = number(parts[0][1]), parts[1]
                controls = {}
                if len(parts) > 2:
                    for _, control in split(parts[2][1]):
                        fields = split(control)
                        controls[fields[0][1]] = fields[-1][1] if fields[-1][0] == 4 else b""
                if tag == 0x60:
                    self.dc.counts["binds"] += 1
                    self.is_admin = split(body)[1][1] == b"admin"
                    self.result(message_id, 0x61, 0)
                elif tag == 0x63:
                    with self.directory.lock:
                        self.search(message_id, split(body), controls)
                elif tag == 0x42:
                    return
        except (ConnectionError, OSError):
            pass

    def root_dse(self):
        return [("namingContexts", CONTEXTS), ("defaultNamingContext", [SUFFIX]),
                ("configurationNamingContext", [CONTEXTS[1]]), ("dnsHostName", [self.dc.name + ".fake.test"]),
                ("dsServiceName", ["CN=NTDS Settings,CN=" + self.dc.name]),
                ("supportedCapabilities", ["1.2.840.113556.1.4.800"]),
                ("supportedControl", [DIRSYNC, NOTIFY, SHOW_DELETED, PAGES]),
                ("currentTime", [time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime(time.time() + self.dc.clock))]),
                ("isSynchronized", ["TRUE" if self.dc.synchronized else "FALSE"]),
                ("highestCommittedUSN", [str(self.directory.usn + self.dc.offset)])]

    def search(self, message_id, fields, controls):
        base, scope = fields[0][1].decode(), number(fields[1][1])
        filter_octets, limit = tlv(*fields[6]), number(fields[3][1])
        names = [name.decode() for _, name in split(fields[7][1])]
        if base == "":
            self.entry(message_id, "", self.root_dse())
            return self.result(message_id, 0x65, 0)
        if base.startswith("CN=NTDS Settings"):
            self.entry(message_id, base, [("invocationId", [self.dc.invocation_id()])])
            return self.result(message_id, 0x65, 0)
        if NOTIFY in controls:
            return self.notify(message_id, base, SHOW_DELETED in controls)
        top = self.find(base, controls)
        if top is None:
            return self.result(message_id, 0x65, 32, "no such object")
        if DIRSYNC in controls:
            return self.dirsync(message_id, top, filter_octets, names, controls[DIRSYNC])
        found = self.select(top, scope, filter_octets, controls)
        if PAGES in controls:
            return self.pages(message_id, found, names, controls[PAGES])
        if self.dc.refers and scope == 2 and not self.is_admin:
            self.send(message_id, tlv(0x73, octets("ldap://elsewhere.test/DC=elsewhere")))
        most = min(limit or len(found), len(found) if self.is_admin else self.dc.page_max)
        for target in found[:most]:
            self.give(message_id, target, names)
        return self.result(message_id, 0x65, 4 if most < len(found) else 0)

    def find(self, base, controls):
        if base.startswith("<GUID="):
            found = self.directory.by_guid.get(bytes.fromhex(base[6:-1]))
        else:
            found = self.directory.by_dn.get(base.lower())
        hidden = found and (found.deleted or "isdeleted" in found.values)
        if hidden and not (SHOW_DELETED in controls and (self.dc.shows_deleted or self.is_admin)):
            return None
        return found

    def select(self, top, scope, filter_octets, controls):
        below = "," + top.dn.lower()
        question, found = understand(filter_octets), []
        for target in self.directory.objects:
            dn = target.dn.lower()
            if "isdeleted" in target.values and not (
                    SHOW_DELETED in controls and (self.dc.shows_deleted or self.is_admin)):
                continue
            if not (scope == 0 and target is top or
                    scope == 1 and parent_of(dn) == below[1:] or
                    scope == 2 and (target is top or dn.endswith(below))):
                continue
            if top.dn == SUFFIX and dn.endswith(CONTEXTS[1].lower()):
                continue # another naming context
            if matches(question, self.directory.values_of(target, self.dc)):
                found.append(target)
        return found

    def give(self, message_id, target, names):
        shown = self.directory.shown(target, self.dc)
        attributes = []
        for wanted in names or [spelt for spelt, _ in shown.values()]:
            name, _, option = wanted.partition(";range=")
            if name.lower() not in shown or self.dc.garbage == "guid" and name == "objectGUID":
                continue
            spelt, values = shown[name.lower()]
            most = len(values) if self.is_admin else self.dc.range_max
            first = int(option.partition("-")[0]) if option else 0
            if option:
                self.dc.counts["ranges"] += 1
            if not option and len(values) <= most:
                attributes.append((spelt, values))
                continue
            if first >= len(values):
                continue
            part = values[first:first + most]
            last = "*" if first + most >= len(values) else str(first + most - 1)
            if not option:
                attributes.append((spelt, []))
            attributes.append(("%s;range=%d-%s" % (spelt, first, last), part))
            if self.dc.shrink > 0: # somebody else takes values away
                self.dc.habits["shrink"] -= 1
                target.values[name.lower()] = (spelt, target.values[name.lower()][1][:first + most])
        self.entry(message_id, target.dn, attributes)

    def pages(self, message_id, found, names, control):
        (_, size), (_, cookie) = split(split(control)[0][1])
        size, first = number(size), int(cookie or b"0")
        self.dc.counts["pages"] += 1
        if self.is_admin:
            most = len(found)
        elif self.dc.page_refuse and size > self.dc.page_refuse:
            for target in found[:self.dc.page_refuse]:
                self.give(message_id, target, names)
            return self.result(message_id, 0x65, 4, "size limit exceeded")
        else:
            most = min(size, self.dc.page_max)
        for target in found[first:first + most]:
            self.give(message_id, target, names)
        more = first + most < len(found)
        value = tlv(0x30, integer(0), octets(str(first + most) if more else ""))
        if self.dc.garbage == "page":
            value = b"\x30\x84\xff\xff\xff\xff\x02"
        return self.result(message_id, 0x65, 0, controls=[(PAGES, value)])

    def dirsync(self, message_id, top, filter_octets, names, control):
        (_, flags), _, (_, cookie) = split(split(control)[0][1])
        self.dc.counts["dirsync"] += 1
        flags, dc = number(flags), self.dc
        if dc.garbage == "octets":
            with self.write_lock:
                self.request.sendall(os.urandom(200))
            return None
        if not dc.dirsync:
            return self.result(message_id, 0x65, 12, "no such control")
        if top.dn not in CONTEXTS or flags == 0 and not dc.dirsync_right:
            return self.result(message_id, 0x65, 50, "access is denied")
        since = 0
        if cookie:
            kind, _, since = cookie.decode().split(":")
            since = int(since)
            if dc.refuse_cookies or kind != "MSDS":
                return self.result(message_id, 0x65, dc.refuse_cookies or 2, "0000203D: cookie")
        changed = sorted((t for t in self.directory.objects if t.changed > since and
                          (t is top or t.dn.lower().endswith("," + top.dn.lower())) and
                          not (top.dn == SUFFIX and t.dn.endswith(CONTEXTS[1]))),
                         key=lambda t: t.changed)
        part, question = changed[:dc.dirsync_max], understand(filter_octets)
        for target in part:
            if target.deleted and flags & 1 and not dc.shows_deleted:
                continue
            if not matches(question, self.directory.values_of(target, dc)):
                continue
            shown = self.directory.shown(target, dc)
            wanted = {name.lower() for name in names}
            news = [shown[name] for name in shown if name in wanted and
                    target.usns.get(name, 0) > since and (name != "objectclass" or not target.deleted)]
            if news or any(usn > since and name in wanted for name, usn in target.usns.items()):
                self.entry(message_id, target.dn, news + [shown["objectguid"], shown["instancetype"]])
        more = len(changed) > len(part)
        until = part[-1].changed if more else self.directory.usn
        value = tlv(0x30, integer(int(more)), integer(0), octets("MSDS:%s:%d" % (dc.name, until)))
        if dc.garbage == "control":
            value = value[:7]
        return self.result(message_id, 0x65, 0, controls=[(DIRSYNC, value)])

    def notify(self, message_id, base, shows_deleted):
        if not self.dc.notifies:
            return self.result(message_id, 0x65, 53, "no notifications")
        self.dc.counts["notifications"] += 1
        self.directory.watchers.append((self, message_id, base.lower(), shows_deleted))
        return None


# ---- control ----


class Control(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            try:
                answer = self.obey(json.loads(line))
            except (KeyError, ValueError) as error:
                answer = {"error": repr(error)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    def obey(self, command):
        directory, controllers = self.server.directory, self.server.controllers
        verb = command.pop("do")
        with directory.lock:
            if verb == "set":
                controllers[command.pop("dc")].habits.update(command)
            elif verb == "counts":
                return controllers[command["dc"]].counts
            elif verb == "drop":
                for connection in list(controllers[command["dc"]].connections):
                    connection.request.shutdown(socket.SHUT_RDWR)
            else:
                self.change(directory, verb, command)
        return {}

    def change(self, directory, verb, command):
        begin = directory.usn
        if verb == "add":
            for i in range(command.get("count", 1)):
                def fill(text):
                    return text.replace("%d", str(i))
                directory.add(fill(command["dn"]), {name: [fill(v) for v in values] for name, values
                                                    in command["attributes"].items()})
        elif verb == "modify":
            directory.set(directory.by_dn[command["dn"].lower()], command["attributes"])
        elif verb == "rename":
            directory.rename(command["dn"], command["to"])
        elif verb == "delete":
            directory.delete(command["dn"])
        elif verb == "forget":
            directory.forget(command["dn"])
        else:
            raise ValueError(verb)
        changed = [t for t in directory.objects if t.changed > begin]
        for watcher, message_id, base, shows_deleted in directory.watchers:
            for target in changed[:3]:
                if target.dn.lower().endswith(base) and (shows_deleted or not target.deleted):
                    try:
                        watcher.entry(message_id, target.dn, [("objectGUID", [target.guid])])
                    except OSError:
                        pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class ControlServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def serve(path, names):
    directory, controllers = Directory(), {}
    for index, name in enumerate(names):
        server = Server(("127.0.0.1", 0), Session)
        server.dc = controllers[name] = Controller(directory, name, index)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(name, server.server_address[1])
    control = ControlServer(path, Control)
    control.directory, control.controllers = directory, controllers
    threading.Thread(target=control.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def tell(path, commands):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        stream = link.makefile("rw")
        for command in sys.stdin if commands == ["-"] else commands:
            stream.write(command.strip().replace("\n", " ") + "\n")
            stream.flush()
            answer = stream.readline()
            print(answer, end="")
            if "error" in json.loads(answer):
                return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("serve", "tell"):
        sys.exit(__doc__)
    sys.exit((serve if sys.argv[1] == "serve" else tell)(sys.argv[2], sys.argv[3:]))
