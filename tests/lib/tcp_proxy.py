#!/usr/bin/python3
"""tcp_proxy.py CONTROL HOST:PORT: a link to a server that can be broken in every way.

Listens on a free port of 127.0.0.1 and writes "port N" to its output. Commands come as lines on
the Unix socket CONTROL, each is answered with "ok" when it is done:

  go              forwards (how it begins)
  hold            forwards nothing in either direction, but accepts and keeps every connection: a
                  half-open link, or a server that accepts and never answers
  hold-answers    forwards what the client sends, and no answer
  hold-first N    forwards everything, but of the connection that comes next only N octets of answers
  drop            closes all connections without a word, and the next ones as soon as they come
  reset           closes all connections with RST, once; new ones are forwarded
  replace A B     from now on A becomes B in what the client sends, of the same length; "replace"
                  alone ends it
  count           answers with the number of connections accepted so far
"""
import asyncio
import os
import socket
import struct
import sys


class Proxy:
    def __init__(self, target):
        self.target = target
        self.mode = "go"
        self.may_flow = asyncio.Event()
        self.may_flow.set()
        self.answers_may_flow = asyncio.Event()
        self.answers_may_flow.set()
        self.writers = set()
        self.tasks = set()
        self.count = 0
        self.old = self.new = b""
        self.first_may_flow = asyncio.Event()
        self.first = 0  # the number of the connection that is held, and after how much
        self.limit = 0

    def set_mode(self, mode):
        self.mode = mode
        for event, stops in ((self.may_flow, {"hold"}),
                             (self.answers_may_flow, {"hold", "hold-answers"})):
            event.clear() if mode in stops else event.set()
        if mode == "go":
            self.first = 0
            self.first_may_flow.set()

    def close_all(self, rst=False):
        for writer in list(self.writers):
            if rst:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                           struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def pump(self, reader, writer, is_client, number):
        event = self.may_flow if is_client else self.answers_may_flow
        passed = 0
        while data := await reader.read(65536):
            await event.wait()
            passed += len(data)
            if not is_client and number == self.first and passed > self.limit:
                await self.first_may_flow.wait()
            if is_client and self.old:
                data = data.replace(self.old, self.new)
            writer.write(data)
            await writer.drain()
        await event.wait()

    async def serve(self, reader, writer):
        self.count += 1
        number = self.count
        writers = {writer}
        self.writers.add(writer)
        try:
            if self.mode == "drop":
                return
            await self.may_flow.wait()
            server_reader, server_writer = await asyncio.open_connection(*self.target)
            writers.add(server_writer)
            self.writers.add(server_writer)
            pumps = {asyncio.create_task(self.pump(reader, server_writer, True, number)),
                     asyncio.create_task(self.pump(server_reader, writer, False, number))}
            _, rest = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            self.writers -= writers
            for each in writers:
                each.close()

    async def command(self, reader, writer):
        while line := (await reader.readline()).decode().split():
            answer = "ok"
            if line[0] == "count":
                answer = str(self.count)
            elif line[0] == "replace":
                self.old, self.new = map(str.encode, line[1:] or ("", ""))
            elif line[0] == "hold-first":
                self.first, self.limit = self.count + 1, int(line[1])
                self.first_may_flow.clear()
            elif line[0] == "reset":
                self.close_all(rst=True)
            else:
                self.set_mode(line[0])
                if line[0] == "drop":
                    self.close_all()
            writer.write(answer.encode() + b"\n")
            await writer.drain()
        writer.close()


async def main():
    control, target = sys.argv[1:]
    host, port = target.rsplit(":", 1)
    proxy = Proxy((host, int(port)))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=64)
    await asyncio.start_unix_server(proxy.command, control)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    os._exit(0)
