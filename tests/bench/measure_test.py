"""The arithmetic of the figures: a mistake here would be silent."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from instructions import verdict  # noqa: E402
from load import byte_bounds  # noqa: E402
from measure import Comparison, CpuTime, cpu_time, family, markdown_table, medians, resident_bytes  # noqa: E402

# Burns that long on a thread of a child of its own, then says so and waits.
BURNING = """
import os, sys, threading, time
def burn():
    while time.thread_time() < float(sys.argv[1]): pass
if os.fork() == 0:
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()
    print("burnt", flush=True)
    time.sleep(60)
os.wait()
"""


@pytest.fixture
def start():
    started = []

    def start(script, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
            start_new_session=True)  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_cpu_time_is_that_of_all_threads_and_children(start):
    # The thread lives on, so that its time is not lost with it.
    process = start(BURNING.replace("thread.join()", "time.sleep(float(sys.argv[1]) * 8)").replace("pass", "pass\n    time.sleep(60)"), 0.3)  # fmt: skip
    assert process.stdout.readline() == "burnt\n"
    time_of = cpu_time(process.pid)
    assert len(family(process.pid)) == 2
    assert len(time_of.threads) == 3
    assert 0.3e9 <= time_of.total < 0.6e9
    assert abs(time_of.user + time_of.system - time_of.total) < 0.1e9


def test_cpu_time_is_what_the_kernel_says_at_the_end():
    """Against another source of the same: what wait() tells of a child."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.stdout.readline()
    told = cpu_time(process.pid).total
    process.communicate("\n")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert told / 1e9 == pytest.approx(waited, abs=0.05)


def test_a_thread_that_came_or_went_is_no_figure():
    before = CpuTime(10, 4, 6, frozenset({1, 2}))
    assert CpuTime(30, 8, 22, frozenset({1, 2})).since(before) == CpuTime(20, 4, 16, frozenset({1, 2}))
    assert CpuTime(20, 4, 16, frozenset()).system_share == 0.8
    for threads in ({1}, {1, 2, 3}, {1, 3}):
        with pytest.raises(ValueError, match="came or went"):
            CpuTime(30, 8, 22, frozenset(threads)).since(before)


def test_resident_memory_grows_by_what_is_touched(start):
    script = "import time\nprint(1, flush=True)\ninput\ntime.sleep(0.3)\nkept = b'x' * 50_000_000\nprint(2, flush=True)\ntime.sleep(60)"
    process = start(script)
    process.stdout.readline()
    before = resident_bytes(process.pid)
    process.stdout.readline()
    assert 49_000_000 < resident_bytes(process.pid) - before < 60_000_000


def test_the_median_is_each_figure_s_own():
    samples = [{"cpu": 3.0, "rate": 1.0}, {"cpu": 1.0, "rate": 3.0}, {"cpu": 2.0, "rate": 9.0}]
    assert medians(samples) == {"cpu": 2.0, "rate": 3.0}
    assert medians(samples[:2]) == {"cpu": 2.0, "rate": 2.0}
    with pytest.raises(ValueError, match="different kinds"):
        medians([{"cpu": 1.0}, {"rate": 1.0}])


@pytest.mark.parametrize(
    ("ours", "others", "goal", "best", "ratio", "met"),
    [
        (8.0, {"nginx": 10.0, "haproxy": 12.0}, 0.8, "nginx", 0.8, True),
        (8.1, {"nginx": 10.0, "haproxy": 12.0}, 0.8, "nginx", 0.81, False),
        (8.0, {"nginx": 12.0, "haproxy": 9.0}, 0.8, "haproxy", 8 / 9, False),
        (8.0, {"nginx": 4.0}, None, "nginx", 2.0, None),
    ],
)
def test_ours_is_compared_with_the_better_one(ours, others, goal, best, ratio, met):
    comparison = Comparison(ours, others, goal)
    assert comparison.best_name == best
    assert comparison.ratio == pytest.approx(ratio)
    assert comparison.met is met


def test_the_bytes_of_the_answers_tell_whether_all_were_whole():
    low, high = byte_bounds(requests=100, answer_bytes=50, connections=4)
    assert (low, high) == (5000, 5200)


@pytest.mark.parametrize(
    ("measured", "recorded", "passes"),
    [(1000, 1000, True), (1030, 1000, True), (1031, 1000, False), (970, 1000, True), (969, 1000, False)],
)
def test_the_ratchet_holds_both_ways(measured, recorded, passes):
    assert (verdict(measured, recorded) == "") is passes


def test_a_table_of_markdown():
    assert markdown_table([["case", "figure"], ["a", "1"], ["long name", "23"]]) == (
        "| case      | figure |\n|-----------|-------:|\n| a         |      1 |\n| long name |     23 |"
    )
