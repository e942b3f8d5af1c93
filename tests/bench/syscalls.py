#!/usr/bin/env python3
"""System calls of each proxy for one small keep-alive GET: `./dev bench syscalls [CASE] [--seconds S]`.

strace counts them while wrk asks, on 64 connections. It slows the proxy down, so that more waits for it at each turn of
its loop than without strace: calls that serve a whole turn (epoll_wait) come out too few, those of a request are exact.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from backends import Backends  # noqa: E402
from cases import CASES, proxies  # noqa: E402
from contestants import Work, eventually  # noqa: E402
from load import run_wrk, wrk_command  # noqa: E402
from measure import family, markdown_table  # noqa: E402
from proxy import Cores  # noqa: E402


def calls_of(summary):
    """What strace -c writes → {system call: number}."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", summary, re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}


def per_request(case, subject, cores, folder, seconds):
    contestant = subject.contestant(subject.work, cores.proxy, subject.label)
    summary = folder / f"{subject.label}.strace"
    try:
        contestant.start()
        command = wrk_command(contestant.port, case.path, case.connections, seconds, subject.script)
        run_wrk(command, cores.load, seconds)  # to be warm
        attached = [word for process in family(contestant.pid) for word in ("-p", str(process))]
        strace = subprocess.Popen(["strace", "-f", "-c", "-o", summary, *attached], stderr=subprocess.PIPE, text=True)
        eventually(lambda: traced(contestant.pid), what="strace has attached")
        told = run_wrk(command, cores.load, seconds)
        time.sleep(0.1)
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=20)
    finally:
        contestant.stop()
    return {name: count / told["requests"] for name, count in calls_of(summary.read_text()).items()}


def traced(pid):
    tasks = [task for process in family(pid) for task in Path(f"/proc/{process}/task").iterdir()]
    return all(not re.search(r"^TracerPid:\s+0$", (task / "status").read_text(), re.MULTILINE) for task in tasks)


def main():
    cases = {case.name: case for case in CASES if case.subjects is None}
    parser = argparse.ArgumentParser(prog="./dev bench syscalls")
    parser.add_argument("case", nargs="?", default="get", choices=cases)
    parser.add_argument("--seconds", type=int, default=2)
    chosen = parser.parse_args()
    case, cores = cases[chosen.case], Cores(1)
    with tempfile.TemporaryDirectory(prefix="gopher-bench-") as name:
        folder = Path(name)
        backends = Backends(folder, cores.load).start()
        try:
            counts = {subject.label: per_request(case, subject, cores, folder, chosen.seconds)
                      for subject in proxies(case, Work(backends.ports, folder))}  # fmt: skip
        finally:
            backends.stop()
    names = sorted({name for one in counts.values() for name, count in one.items() if count >= 0.005})
    rows = [(f"calls a request, {case.what}", *counts)]
    rows += [(name, *(f"{one.get(name, 0):.2f}" for one in counts.values())) for name in names]
    rows.append(("all", *(f"{sum(one.values()):.2f}" for one in counts.values())))
    print(markdown_table(rows))


if __name__ == "__main__":
    main()
