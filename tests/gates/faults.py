"""The known faults of faults.txt: read, checked against a tree, planted in one."""

import dataclasses
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    what: str  # one sentence
    file: str  # from the root of the tree
    old: str  # whole lines, which stand in the file exactly once
    new: str
    first_gate: str  # where to begin when the gates before it would take minutes and say nothing; or empty


def parse(text):
    """A fault is a paragraph: `# name`, what it is, the file, perhaps `from: GATE`, and lines as of a diff."""
    faults = []
    for paragraph in re.split(r"\n{2,}", text.strip()):
        lines = [line for line in paragraph.split("\n") if not line.startswith("##")]
        if not lines:
            continue
        heads = [line for line in lines if line[0] not in " -+"]
        if not 3 <= len(heads) <= 4 or not heads[0].startswith("# "):
            raise ValueError(f"not a fault: {paragraph}")
        old = "".join(line[1:] + "\n" for line in lines if line[0] in " -")
        new = "".join(line[1:] + "\n" for line in lines if line[0] in " +")
        first_gate = heads[3].removeprefix("from: ") if len(heads) == 4 else ""
        faults.append(Fault(heads[0][2:], heads[1], heads[2], old, new, first_gate))
    return faults


def load():
    return parse((HERE / "faults.txt").read_text())


def old_lines(fault):
    return re.compile("^" + re.escape(fault.old), re.MULTILINE)


def why_not(fault, root):
    """Why the fault cannot be planted in the tree at `root`; empty when it can."""
    path = root / fault.file
    if not path.is_file():
        return f"{fault.name}: there is no {fault.file}"
    if fault.old == fault.new:
        return f"{fault.name}: changes nothing"
    count = len(old_lines(fault).findall(path.read_text()))
    return "" if count == 1 else f"{fault.name}: its old lines stand {count} times in {fault.file}, not once"


def planted(fault, text):
    return old_lines(fault).sub(lambda _: fault.new, text)
