"""Fixtures of the browser tests. GOPHER_BIN is the folder of the built binaries."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from webdriver import Browser  # noqa: E402


@pytest.fixture(scope="session")
def binaries():
    return Path(os.environ["GOPHER_BIN"])


@pytest.fixture(scope="session")
def root():
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared_browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(shared_browser):
    """One window for all tests; each begins with empty logs and a light page."""
    shared_browser.colour_scheme("light")
    shared_browser.console()
    shared_browser.requested()
    return shared_browser
