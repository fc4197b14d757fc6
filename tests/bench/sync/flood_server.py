#!/usr/bin/python3
"""flood_server.py ORG.LDIF PEOPLE: a directory server that can change faster than slapd.

Speaks as much LDAP as waypost-ldapsync asks for: bind, the rootDSE, and RFC 4533 refreshAndPersist,
always with a full refresh. It holds the entries of ORG.LDIF (plain lines only) and PEOPLE people.
Prints "port N"; then a line RATE SECONDS on its input makes so many changes a second on the first
connection that listens: 80 of 100 are modifies (a new address), 10 deletes, 10 adds of a person
who was deleted, each with a cookie. When all are sent, a last person is added, and it prints
"sent CHANGES SECONDS". A client that does not read slows it down.
"""
import random
import socket
import sys
import threading
import time

SUFFIX = b"dc=example,dc=com"
SYNC, STATE, INFO = (b"1.3.6.1.4.1.4203.1.9.1." + n for n in (b"1", b"2", b"4"))
ADD, MODIFY, DELETE = 1, 2, 3


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    return bytes([tag]) + (bytes([n]) if n < 128 else b"\x82" + n.to_bytes(2, "big")) + body


def elements(data):
    at = 0
    while at < len(data):
        tag, n = data[at], data[at + 1]
        at += 2
        if n & 128:
            n, at = int.from_bytes(data[at:at + (n & 127)], "big"), at + (n & 127)
        yield tag, data[at:at + n]
        at += n


def message(number, operation, controls=b""):
    return tlv(0x30, tlv(2, number), operation, controls)


def result(number, tag):
    return message(number, tlv(tag, b"\x0a\x01\x00\x04\x00\x04\x00"))


def entry_message(number, dn, attributes, state=None, uuid=b"", cookie=b""):
    control = b""
    if state is not None:
        value = tlv(0x30, tlv(0x0a, bytes([state])), tlv(4, uuid), tlv(4, cookie) if cookie else b"")
        control = tlv(0xa0, tlv(0x30, tlv(4, STATE), tlv(4, value)))
    listed = [tlv(0x30, tlv(4, name), tlv(0x31, *[tlv(4, v) for v in values])) for name, values in attributes]
    return message(number, tlv(0x64, tlv(4, dn), tlv(0x30, *listed)), control)


def read_ldif(path):
    entries = []
    for block in open(path, "rb").read().split(b"\n\n"):
        lines = [line.split(b": ", 1) for line in block.strip().split(b"\n") if b": " in line]
        if lines:
            names = list(dict.fromkeys(name for name, _ in lines[1:]))
            entries.append((lines[0][1], [(n, [v for m, v in lines[1:] if m == n]) for n in names]))
    return entries


class Person:
    """One message for all people: only digits of a fixed width differ, and they are put in by place."""

    def __init__(self, number, state):
        dn = b"uid=p@NUMBER@,ou=People," + SUFFIX
        attributes = [] if state == DELETE else [
            (b"objectClass", [b"inetOrgPerson", b"waypostRecipient"]), (b"cn", [b"p@NUMBER@"]),
            (b"mail", [b"p@NUMBER@.v@VERSIO@@example.com"]),
            (b"waypostHomeServer", [b"cn=MBX1,cn=Servers,cn=Waypost," + SUFFIX])]
        raw = entry_message(number, dn, attributes, state, b"@UUID-OF-PERSON@", b"csn@COOKIE@")
        self.template = raw.replace(b"%", b"%%")
        for mark, what in ((b"@NUMBER@", b"%(n)08d"), (b"@VERSIO@", b"%(v)08d"), (b"@COOKIE@", b"%(c)08d"),
                           (b"@UUID-OF-PERSON@", b"%(u)b")):
            self.template = self.template.replace(mark, what)

    def make(self, n, version, life, cookie):
        uuid = b"person\x00\x00" + life.to_bytes(4, "big") + n.to_bytes(4, "big")
        return self.template % {b"n": n, b"v": version, b"c": cookie, b"u": uuid}


class Directory:
    def __init__(self, path, people):
        self.org = read_ldif(path)
        self.n = people
        self.version = [0] * (people + 1)
        self.life = [1] * (people + 1)
        self.alive = [True] * people + [False]  # the last one comes at the end
        self.cookie = 0
        self.lock = threading.Lock()
        self.listener = None  # (connection, message number)

    def refresh(self, connection, number):
        person = Person(number, ADD)
        for i, (dn, attributes) in enumerate(self.org):
            connection.sendall(entry_message(number, dn, attributes, ADD, b"organisation" + i.to_bytes(4, "big")))
        out = []
        for n in range(self.n + 1):
            if self.alive[n]:
                out.append(person.make(n, self.version[n], self.life[n], self.cookie))
            if len(out) == 500 or n == self.n:
                connection.sendall(b"".join(out))
                out = []
        done = tlv(0xa1, tlv(4, b"csn%08d" % self.cookie))
        connection.sendall(message(number, tlv(0x79, tlv(0x80, INFO), tlv(0x81, done))))

    def serve(self, connection):
        data = b""
        while True:
            more = connection.recv(65536)
            if not more:
                return
            data += more
            while len(data) >= 8:
                head = 2 + (data[1] & 127 if data[1] & 128 else 0)
                size = head + (int.from_bytes(data[2:head], "big") if data[1] & 128 else data[1])
                if len(data) < size:
                    break
                self.answer(connection, data[head:size])
                data = data[size:]

    def answer(self, connection, body):
        parts = list(elements(body))
        number, (tag, request) = parts[0][1], parts[1]
        if tag == 0x60:
            connection.sendall(result(number, 0x61))
        elif tag == 0x63 and SYNC in body:
            with self.lock:
                self.refresh(connection, number)
                if self.listener is None:
                    self.listener = (connection, number)
        elif tag == 0x63:
            dse = entry_message(number, b"", [(b"namingContexts", [SUFFIX]), (b"supportedControl", [SYNC])])
            base = next(elements(request))[1]
            with self.lock:
                connection.sendall((dse if base == b"" else b"") + result(number, 0x65))

    def change(self, draw, kinds):
        n = draw.randrange(self.n)
        self.cookie += 1
        dice = draw.random()
        if not self.alive[n]:
            self.alive[n], self.life[n], kind = True, self.life[n] + 1, ADD
        elif dice < 0.11:
            self.alive[n], kind = False, DELETE
        else:
            self.version[n], kind = self.version[n] + 1, MODIFY
        return kinds[kind].make(n, self.version[n], self.life[n], self.cookie)

    def flood(self, rate, seconds):
        connection, number = self.listener
        kinds = {kind: Person(number, kind) for kind in (ADD, MODIFY, DELETE)}
        draw = random.Random(1)
        begin, sent = time.monotonic(), 0
        while sent < rate * seconds:
            due = min(int((time.monotonic() - begin) * rate), rate * seconds) - sent
            if due <= 0:
                time.sleep(0.002)
                continue
            with self.lock:
                connection.sendall(b"".join(self.change(draw, kinds) for _ in range(min(due, 1000))))
            sent += min(due, 1000)
        took = time.monotonic() - begin
        with self.lock:
            self.alive[self.n] = True
            self.cookie += 1
            connection.sendall(kinds[ADD].make(self.n, 0, 1, self.cookie))
        print(f"sent {sent} {took:.1f}", flush=True)


directory = Directory(sys.argv[1], int(sys.argv[2]))
server = socket.create_server(("127.0.0.1", 0))
print("port", server.getsockname()[1], flush=True)


def accept():
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=directory.serve, args=(connection,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
for line in sys.stdin:
    directory.flood(*map(int, line.split()))
