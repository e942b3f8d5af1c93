"""The dashboard against Grafana's own schema and the k6 scripts against k6's types, with node; nothing runs."""

import json
import shutil
import subprocess

import pytest
from stack import HERE, ROOT


@pytest.fixture(scope="module")
def check():
    """Type-checks the files of a project's root; the process, ended."""
    folder = ROOT / ".run/stack-lint"
    shutil.copytree(HERE / "lint", folder, dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=folder, check=True, timeout=240)

    def run(root):
        command = ["node", "check.mjs", str(root)]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture
def copied(tmp_path):
    """A root that a test may spoil."""
    for name in ("docker/grafana/dashboards", "docker/k6"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_dashboard_fits_grafanas_schema_and_the_scripts_k6s_types(check):
    result = check(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "gopherproxy.json: 40 panels and rows" in result.stdout and "k6: 5 scripts" in result.stdout


def test_a_dashboard_that_does_not_fit_is_refused(check, copied):
    path = copied / "docker/grafana/dashboards/gopherproxy.json"
    dashboard = json.loads(path.read_text())
    dashboard["panels"][1]["fieldConfig"]["defaults"]["custom"]["lineInterpolation"] = "wavy"
    path.write_text(json.dumps(dashboard))
    result = check(copied)
    assert result.returncode == 1 and "wavy" in result.stdout, result.stdout


def test_a_script_that_calls_what_k6_has_not_is_refused(check, copied):
    path = copied / "docker/k6/request.js"
    path.write_text(path.read_text().replace("http.get(target)", "http.fetch(target)"))
    result = check(copied)
    assert result.returncode == 1 and "'fetch' does not exist" in result.stdout, result.stdout


@pytest.mark.parametrize("script", sorted((ROOT / "docker/k6").glob("*.js")), ids=lambda path: path.name)
def test_nodes_parser_reads_a_script(script):
    with script.open("rb") as text:
        subprocess.run(["node", "--input-type=module", "--check"], stdin=text, check=True, timeout=60)
