#!/usr/bin/env python3
"""Runs clang-tidy over the sources, a process a processor, and remembers what was clean.

The sources are read as the build compiles them, several at a time: most of the time goes into the headers that they
share. Such a batch is clean for as long as its sources, the headers that they include (through others too; of the
system's, those that a package's version names), the way it is compiled, .clang-tidy, this file and clang-tidy itself
stay as they are: a hash of all of these names an empty file in the user's cache, for every clone to find. The tests are
left out: what these checks look for fails there by itself.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("core", "io", "sim", "proxy", "sentinel", "docker", "fuzz")
BUILD = ROOT / "build/tidy"  # whose compile_commands.json says what is compiled, and how
CLEAN = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "gopher-proxy", "tidy")
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)


@functools.cache
def tools():
    """The versions of clang-tidy and of every package whose headers a source may include."""
    asked = (["clang-tidy-19", "--version"], ["dpkg-query", "-W", "lib*-dev", "libstdc++*"])
    return b"".join(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout for command in asked)


@functools.cache
def batches():
    """The files that the build compiles but for the tests: each with its command, without the place of this clone."""
    listed = json.loads((BUILD / "compile_commands.json").read_text())
    commands = {pathlib.Path(entry["file"]): entry["command"] for entry in listed}
    return {
        path: command.replace(str(ROOT), "").encode()
        for path, command in sorted(commands.items())
        if path.parent.name == "batches" and BUILD / "tests" not in path.parents
    }


@functools.cache
def text_of(path):
    return path.read_bytes()


@functools.cache
def included(path):
    """What it includes of the project. A header that the build writes holds a text, and is left out."""
    named = (ROOT / name.decode() for name in INCLUDE.findall(text_of(path)))
    return [path for path in named if path.exists()]


def closure(batch):
    """The batch and every file of the project that it includes."""
    found, waiting = set(), [batch]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(included(path))
    return sorted(found)


def stamp(batch):
    digest = hashlib.sha256(tools() + batches()[batch])
    for path in [ROOT / ".clang-tidy", pathlib.Path(__file__), *closure(batch)]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + text_of(path) + b"\0")
    return CLEAN / digest.hexdigest()


def check(batch):
    """What clang-tidy has to say; empty for a clean batch."""
    command = ["clang-tidy-19", "-p", str(BUILD), "--quiet", str(batch)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode == 0:
        stamp(batch).touch()
        return ""
    return f"{batch}: clang-tidy ended with {run.returncode}\n{run.stdout or run.stderr}"


def missing():
    """Sources that no batch has."""
    read = {path for batch in batches() for path in included(batch)}
    return {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.cpp")} - read


def main():
    CLEAN.mkdir(parents=True, exist_ok=True)
    if left_out := missing():
        sys.exit(f"clang-tidy: {min(left_out)} is in no batch of {BUILD} ({len(left_out)} sources)")
    changed = [batch for batch in batches() if not stamp(batch).exists()]
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for said in pool.map(check, changed):
            if said:
                findings += 1
                print(said, end="", flush=True)
    print(f"clang-tidy: {len(changed)} of {len(batches())} batches of sources checked, {findings} with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
