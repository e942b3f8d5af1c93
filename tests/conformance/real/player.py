"""Plays a case: a raw client on one side of the proxy, the scripted upstream on the other."""

import asyncio
from dataclasses import dataclass, field

from .upstream import PROBE_TARGET, reset, until
from .wire import read_requests, read_responses

PROBE_REQUEST = b"GET " + PROBE_TARGET + b" HTTP/1.1\r\nHost: probe\r\n\r\n"


@dataclass
class Patience:
    """Seconds. More than the proxies' timeouts, which are set short for this (proxies.py)."""

    answer: float = 5.0
    close: float = 2.0
    idle_close: float = 8.0
    settle: float = 0.02  # for what must not come


@dataclass
class Observed:
    unmet: list = field(default_factory=list)
    answers: object = None
    received: bytes = b""
    over: bool = False
    ended: bool = False  # by an orderly end of stream
    ended_in_time: bool = False
    probe_after: bytes = b""
    probe_beside: bytes = b""
    probe_shared_connection: bool = False
    upstream: list = field(default_factory=list)
    upstream_ended: bool = True


class Client(asyncio.Protocol):
    def __init__(self):
        self.received = b""
        self.ended = self.over = False
        self.changed = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    @classmethod
    async def connect(cls, port):
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        self.changed.set()

    def eof_received(self):
        self.ended = self.over = True
        self.changed.set()
        return True

    def connection_lost(self, _error):
        self.over = True
        self.writable.set()
        self.changed.set()

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()

    async def send(self, data, limit):
        if not self.transport.is_closing():
            self.transport.write(data)
        try:
            await asyncio.wait_for(self.writable.wait(), limit)
        except asyncio.TimeoutError:
            pass


class Player:
    def __init__(self, case, lane, patience):
        self.case, self.lane, self.patience = case, lane, patience
        self.upstream = lane.upstream
        self.observed = Observed()
        self.to_head = [answer.to_head for answer in case.answers]

    async def run(self):
        case, seen, patience = self.case, self.observed, self.patience
        await self.upstream.begin(case)
        self.client = client = await Client.connect(self.lane.port)
        beside = None
        try:
            for kind, data in case.steps:
                await self.take(kind, data)
            client.transport.resume_reading()
            if case.client_leaves:
                await asyncio.sleep(5 * patience.settle)
            else:
                if case.answers:
                    await until(lambda: client.over or self.all_answers_are_here(), client.changed, patience.answer)
                await asyncio.sleep(patience.settle)
            seen.answers = self.read_answers()
            seen.received = client.received
            if case.connection in ("closed", "ended") and not case.client_leaves:
                limit = patience.close if case.answers else patience.idle_close
                seen.ended_in_time = await until(lambda: client.over, client.changed, limit)
            if any(answer.cut for answer in case.answers) and not case.client_leaves:
                await until(lambda: client.over, client.changed, patience.settle)
            seen.over, seen.ended = client.over, client.ended
            if case.world != "all_refuse":
                beside = await Client.connect(self.lane.port)
                before = [(one, len(one.received)) for one in self.upstream.connections]
                seen.probe_beside = await self.probe(beside)
                seen.probe_shared_connection = any(0 < size < len(one.received) for one, size in before)
                if not client.over and not case.client_leaves and case.connection != "closed":
                    seen.probe_after = await self.probe(client)
            if case.upstream_ended:
                await until(self.upstream_has_ended, self.upstream.changed, patience.close)
            self.read_upstream()
        finally:
            client.transport.abort()
            if beside:
                beside.transport.abort()
        return seen

    async def take(self, kind, data):
        client = self.client
        if kind == "send":
            await client.send(data, self.patience.answer)
        elif kind == "await":
            await until(lambda: client.over or data in client.received, client.changed, self.patience.answer)
            if data not in client.received:
                self.observed.unmet.append(data)
        elif kind == "await_upstream":
            if not await until(
                lambda: data in self.upstream.all_received(), self.upstream.changed, self.patience.answer
            ):
                self.observed.unmet.append(data)
        elif kind == "deaf":
            client.transport.pause_reading()
        elif kind == "half_close":
            try:
                client.transport.write_eof()
            except OSError:  # the proxy has reset the connection already
                pass
        elif kind == "close":
            client.transport.close()
        elif kind == "reset":
            reset(client.transport)

    def read_answers(self):
        return read_responses(self.client.received, self.to_head, self.client.ended)

    def all_answers_are_here(self):
        reading = self.read_answers()
        finals = sum(message.whole and message.status >= 200 for message in reading.messages)
        return finals >= len(self.case.answers) or reading.violation

    async def probe(self, client):
        before = len(client.received)

        def read():
            return read_responses(client.received[before:], ended=client.ended)

        await client.send(PROBE_REQUEST, self.patience.answer)

        def answered():
            return client.over or any(message.whole for message in read().messages)

        await until(answered, client.changed, self.patience.answer)
        messages = read().messages
        return b"%d %s" % (messages[0].status, messages[0].body) if messages else b"no answer"

    def read_upstream(self):
        for connection in self.upstream.connections:
            reading = read_requests(connection.received[: connection.http_bytes])
            count = len(reading.messages)
            reading.messages = [one for one in reading.messages if PROBE_TARGET not in one.first_line]
            if not reading.messages and (count or not (reading.rest or reading.violation)):
                continue
            self.observed.upstream.append(reading)
        self.observed.upstream_ended = self.upstream_has_ended()

    def upstream_has_ended(self):
        return all(one.ended for one in self.upstream.connections if one.received and PROBE_TARGET not in one.received)
