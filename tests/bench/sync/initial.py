#!/usr/bin/python3
"""The measuring half of initial.sh, which has the servers ready.

Rates are entries a second of wall-clock time, from the start of the process to its end, or to the
moment that the replica is published. Processor seconds are the firm figures on a busy machine.
Memory is that of one process: `anonymous` is what it holds for itself, `file` are pages of the
replica's file that are mapped and that the kernel may drop at any time.
"""
import os
import shutil
import subprocess
import sys
import time

HZ = os.sysconf("SC_CLK_TCK")
BUILD = os.environ["abs_top_builddir"]
ATTRIBUTES = ["objectClass", "cn", "entryUUID", "mail", "waypostHomeServer"]


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def memory_of(pid):
    """(anonymous, file) in octets."""
    with open(f"/proc/{pid}/status") as f:
        kib = {line.split(":")[0]: line.split()[1] for line in f if line.startswith("Rss")}
    return int(kib["RssAnon"]) * 1024, (int(kib["RssFile"]) + int(kib["RssShmem"])) * 1024


class Bench:
    def __init__(self, argv):
        self.dir, self.url, self.suffix = argv[1:4]
        self.people, self.rounds, self.consumers, self.server = map(int, argv[4:8])
        self.reader = ["cn=waypost,ou=Services," + self.suffix, "change-me", self.suffix, *ATTRIBUTES]

    def say(self, what, entries, seconds, cpu, server_cpu, more=""):
        print(f"{what:<22} {entries:>9} {seconds:>8.2f} {entries / seconds:>10.0f} {cpu:>8.2f} "
              f"{cpu / entries * 1e6:>8.2f} {server_cpu:>8.2f}  {more}", flush=True)

    def rounds_of(self, *readers):
        """Each of the readers once a round, so that other load meets all of them: {what: results}."""
        results = {what: [] for what, _ in readers}
        for _ in range(self.rounds):
            for what, once in readers:
                before = cpu_of(self.server)
                entries, seconds, cpu, more = once()
                results[what].append((seconds, entries, cpu, cpu_of(self.server) - before, more))
        return results

    def best(self, what, results):
        """Says and returns the rate of the fastest round, and the least processor time of any."""
        seconds, entries, _, _, more = min(results)
        cpu, server_cpu = min(r[2] for r in results), min(r[3] for r in results)
        self.say(what, entries, seconds, cpu, server_cpu, more)
        return entries / seconds, cpu

    def drain(self, mode):
        host, port = self.url.removeprefix("ldap://").rstrip("/").split(":")
        out = subprocess.run([BUILD + "/ldap_drain", mode, host, port, *self.reader], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.split()
        return int(out[0]), float(out[1]), float(out[2]), ""

    def ldapsearch(self):
        begin = time.monotonic()
        before = os.times()
        dn, password, base, *attributes = self.reader
        count = subprocess.run(
            ["sh", "-c", 'ldapsearch -x -LLL -o ldif-wrap=no -E sync=ro "$@" | grep -c ^dn:', "-", "-H", self.url,
             "-D", dn, "-w", password, "-b", base, "(objectClass=*)", *attributes],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        after = os.times()
        cpu = after.children_user - before.children_user + after.children_system - before.children_system
        return int(count), time.monotonic() - begin, cpu, ""

    def first_sync(self):
        shutil.rmtree(self.dir + "/state")
        os.mkdir(self.dir + "/state")
        begin = time.monotonic()
        with open(self.dir + "/log", "a") as log:
            agent = subprocess.Popen([BUILD + "/waypost-ldapsync", "--config", self.dir + "/waypost.conf"],
                                     stdout=log, stderr=log)
        peak, looked = 0, 0.0
        while not os.path.lexists(self.dir + "/state/replica/current"):
            if agent.poll() is not None:
                sys.exit("waypost-ldapsync ended: see " + self.dir + "/log")
            if time.monotonic() - looked > 0.02:
                peak, looked = max(peak, memory_of(agent.pid)[0]), time.monotonic()
            time.sleep(0.001)
        seconds, cpu = time.monotonic() - begin, cpu_of(agent.pid)
        time.sleep(1)  # what it gives back, it gives back at once
        steady, mapped = memory_of(agent.pid)
        agent.terminate()
        agent.wait()
        data = os.stat(os.path.realpath(self.dir + "/state/replica/current") + "/data.mdb").st_blocks * 512
        self.memory = (peak, steady, mapped, data)
        return self.people, seconds, cpu, ""

    def consumer(self):
        begin = time.monotonic()
        subprocess.run(["bash", "-c", "consumer_start"], check=True)
        with open(self.dir + "/consumer/slapd.sh.pid") as f:
            pid = int(f.read())
        with open(self.dir + "/consumer/env") as f:
            url = dict(line.strip().split("=", 1) for line in f)["SLAPD_LDAPI"]
        # It has the server's state number when it has everything.
        while not subprocess.run(["ldapsearch", "-LLL", "-Q", "-Y", "EXTERNAL", "-H", url, "-s", "base",
                                  "-b", self.suffix, "contextCSN"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True).stdout.count("contextCSN: "):
            time.sleep(0.2)
        seconds, cpu, (anonymous, mapped) = time.monotonic() - begin, cpu_of(pid), memory_of(pid)
        os.kill(pid, 15)
        while os.path.exists(f"/proc/{pid}/stat") and b"slapd" in open(f"/proc/{pid}/cmdline", "rb").read():
            time.sleep(0.1)
        return self.people, seconds, cpu, f"{anonymous >> 20} MiB anonymous, {mapped >> 20} MiB file"

    def run(self):
        print(f"{'':<22} {'entries':>9} {'s':>8} {'entries/s':>10} {'CPU s':>8} {'us/entry':>8} {'server s':>8}")
        readers = [("raw reader", lambda: self.drain("raw")), ("plain libldap reader", lambda: self.drain("plain")),
                   ("ldapsearch, piped", self.ldapsearch), ("waypost-ldapsync", self.first_sync)]
        rates = {what: self.best(what, results) for what, results in self.rounds_of(*readers).items()}
        ours, cpu = rates["waypost-ldapsync"]
        peak, steady, mapped, data = self.memory
        print(f"  peak {peak >> 20} MiB anonymous ({peak // self.people} octets an entry), then {steady >> 20} MiB "
              f"({steady // self.people}) and {mapped >> 20} MiB of the file mapped; the file has {data >> 20} MiB")
        fastest = max(rates["raw reader"][0], rates["plain libldap reader"][0])
        print(f"  of the fastest reader: {ours / fastest:.2f} (goal 0.6)")
        if self.consumers:
            self.rounds = 1
            what = "slapd as consumer"
            theirs, their_cpu = self.best(what, self.rounds_of((what, self.consumer))[what])
            print(f"  slapd's CPU over ours: {their_cpu / cpu:.1f} (goal 20), its time over ours: {ours / theirs:.1f}")


Bench(sys.argv).run()
