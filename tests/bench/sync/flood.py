#!/usr/bin/python3
"""The measuring half of flood.sh, which has server and hub running."""
import os
import socket
import sys
import time

agent, port, served, hub, orders = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]
rate, seconds, people = map(int, sys.argv[6:9])


def anonymous():
    with open(f"/proc/{agent}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon")) // 1024


def cpu():
    with open(f"/proc/{agent}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(f, s, text):
    s.sendall(text)
    line = f.readline()
    while line[3:4] == b"-":
        line = f.readline()
    return line


def give_message(rcpt):
    """Milliseconds until a message is accepted, or None."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as s:
        f = s.makefile("rb")
        f.readline()
        for text in (b"EHLO bench\r\n", b"MAIL FROM:<a@example.net>\r\n", b"RCPT TO:<%s>\r\n" % rcpt, b"DATA\r\n"):
            if ask(f, s, text)[:1] not in b"23":
                return None
        if not ask(f, s, b"Subject: x\r\n\r\nx\r\n.\r\n").startswith(b"250"):
            return None
    return (time.monotonic() - begin) * 1000


def is_over():
    return "sent" in open(served).read()


before, begin = cpu(), time.monotonic()
memory = [anonymous()]
with open(orders, "w") as f:
    f.write(f"{rate} {seconds}\n")
times, refused = [], 0
while not is_over():
    took = give_message(b"u0@example.com")
    refused += took is None
    times += [took] if took is not None else []
    memory.append(anonymous())
    time.sleep(0.05)
over = time.monotonic()
# The last person is known when everything before is applied.
while give_message(b"p%08d.v%08d@example.com" % (people, 0)) is None:
    time.sleep(0.01)
    if time.monotonic() - over > 120:
        sys.exit("the last change never came")
_, sent, took = open(served).read().split("sent")[1].split("\n")[0].split(" ")
times.sort()
print(f"{sent} changes in {took} s ({int(sent) / float(took):.0f} a second); the last was in force "
      f"{(time.monotonic() - over) * 1000:.0f} ms after the end was noticed (every 50 ms)")
print(f"ldapsync: {cpu() - before:.1f} s of processor time, {memory[0]} MiB anonymous before, "
      f"at most {max(memory)} MiB, {anonymous()} MiB after")
print(f"mail meanwhile: {len(times)} messages accepted, {refused} refused, p50 {times[len(times) // 2]:.1f} ms, "
      f"p99 {times[int(len(times) * .99)]:.1f} ms, longest {times[-1]:.1f} ms")
