#!/usr/bin/env python3
"""./dev prove-gates [--until GATE] [FAULT...]: which gate catches each of the faults of faults.txt?

They are planted in a copy of the working tree, .run/prove-gates/tree, with build folders of its own. The gates run from
the cheapest on until one fails. A catch counts only if the same gate, or the same test of it, passes once the fault is
taken away again. A gate that runs tests is left out when its binaries are, byte for byte, those of the tree without
the fault: it would do the same as without it.

Results are kept in .run/prove-gates/results.jsonl as they come, and the table of all of them in table.md. With names,
only these faults are planted and the other results stay. Ends with 1 when a fault is not caught. With --until, the
gates behind that one are left out: those that compile everything anew take an hour to say nothing.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import faults

ROOT = faults.HERE.parent.parent
FOLDER = ROOT / ".run/prove-gates"
TREE = FOLDER / "tree"
RESULTS = FOLDER / "results.jsonl"

NOT_RUN = "not run"
# Its `from:` left out those before.
FIRST_TRIED = ", the first one tried"

# What is compiled into the binaries, so that they tell whether it matters to a test.
COMPILED = (".h", ".cpp", ".js", ".css", ".html")

# The names of tests in small letters are those of no binary.
OF_CTEST = re.compile(r"^[a-z_]+(\.|$)")


@dataclasses.dataclass(frozen=True)
class Said:
    """What a gate had against the tree."""

    by: str  # its words, or the test that failed
    test: str = ""  # of ctest
    built: bool = True


def run(command, folder=TREE, timeout=None):
    return subprocess.run(command, cwd=folder, timeout=timeout, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip


def first(patterns, output, otherwise):
    for pattern in patterns:
        if found := re.search(pattern, output):
            return found[0] if found.lastindex is None else found[1]
    return otherwise


class Command:
    """A gate that is a command of ./dev."""

    def __init__(self, name, *patterns):
        self.name = name
        self.unfaulted = True  # needs no comparison
        self.patterns = patterns

    def begin(self):
        pass

    def try_on(self, fault=None):
        done = run(["./dev", *self.name.split()])
        (FOLDER / "log" / self.name.replace(" ", "_")).write_text(done.stdout)
        return Said(first(self.patterns, done.stdout, done.stdout[-100:])) if done.returncode else None


class Tests:
    """A gate that is the tests of one label, in one preset, and what they run."""

    def __init__(self, preset, label, *targets):
        self.preset = preset
        self.label = label
        self.targets = targets
        self.name = label if preset == "release" else f"{preset} {label}"
        self.binaries_only = all("_tests" in target for target in targets)
        self.unfaulted = {}

    def build(self):
        if not (TREE / "build" / self.preset / "build.ninja").exists():
            # The commit changes nothing that a test looks at, and would make every binary another.
            done = run(["cmake", "--preset", self.preset, "-DGOPHER_COMMIT=none"])
            if done.returncode:
                sys.exit(f"cmake --preset {self.preset} failed:\n{done.stdout}")
        return run(["cmake", "--build", f"build/{self.preset}", "--target", *self.targets])

    def binaries(self):
        folder = TREE / "build" / self.preset
        files = [folder / "libgopher_core.a"] if self.label == "layering" else []
        for target in self.targets:
            files += (folder / "bin").glob("fuzz_*" if target == "fuzz_targets" else target)
        return {file.name: hashlib.sha256(file.read_bytes()).digest() for file in files}

    def begin(self):
        """Builds, on the tree without a fault, what this gate's binaries are compared with."""
        done = self.build()
        if done.returncode:
            sys.exit(f"{self.name} does not build without a fault:\n{done.stdout[-4000:]}")
        self.unfaulted = self.binaries()

    def try_on(self, fault=None, test=None):
        done = self.build()
        if done.returncode:
            (FOLDER / "log" / "build").write_text(done.stdout)
            patterns = (r"\[-Werror(?:=|,-W)([a-z0-9+-]+)[\],=]", r"error: (.{0,80})")
            return Said(first(patterns, done.stdout, "does not build"), built=False)
        if fault and fault.file.endswith(COMPILED) and self.binaries() == self.unfaulted:
            return None
        of_ctest = not test or OF_CTEST.match(test)
        for binary in (target for target in self.targets if "_tests" in target):
            if said := self.run_binary(binary, test):
                return said
        return None if self.binaries_only or not of_ctest else self.run_ctest(test)

    # One process for all the tests of a binary: ctest makes one for each, which takes ten times as long.
    def run_binary(self, binary, test):
        command = [f"../bin/{binary}", "--gtest_fail_fast", "--gtest_filter=" + (test or "*")]
        try:
            done = run(command, TREE / "build" / self.preset / "tests", timeout=300)
            status, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            status, output = 1, (expired.stdout or b"").decode(errors="replace")
        if not status:
            return None
        # One that crashes or hangs has begun and says no more.
        begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
        return self.said(first([r"(?m)^\[  FAILED  \] ([^\s,]+)"], output, begun[-1] if begun else ""), output)

    def run_ctest(self, test):
        command = ["ctest", "--test-dir", f"build/{self.preset}", "-L", f"^{self.label}$", "--parallel", "2"]
        # The proofs that a check can fail say nothing of the tree.
        command += ["-R", f"^{re.escape(test)}$" if test else OF_CTEST.pattern, "-E", "can_fail$"]
        done = run([*command, "--stop-on-failure", "--output-on-failure", "--no-tests=error"])
        if not done.returncode:
            return None
        return self.said(first([r"Test +#\d+: (\S+) .*\*\*\*"], done.stdout, ""), done.stdout)

    def said(self, test, output):
        (FOLDER / "log" / self.name.replace(" ", "_")).write_text(output)
        if not test:
            sys.exit(f"{self.name} failed, and no test of it:\n{output[-2000:]}")
        sanitizer = first([r"SUMMARY: (\w+Sanitizer: [\w-]+(?: race)?)"], output, "")
        return Said(test + (f" ({sanitizer})" if sanitizer else ""), test)


LINT = Command("lint", r"clang-format-violations", r"SC\d+", r"(?m)^\S+: (.*?)[:;]", r"(?m)^.{1,80}")
TIDY = Command("tidy", r"\[([\w.-]+),-warnings-as-errors\]")
BENCH = Command("bench instructions", r"MORE by \S+")
EXPLORE = Command("explore 1..1000", r"(?m)^fail \d+ (.{,80})")
FUZZ = Command("fuzz 5", r"(?m)^broken invariant: .{,80}", r"(?m)^SUMMARY: .{,80}")
DETERMINISM = Command("determinism", r"determinism: (\S+ is not the same)", r"determinism: .*")
LABELS = (
    ("layering", "gopher_core"),
    ("unit", "unit_tests"),
    ("property", "property_tests"),
    ("control_plane", "control_plane_tests"),
    ("sim", "sim_tests", "gopher-sim"),
    ("data_path", "data_path_tests"),
    ("contract", "contract_tests_sim", "contract_tests_asio", "contract_tests_uring"),
    ("io", "io_tests"),
    ("redis", "redis_tests"),
    ("conformance", "conformance_tests", "gopher-proxy"),
    ("scenario", "gopher-sim"),
    ("fuzz_corpus", "fuzz_targets"),
    ("end_to_end", "gopher-proxy", "gopher-sentinel", "gopher-demo-backend", "gopher-load"),
    ("browser", "gopher-sim", "gopher-proxy", "gopher-sentinel"),
)
THREADED = ("contract", "io", "end_to_end")
GATES = (
    LINT,
    *(Tests("release", *label) for label in LABELS),
    TIDY,
    DETERMINISM,
    *(Tests("asan", *label) for label in LABELS if label[0] not in ("layering", "scenario", "browser")),
    *(Tests("tsan", *label) for label in LABELS if label[0] in THREADED),
    BENCH,
    EXPLORE,
    FUZZ,
)


def copy_tree():
    """The working tree's own files, as they are now. A file that is the same keeps its time, so little is rebuilt."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    names = {name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        here, there = ROOT / name, TREE / name
        if there.is_file() and there.read_bytes() == here.read_bytes():
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here, there)
    for folder, folders, files in os.walk(TREE):
        if pathlib.Path(folder) == TREE:
            folders[:] = [name for name in folders if name not in ("build", ".run")]
        for file in files:
            path = pathlib.Path(folder, file)
            if str(path.relative_to(TREE)) not in names:
                path.unlink()


def gates_of(fault, last_gate):
    names = [gate.name for gate in GATES]
    first = names.index(fault.first_gate) if fault.first_gate else 0
    return GATES[first : max(first, names.index(last_gate)) + 1]


passes_without_fault = set()  # of the gates that are commands


def passes(gate, said):
    """Whether the gate has nothing to say once the fault is gone."""
    if isinstance(gate, Command):
        if gate.name not in passes_without_fault and not gate.try_on():
            passes_without_fault.add(gate.name)
        return gate.name in passes_without_fault
    if not said.built:
        return gate.build().returncode == 0
    return gate.try_on(test=said.test) is None


def prove(fault, last_gate):
    """(gate, what it said, seconds to its saying it); no gate when none says anything."""
    path = TREE / fault.file
    text = path.read_text()
    planted = faults.planted(fault, text)
    spent = 0.0
    try:
        for gate in gates_of(fault, last_gate):
            if not gate.unfaulted:
                path.write_text(text)
                gate.begin()
            if path.read_text() != planted:
                path.write_text(planted)
            began = time.monotonic()
            said = gate.try_on(fault)
            spent += time.monotonic() - began
            if said:
                break
        else:
            return "", "", spent
    finally:
        path.write_text(text)
    if not passes(gate, said):
        return "", f"{gate.name} fails without the fault too ({said.by}): that proves nothing", spent
    return ("build" if not said.built else gate.name), said.by, spent


def results():
    """The last one of each fault."""
    if not RESULTS.exists():
        return {}
    return {result["fault"]: result for result in map(json.loads, RESULTS.read_text().splitlines())}


def table():
    """Of all faults; README has it."""
    rows = ["| fault | what | caught by | which said |", "|---|---|---|---|"]
    known = results()
    for fault in faults.load():
        result = known.get(fault.name, {"gate": NOT_RUN, "said": ""})
        gate = result["gate"] or "**nothing**"
        if fault.first_gate and fault.name in known:
            gate += FIRST_TRIED
        rows.append(f"| `{fault.name}` | {fault.what} | {gate} | {result['said']} |")
    return "\n".join(rows) + "\n"


def main(wanted):
    all_faults = faults.load()
    last_gate = GATES[-1].name
    if wanted[:1] == ["--until"]:
        last_gate, wanted = " ".join(wanted[1:2]), wanted[2:]
        if last_gate not in [gate.name for gate in GATES]:
            sys.exit(f"no gate '{last_gate}'; the gates: {', '.join(gate.name for gate in GATES)}")
    if unknown := set(wanted) - {fault.name for fault in all_faults}:
        sys.exit(f"no such fault: {', '.join(sorted(unknown))}")
    chosen = [fault for fault in all_faults if fault.name in wanted or not wanted]
    if why := [why for why in (faults.why_not(fault, ROOT) for fault in all_faults) if why]:
        sys.exit("\n".join(why))
    (FOLDER / "log").mkdir(parents=True, exist_ok=True)
    if not wanted:
        RESULTS.unlink(missing_ok=True)
    copy_tree()
    commit = run(["git", "describe", "--always", "--dirty"], ROOT).stdout.strip()
    missed = 0
    for fault in chosen:
        gate, said, seconds = prove(fault, last_gate)
        missed += not gate
        with RESULTS.open("a") as file:
            result = {"fault": fault.name, "gate": gate, "said": said, "seconds": round(seconds), "commit": commit}
            print(json.dumps(result), file=file)
        print(f"{fault.name}: {gate or 'NOT CAUGHT'}{': ' if said else ''}{said} ({seconds:.0f} s)", flush=True)
        (FOLDER / "table.md").write_text(table())
    print(table(), end="")
    print(f"prove-gates: {len(chosen) - missed} of {len(chosen)} faults caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
