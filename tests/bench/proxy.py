#!/usr/bin/env python3
"""gopher-proxy, nginx and HAProxy at the same work: `./dev bench proxy [CASE…] [--rounds N] [--seconds S]`.

Each proxy in turn in each round, alone on its core (one worker), with wrk and the backends on the others. What is
compared is the CPU time that the proxy itself took for each request or byte: user and system time of all its threads
and children, from before the load until after it, divided by what was answered. It is the figure that a busy machine
changes least, and the inverse of what a core can do. Latency and rate are of a closed loop at full load.

Before each measurement the proxy shows that it does the work: answers right, X-Forwarded-For at the backends, the
backends in turn, connections to them kept. The same counts are looked at again afterwards; after any error the case has
no figure.

Prints tables of Markdown, writes all samples to .run/bench/, and ends with 1 when a goal is missed or a case
has no figure.
"""

import argparse
import contextlib
import ctypes
import datetime
import functools
import json
import os
import platform
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from subprocess import SubprocessError

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from backends import Backends, difference, wrong_work  # noqa: E402
from cases import CASES, proxies  # noqa: E402
from contestants import Gopher, Haproxy, Nginx, Work, output_of  # noqa: E402
from load import run_wrk, wrk_command, wrong_answers  # noqa: E402
from measure import Comparison, cpu_time, markdown_table, medians, plus_difference, resident_bytes  # noqa: E402

RESULTS = Path(__file__).resolve().parents[2] / ".run/bench"
WARM_SECONDS = 1
SELF_CHECK_REQUESTS = 30
IDLE = "idle_connections"
BATCH = 100
IDLE_WHAT = "{:,} idle connections, each of which has had one answer"


class NoFigure(Exception):
    """The proxy, or this program, did not do what was to be measured."""


class Cores:
    """The first ones are the proxy's, the others its load's and the backends'. With none left, they share."""

    def __init__(self, workers):
        allowed = sorted(os.sched_getaffinity(0))
        self.proxy = ",".join(map(str, allowed[:workers]))
        self.load = ",".join(map(str, allowed[workers:] or allowed))


def request_text(case, script):
    close = "Connection: close\r\n" if case.closes else ""
    trusted = "X-Forwarded-For: 10.0.0.1\r\n" if script[:1] == ("addresses",) else ""
    method, length = ("POST", f"Content-Length: {case.request_body}\r\n") if case.request_body else ("GET", "")
    head = f"{method} {case.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{close}{trusted}{length}\r\n"
    return head.encode() + b"x" * case.request_body


def exchange(connection, text):
    connection.sendall(text)
    return read_answer(connection)


def read_answer(connection):
    """Its head, with Content-Length, and its body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += received(connection)
    head = answer[: answer.index(b"\r\n\r\n") + 4]
    if not head.startswith(b"HTTP/1.1 200 "):
        raise NoFigure(f"an answer that is not 200: {head!r}")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", head)
    if not length:
        raise NoFigure(f"an answer without Content-Length: {head!r}")
    while len(answer) < len(head) + int(length[1]):
        answer += received(connection)
    return head, answer[len(head) :]


def received(connection):
    piece = connection.recv(1 << 20)
    if not piece:
        raise NoFigure("the proxy closed a connection that was to be kept")
    return piece


def self_check(case, subject, contestant, backends):
    """The bytes of one whole answer; NoFigure when the proxy does not do the work."""
    before = backends.counts_at_rest()
    text, answer_bytes = request_text(case, subject.script), set()
    with contextlib.ExitStack() as stack:
        connection = None
        for _ in range(SELF_CHECK_REQUESTS):
            if connection is None or case.closes:
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", contestant.port), timeout=10))
            head, body = exchange(connection, text)
            if len(body) != case.answer_body:
                raise NoFigure(f"{contestant.label}: {len(body)} bytes in place of {case.answer_body}")
            answer_bytes.add(len(head) + len(body))
    if len(answer_bytes) != 1:
        raise NoFigure(f"{contestant.label}: answers of different lengths: {sorted(answer_bytes)}")
    counts = difference(backends.counts_at_rest(), before)
    # One connection, nothing cut off: the counts must be exact, and the turn strict.
    why = wrong_work(counts, SELF_CHECK_REQUESTS, 0, case.request_body, subject.work.members)
    if why:
        raise NoFigure(f"{contestant.label}: {why}")
    return answer_bytes.pop()


def sample(case, subject, cores, backends, seconds):
    """One proxy, started anew, warmed and measured: {figure: number}, and how it was set up."""
    contestant = subject.contestant(subject.work, cores.proxy, subject.label)
    command = wrk_command(contestant.port, case.path, case.connections, seconds, subject.script)
    warming = wrk_command(contestant.port, case.path, case.connections, WARM_SECONDS, subject.script)
    try:
        contestant.start()
        with subject.world():
            answer_bytes = self_check(case, subject, contestant, backends)
            run_wrk(warming, cores.load, WARM_SECONDS)
            counts, cpu = backends.counts_at_rest(), cpu_time(contestant.pid)
            told = run_wrk(command, cores.load, seconds)
            cpu, counts = cpu_time(contestant.pid).since(cpu), difference(backends.counts_at_rest(), counts)
    finally:
        contestant.stop()
    why = wrong_answers(told, answer_bytes, case.connections)
    why = why or wrong_work(counts, told["requests"], case.connections, case.request_body, subject.work.members)
    if why:
        raise NoFigure(f"{case.name}, {contestant.label}: {why}")
    figures = {
        "cpu_request": cpu.total / 1000 / told["requests"],
        "rate": told["requests"] * 1e6 / told["microseconds"],
        "p50": told["p50"],
        "p99": told["p99"],
        "p999": told["p999"],
        "system_share": cpu.system_share,
        "busy": cpu.total / 1000 / told["microseconds"],
    }
    if case.body_bytes:
        figures["cpu_byte"] = cpu.total / told["requests"] / case.body_bytes
    return figures, {"configuration": contestant.configuration(), "load": " ".join(command)}


def idle_memory(subject, cores, count):
    """What `count` connections that have had one answer and then say nothing add to the resident memory, each; what a
    proxy sets aside for them at its start counts too, so the comparison is with one that is set up for a hundred."""
    few = resident_beside(replace(subject, work=replace(subject.work, connections=100)), cores, 0)[0]
    room = count * 9 // 8  # nginx closes idle connections when less than a sixteenth is free
    many, setup = resident_beside(replace(subject, work=replace(subject.work, connections=room)), cores, count)
    return {"memory": (many - few) / count}, setup


def resident_beside(subject, cores, count):
    contestant = subject.contestant(subject.work, cores.proxy, subject.label)
    text = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with contextlib.ExitStack() as stack:
        stack.callback(contestant.stop)
        contestant.start()

        def connect():
            return stack.enter_context(socket.create_connection(("127.0.0.1", contestant.port), timeout=10))

        first = connect()
        for _ in range(1_000):
            exchange(first, text)
        for _ in range(count // BATCH):
            batch = [connect() for _ in range(BATCH)]
            for connection in batch:
                connection.sendall(text)
            for connection in batch:
                read_answer(connection)
        bytes_resident = resident_bytes(contestant.pid)
        exchange(first, text)  # it is still served
    return bytes_resident, {"configuration": contestant.configuration(), "load": f"{count} sockets"}


# figure → its name, and how it is written
FIGURES = {
    "cpu_request": ("CPU time a request", lambda value: f"{value:.2f} µs"),
    "cpu_byte": ("CPU time a byte", lambda value: f"{value:.3f} ns"),
    "rate": ("requests a second", lambda value: f"{value:,.0f}"),
    "p50": ("p50", lambda value: f"{value / 1000:.2f} ms"),
    "p99": ("p99", lambda value: f"{value / 1000:.2f} ms"),
    "p999": ("p99.9", lambda value: f"{value / 1000:.2f} ms"),
    "system_share": ("in the kernel", lambda value: f"{value:.0%}"),
    "busy": ("cores busy", lambda value: f"{value:.2f}"),
    "memory": ("resident memory a connection", lambda value: f"{value:,.0f} bytes"),
}


def written(figure, value):
    return FIGURES[figure][1](value)


class Results:
    def __init__(self, rounds, seconds):
        self.rounds, self.seconds = rounds, seconds
        self.began = datetime.datetime.now(datetime.UTC) if hasattr(datetime, "UTC") else datetime.datetime.utcnow()
        self.machine = machine()
        self.cases = {}

    def add(self, name, what, goals, label, figures, setup, compared=True, sockets=()):
        case = self.cases.setdefault(name, {"what": what, "goals": goals, "sockets": sockets, "compared": {},
                                            "samples": {}, "setup": {}})  # fmt: skip
        case["samples"].setdefault(label, []).append(figures)
        case["setup"][label] = setup
        case["compared"][label] = compared

    def comparisons(self):
        """(what, figure, Comparison); ours is the first subject of each case."""
        for case in self.cases.values():
            ours, *others = (label for label in case["samples"] if case["compared"][label])
            for figure, goal in case["goals"].items():
                rounds = {label: [sample[figure] for sample in case["samples"][label]] for label in (ours, *others)}
                mine = rounds.pop(ours)
                if case["sockets"]:
                    yield case["what"] + ", as it is", figure, Comparison(mine, rounds, None)
                    many, few = ([sample[figure] for sample in case["samples"][label]] for label in case["sockets"])
                    rounds = {f"{label}, over as many sockets": plus_difference(values, many, few)
                              for label, values in rounds.items()}  # fmt: skip
                yield case["what"], figure, Comparison(mine, rounds, goal)

    def goal_table(self):
        rows = [("case", "figure", "gopher-proxy", "the better other", "ratio", "goal", "")]
        for what, figure, compared in self.comparisons():
            other = f"{written(figure, compared.best)} ({compared.best_name})"
            goal = ("", "")
            if compared.goal is not None:
                goal = (f"≤ {compared.goal:.2f}", "met" if compared.met else "NOT MET")
            rows.append((what, FIGURES[figure][0], written(figure, compared.ours), other,
                         f"{compared.ratio:.2f}", *goal))  # fmt: skip
        return markdown_table(rows)

    def figure_table(self):
        """Every median, and of the first figure of each case the least and greatest beside it."""
        shown = ("cpu_request", "cpu_byte", "rate", "p50", "p99", "p999", "system_share", "busy", "memory")
        rows = [("case", "", *(FIGURES[figure][0] for figure in shown), "all rounds")]
        for case in self.cases.values():
            first = next(iter(case["goals"]))
            for label, samples in case["samples"].items():
                middle = medians(samples)
                cells = [written(figure, middle[figure]) if figure in middle else "" for figure in shown]
                values = [sample[first] for sample in samples]
                spread = f"{written(first, min(values))} … {written(first, max(values))}"
                rows.append((case["what"], label, *cells, spread))
        return markdown_table(rows)

    def missed(self):
        return sum(compared.met is False for _, _, compared in self.comparisons())

    def write(self):
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"proxy-{self.began:%Y%m%dT%H%M%SZ}.json"
        text = {"began": self.began.isoformat(), "rounds": self.rounds, "seconds": self.seconds, **self.machine,
                "cases": self.cases}  # fmt: skip
        path.write_text(json.dumps(text, indent=1) + "\n")
        return path


def machine():
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    release = re.search(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text(), re.MULTILINE)
    return {
        "machine": f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"Linux {platform.release()}, {release[1] if release else '?'}",
        "load_before": os.getloadavg()[0],
        "versions": {one.name: one.version() for one in (Gopher, Nginx, Haproxy)} | {"wrk": wrk_version()},
    }


def wrk_version():
    try:
        return output_of(["wrk", "-v"])
    except Exception as error:  # it says its version and ends with 1
        return error.stdout.splitlines()[0]


def turned(subjects, number):
    """Nobody is always the first."""
    shift = number % len(subjects)
    return subjects[shift:] + subjects[:shift]


def measure_case(case, results, folder, rounds, seconds):
    cores = Cores(2 if case.name == "workers_2" else 1)
    backends = Backends(folder, cores.load).start()
    work = Work(backends.ports, folder)
    try:
        subjects = (case.subjects or proxies)(case, work)
        taken = {}
        for number in range(rounds):
            for subject in turned(subjects, number):
                began = time.monotonic()
                taken.setdefault(subject.label, []).append(sample(case, subject, cores, backends, seconds))
                figures = taken[subject.label][-1][0]
                first = next(iter(case.goals))
                print(f"{case.name}, round {number + 1}, {subject.label}: {written(first, figures[first])}, "
                      f"{written('rate', figures['rate'])}/s ({time.monotonic() - began:.0f} s)",
                      file=sys.stderr, flush=True)  # fmt: skip
        for subject in subjects:  # ours first
            for figures, setup in taken[subject.label]:
                results.add(case.name, case.what, case.goals, subject.label, figures, setup, subject.compared,
                            case.sockets)  # fmt: skip
    finally:
        for service in work.services:
            service.clean_up()
        backends.stop()


def affordable(count):
    """As many connections as the limit on open files allows: gopher-proxy sets a second file aside for each client."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 2 * count + 1_000
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    connections = (files - 1_000) // 2 // BATCH * BATCH
    if connections <= 0:
        raise NoFigure(f"{hard:,} open files allow no {BATCH} connections beside what else needs some")
    return connections


def measure_idle(results, folder, count):
    count = affordable(count)
    cores = Cores(1)
    backends = Backends(folder, cores.load).start()
    try:
        taken = {}
        for subject in proxies(CASES[0], Work(backends.ports, folder)):
            taken[subject.label] = figures, _ = idle_memory(subject, cores, count)
            print(f"{IDLE}, {subject.label}: {written('memory', figures['memory'])}", file=sys.stderr, flush=True)
        for label, (figures, setup) in taken.items():
            results.add(IDLE, IDLE_WHAT.format(count), {"memory": 1.0}, label, figures, setup)
    finally:
        backends.stop()


def enter_own_network():
    """A network of this run alone: the host's firewall, its tracking of connections and its congestion control would be
    measured too (one that paces what is sent makes the loopback device slow, most so for who sends much at once)."""
    new_network = 0x40000000  # CLONE_NEWNET
    if ctypes.CDLL(None, use_errno=True).unshare(new_network) != 0:
        why = os.strerror(ctypes.get_errno())
        print(f"No network of its own ({why}): the host's is measured too", file=sys.stderr)
        return "the host's network"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    control = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    # A new network may choose only what the host permits it; reno always is. Where /proc/sys may not be written, what
    # it has from the host stays.
    for wanted in ("cubic", "reno"):
        with contextlib.suppress(OSError):
            control.write_text(wanted, encoding="ascii")
            break
    return f"a network of its own, {control.read_text(encoding='ascii').strip()}"


def main():
    names = [case.name for case in CASES] + [IDLE]
    parser = argparse.ArgumentParser(prog="./dev bench proxy", description=f"Cases: {', '.join(names)}")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--idle", type=int, default=10_000, help="how many idle connections")
    chosen = parser.parse_args()
    unknown = set(chosen.cases) - set(names)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}: {', '.join(names)}")
    wanted = chosen.cases or names
    network = enter_own_network()
    results = Results(chosen.rounds, chosen.seconds)
    busy = results.machine["load_before"]
    if busy > 0.5:
        print(f"The machine is busy (load {busy:.1f}): figures of this run compare badly", file=sys.stderr)
    measures = {case.name: functools.partial(measure_case, case, rounds=chosen.rounds, seconds=chosen.seconds)
                for case in CASES} | {IDLE: functools.partial(measure_idle, count=chosen.idle)}  # fmt: skip
    without = []
    for name in wanted:
        try:
            with tempfile.TemporaryDirectory(prefix="gopher-bench-") as folder:
                measures[name](results, Path(folder))
        except (NoFigure, OSError, ValueError, AssertionError, RuntimeError, SubprocessError) as error:
            without.append(f"no figure of {name}: {error}")
            print(without[-1], file=sys.stderr, flush=True)
        written_to = results.write()  # what there is, should the run be broken off
    print(f"{results.machine['machine']}; {network}; load before: {results.machine['load_before']:.1f}")
    print("; ".join(f"{name}: {version}" for name, version in results.machine["versions"].items()))
    print(f"{chosen.rounds} rounds of {chosen.seconds} s, medians, of the ratios too; commands and all samples: "
          f"{written_to.relative_to(RESULTS.parents[1])}\n")  # fmt: skip
    print(results.goal_table(), results.figure_table(), sep="\n\n")
    missed = results.missed()
    print("", *without, f"proxy: {missed} goals missed, {len(without)} cases without a figure", sep="\n")
    sys.exit(1 if missed or without else 0)


if __name__ == "__main__":
    main()
