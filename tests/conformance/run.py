#!/usr/bin/env python3
"""Plays the conformance cases against real proxies on real sockets, and prints the score of each side by side.

  run.py                           gopher-proxy alone (from GOPHER_BIN); exit code 1 when a case fails
  run.py gopher nginx haproxy      these three, side by side; the exit code is gopher-proxy's
  run.py --at HOST:PORT --upstream PORT
                                   a proxy that runs already; its one backend must be 127.0.0.1:PORT, which this
                                   program listens on, and its timeouts short (real/proxies.py); only the cases of
                                   one backend are played
"""

import argparse
import asyncio
import collections
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "end_to_end")]

from real.cases import all_cases  # noqa: E402
from real.judge import complaints  # noqa: E402
from real.player import PROBE_REQUEST, Patience, Player  # noqa: E402
from real.proxies import PROXIES, Lane, make_lanes, stop_refusing, until_ready  # noqa: E402
from real.upstream import Upstream  # noqa: E402


class Results:
    """Of one proxy: for each case its complaints. A case of many truncations fails by one of them."""

    def __init__(self, name):
        self.name = name
        self.cases = {}

    def add(self, case, wrong):
        key = (case.section, case.number, case.name, case.stricter)
        self.cases.setdefault(key, []).extend(wrong)

    def score(self, select):
        chosen = [wrong for key, wrong in self.cases.items() if select(key)]
        return sum(not wrong for wrong in chosen), len(chosen)

    def failures(self):
        return {key: wrong for key, wrong in self.cases.items() if wrong}


async def play_lane(lane, queue, results, patience):
    while queue:
        case = queue.popleft()
        try:
            wrong = complaints(case, await Player(case, lane, patience).run(), lane.client)
        except OSError as error:
            wrong = [f"no connection: {error}"]
        results.add(case, wrong)


async def play_all(name, lanes, cases, patience):
    results = Results(name)
    worlds = {lane.world for lane in lanes}
    queues = {world: collections.deque(case for case in cases if case.world == world) for world in worlds}
    # Those that wait for a timeout go first, so that nobody waits for them alone at the end.
    for queue in queues.values():
        waiting = [case for case in queue if case.number in (25, 68)]
        for case in waiting:
            queue.remove(case)
            queue.appendleft(case)
    await asyncio.gather(*(play_lane(lane, queues[lane.world], results, patience) for lane in lanes))
    return results


async def run_proxy(kind, cases, lane_count, patience):
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        lanes = await make_lanes(lane_count)
        proxy = PROXIES[kind](pathlib.Path(folder), lanes)
        try:
            proxy.start()
            await asyncio.get_running_loop().run_in_executor(None, until_ready, proxy)
            for lane in lanes:
                stop_refusing(lane)
            results = await play_all(proxy.name, lanes, cases, patience)
            codes = proxy.stop()
            if any(codes):
                print(f"{proxy.name} ended with {codes}\n{proxy.log_tail()}", file=sys.stderr)
                results.cases[("", 0, f"exit codes {codes}", False)] = ["it crashed"]
            return results
        finally:
            proxy.clean_up()


async def answers_probe(lane, within):
    """Whether the proxy has found the upstream behind it."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", lane.port)
            writer.write(PROBE_REQUEST)
            head = await asyncio.wait_for(reader.read(1000), 2)
            writer.close()
            if head.startswith(b"HTTP/1.1 200 "):
                return True
        except (OSError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(0.1)
    return False


async def run_at(address, upstream_port, cases, patience):
    host, port = address.rsplit(":", 1)
    if host not in ("127.0.0.1", "localhost"):
        raise SystemExit("run.py: --at takes a port of this machine, because the upstream listens on 127.0.0.1")
    upstream = Upstream()
    await upstream.listen(upstream_port)
    lane = Lane("plain", int(port), upstream, [])
    if not await answers_probe(lane, within=15):
        raise SystemExit(f"run.py: {address} does not forward to 127.0.0.1:{upstream_port}")
    return await play_all(address, [lane], cases, patience)


def table(all_results):
    rows = [("", "cases", *(results.name for results in all_results))]
    sections = list(dict.fromkeys(key[0] for key in all_results[0].cases if key[0]))
    sections.sort(key=lambda section: min(key[1] for key in all_results[0].cases if key[0] == section))

    def row(title, select):
        scores = [results.score(select) for results in all_results]
        percent = (f"{passed} ({100 * passed // total} %)" if total else "-" for passed, total in scores)
        rows.append((title, str(scores[0][1]), *percent))

    for section in sections:
        row(section, lambda key, section=section: key[0] == section)
    row("All", lambda key: True)
    row("All but the choices stricter than the RFC", lambda key: not key[3])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, cells in enumerate(rows):
        numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))
        lines.append("| " + " | ".join([cells[0].ljust(widths[0]), *numbers]) + " |")
        if number == 0:
            lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def print_failures(results, verbose):
    failures = results.failures()
    if not failures:
        return
    numbers = sorted({key[1] for key in failures})
    print(f"\n{results.name} fails {len(failures)} cases, of the numbers {', '.join(map(str, numbers))}")
    if verbose:
        for (_, number, name, _), wrong in sorted(failures.items(), key=lambda item: item[0][1]):
            print(f"  {number}: {name}")
            for line in dict.fromkeys(wrong):
                print(f"      {line}")


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proxies", nargs="*", metavar="PROXY", help="gopher, nginx or haproxy")
    parser.add_argument("--at", metavar="HOST:PORT")
    parser.add_argument("--upstream", type=int, metavar="PORT")
    parser.add_argument("--number", type=int, action="append", default=[], help="only the cases of this number")
    parser.add_argument("--lanes", type=int, default=4, help="cases played side by side")
    parser.add_argument("--verbose", action="store_true", help="name every failing case of every proxy")
    arguments = parser.parse_args()
    names = arguments.proxies or ["gopher"]
    if unknown := set(names) - set(PROXIES):
        parser.error(f"no proxy {', '.join(unknown)}: gopher, nginx or haproxy")
    cases = all_cases(arguments.number)
    os.environ.setdefault("GOPHER_BIN", str(pathlib.Path(__file__).parents[2] / "build/release/bin"))

    if arguments.at:
        if not arguments.upstream:
            parser.error("--at needs --upstream")
        everything = [await run_at(arguments.at, arguments.upstream, cases, Patience())]
    else:
        everything = [await run_proxy(name, cases, arguments.lanes, Patience()) for name in names]
    print(table(everything))
    for results in everything:
        print_failures(results, arguments.verbose or results.name == "gopher-proxy")
    return any(results.failures() for results in everything if results.name == "gopher-proxy" or arguments.at)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
