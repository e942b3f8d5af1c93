#!/usr/bin/env python3
"""What one exchange costs the data path, in instructions and in memory fetched: `./dev bench instructions [--record]`.
A gate.

callgrind counts what instructions_per_request executes for N and for 2 N exchanges; the difference divided by N is the
cost of one on a warm connection, without start and end. All instructions count: those of core, of the
compiler's library and of the C library under it (an allocation more is a cost), and the few of the program's own
network, which stands in for sockets. What a system call costs is not in it, nor what io/ adds.

With a thousand clients of which a hundred are being answered, what an exchange touches is no longer in the nearer
caches when it goes on. So beside the instructions the lines of data are counted that one of 128 KiB has to fetch, by
callgrind's model of it: it holds what every exchange touches, but not what a hundred of them do.

The figures depend on compiler and C library alone. The environment is empty, the program's name is the same in every
folder, and the C library uses only what every x86-64 processor has, so that it takes the same path on each.

instructions.json holds the figures of each compiler. It is a ratchet: more than 3 % above fails, and more than 3 %
below fails too, until the lower figure is recorded with --record and committed, so that what was won cannot be lost
unseen.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORD = HERE / "instructions.json"
CASES = {
    "get_small": "keep-alive GET, 13 bytes",
    "get_small_of_1000": "the same, of 1,000 backends in turn",
    "get_small_for_1000": "the same, for 1,000 clients",
    "get_64k": "keep-alive GET, 64 KiB",
    "post_chunked_64k": "keep-alive POST of 64 KiB in 16 chunks",
}
LINES_OF = "get_small_for_1000"
LINES = "lines of get_small_for_1000"
CACHE = ["--cache-sim=yes", "--I1=32768,8,64", "--D1=131072,16,64", "--LL=1048576,16,64"]
EXCHANGES = 1_000  # not fewer than the backends or clients of any case: by then each has its connection
TOLERANCE_PERCENT = 3
# In place of what the processor has.
WITHOUT = ("AVX512F", "AVX512VL", "AVX512BW", "AVX2", "AVX", "ERMS", "FSRM", "SSSE3", "SSE4_1", "SSE4_2", "BMI2",
           "LZCNT", "MOVBE", "RTM")  # fmt: skip
BASELINE = "glibc.cpu.hwcaps=" + ",".join(f"-{feature}" for feature in WITHOUT)


def counted(folder, case, exchanges):
    """{event: count}"""
    command = ["env", "-i", f"GLIBC_TUNABLES={BASELINE}", "/usr/bin/valgrind", "--tool=callgrind",
               "--callgrind-out-file=/dev/null", *(CACHE if case == LINES_OF else ()), "./instructions_per_request",
               case, str(exchanges)]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    events = re.search(r"Events +: (.+)", done.stderr)
    collected = re.search(r"Collected : ([\d ]+)", done.stderr)
    if done.returncode != 0 or not events or not collected:
        sys.exit(f"instructions: {' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return dict(zip(events[1].split(), map(int, collected[1].split()), strict=True))


def figures(folder, case):
    """[(name in the record, what it is, the figure of one exchange)]"""
    few, many = counted(folder, case, EXCHANGES), counted(folder, case, 2 * EXCHANGES)
    each = {event: (many[event] - few[event]) / EXCHANGES for event in few}
    found = [(case, CASES[case], round(each["Ir"]))]
    if case == LINES_OF:
        found.append((LINES, "lines of memory fetched for it", round(each["D1mr"] + each["D1mw"], 1)))
    return found


def verdict(measured, recorded):
    """What is wrong with the figure; empty when nothing is."""
    allowed = recorded * TOLERANCE_PERCENT
    if (measured - recorded) * 100 > allowed:
        return f"MORE by {measured / recorded - 1:.1%}"
    if (recorded - measured) * 100 > allowed:
        return f"LESS by {1 - measured / recorded:.1%}: record it"
    return ""


def compiler(cache):
    """Of the build folder, to its major version: with g++ 12.2 and 12.3 the code is the same."""
    text = cache.read_text()
    found = {name: re.search(rf'set\(CMAKE_CXX_COMPILER_{name} "(.*)"\)', text)[1] for name in ("ID", "VERSION")}
    return f"{found['ID']} {found['VERSION'].split('.')[0]} {platform.machine()}"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench instructions")
    parser.add_argument("build", type=Path, help="the build's folder")
    parser.add_argument("--record", action="store_true", help="write the figures to instructions.json")
    arguments = parser.parse_args()
    (cache,) = (arguments.build / "CMakeFiles").glob("*/CMakeCXXCompiler.cmake")
    name = compiler(cache)
    records = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    recorded = records.get(name, {})
    measured, wrong = {}, 0
    for name_of_figure, what, figure in (found for case in CASES for found in figures(arguments.build / "bin", case)):
        measured[name_of_figure] = figure
        why = verdict(figure, recorded[name_of_figure]) if name_of_figure in recorded else "not recorded"
        wrong += bool(why)
        beside = f"recorded {recorded.get(name_of_figure, 0):>9,}"
        print(f"{what:40}  {figure:>9,}  {beside}  {why or 'ok'}", flush=True)
    if arguments.record:
        records[name] = measured
        RECORD.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n")
        print(f"instructions: recorded for {name}; commit {RECORD.name}")
    elif not recorded:
        print(f"instructions: NOT COMPARED, no figure of {name} is recorded (./dev bench instructions --record)")
    else:
        held = f"within {TOLERANCE_PERCENT} % of what is recorded"
        print(f"instructions: of {len(measured)} figures of {name}, {len(measured) - wrong} are {held}")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
