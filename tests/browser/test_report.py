"""The page of gopher-sim run --html, in a real browser."""

import subprocess

import pytest

HOSTILE = "\"><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'"


def write_report(binaries, scenario, page, must_pass=True):
    run = subprocess.run(
        [binaries / "gopher-sim", "run", scenario, "--html", page], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == (0 if must_pass else 1), run.stdout + run.stderr
    return page


@pytest.fixture(scope="module")
def flapping(binaries, root, tmp_path_factory):
    page = tmp_path_factory.mktemp("report") / "flapping.html"
    return write_report(binaries, root / "scenarios/one_backend_flaps.yaml", page)


@pytest.fixture
def page(browser, flapping):
    browser.open(flapping.as_uri())
    return browser


def lane_at(browser, group, lane, second):
    """Where in the window a lane is at that time, scrolled into view."""
    return browser.script(
        """const [group, lane, second] = arguments;
        const row = rows.find((r) => r.kind === 'lane' && r.group.name === group && laneTitle(r.lane) === lane);
        const plot = document.getElementById('plot');
        window.scrollTo(0, plot.getBoundingClientRect().top + scrollY + row.y - innerHeight / 2);
        const box = plot.getBoundingClientRect();
        return [box.left + x(second), box.top + row.y + row.height / 2];""",
        group, lane, second,
    )  # fmt: skip


def test_it_loads_without_an_error_and_asks_the_network_for_nothing(page, flapping):
    asked = [url for url in page.requested() if not url.startswith("data:")]
    assert asked == [flapping.as_uri()]
    assert page.console() == []
    assert page.text("#verdict") == "PASSED"
    assert page.text("#name") == "one_backend_flaps"
    assert page.text("#command").startswith("gopher-sim run ") and " --seed 1" in page.text("#command")


def test_it_shows_a_group_of_lanes_for_each_backend(page):
    titles = page.script("return [...document.querySelectorAll('#plot text')].map((t) => t.textContent)")
    for wanted in ("Processes", "b1:8080", "b2:8080", "b3:8080", "truth", "s1", "registry", "p1", "crash b2"):
        assert wanted in titles
    assert titles.count("truth") == 3
    # Six deaths: on each of b2's four lanes, and nobody else's.
    assert page.script("return document.querySelectorAll('#plot rect.down').length") >= 12


def test_hovering_tells_who_saw_what(page):
    page.pointer(("move", *lane_at(page, "b2:8080", "truth", 26)))
    tip = page.text("#tip")
    assert "b2:8080: down" in tip and "20.000 s – 32.000 s" in tip and "killed" in tip
    page.pointer(("move", *lane_at(page, "b2:8080", "registry", 30)))
    assert "b2:8080 for registry: not a member" in page.text("#tip")


def test_clicking_walks_the_causes_back_to_the_fault(page):
    page.pointer(("move", *lane_at(page, "b2:8080", "registry", 30)), ("down",), ("up",))
    details = page.text("#details")
    assert "removed from the set by s1" in details
    for cause in ("s1 → b2:8080: verdict down: refused", "probe failed: refused", "killed", "crash b2"):
        assert cause in details
    assert page.script("return document.querySelectorAll('#plot path.link').length") >= 4
    # The last of the chain is the fault itself.
    page.script(
        """[...document.querySelectorAll('#details .chain button')]
        .find((button) => button.textContent.includes('crash b2')).id = 'root-cause'"""
    )
    page.click("#root-cause")
    assert "The scenario says so." in page.text("#details")
    assert "killed" in page.text("#details")


def test_keys_walk_the_events_and_zoom(page):
    page.script("document.getElementById('plot-frame').focus()")
    page.key("\ue014")
    first = page.text("#details h2")
    page.key("\ue014")
    assert page.text("#details h2") != first or page.script("return chosen") is not None
    page.key("+")
    assert page.script("return view.to - view.from") < page.script("return run.end") * 0.6
    page.key("0")
    assert page.script("return view.to - view.from") == page.script("return run.end")
    page.key("\ue00c")
    assert "What led to what" in page.text("#details")


def test_dragging_zooms_to_what_was_drawn_over(page):
    left = lane_at(page, "b2:8080", "truth", 40)
    right = lane_at(page, "b2:8080", "truth", 60)
    page.pointer(("move", *left), ("down",), ("move", *right), ("up",))
    view = page.script("return [view.from, view.to]")
    assert view == pytest.approx([40, 60], abs=0.5)


def test_failures_are_listed_and_marked(browser, binaries, root, tmp_path):
    scenario = root / "scenarios/negative/partition_that_never_ends.yaml"
    browser.open(write_report(binaries, scenario, tmp_path / "page.html").as_uri())
    assert browser.text("#verdict") == "FAILED AS IT MUST"
    assert browser.script("return document.querySelectorAll('#plot path.failure').length") >= 1
    browser.click("#failures li button")
    assert "partition" in browser.text("#details .chain")
    assert browser.console() == []


def test_it_is_readable_on_a_dark_screen(page):
    page.colour_scheme("dark")
    ink, ground = page.script(
        """const s = getComputedStyle(document.querySelector('header'));
        const light = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
        return [light(s.color), light(s.backgroundColor)];"""
    )
    assert ink > 600 and ground < 150


def test_hostile_texts_do_nothing(browser, binaries, tmp_path):
    scenario = tmp_path / "<img src=x onerror=alert(1)>.yaml"
    quoted = HOSTILE.replace("'", "''")
    scenario.write_text(
        f"""story: '{quoted}'
duration: 30s
must_fail: '{quoted}'
world:
  backends: [{{name: b, count: 2}}]
  sentinels: [{{name: s1}}]
  proxies: [{{name: p1}}]
  clients: [{{name: c1, rate: 5/s}}]
timeline:
  - {{at: 5s, registry_add: '{quoted}'}}
  - {{at: 6s, registry_add: '</script><script>document.title="owned"</script>'}}
  - {{at: 10s, redis_error: '{quoted}', for: 5s}}
"""
    )
    browser.open(write_report(binaries, scenario, tmp_path / "page.html", must_pass=False).as_uri())
    assert HOSTILE in browser.text("#story")
    assert browser.script("return document.querySelectorAll('img').length") == 0
    assert browser.script("return document.querySelectorAll('script').length") == 2
    browser.script("for (const event of events) { chosen = event.id; drawDetails(); } draw(); drawRows();")
    assert "owned" not in browser.script("return document.title")
    assert browser.console() == []
    assert len([url for url in browser.requested() if not url.startswith("data:")]) == 1
    # Nor could it, if something did become markup: the page's policy refuses scripts that are not its own.
    browser.script("document.body.insertAdjacentHTML('beforeend', arguments[0])", HOSTILE)
    assert "owned" not in browser.script("return document.title")
