#!/usr/bin/python3
"""fake_sync.py SCRIPTS LOG [openldap|389]: an LDAP server that says by RFC 4533 what a script tells it to.

Listens on a free port of 127.0.0.1 and writes "port N" to its output. Binds are accepted, a
search of the rootDSE is answered, any other without the sync control finds nothing. A search with
it and the base dc=NAME runs SCRIPTS/NAME, which is read each time; LOG gets a line for each:
"NAME COOKIE" ("-" without one). After the script the connection stays open. Who asks by
refreshOnly is told what NAME's scripts have said to be there until now; the log has no line of it.
As long as there is SCRIPTS/NAME.half, only the first half is told.
Only by a cookie SCRIPTS/NAME.late is run instead, and the log has a line "again NAME COOKIE".

As `openldap` it says that it is one, and the sync search brings no more of an entry than was asked
for. Other searches below dc=NAME find organisation and sites whole, by their names and by
entryUUID, each with a description: "by name", or "by UUID". SCRIPTS/NAME.read may say otherwise, in
lines "SITE gone" (not found at all), "SITE renamed" (not by its name), "SITE taken" (somebody else
has the name), "SITE code N" (a search for the name has that result).

As `389` it says that it is one.

A script is made of these lines; P is the person uid=pN, whose UUID is made from the name:

  on none|any|COOKIE     what follows is for searches without a cookie, with any, with this one
  org                    a site and a server, state add
  people A B [STATE]     persons A to B - 1; STATE add, modify, present, delete or a number
  site NAME [STATE [C]]  a site, with a cookie or without
  sites A B C            sites S<A> to S<B - 1>, as fast as may be, with cookies C.<A> to C.<B - 1>
  bare A B               persons without the sync state control
  state HEX A            person A with this control value
  named DN               an entry of this name, which may be none
  odd UUID STATE DN [NAME=VALUE…]  an entry with this UUID (hexadecimal) and these attributes
  shared A B             persons who all have one address
  group N                a group of N members
  addresses N [STATE]    a person with N addresses
  large N                a person with a value of N octets
  quit A B               persons who are not there any more, of which nothing is told
  present A B, gone A B  a set of the UUIDs of persons, refreshDeletes false or true
  present-org            a set with those of the organisation
  strangers N            a set of N UUIDs, "present", that nobody has heard of
  cookie C               newcookie ("" is an empty one)
  done [C]               refreshDelete, refreshDone, with a cookie or without
  present-done [C], present-phase [C]   refreshPresent, with refreshDone true or false
  info HEX               a sync info message with this value
  result CODE [TEXT]     ends the search
  notice                 notice of disconnection, and closes
  junk                   octets that are no LDAP
  noise [N]              N messages that mean nothing, or such without end
  drip A                 person A, an octet every two seconds
  announce N             the head of a message of N octets, and zeros without end
  until FILE             waits until SCRIPTS/FILE is there
  close                  closes the connection
"""
import asyncio
import hashlib
import os
import shlex
import sys

SYNC, STATE, INFO = ("1.3.6.1.4.1.4203.1.9.1." + n for n in "124")
STATES = {"present": 0, "add": 1, "modify": 2, "delete": 3}


def tlv(tag, *parts):
    body = b"".join(p.encode() if isinstance(p, str) else p for p in parts)
    n = len(body)
    size = bytes([n]) if n < 128 else b"\x84" + n.to_bytes(4, "big")
    return bytes([tag]) + size + body


def integer(n, tag=2):
    return tlv(tag, n.to_bytes(max(1, n.bit_length() // 8 + 1), "big"))


def elements(data):
    """(tag, value) of what DATA holds."""
    at = 0
    while at < len(data):
        tag, n = data[at], data[at + 1]
        at += 2
        if n & 128:
            n, at = int.from_bytes(data[at:at + (n & 127)], "big"), at + (n & 127)
        yield tag, data[at:at + n]
        at += n


def uuid_of(name):
    return hashlib.md5(name.encode()).digest()


def text_of(uuid):
    return "-".join(uuid.hex()[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


def entry(dn, attributes):
    return tlv(0x64, tlv(4, dn), tlv(0x30, *(
        tlv(0x30, tlv(4, name), tlv(0x31, *(tlv(4, v) for v in values)))
        for name, values in attributes.items())))


def result(tag, code, text=""):
    return tlv(tag, integer(code, 10), tlv(4, ""), tlv(4, text))


def state_control(value):
    return tlv(0xa0, tlv(0x30, tlv(4, STATE), tlv(4, value)))


def optional_cookie(args):
    return [tlv(4, args[0])] if args else []


def state_value(state, uuid, cookie=()):
    return tlv(0x30, integer(state, 10), tlv(4, uuid), *optional_cookie(cookie))


class Connection:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.task = self.list_task = None
        self.is_busy = False  # with one message: nothing may come in its midst
        self.asked = None  # the attributes of the sync search; None: it brings all
        self.told = {}  # sites by their UUIDs

    async def send(self, id, *parts):
        if self.is_busy:
            return
        self.writer.write(tlv(0x30, integer(id), *parts))
        await self.writer.drain()

    async def receive(self):
        head = await self.reader.readexactly(2)
        n = head[1]
        if n & 128:
            n = int.from_bytes(await self.reader.readexactly(n & 127), "big")
        return await self.reader.readexactly(n)

    async def serve(self):
        try:
            while True:
                parts = list(elements(await self.receive()))
                await self.handle(int.from_bytes(parts[0][1], "big"), *parts[1:])
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            for task in self.task, self.list_task:
                if task:
                    task.cancel()
            self.writer.close()

    async def handle(self, id, op, *controls):
        tag, body = op
        if tag == 0x60:
            await self.send(id, result(0x61, 0))
        elif tag == 0x63:
            base = list(elements(body))[0][1].decode()
            mode, found = self.sync_request(controls)
            if mode == 1 and found:
                name = base.removeprefix("dc=")
                self.server.log(f"again {name} {found[0]}")
                self.list_task = asyncio.create_task(self.run(id, name, found, ".late"))
            elif mode == 1:
                self.list_task = asyncio.create_task(self.list_all(id, base.removeprefix("dc=")))
            elif mode is None:
                code = 0
                if base == "":
                    await self.send(id, entry("", {"supportedControl": [SYNC], **self.server.dse}))
                elif self.server.is_openldap:
                    code = await self.read(id, base, list(elements(body))[6])
                await self.send(id, result(0x65, code))
            else:
                name = base.removeprefix("dc=")
                self.server.log(f"{name} {found[0] if found else '-'}")
                if self.server.is_openldap:
                    names = elements(list(elements(body))[7][1])
                    self.asked = {value.decode().lower() for _, value in names}
                self.task = asyncio.create_task(self.run(id, name, found))

    async def read(self, id, base, condition):
        """An entry by its name or by its UUID; the result code."""
        name = base.split("dc=")[-1]
        said = dict(line.split(" ", 1) for line in self.server.script(name + ".read"))
        by_uuid = condition[0] == 0xa3
        uuid = list(elements(condition[1]))[1][1].decode() if by_uuid else text_of(uuid_of(base))
        self.told.update((text_of(uuid_of(dn)), (dn, attributes)) for dn, attributes in self.org(f"dc={name}"))
        if uuid in self.told:
            dn, attributes = self.told[uuid]
            how = said.get(dn[3:].split(",")[0], "")
            if how == "gone" or (how == "renamed" and not by_uuid):
                return 0 if by_uuid else 32
            if how.startswith("code") and not by_uuid:
                return int(how.split()[1])
            owner = text_of(uuid_of("stranger")) if how == "taken" and not by_uuid else uuid
            await self.send(id, entry(dn, {**attributes, "entryUUID": [owner],
                                           "description": ["by UUID" if by_uuid else "by name"]}))
        return 0

    @staticmethod
    def sync_request(controls):
        """Mode, or None without a sync control, and a list with the cookie or an empty one."""
        for _, body in controls:
            for _, control in elements(body):
                parts = [value for _, value in elements(control)]
                if parts[0].decode() == SYNC:
                    value = list(elements(list(elements(parts[-1]))[0][1]))
                    return value[0][1][0], [v.decode() for tag, v in value if tag == 4]
        return None, None

    async def list_all(self, id, name):
        content = list(self.server.content.setdefault(name, {}).items())
        for n, (dn, uuid) in enumerate(content):
            if n == len(content) // 2:
                await self.while_there(name + ".half")
            await self.send(id, entry(dn, {}), state_control(state_value(1, uuid)))
        await self.send(id, result(0x65, 0))

    async def run(self, id, name, cookie, kind=""):
        speaking = True
        try:
            for line in self.server.script(name + kind):
                words = shlex.split(line, comments=True)
                if not words:
                    continue
                verb, args = words[0].replace("-", "_"), words[1:]
                if verb == "on":
                    speaking = args[0] in (["any"] + cookie if cookie else ["none"])
                elif speaking:
                    self.base = f"dc={name}"
                    self.content = self.server.content.setdefault(name, {})
                    await getattr(self, "do_" + verb)(id, *args)
        except OSError:
            pass

    async def info(self, id, value):
        await self.send(id, tlv(0x79, tlv(0x80, INFO), tlv(0x81, value)))

    async def add(self, id, dn, attributes, state=1, cookie=()):
        if state in (0, 3):
            attributes = {}
        if self.asked is not None:
            attributes = {name: v for name, v in attributes.items() if name.lower() in self.asked}
        if state == 3:
            self.content.pop(dn, None)
        else:
            self.content[dn] = uuid_of(dn)
        await self.send(id, entry(dn, attributes), state_control(state_value(state, uuid_of(dn), cookie)))

    def dn(self, n):
        return f"uid=p{n},{self.base}"

    def person(self, n):
        return {"objectClass": ["inetOrgPerson"], "uid": [f"p{n}"], "mail": [f"p{n}@example.com"]}

    @staticmethod
    def org(base):
        site = f"cn=HQ,{base}"
        yield site, {"objectClass": ["waypostSite"], "cn": ["HQ"]}
        yield f"cn=HQ-HUB1,{base}", {
            "objectClass": ["waypostServer"], "cn": ["HQ-HUB1"], "waypostRole": ["hub"],
            "waypostFqdn": ["hub.example.com"], "waypostSiteDN": [site]}

    async def do_org(self, id):
        for dn, attributes in self.org(self.base):
            await self.add(id, dn, attributes)

    async def do_site(self, id, name, state="add", *cookie):
        site = f"cn={name},{self.base}", {"objectClass": ["waypostSite"], "cn": [name]}
        self.told[text_of(uuid_of(site[0]))] = site
        await self.add(id, *site, STATES[state], cookie)

    async def do_sites(self, id, first, end, cookie):
        for n in range(int(first), int(end)):
            await self.do_site(id, f"S{n}", "add", f"{cookie}.{n}")

    async def do_people(self, id, first, end, state="add"):
        state = STATES[state] if state in STATES else int(state)
        for n in range(int(first), int(end)):
            await self.add(id, self.dn(n), self.person(n), state)

    async def do_bare(self, id, first, end):
        for n in range(int(first), int(end)):
            await self.send(id, entry(self.dn(n), self.person(n)))

    async def do_state(self, id, value, n):
        await self.send(id, entry(self.dn(n), self.person(n)), state_control(bytes.fromhex(value)))

    async def do_named(self, id, dn):
        await self.add(id, dn, {"objectClass": ["inetOrgPerson"], "mail": ["odd@example.com"]})

    async def do_odd(self, id, uuid, state, dn, *pairs):
        attributes = {}
        for pair in pairs:
            name, _, value = pair.partition("=")
            attributes.setdefault(name, []).append(value)
        if state == "delete":
            self.content.pop(dn, None)
        else:
            self.content[dn] = bytes.fromhex(uuid)
        await self.send(id, entry(dn, attributes),
                        state_control(state_value(STATES[state], bytes.fromhex(uuid))))

    async def do_shared(self, id, first, end):
        for n in range(int(first), int(end)):
            await self.add(id, self.dn(n), {**self.person(n), "mail": ["all@example.com"]})

    async def do_group(self, id, n):
        members = [self.dn(i) for i in range(int(n))]
        await self.add(id, f"cn=group,{self.base}", {
            "objectClass": ["groupOfNames"], "mail": ["group@example.com"], "member": members})

    async def do_addresses(self, id, n, state="add"):
        await self.add(id, f"uid=many,{self.base}", {
            "objectClass": ["inetOrgPerson"],
            "mail": [f"many{i}@example.com" for i in range(int(n))]}, STATES[state])

    async def do_large(self, id, n):
        await self.add(id, f"uid=large,{self.base}", {
            "objectClass": ["inetOrgPerson"], "mail": ["large@example.com", "x" * int(n)]})

    async def ids(self, id, deletes, uuids):
        flag = [tlv(1, b"\xff")] if deletes else []
        await self.info(id, tlv(0xa3, *flag, tlv(0x31, *(tlv(4, u) for u in uuids))))

    async def do_present(self, id, first, end):
        await self.ids(id, False, [uuid_of(self.dn(n)) for n in range(int(first), int(end))])

    async def do_quit(self, id, first, end):
        for n in range(int(first), int(end)):
            self.content.pop(self.dn(n), None)

    async def do_gone(self, id, first, end):
        await self.do_quit(id, first, end)
        await self.ids(id, True, [uuid_of(self.dn(n)) for n in range(int(first), int(end))])

    async def do_present_org(self, id):
        await self.ids(id, False, [uuid_of(dn) for dn, _ in self.org(self.base)])

    async def do_strangers(self, id, n):
        await self.ids(id, False, [uuid_of(f"stranger {i}") for i in range(int(n))])

    async def do_cookie(self, id, cookie):
        await self.info(id, tlv(0x80, cookie))

    async def do_done(self, id, *cookie):
        await self.info(id, tlv(0xa1, *optional_cookie(cookie)))

    async def do_present_done(self, id, *cookie):
        await self.info(id, tlv(0xa2, *optional_cookie(cookie)))

    async def do_present_phase(self, id, *cookie):
        await self.info(id, tlv(0xa2, *optional_cookie(cookie), tlv(1, b"\0")))

    async def do_info(self, id, value):
        await self.info(id, bytes.fromhex(value))

    async def do_result(self, id, code, text=""):
        await self.send(id, result(0x65, int(code), text))

    async def do_notice(self, id):
        oid = tlv(0x8a, "1.3.6.1.4.1.1466.20036")
        # Without a text: libldap 2.5 never frees that of a notice.
        await self.send(0, tlv(0x78, integer(52, 10), tlv(4, ""), tlv(4, ""), oid))
        await self.do_close(id)

    async def do_junk(self, id):
        self.writer.write(b"\x30\x84\xff\xff\xff\xff this is no LDAP")
        await self.writer.drain()

    async def do_noise(self, id, n=None):
        message = tlv(0x30, integer(id), tlv(0x79, tlv(0x80, "1.2.3.4"), tlv(0x81, b"?")))
        while n is None or int(n) > 0:
            self.writer.write(message * 100)
            await self.writer.drain()
            n = n if n is None else int(n) - 100

    async def do_drip(self, id, n):
        self.is_busy = True
        body = entry(self.dn(n), self.person(n)), state_control(state_value(1, uuid_of(self.dn(n))))
        for octet in tlv(0x30, integer(id), *body):
            self.writer.write(bytes([octet]))
            await self.writer.drain()
            await asyncio.sleep(2)

    async def do_announce(self, id, n):
        self.is_busy = True
        self.writer.write(b"\x30\x84" + int(n).to_bytes(4, "big") + integer(id))
        while True:
            self.writer.write(bytes(1 << 16))
            await self.writer.drain()

    def is_there(self, name):
        return os.path.exists(os.path.join(self.server.scripts, name))

    async def while_there(self, name):
        while self.is_there(name):
            await asyncio.sleep(0.02)

    async def do_until(self, id, name):
        while not self.is_there(name):
            await asyncio.sleep(0.02)

    async def do_close(self, id):
        self.writer.close()


class Server:
    def __init__(self, scripts, log, kind="fake"):
        self.scripts, self.file = scripts, open(log, "a", buffering=1)
        self.content = {}  # NAME → the DNs that are there, and their UUIDs
        self.is_openldap = kind == "openldap"
        self.dse = {"openldap": {"objectClass": ["OpenLDAProotDSE"]},
                    "389": {"vendorName": ["389 Project"]}}.get(kind, {"vendorName": ["fake_sync.py"]})

    def log(self, line):
        print(line, file=self.file)

    def script(self, name):
        try:
            with open(os.path.join(self.scripts, name)) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    async def run(self):
        server = await asyncio.start_server(
            lambda reader, writer: Connection(self, reader, writer).serve(), "127.0.0.1", 0,
            backlog=128)
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(Server(*sys.argv[1:]).run())
