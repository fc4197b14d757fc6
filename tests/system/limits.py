"""limits.py CASE FEW PLAIN OWN RATE SHORT CERT KEY: what receive connectors allow, over sockets.

FEW… are the ports of connectors that test-limits.sh describes, CERT and KEY those of an own server
whose address the directory does not know. Strangers come from 127.0.0.9 and following; 127.0.0.1 is
the address of an own server. Exit status 1 and a line if something is not as it should be.
"""
import socket
import ssl
import struct
import sys
import time

FEW, PLAIN, OWN, RATE, SHORT = (int(port) for port in sys.argv[2:7])
CERT, KEY = sys.argv[7:9]
STRANGER, OWN_ADDRESS = "127.0.0.9", "127.0.0.1"


class Client:
    def __init__(self, port, source=STRANGER):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))
        self.f = self.s.makefile("rb")
        self.banner = self.reply()

    def reply(self):
        """The last line of a reply, "" at the end of the connection."""
        line = self.f.readline().decode()
        while line[3:4] == "-":
            line = self.f.readline().decode()
        return line.rstrip("\r\n")

    def say(self, text, code):
        self.s.sendall(text.encode() + b"\r\n")
        reply = self.reply()
        assert reply.startswith(code), "%s: got %r, not %s" % (text, reply, code)
        return reply

    def prove(self):
        """TLS with the certificate of an own server."""
        self.say("EHLO hub2.example.com", "250")
        self.say("STARTTLS", "220")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(CERT, KEY)
        self.s = context.wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        self.say("EHLO hub2.example.com", "250")
        return self

    def close(self):
        self.f.close()
        self.s.close()

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def enter(port, source=STRANGER):
    c = Client(port, source)
    assert c.banner.startswith("220 "), "%s at %d: %r" % (source, port, c.banner)
    return c


def refused(port, status, source=STRANGER):
    c = Client(port, source)
    assert c.banner.startswith("421 %s too many connections" % status), "got %r" % c.banner
    assert c.reply() == "", "it stays open"
    c.close()


def eventually(port, source=STRANGER):
    """A place becomes free when the other end has seen us go."""
    until = time.monotonic() + 20
    while True:
        c = Client(port, source)
        if c.banner.startswith("220 ") or time.monotonic() > until:
            break
        c.close()
    assert c.banner.startswith("220 "), "never: %r" % c.banner
    return c


def leave(clients):
    for i, c in enumerate(clients):
        if i % 2:
            c.reset()
        else:
            c.close()


def source_has_its_share():
    held = [enter(FEW) for _ in range(3)]
    refused(FEW, "4.7.0")
    held += [enter(FEW, "127.0.0.10")]  # another source
    held += [enter(PLAIN)]              # another connector
    held.pop(0).close()
    held.append(eventually(FEW))
    refused(FEW, "4.7.0")
    leave(held)


def share_is_twenty_by_default():
    held = [enter(PLAIN) for _ in range(20)]
    refused(PLAIN, "4.7.0")
    leave(held)


def connector_has_its_limit():
    held = [eventually(FEW, "127.0.0.%d" % (20 + i // 2)) for i in range(8)]
    refused(FEW, "4.3.2", "127.0.0.30")
    refused(FEW, "4.3.2", OWN_ADDRESS)
    held.pop().reset()
    held.append(eventually(FEW, "127.0.0.30"))
    leave(held)


def own_servers_have_no_share():
    held = [eventually(FEW, OWN_ADDRESS) for _ in range(5)]
    held += [enter(PLAIN, OWN_ADDRESS) for _ in range(60)]
    held += [enter(OWN) for _ in range(60)]
    leave(held)


def a_certificate_makes_room():
    held = [eventually(FEW).prove() for _ in range(5)]
    held += [enter(FEW) for _ in range(3)]
    refused(FEW, "4.7.0")
    leave(held)


def messages_have_a_rate():
    """30 a minute: the next one comes 2 s later."""
    c = enter(RATE)
    c.say("EHLO client.example", "250")
    for _ in range(30):
        c.say("MAIL FROM:<a@far.example>", "250")
        c.say("RSET", "250")
    begin = time.monotonic()
    reply = c.say("MAIL FROM:<a@far.example>", "")
    while reply.startswith("250"):  # a slow machine: some came back meanwhile
        c.say("RSET", "250")
        assert time.monotonic() < begin + 60, "no rate"
        reply = c.say("MAIL FROM:<a@far.example>", "")
    assert reply.startswith("450 4.7.0 too many messages"), "got %r" % reply
    # It is the source's, not the session's.
    d = enter(RATE)
    d.say("EHLO client.example", "250")
    other = enter(RATE, "127.0.0.10")
    other.say("EHLO client.example", "250")
    other.say("MAIL FROM:<a@far.example>", "250")
    while not reply.startswith("250"):
        assert time.monotonic() < begin + 60, "never again: %r" % reply
        time.sleep(0.1)
        reply = c.say("MAIL FROM:<a@far.example>", "")
    # The refused session is as good as any.
    c.say("RCPT TO:<u0@example.com>", "250")
    c.say("DATA", "354")
    c.say("Subject: in time\r\n\r\nx\r\n.", "250")
    leave([c, d, other])


def proven_servers_have_no_rate():
    c = enter(RATE).prove()
    for _ in range(80):
        c.say("MAIL FROM:<a@far.example>", "250")
        c.say("RSET", "250")
    c.close()


def a_connection_ends_whatever_it_does():
    """2 s in all, though it never is silent."""
    c = enter(SHORT)
    c.s.settimeout(0.05)
    begin, got = time.monotonic(), b""
    while not got:
        assert time.monotonic() < begin + 60, "it goes on"
        try:
            c.s.sendall(b"x")
            got = c.s.recv(1000)
        except TimeoutError:
            pass
    assert got.startswith(b"421 4.4.2 ") and b"Timeout" in got, "got %r" % got
    c.close()


def a_connection_ends_though_nobody_reads():
    """Replies fill every buffer of both sides, so that not even the 421 can leave."""
    c = enter(SHORT)
    c.say("EHLO client.example", "250")
    c.say("MAIL FROM:<a@far.example>", "250")
    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.s.setblocking(False)
    begin = time.monotonic()
    while True:
        assert time.monotonic() < begin + 60, "it never ends"
        try:
            c.s.send(b"RCPT TO:<r@elsewhere.example>\r\n" * 1000)
        except BlockingIOError:
            time.sleep(0.01)
        except (ConnectionResetError, BrokenPipeError):
            break
    c.close()


def a_flood():
    held = [eventually(FEW) for _ in range(3)]
    for _ in range(1000):
        refused(FEW, "4.7.0")
    leave(held)


def a_new_limit():
    """The share became 5: soon, and for those that come from now on."""
    held = []
    until = time.monotonic() + 20
    while len(held) < 5:
        assert time.monotonic() < until, "still %d" % len(held)
        c = Client(FEW)
        if c.banner.startswith("220 "):
            held.append(c)
        else:
            c.close()
    refused(FEW, "4.7.0")
    leave(held)


globals()[sys.argv[1]]()
