#!/usr/bin/python3
"""Durable relay, Waypost beside Postfix in one interleaved run: generator -> relay -> sink.

Both store every message before they answer; both hand everything to one smart host. What is
measured, and how:

  delivered/s   messages over (last arrival at the sink - first connection of the generator)
  accepted/s    what the generator saw
  CPU/msg       user and system time of all processes of the relay, reaped children included
  latency       one message at a time on an idle relay, from MAIL FROM to arrival at the sink
  syncs/msg     fsync, fdatasync and their kin while messages pass, counted by strace in a run
                of their own; sync ms is how long one took there
  calls/msg     all system calls of the relay, likewise (strace slows it: groups get larger)
  direct        the generator straight into the sink: no relay can be faster

Every number is the median of the runs, which are taken in turn, so that the machine's noise
hits all alike. CPU per message is the number to trust on a shared machine.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SYNC_CALLS = "fsync,fdatasync,sync_file_range,msync,syncfs,sync"
TICK = os.sysconf("SC_CLK_TCK")
BUILD = os.environ.get("abs_top_builddir", ".")

HOST_FILE = """server = "HUB1"
state = "{work}/state"
run = "{work}/run"
directory "org" {{
    uri = {{"file://{work}/org.ldif"}}
    profile = "waypost"
    base = "cn=Waypost,dc=example,dc=com"
    recipients = {{"dc=example,dc=com"}}
}}
delivery {{ }}
"""

ORGANISATION = """dn: dc=example,dc=com
objectClass: top
objectClass: domain
dc: example

dn: cn=Waypost,dc=example,dc=com
objectClass: waypostOrganization
cn: Waypost

dn: cn=A,cn=Sites,cn=Waypost,dc=example,dc=com
objectClass: waypostSite
cn: A

dn: cn=HUB1,cn=Servers,cn=Waypost,dc=example,dc=com
objectClass: waypostServer
cn: HUB1
waypostFqdn: hub1.example.com
waypostAddress: 127.0.0.1
waypostRole: hub
waypostSiteDN: cn=A,cn=Sites,cn=Waypost,dc=example,dc=com

dn: cn=In,cn=HUB1,cn=Servers,cn=Waypost,dc=example,dc=com
objectClass: waypostReceiveConnector
cn: In
waypostBinding: 127.0.0.1:{inport}
waypostRemoteRange: 127.0.0.0/8
waypostAuthMechanism: externallySecured
waypostAuthMechanism: tls
waypostPermissionGroup: servers

dn: cn=Out,cn=Send Connectors,cn=Waypost,dc=example,dc=com
objectClass: waypostSendConnector
cn: Out
waypostAddressSpace: *
waypostSourceServer: cn=HUB1,cn=Servers,cn=Waypost,dc=example,dc=com
waypostDnsRouting: FALSE
waypostSmartHost: [127.0.0.1]:{outport}
"""

POSTFIX_MAIN = """compatibility_level = 3.6
queue_directory = {work}/spool
data_directory = {work}/data
maillog_file = {work}/maillog
maillog_file_prefixes = {work}
myhostname = hub1.example.com
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:{outport}
smtp_host_lookup = native
message_size_limit = 52428800
in_flow_delay = 0
default_process_limit = 200
default_destination_concurrency_limit = 50
initial_destination_concurrency = 20
"""

# service type private unpriv chroot wakeup maxproc command
POSTFIX_SERVICES = """127.0.0.1:{inport} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("timed out: " + what)
        time.sleep(0.02)


def is_listening(port):
    with socket.socket() as s:
        s.settimeout(1)
        try:
            s.connect(("127.0.0.1", port))
            return s.recv(4).startswith(b"220")
        except OSError:
            return False


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def tree_of(root):
    """A process and those below it; and the ticks of CPU of them and their reaped children."""
    children, ticks = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
        ticks[int(name)] = sum(int(x) for x in fields[11:15])
    pids, todo = [], [root]
    while todo:
        pid = todo.pop()
        pids.append(pid)
        todo += children.get(pid, [])
    return pids, sum(ticks.get(pid, 0) for pid in pids)


def tree_cpu(root):
    return tree_of(root)[1] / TICK


def is_being_traced(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return "TracerPid:\t0\n" not in f.read()


class Relay:
    """A system under test: started in WORK, listens on INPORT, hands over to OUTPORT."""

    def __init__(self, work, inport, outport):
        self.work, self.inport, self.outport = work, inport, outport
        self.process = None

    def fill(self, text):
        return text.format(work=self.work, inport=self.inport, outport=self.outport)

    def wrap(self, command, trace):
        if trace is None:
            return command
        return ["strace", "-f", "--seccomp-bpf", "-ttt", "-T", "-o", trace, "-e",
                "trace=" + SYNC_CALLS] + command

    def start(self, trace=None):
        os.makedirs(self.work)
        self.prepare()
        with open(self.work + "/log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.wrap(self.command(), trace), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        wait_until(self.name + " listens", lambda: is_listening(self.inport))

    def stop(self):
        self.end()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Waypost(Relay):
    name = "waypost"

    def prepare(self):
        for folder in ("state", "run"):
            os.mkdir(f"{self.work}/{folder}")
        write(self.work + "/org.ldif", self.fill(ORGANISATION))
        write(self.work + "/waypost.conf", self.fill(HOST_FILE))

    def command(self):
        return [os.environ.get("WAYPOST", BUILD + "/waypost"), "run", "--config",
                self.work + "/waypost.conf"]

    def root(self):
        return self.process.pid

    def end(self):
        # Under strace it is the child that has to hear it.
        pids = [self.process.pid]
        try:
            with open(f"/proc/{pids[0]}/task/{pids[0]}/children", encoding="utf-8") as f:
                pids = [int(x) for x in f.read().split()] if self.is_traced() else pids
        except OSError:
            pass
        for pid in pids:
            os.kill(pid, signal.SIGTERM)

    def is_traced(self):
        with open(f"/proc/{self.process.pid}/comm", encoding="utf-8") as f:
            return f.read().strip() == "strace"


class Postfix(Relay):
    name = "postfix"

    def prepare(self):
        for folder in ("etc", "spool", "data"):
            os.mkdir(f"{self.work}/{folder}")
        shutil.chown(self.work + "/data", "postfix")
        os.chmod(self.work, 0o755)
        for name in ("postfix-files", "postfix-script", "post-install", "dynamicmaps.cf"):
            if os.path.exists("/etc/postfix/" + name):
                shutil.copy2("/etc/postfix/" + name, self.work + "/etc/")
        write(self.work + "/etc/main.cf", self.fill(POSTFIX_MAIN))
        write(self.work + "/etc/master.cf", self.fill(POSTFIX_SERVICES))
        subprocess.run(["postfix", "-c", self.work + "/etc", "check"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)

    def command(self):
        return ["postfix", "-c", self.work + "/etc", "start-fg"]

    def root(self):
        with open(self.work + "/spool/pid/master.pid", encoding="utf-8") as f:
            return int(f.read())

    def end(self):
        subprocess.run(["postfix", "-c", self.work + "/etc", "stop"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


class Bench:
    def __init__(self, args, work):
        self.args, self.work, self.number = args, work, 0

    def sink(self, port, count, *extra):
        out = open(self.work + "/sink.out", "w", encoding="utf-8")
        process = subprocess.Popen(
            [BUILD + "/smtp_sink", "--listen", f"127.0.0.1:{port}", "--count", str(count), "--linger", "2",
             "--timeout", "300", *extra], stdout=out)
        out.close()
        wait_until("the sink listens", lambda: os.path.getsize(self.work + "/sink.out") > 0)
        return process

    def sink_result(self, process):
        if process.wait() != 0:
            raise RuntimeError("the sink failed")
        with open(self.work + "/sink.out", encoding="utf-8") as f:
            return json.loads(f.read().splitlines()[-1])

    def load(self, port, messages, *extra):
        done = subprocess.run(
            [BUILD + "/smtp_load", "--port", str(port), "--messages", str(messages), "--size",
             str(self.args.size), "--retry", "--timeout", "290", *extra],
            stdout=subprocess.PIPE, check=False)
        result = json.loads(done.stdout.decode().splitlines()[-1])
        if result["accepted"] != messages:
            raise RuntimeError("not everything was accepted: " + json.dumps(result))
        return result

    def pass_through(self, inport, outport, messages, sessions, *extra):
        """Messages from end to end: what the generator and what the sink say."""
        sink = self.sink(outport, messages)
        sent = self.load(inport, messages, "--sessions", str(sessions), *extra)
        arrived = self.sink_result(sink)
        if arrived["distinct"] != messages or arrived["corrupt"] or arrived["duplicates"]:
            raise RuntimeError("lost, doubled or damaged: " + json.dumps(arrived))
        return sent, arrived

    def rates(self, sent, arrived):
        messages = arrived["messages"]
        return {"delivered/s": messages / ((arrived["last_ns"] - sent["begin_ns"]) / 1e9),
                "accepted/s": sent["accepted_per_s"]}

    def direct(self):
        (port,) = free_ports(1)
        sent, arrived = self.pass_through(port, port, self.args.messages, self.args.sessions)
        return self.rates(sent, arrived)

    def latency(self, inport, outport):
        (notify,) = free_ports(1)
        count = self.args.latency_messages
        sink = self.sink(outport, count, "--notify", str(notify))
        self.load(inport, count, "--notify", str(notify))
        return self.sink_result(sink)

    def new_relay(self, kind):
        self.number += 1
        return kind(f"{self.work}/{kind.name}{self.number}", *free_ports(2))

    def measure(self, kind):
        relay = self.new_relay(kind)
        relay.start()
        try:
            self.pass_through(relay.inport, relay.outport, 300, self.args.sessions)
            before = tree_cpu(relay.root())
            sent, arrived = self.pass_through(relay.inport, relay.outport, self.args.messages,
                                              self.args.sessions)
            # The last states are written a moment after the last arrival.
            time.sleep(0.5)
            cpu = tree_cpu(relay.root()) - before
            slow = self.latency(relay.inport, relay.outport)
        finally:
            relay.stop()
        result = self.rates(sent, arrived)
        result.update({"CPU/msg us": cpu * 1e6 / self.args.messages,
                       "latency p50 ms": slow["latency_p50_ms"],
                       "latency p99 ms": slow["latency_p99_ms"]})
        shutil.rmtree(relay.work)
        return result

    def count_syncs(self, kind):
        relay, trace = self.new_relay(kind), self.work + "/sync.trace"
        messages = max(self.args.messages // 2, 500)
        relay.start(trace)
        try:
            self.pass_through(relay.inport, relay.outport, 300, self.args.sessions)
            begin = time.time()
            self.pass_through(relay.inport, relay.outport, messages, self.args.sessions)
            time.sleep(0.5)
            end = time.time()
        finally:
            relay.stop()
        took = []
        with open(trace, encoding="utf-8") as f:
            for line in f:
                # "PID TIME call(…) = 0 <SECONDS>", or the second half of one that was cut in two
                found = re.match(r"\d+\s+([\d.]+) .*= \d+ <([\d.]+)>$", line)
                if found and begin <= float(found[1]) <= end:
                    took.append(float(found[2]))
        shutil.rmtree(relay.work)
        return {"syncs/msg": len(took) / messages,
                "sync ms": statistics.median(took) * 1000 if took else None}

    def count_calls(self, kind):
        relay, trace = self.new_relay(kind), self.work + "/calls.trace"
        messages = max(self.args.messages // 2, 500)
        relay.start()
        try:
            self.pass_through(relay.inport, relay.outport, 300, self.args.sessions)
            pids = [str(pid) for pid in tree_of(relay.root())[0]]
            tracer = subprocess.Popen(["strace", "-f", "-c", "-o", trace] +
                                      [x for pid in pids for x in ("-p", pid)], stderr=subprocess.DEVNULL)
            wait_until("strace has them all", lambda: all(is_being_traced(pid) for pid in pids))
            self.pass_through(relay.inport, relay.outport, messages, self.args.sessions)
            time.sleep(0.5)
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
        finally:
            relay.stop()
        calls = {}
        with open(trace, encoding="utf-8") as f:
            for line in f:
                found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
                if found and found[2] != "total":
                    calls[found[2]] = int(found[1]) / messages
        shutil.rmtree(relay.work)
        most = sorted(calls.items(), key=lambda item: -item[1])[:12]
        print(f"{kind.name}: " + " ".join(f"{name} {text(n)}" for name, n in most), file=sys.stderr)
        return {"calls/msg": sum(calls.values())}


def median(results, metric):
    values = [r[metric] for r in results if metric in r]
    return statistics.median(values) if values else None


# metric, its value for Waypost over that for Postfix, the goal for that ratio
GOALS = [
    ("CPU/msg us", "at most", 1 / 20),
    ("delivered/s", "at least", 10),
    ("accepted/s", None, None),
    ("latency p50 ms", "at most", 1),
    ("latency p99 ms", None, None),
    ("syncs/msg", None, None),
    ("sync ms", None, None),
    ("calls/msg", None, None),
]


def text(value):
    return "-" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def is_met(kind, value, goal):
    if value is None:
        return False
    return value <= goal if kind == "at most" else value >= goal


def report(results):
    """Prints the table; the goals that were missed."""
    missed = []
    print(f"{'':16}{'direct':>10}{'waypost':>10}{'postfix':>10}{'ratio':>10}  goal for the ratio")
    for metric, kind, goal in GOALS:
        values = {name: median(runs, metric) for name, runs in results.items()}
        ours, theirs = values.get("waypost"), values.get("postfix")
        ratio = ours / theirs if ours is not None and theirs else None
        row = f"{metric:16}" + "".join(f"{text(values.get(n)):>10}" for n in ("direct", "waypost", "postfix"))
        row += f"{text(ratio):>10}"
        if kind and ratio is not None:
            met = is_met(kind, ratio, goal)
            row += f"  {kind} {goal:g}: {'met' if met else 'MISSED'}"
            missed += [] if met else [metric]
        print(row)
    ours, direct = (median(results.get(n, []), "delivered/s") for n in ("waypost", "direct"))
    if ours and direct:
        met = ours / direct >= 0.35
        print(f"of the direct rate: {ours / direct:.2f}  at least 0.35: {'met' if met else 'MISSED'}")
        missed += [] if met else ["of the direct rate"]
    syncs, took = (median(results.get("waypost", []), m) for m in ("syncs/msg", "sync ms"))
    if syncs is not None:
        # The slower the disk, the more a group gathers.
        goal = 0.1 if took and took >= 1 else 0.3
        met = syncs <= goal
        print(f"sync calls per message: {syncs:.3f}  at most {goal:g}: {'met' if met else 'MISSED'}")
        missed += [] if met else ["syncs/msg"]
    return missed


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--messages", type=int, default=10000)
    p.add_argument("--latency-messages", type=int, default=200)
    p.add_argument("--size", type=int, default=4096, help="octets of a body")
    p.add_argument("--sessions", type=int, default=20)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--systems", default="direct,waypost,postfix")
    p.add_argument("--no-strace", action="store_true")
    p.add_argument("--work", help="a folder on the disk to be measured; default: below the build folder")
    p.add_argument("--json", help="write every result there")
    p.add_argument("--check", action="store_true", help="exit status 1 if a goal is missed")
    return p.parse_args()


def run(args, work):
    bench, kinds, results = Bench(args, work), {"waypost": Waypost, "postfix": Postfix}, {}
    systems = args.systems.split(",")
    for number in range(args.runs):
        for name in systems:
            result = bench.direct() if name == "direct" else bench.measure(kinds[name])
            results.setdefault(name, []).append(result)
            print(f"run {number + 1} {name}: " + " ".join(f"{k} {text(v)}" for k, v in result.items()),
                  file=sys.stderr)
    for name in systems:
        if name != "direct" and not args.no_strace:
            results[name].append(bench.count_syncs(kinds[name]))
            results[name].append(bench.count_calls(kinds[name]))
    return results


def main():
    args = arguments()
    parent = args.work or BUILD
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as work:
        os.chmod(work, 0o755)
        results = run(args, work)
    if args.json:
        write(args.json, json.dumps(results, indent=1) + "\n")
    missed = report(results)
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
