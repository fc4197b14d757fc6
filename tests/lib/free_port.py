#!/usr/bin/python3
"""free_port.py [IP]: prints a port of IP (127.0.0.1) that is free for TCP and UDP, and stays so.

It lies below those that the kernel gives to connections, one of which could have it while a server
of the test is started again. And a connection is left in TIME_WAIT on it, for a minute: a server sets
SO_REUSEADDR and does not mind; who looks for a free port, here or in a test beside, does not get it.
"""
import random
import socket
import sys

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
    end = int(file.read().split()[0])


def look(port):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind((address, port))


def keep(port):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or the other's would not do
        server.bind((address, port))
        server.listen(1)
        with socket.create_connection((address, port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # who closes first is who waits
            client.recv(1)


while True:
    candidate = random.randrange(min(10240, end - 1000), end)
    try:
        look(candidate)
        keep(candidate)
    except OSError:
        continue
    print(candidate)
    break
