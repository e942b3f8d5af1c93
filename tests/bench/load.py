"""wrk as the load: what it asked, what was answered, and whether all of it was right."""

import json
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def wrk_command(port, path, connections, seconds, script_arguments=()):
    return ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "10s",
            "--script", str(HERE / "wrk.lua"), f"http://127.0.0.1:{port}{path}", "--",
            *map(str, script_arguments)]  # fmt: skip


def run_wrk(command, cores, seconds):
    """What wrk.lua tells at the end."""
    pinned = ["taskset", "--cpu-list", cores, *command]
    done = subprocess.run(pinned, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def wrong_answers(told, answer_bytes, connections):
    """Why the run says nothing; empty when every answer had status 200 and its whole length."""
    errors = {name: count for name, count in told["errors"].items() if count}
    if errors:
        return f"wrk met errors: {errors}"
    if told["requests"] == 0:
        return "nothing was answered"
    whole = told["requests"] * answer_bytes
    # The end of the run cuts off one answer more on each connection.
    if not whole <= told["bytes"] <= whole + connections * answer_bytes:
        return f"{told['requests']} answers of {answer_bytes} bytes are no {told['bytes']} bytes"
    return ""
