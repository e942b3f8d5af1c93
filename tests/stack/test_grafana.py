"""The files of Grafana and of k6, which cannot run here: checked against their own schema and types, from npm."""

import os
import shutil
import subprocess

import pytest
import yaml
from stack import ROOT

FOLDER = ROOT / "docker/grafana"


@pytest.fixture(scope="module")
def schemas():
    """A folder with the packages of lint/package.json; kept between runs as long as that does not change."""
    folder = ROOT / ".run/lint"
    source = ROOT / "tests/stack/lint"
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules/.package-lock.json"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = stamp.exists() and lock.exists() and lock.read_bytes() == (source / lock.name).read_bytes()
    for file in source.iterdir():
        shutil.copy(file, folder)
    if not fresh:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
        if result.returncode != 0 and not os.environ.get("CI"):
            pytest.skip(f"npm cannot install the schemas here:\n{result.stderr}")
        assert result.returncode == 0, result.stderr
    return folder


def check(folder, root):
    command = ["node", "check.mjs", str(root)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def test_dashboards_and_k6_scripts_fit_their_schema_and_types(schemas):
    result = check(schemas, ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_check_of_the_schema_can_fail(schemas, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "docker/grafana")
    shutil.copytree(ROOT / "docker/k6", tmp_path / "docker/k6")
    dashboard = tmp_path / "docker/grafana/dashboards/gopherproxy.json"
    dashboard.write_text(dashboard.read_text().replace('"multi"', '"several"').replace('"expr"', '"expression"'))
    script = tmp_path / "docker/k6/smoke.js"
    script.write_text(script.read_text().replace("vus: 10", "vus: 'ten'") + "\nsleep('a while');\n")
    result = check(schemas, tmp_path)
    assert result.returncode == 1
    assert "TooltipDisplayMode" in result.stdout and "sleep" in result.stdout, result.stdout


def test_the_datasource_and_the_dashboard_are_provisioned():
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert [(source["uid"], source["type"], source["url"]) for source in sources] == [
        ("prometheus", "prometheus", "http://prometheus:9090")
    ]
    providers = yaml.safe_load((FOLDER / "provisioning/dashboards/gopherproxy.yaml").read_text())["providers"]
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    mounted = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    assert providers[0]["options"]["path"] in mounted
    assert services["grafana"]["environment"]["GF_USERS_ALLOW_SIGN_UP"] == "false"
