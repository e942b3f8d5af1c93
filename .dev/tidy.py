#!/usr/bin/env python3
"""Runs clang-tidy over the sources, a process a processor, and remembers what was clean.

A source is clean for as long as it, the headers that it includes (through others too; of the system's, those that a
package's version names), the way it is compiled, .clang-tidy, this file and clang-tidy itself stay as they are: a hash
of all of these names an empty file in the user's cache, for every clone to find. The tests are left out: what these
checks look for fails there by itself.
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
BUILD = ROOT / "build/tidy"  # whose compile_commands.json says how each source is compiled
CLEAN = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "gopher-proxy", "tidy")
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)


@functools.cache
def tools():
    """The versions of clang-tidy and of every package whose headers a source may include."""
    asked = (["clang-tidy-19", "--version"], ["dpkg-query", "-W", "lib*-dev", "libstdc++*"])
    return b"".join(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout for command in asked)


@functools.cache
def compile_commands():
    """By source, without the place of this clone."""
    listed = json.loads((BUILD / "compile_commands.json").read_text())
    return {entry["file"]: entry["command"].replace(str(ROOT), "").encode() for entry in listed}


@functools.cache
def text_of(path):
    return path.read_bytes()


def closure(source):
    """The source and every header of the project that it includes."""
    found, waiting = set(), [source]
    while waiting:
        path = waiting.pop()
        # A header written by the build holds a text, and is left out.
        if path in found or not path.exists():
            continue
        found.add(path)
        waiting.extend(ROOT / name.decode() for name in INCLUDE.findall(text_of(path)))
    return sorted(found)


def stamp(source):
    digest = hashlib.sha256(tools() + compile_commands().get(str(source), b""))
    for path in [ROOT / ".clang-tidy", pathlib.Path(__file__), *closure(source)]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + text_of(path) + b"\0")
    return CLEAN / digest.hexdigest()


def check(source):
    """What clang-tidy has to say; empty for a clean source."""
    command = ["clang-tidy-19", "-p", str(BUILD), "--quiet", str(source)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode == 0:
        stamp(source).touch()
        return ""
    return f"{source}: clang-tidy ended with {run.returncode}\n{run.stdout or run.stderr}"


def main():
    CLEAN.mkdir(parents=True, exist_ok=True)
    sources = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.cpp"))
    changed = [source for source in sources if not stamp(source).exists()]
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for said in pool.map(check, changed):
            if said:
                findings += 1
                print(said, end="", flush=True)
    print(f"clang-tidy: {len(changed)} of {len(sources)} sources checked, {findings} with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
