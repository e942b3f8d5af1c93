"""CPU time of processes, and the arithmetic of the figures made of it. Tested by measure_test.py."""

import os
import statistics
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuTime:
    """What a process, its threads and its children have run, in nanoseconds. The kernel counts the sum exactly; how it
    splits into user and system it only samples, at each tick."""

    total: int
    user: int
    system: int
    threads: frozenset

    def since(self, before):
        """ValueError when a thread came or went in between: its time would be lost, and the figure too good."""
        if self.threads != before.threads:
            raise ValueError(f"threads came or went while they were measured: {set(self.threads ^ before.threads)}")
        return CpuTime(
            self.total - before.total, self.user - before.user, self.system - before.system, self.threads
        )

    @property
    def system_share(self):
        sampled = self.user + self.system
        return self.system / sampled if sampled else 0.0


def family(pid):
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_time(pid):
    total = user = system = 0
    threads = set()
    for process in family(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
            fields = (task / "stat").read_text().rpartition(")")[2].split()  # from the third on; a name may hold spaces
            user += int(fields[11]) * 1_000_000_000 // TICKS
            system += int(fields[12]) * 1_000_000_000 // TICKS
            threads.add(int(task.name))
    return CpuTime(total, user, system, frozenset(threads))


def resident_bytes(pid):
    """Of the process and all that descend from it."""
    total = 0
    for process in family(pid):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def medians(samples):
    """[{name: number}] → {name: median}. Every sample has the same names."""
    names = samples[0].keys()
    if any(sample.keys() != names for sample in samples):
        raise ValueError("samples of different kinds")
    return {name: statistics.median(sample[name] for sample in samples) for name in names}


def plus_difference(values, more, less):
    """Round by round: each value, and by how much `more` is more than `less`."""
    return [value + high - low for value, high, low in zip(values, more, less, strict=True)]


@dataclass(frozen=True)
class Comparison:
    """Ours beside the least of the others, by medians: less is better. Each has a figure of every round. The ratio is
    the median of the rounds' own: a machine that is slower for a while is so for both of a round. `goal` is the
    largest ratio that meets it, or None."""

    rounds_of_ours: list
    rounds_of_others: dict  # {name: list}
    goal: float | None

    @property
    def ours(self):
        return statistics.median(self.rounds_of_ours)

    @property
    def best_name(self):
        return min(self.rounds_of_others, key=lambda name: statistics.median(self.rounds_of_others[name]))

    @property
    def best(self):
        return statistics.median(self.rounds_of_others[self.best_name])

    @property
    def ratio(self):
        rounds = zip(self.rounds_of_ours, self.rounds_of_others[self.best_name], strict=True)
        return statistics.median(ours / other for ours, other in rounds)

    @property
    def met(self):
        return None if self.goal is None else self.ratio <= self.goal


def markdown_table(rows):
    """The first row is the head; all but the first column stand at the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row):
        first, *others = zip(row, widths)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if index else "-") for index, width in enumerate(widths)) + "|"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])
