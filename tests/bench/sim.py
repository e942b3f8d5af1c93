#!/usr/bin/env python3
"""The simulator's figures, each with its goal: `./dev bench sim`. Ends with 1 when one is missed.

What is compared with a goal is CPU time of one core: that is what a run takes on a machine that does nothing else, and
a busy machine does not change it. The seconds in brackets went by on the clock.

Usage: sim.py BIN_FOLDER
"""

import math
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUEUE_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
QUEUE_TURNS = 100_000
PLANTED_ENTRIES = 40


class Bench:
    def __init__(self, bin_folder):
        self.bin = Path(bin_folder).resolve()
        self.rows = []

    def run(self, *command):
        """(output, CPU seconds, seconds); what fails ends the benchmark."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([self.bin / command[0], *command[1:]], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)  # fmt: skip
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return done.stdout, cpu, wall

    def tell(self, figure, goal, measured, good):
        self.rows.append((figure, goal, measured, "ok" if good else "NO"))
        print("  ".join(self.rows[-1]), file=sys.stderr, flush=True)

    def world(self, name):
        output, cpu, wall = self.run("gopher-sim", "run", HERE / f"sim_{name}.yaml")
        return int(re.search(r"(\d+) requests", output)[1]), cpu, wall

    def small_requests(self):
        requests, cpu, wall = self.world("small_requests")
        rate = requests / cpu
        self.tell("small requests a second, byte by byte", ">= 100,000",
                  f"{rate:,.0f} ({requests} in {wall:.1f} s)", rate >= 100_000)  # fmt: skip

    def an_hour(self):
        requests, cpu, wall = self.world("an_hour")
        self.tell("an hour of 100 requests/s, 3 backends, 1 sentinel", "< 10 s",
                  f"{cpu:.1f} s ({requests} in {wall:.1f} s)", cpu < 10)  # fmt: skip

    def large_world(self):
        requests, cpu, wall = self.world("large_world")
        self.tell("1,000 backends, 100,000 client addresses", "runs", f"{cpu:.1f} s ({requests} in {wall:.1f} s)", True)

    def explore(self):
        seeds = 60
        with tempfile.TemporaryDirectory() as out:
            _, cpu, wall = self.run("gopher-sim", "explore", "--seeds", f"1..{seeds}", "--jobs", "1", "--out", out)
        self.tell("seeds explored a second", ">= 20", f"{seeds / cpu:.1f} ({seeds} in {wall:.1f} s)", seeds / cpu >= 20)

    def shrinking(self):
        with tempfile.TemporaryDirectory() as folder:
            planted = Path(folder) / "planted.yaml"
            planted.write_text(planted_failure())
            shrunk, cpu, wall = self.run("gopher-sim", "shrink", planted)
        entries = len(re.findall(r"^  - \{at: ", shrunk, re.MULTILINE))
        self.tell(f"a failure in {PLANTED_ENTRIES} entries shrunk", "1 to 5, < 60 s",
                  f"{entries} entries, {cpu:.1f} s ({wall:.1f} s)", 1 <= entries <= 5 and cpu < 60)  # fmt: skip

    def event_queue(self):
        """By instructions, which are the algorithm's; the time grows with the misses of the cache besides."""
        first = None
        for size in QUEUE_SIZES:
            arguments = [self.bin / "bench_timer_queue", str(size), str(QUEUE_TURNS)]
            counted = subprocess.run(
                ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=hold", *arguments],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)  # fmt: skip
            instructions = int(re.search(r"Collected : (\d+)", counted.stderr)[1]) / QUEUE_TURNS
            cost = instructions / math.log2(size)
            first = first or cost
            nanoseconds = float(self.run(*arguments)[0])
            self.tell(f"event queue, {size:,} timers, instructions / log2 n", f"<= {first:.1f}",
                      f"{cost:.1f} ({nanoseconds:.0f} ns a turn)", cost <= first)  # fmt: skip

    def table(self):
        rows = [("figure", "goal", "measured", ""), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        return all(row[3] == "ok" for row in self.rows)


def planted_failure():
    """The proxy fails to reach its registry more often than one outage explains; all entries but two are noise."""
    noise = []
    for number in range(PLANTED_ENTRIES - 2):
        at = 5 + 3 * number
        noise.append([
            f"  - {{at: {at}s, burst: c1, count: {10 + number}}}",
            f"  - {{at: {at}s, clients: c1, rate: {20 + number}/s, for: 2s}}",
            f"  - {{at: {at}s, redis_delay: 20ms, for: 2s}}",
            f"  - {{at: {at}s, backend: b{1 + number % 2}, latency: 2ms..9ms, for: 2s}}",
        ][number % 4])  # fmt: skip
    cause = ["  - {at: 60s, crash: redis, for: 8s}", "  - {at: 80s, crash: redis, for: 8s}"]
    return "\n".join([
        "story: A planted failure.", "duration: 130s", "world:",
        "  backends: [{name: b, count: 2}]", "  sentinels: [{name: s1}]", "  proxies: [{name: p1, limiter_rate: 0/s}]",
        "  clients: [{name: c1, rate: 20/s, addresses: 10}]",
        "timeline:", *noise[:20], *cause, *noise[20:],
        "expect:", "  - {events: \"<= 6\", event: registry_failed, of: p1}", "",
    ])  # fmt: skip


def main():
    bench = Bench(sys.argv[1])
    for figure in (bench.small_requests, bench.an_hour, bench.large_world, bench.event_queue, bench.explore,
                   bench.shrinking):  # fmt: skip
        figure()
    sys.exit(0 if bench.table() else 1)


if __name__ == "__main__":
    main()
