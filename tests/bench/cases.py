"""The cases of ./dev bench proxy, with the goals of each: our figure divided by the better of the others', at most."""

import contextlib
import threading
from dataclasses import dataclass, replace

from contestants import Gopher, Haproxy, Nginx, Relay, Work, backend_addresses
from harness.redis import Redis

KIB, MIB = 1024, 1024 * 1024
ADDRESSES = 100_000
MEMBERS, MOVING = 1_000, 10


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    goals: dict  # {figure: largest ratio, or None when it is only shown}
    connections: int
    path: str = "/bytes/13"
    answer_body: int = 13
    request_body: int = 0
    script: tuple = ()  # what wrk.lua is told
    closes: bool = False  # each request on a connection of its own
    sockets: tuple = ()  # two subjects: what as many sockets as ours has cost without a proxy, and as the others have
    subjects: object = None  # (case, work) → the Subjects, ours first; None: the three proxies

    @property
    def body_bytes(self):
        return self.answer_body + self.request_body if self.answer_body > KIB or self.request_body else 0


@dataclass
class Subject:
    """One that is measured: how to make the proxy, what wrk is told, and what happens beside it."""

    label: str
    contestant: type
    work: Work
    script: tuple = ()
    beside: object = None  # () → context in which it is measured
    compared: bool = True  # with ours; else it is only shown

    def world(self):
        return self.beside() if self.beside else contextlib.nullcontext()


def proxies(case, work):
    work = replace(work, body_bytes=max(case.answer_body, case.request_body))
    return [Subject(one.name, one, work, case.script) for one in (Gopher, Nginx, Haproxy)]


def proxies_of_many_members(case, work):
    """Probed as often as HAProxy does."""
    return proxies(case, replace(work, members=MEMBERS, settings={"PROBE_INTERVAL": "10s"}))


def proxies_that_log(case, work):
    return proxies(case, replace(work, access_log=True))


def proxies_of_two_workers(case, work):
    return proxies(case, replace(work, workers=2))


def addresses(case, work):
    """Behind one trusted proxy. A bucket that is full again needs no entry of the table, so with many addresses the
    rate is one a second: each address has its entry, and no burst is used up. One address needs the high rate."""
    trusted = {"TRUSTED_PROXIES": "127.0.0.1"}
    many = replace(work, settings=trusted | {"RATE_LIMIT_RPS": 1, "RATE_LIMIT_BURST": 1_000})
    return [
        Subject("many addresses", Gopher, many, ("addresses", ADDRESSES)),
        Subject("one address", Gopher, replace(work, settings=trusted), ("addresses", 1)),
    ]


class Membership:
    """A Redis whose set holds so many members."""

    def __init__(self, work, count, moving):
        self.redis = Redis(work.folder, name=f"redis-{count}")
        self.members = [f"http://{at}" for at in backend_addresses(work.backend_ports, count + moving)]
        self.count, self.moving = count, moving
        self.over = threading.Event()

    def start(self):
        self.redis.start()
        self.redis.add(*self.members[: self.count])
        return self

    @contextlib.contextmanager
    def turning(self):
        """Each second the `moving` first leave and as many come."""
        self.over.clear()
        thread = threading.Thread(target=self.turn)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    def turn(self):
        while self.moving and not self.over.wait(1.0):
            for command, chosen in (("SREM", self.members[: self.moving]), ("SADD", self.members[self.count :])):
                self.redis(command, "gopher_backends", *chosen)
            self.members = self.members[self.moving :] + self.members[: self.moving]


def members(case, work):
    """Ours with many and with three. With many, each request goes over a connection that was idle for a whole turn,
    which costs the kernel more. A bare relay shows how much, and the goal is on what is the proxy's own: three members
    are compared at what they would cost over as many sockets."""
    settings = {"TARGETS": None, "DISCOVERY_INTERVAL": "1s"}
    made = []
    for label, count, moving in (("many members", MEMBERS, MOVING), ("three members", 3, 0)):
        membership = Membership(work, count, moving).start()
        mine = replace(work, members=count, settings=settings | {"REDIS_URL": membership.redis.url})
        made.append(Subject(label, Gopher, mine, case.script, membership.turning))
        work.services.append(membership.redis)
    for label, count in (("relay, many members", MEMBERS), ("relay, three members", 3)):
        made.append(Subject(label, Relay, replace(work, members=count), compared=False))
    return made


CASES = [
    Case("get", "GET, 13 bytes, 64 connections", {"cpu_request": 0.80, "p99": 1.0}, 64),
    Case("get_1000", "GET, 13 bytes, 1,000 connections", {"cpu_request": 0.80}, 1_000),
    Case("get_close", "GET, 13 bytes, a new connection each, 64 at a time", {"cpu_request": 0.90}, 64,
         script=("close",), closes=True),
    Case("get_64k", "GET, 64 KiB, 32 connections", {"cpu_byte": 0.90}, 32, f"/bytes/{64 * KIB}", 64 * KIB),
    Case("get_1m", "GET, 1 MiB, 8 connections", {"cpu_byte": 0.90}, 8, f"/bytes/{MIB}", MIB),
    Case("post_1m", "POST of 1 MiB, 8 connections", {"cpu_byte": 0.90}, 8, "/", request_body=MIB,
         script=("upload", MIB)),
    Case("addresses", f"{ADDRESSES:,} client addresses, 64 connections, beside one", {"cpu_request": 1.05}, 64,
         subjects=addresses),
    Case("members", f"{MEMBERS:,} backends, {MOVING} leave and {MOVING} come each second, beside three",
         {"cpu_request": 1.05}, 64, sockets=("relay, many members", "relay, three members"), subjects=members),
    Case("get_members", f"GET, 13 bytes, 64 connections, {MEMBERS:,} backends", {"cpu_request": 0.80}, 64,
         subjects=proxies_of_many_members),
    Case("access_log", "GET, 13 bytes, 64 connections, access log to a file", {"cpu_request": 1.0}, 64,
         subjects=proxies_that_log),
    Case("workers_2", "GET, 13 bytes, 64 connections, two workers", {"cpu_request": None}, 64,
         subjects=proxies_of_two_workers),
]  # fmt: skip
