#!/usr/bin/python3
"""A server that takes a bind by Kerberos only where it is tied to its TLS, and a man in the middle.

    tied_ldap.py front CERT KEY HASH FOLDER PORT DN PASSWORD
    tied_ldap.py relay CERT KEY HOST PORT

`front` is a slapd that insists on channel binding, as domain controllers with
LdapEnforceChannelBinding 2 do: it has TLS and the binds by GSSAPI and GSS-SPNEGO, with the keytab of
the environment, and hands everything else on to the slapd at PORT, where it is signed in as DN. A bind
is tied to CERT by its HASH ("sha256"), and refused in the words of Active Directory; FOLDER/front.log
says for whom or why. FOLDER/habit, read for each bind, can make it another server: "liar" (says
success without a proof), "early" (GSSAPI: success before the layer is agreed upon), "insist"
(GSSAPI: no layer is not offered), "endless" (goes on when all is said), "garbage" (tokens of no sense),
"silent" (no answer to the second request of a bind).

`relay` ends TLS with CERT, begins it anew to HOST and PORT, and hands on what it reads.

Both print "port N" and serve until they are killed.
"""
import asyncio
import hashlib
import os
import ssl
import sys

import gssapi

from fake_ad import integer, number, octets, split, tlv

SUCCESS, IN_PROGRESS, REFUSED = 0, 14, 49
CHANNEL_BOUND = 0x800  # GSS_C_CHANNEL_BOUND_FLAG: there was a binding, and it fits
NO_LAYER, ALL_LAYERS = 1, 7
BAD_BINDINGS = ("80090346: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data 80090346, "
                "v4563\0")
LOGON_DENIED = ("8009030C: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data 52e, "
                "v4563\0")


async def read_message(reader):
    head = await reader.readexactly(2)
    size = head[1]
    if size & 0x80:
        more = await reader.readexactly(size & 0x7f)
        head, size = head + more, int.from_bytes(more, "big")
    body = await reader.readexactly(size)
    return head + body, body


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


class Refusal(Exception):
    def __init__(self, text, why):
        self.text, self.why = text, why


class Bind:
    """One bind: step() has the answer to each token, (code, token)."""

    def __init__(self, mechanism, binding, habit):
        self.mechanism, self.habit = mechanism, habit
        self.context = gssapi.SecurityContext(
            usage="accept", channel_bindings=gssapi.raw.ChannelBindings(application_data=binding))
        self.is_offered = False

    def step(self, token):
        if self.habit == "liar":
            return SUCCESS, b""
        if self.habit == "garbage":
            return IN_PROGRESS, b"\x60\x84\xff\xff\xff\xff\0"
        try:
            return self.advance(token)
        except gssapi.exceptions.BadChannelBindingsError:
            raise Refusal(BAD_BINDINGS, "another channel")
        except gssapi.exceptions.GSSError as error:
            raise Refusal(LOGON_DENIED, str(error))

    def advance(self, token):
        if not self.context.complete:
            answer = self.context.step(token) or b""
            if not self.context.complete:
                return IN_PROGRESS, answer
            if not int(self.context.actual_flags) & CHANNEL_BOUND:
                raise Refusal(BAD_BINDINGS, "no channel")
            if self.mechanism == b"GSS-SPNEGO":
                return self.end(answer)
            if self.habit == "early":
                return SUCCESS, answer
            if answer:
                return IN_PROGRESS, answer
        if not self.is_offered:
            self.is_offered = True
            layers = ALL_LAYERS - NO_LAYER if self.habit == "insist" else ALL_LAYERS
            return IN_PROGRESS, self.context.wrap(bytes([layers, 0, 16, 0]), False).message
        if self.context.unwrap(token).message[:4] != bytes([NO_LAYER, 0, 0, 0]):
            raise Refusal(LOGON_DENIED, "a layer was chosen")
        return self.end(b"")

    def end(self, token):
        return (IN_PROGRESS if self.habit == "endless" else SUCCESS), token


class Front:
    def __init__(self, cert, digest, folder, port, dn, password):
        der = ssl.PEM_cert_to_DER_cert(open(cert).read())
        self.binding = b"tls-server-end-point:" + hashlib.new(digest, der).digest()
        self.folder, self.port = folder, int(port)
        self.login = tlv(0x30, integer(0x7fffffff), tlv(0x60, integer(3), octets(dn),
                                                        octets(password, 0x80)))

    def habit(self):
        try:
            return open(self.folder + "/habit").read().strip()
        except FileNotFoundError:
            return ""

    def log(self, line):
        with open(self.folder + "/front.log", "a") as log:
            log.write(line + "\n")

    async def answer(self, writer, message_id, code, text=b"", token=b""):
        writer.write(tlv(0x30, integer(message_id), tlv(
            0x61, integer(code, 10), octets(""), octets(text),
            octets(token, 0x87) if code != REFUSED else b"")))
        await writer.drain()

    async def bind(self, writer, message_id, body):
        tag, method = split(body)[2]
        if tag != 0xa3:
            return await self.answer(writer, message_id, REFUSED, "only SASL")
        fields = split(method)
        mechanism, token = fields[0][1], fields[1][1] if len(fields) > 1 else b""
        if self.pending is None:
            self.pending = Bind(mechanism, self.binding, self.habit())
        elif self.pending.habit == "silent":
            return
        try:
            code, token = self.pending.step(token)
        except Refusal as refusal:
            self.log("refused: " + refusal.why)
            self.pending = None
            return await self.answer(writer, message_id, REFUSED, refusal.text)
        if code == SUCCESS and self.pending.context.complete:
            self.log("accepted: %s by %s" % (self.pending.context.initiator_name, mechanism.decode()))
        if code == SUCCESS:
            self.pending = None
        await self.answer(writer, message_id, code, token=token)

    async def serve(self, reader, writer):
        below_reader, below = await asyncio.open_connection("127.0.0.1", self.port)
        below.write(self.login)
        await read_message(below_reader)
        back = asyncio.create_task(pump(below_reader, writer))
        self.pending = None  # one connection at a time is enough
        try:
            while True:
                raw, body = await read_message(reader)
                (_, message_id), (tag, operation) = split(body)[:2]
                if tag == 0x60:
                    await self.bind(writer, number(message_id), operation)
                else:
                    below.write(raw)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            back.cancel()
            below.close()
            writer.close()


class Relay:
    def __init__(self, host, port):
        self.target = host, int(port)
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    async def serve(self, reader, writer):
        below_reader, below = await asyncio.open_connection(*self.target, ssl=self.context)
        pumps = [asyncio.create_task(pump(reader, below)), asyncio.create_task(pump(below_reader, writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for each in pumps:
            each.cancel()
        below.close()
        writer.close()


async def main(kind, cert, key, *rest):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    peer = Front(cert, *rest) if kind == "front" else Relay(*rest)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 6 or sys.argv[1] not in ("front", "relay"):
        sys.exit(__doc__)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        os._exit(0)
