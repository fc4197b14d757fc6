#!/usr/bin/python3
"""The measuring half of change.sh, which has a hub running: milliseconds from the moment that
ldapmodify is given a change, which is before the server acknowledges it, until

    link       the hub says that it routes by a snapshot with the new cost,
    connector  a new session is offered the new size limit of its receive connector,
    recipient  the hub accepts mail for an address that somebody was given.

Sessions are tried one after the other, so the last two hold the time of about one session; with
a pause between them, since agent and hub have to get at the processors.
"""
import os
import socket
import subprocess
import sys
import time

PAUSE = 0.0002

url, base, people, port, log, changes, n_people = sys.argv[1:8]
changes = int(changes)
ldapmodify = subprocess.Popen(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", url], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL)


def modify(dn, attribute, value):
    ldapmodify.stdin.write(f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n\n".encode())
    ldapmodify.stdin.flush()
    return time.monotonic()


def session(*commands):
    """The replies to the banner, EHLO and the commands."""
    with socket.create_connection(("127.0.0.1", int(port))) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        f = s.makefile("rb")
        replies = []
        for command in (None, "EHLO bench", *commands):
            if command:
                s.sendall(command.encode() + b"\r\n")
            lines = [f.readline()]
            while lines[-1][3:4] == b"-":
                lines.append(f.readline())
            replies.append(b"".join(lines))
        return replies


def change_link(i, tail):
    begin = modify(f"cn=A-B,cn=Site Links,{base}", "waypostCost", 100 + i)
    while b" in use" not in tail.readline():
        pass
    return begin


def change_connector(i, tail):
    size = 20000000 + i
    begin = modify(f"cn=In,cn=HUB1,cn=Servers,{base}", "waypostMaxMessageSize", size)
    while b"SIZE %d\r\n" % size not in session()[1]:
        time.sleep(PAUSE)
    return begin


def change_recipient(i, tail):
    address = f"u0-{i}@example.com"
    begin = modify(f"uid=u0,{people}", "mail", address)
    while not session("MAIL FROM:<a@example.net>", f"RCPT TO:<{address}>")[3].startswith(b"250"):
        time.sleep(PAUSE)
    return begin


def measure(what, change, tail):
    times = []
    for i in range(changes):
        begin = change(i, tail)
        times.append((time.monotonic() - begin) * 1000)
        time.sleep(0.005)
    times.sort()
    print(f"{what:<10} {changes} changes, {n_people} people: p50 {times[changes // 2]:.1f} ms, "
          f"p99 {times[int(changes * .99)]:.1f} ms, longest {times[-1]:.1f} ms", flush=True)


with open(log, "rb") as tail:

    class Tail:
        """The hub's log as it grows."""

        def readline(self):
            line = tail.readline()
            if not line.endswith(b"\n"):
                tail.seek(-len(line), os.SEEK_CUR)
                time.sleep(PAUSE)
                return b""
            return line

    tail.seek(0, os.SEEK_END)
    measure("link", change_link, Tail())
    measure("connector", change_connector, Tail())
    measure("recipient", change_recipient, Tail())
ldapmodify.stdin.close()
ldapmodify.wait()
