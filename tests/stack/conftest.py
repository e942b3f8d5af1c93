"""Fixtures: the images are built once, and the stack is up once, for all tests of the folder."""

import os
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "end_to_end")]

import stack as stack_module  # noqa: E402
from harness.backend import Backend, Gate, response  # noqa: E402
from harness.load import Load  # noqa: E402


@pytest.fixture(scope="session")
def gate():
    """Opened, the answer to /slow of the backend on the host comes."""
    return Gate()


@pytest.fixture(scope="session")
def host_backend(gate):
    """A backend that runs on the host itself, outside of the stack."""
    # By this address of the host, which only containers reach, they know it as host.docker.internal.
    gateway = stack_module.docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").strip()
    backend = Backend(
        lambda request: gate.answer(request) if request.path == "/slow" else response("host"), address=gateway
    )
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def images(host_backend):
    """The stack, its images built, nothing of it running."""
    stack = stack_module.Stack(host_backend.port)
    began = time.monotonic()
    stack.compose("--profile", "sim", "build", *stack_module.SERVICES, "sim", timeout=1200)
    print(f"\nimages built in {time.monotonic() - began:.0f} s")
    stack.compose("down", "-v", "--remove-orphans")  # what an earlier run may have left
    yield stack
    if not os.environ.get("KEEP_STACK"):
        stack.compose("down", "-v", "--remove-orphans", "--timeout", "2", check=False)


@pytest.fixture(scope="session")
def stack(images):
    """The stack, up and with a little traffic, so that there is something to see."""
    began = time.monotonic()
    images.up()
    print(f"\nstack up in {time.monotonic() - began:.0f} s")
    images.until_active(4)
    traffic = Load(images.port("gopher-proxy", 8080), clients=2, pause=0.05).start()
    yield images
    traffic.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test of the running stack shows the end of every container's log."""
    report = (yield).get_result()
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack:
        report.sections.append(("logs of the stack", stack.compose("logs", "--tail", "15", check=False).stdout))
        report.sections.append(("containers", stack.compose("ps", "-a", check=False).stdout))
