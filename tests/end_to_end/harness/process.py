"""A child process with its own log files, ended by its pid."""

import json
import os
import pathlib
import re
import signal
import subprocess

# Nothing of the caller's environment reaches the binaries, except what finds programs and libraries, and the engine of
# the workers, so that a whole run can be made with one: IO_ENGINE=epoll ./dev test end_to_end
PASSED_ON = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "IO_ENGINE", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")


def binary(name):
    folder = pathlib.Path(os.environ.get("GOPHER_BIN", pathlib.Path(__file__).parents[3] / "build/release/bin"))
    return str(folder / name)


class Process:
    before_exec = None  # called in the child

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.folder = pathlib.Path(folder)
        self.environment = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        self.environment.update({key: str(value) for key, value in (environment or {}).items()})
        self.child = None
        self.stdout_path = self.folder / f"{name}.stdout"
        self.stderr_path = self.folder / f"{name}.stderr"

    def start(self):
        """Starts it (again): the logs go on in the same files."""
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
                cwd=self.folder,
                preexec_fn=self.before_exec,
            )
        return self

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number=signal.SIGTERM):
        self.child.send_signal(number)

    def kill(self):
        """kill -9, and waits until the kernel has taken its sockets away."""
        self.child.kill()
        self.child.wait(timeout=10)

    def wait(self, within=10):
        """Its exit code; AssertionError when it does not end within the bound."""
        try:
            return self.child.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within} s\n{self.log_tail()}") from None

    def stop(self, within=10):
        """SIGTERM, then its exit code."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        return self.wait(within)

    def clean_up(self):
        """For teardown: whatever its state, it runs no more after this."""
        if self.is_running():
            self.child.terminate()
            try:
                self.child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.kill()

    def ended_badly(self):
        """How, when it crashed or a sanitizer had a word against it, perhaps in its last moments; or None."""
        if self.child is None:
            return None
        # 1 and 2 are ends that the tests of them look at; it may be killed, or asked to end before it listens to that.
        if self.child.returncode not in (0, 1, 2, -signal.SIGTERM, -signal.SIGKILL):
            return f"ended with {self.child.returncode}"
        told = re.search(r".*(?:(?:ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error: ).*", self.stderr())
        return f"was told of: {told[0]}" if told else None

    def stdout(self):
        return self.stdout_path.read_text(encoding="utf-8", errors="surrogateescape")

    def stderr(self):
        return self.stderr_path.read_text(encoding="utf-8", errors="surrogateescape")

    def log(self, **fields):
        """The JSON lines of its log that have all these values. ValueError when a line is no JSON object."""
        text = self.stdout()
        whole = text[: text.rfind("\n") + 1]  # the last line may still be written
        lines = [json.loads(line) for line in whole.split("\n") if line]
        return [line for line in lines if all(line.get(name) == value for name, value in fields.items())]

    def log_tail(self, lines=25):
        parts = []
        for path in (self.stdout_path, self.stderr_path):
            if path.exists():
                tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
                parts.append(f"--- {path.name}\n" + "\n".join(tail))
        return "\n".join(parts)

    def memory(self, field="VmRSS"):
        """A line of /proc/PID/status, such as VmRSS or VmHWM, in bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise ValueError(f"no {field} of {self.name}")
