"""The status page, as a reader of a browser meets it, over the real proxy and sentinel."""

import time

import pytest
from harness.http import get
from harness.polling import eventually, holds

# What a value of the network would have to do to be noticed: change the title, or run.
HOSTILE = (
    "http://<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>",
    "http://'\"></style></script><svg/onload=window.hit=1>",
    "http://a\u202egnp.exe\u0000:80",
    "javascript:window.hit=1",
    "{{constructor.constructor('window.hit=1')()}}",
)


@pytest.fixture
def browser(browser):
    """At a desktop's size; afterwards the console must have stayed silent, unless the test read it."""
    look_like(browser, 1280, 900)
    yield browser
    complaints = browser.console()
    browser.open("about:blank")
    assert complaints == []


def look_like(browser, width, height, dark=False, phone=False):
    browser.devtools(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
    )
    browser.colour_scheme("dark" if dark else "light")


def requested(browser):
    """Without what lies within the browser."""
    return [url for url in browser.requested() if not url.startswith(("data:", "chrome:"))]


def open_status(browser, process):
    browser.open(f"http://127.0.0.1:{process.metrics_port}/")
    shown(browser, "#verdict[data-state]", "")
    return browser


def shown(browser, selector, *words, within=10):
    def there():
        seen = browser.script("return document.querySelector(arguments[0])?.innerText ?? null", selector)
        return seen is not None and all(word in seen for word in words)

    eventually(there, within=within, what=f"{words} in {selector}", every=0.1)


def row(backend):
    return f'[data-backend="{backend.target}"]'


def test_all_is_well_is_said_in_words_and_asks_nobody_else(browser, make_backend, start_proxy):
    backends = [make_backend(), make_backend()]
    proxy = start_proxy(*backends)
    assert [proxy.get().status for _ in range(6)] == [200] * 6
    open_status(browser, proxy)
    shown(browser, "#verdict", "All is well", "2 of 2 backends take requests")
    for backend in backends:
        shown(browser, row(backend), "up", backend.target, "probe took")
    shown(browser, ".tiles", "6 since the start")
    eventually(lambda: browser.script("return document.title").startswith("●"))
    time.sleep(5)  # two more polls
    origin = f"http://127.0.0.1:{proxy.metrics_port}/"
    asked = requested(browser)
    assert asked[0] == origin and asked.count(origin + "status") >= 3, asked
    assert set(asked) == {origin, origin + "status"}


def test_a_backend_that_goes_down_and_returns_is_seen_without_a_reload(browser, make_backend, start_proxy):
    stays, dies = make_backend(), make_backend()
    proxy = start_proxy(stays, dies)
    open_status(browser, proxy)
    shown(browser, "#verdict", "All is well")
    browser.script("window.sameDocument = true")
    dies.close()
    shown(browser, "#verdict", "Degraded", "1 of 2 backends take requests", dies.target, "connection refused", "for ")
    shown(browser, row(dies), "down", "connection refused")
    shown(browser, row(stays), "up")
    shown(browser, "#notices", "backend is down", dies.target)
    first = browser.script("return document.querySelector('.row[data-backend]').dataset.backend")
    assert first == dies.target, "what is wrong stands first"
    dies.listen()
    shown(browser, "#verdict", "All is well")
    shown(browser, row(dies), "up")
    assert browser.script("return window.sameDocument") is True


def test_of_more_backends_than_are_listed_it_is_not_said_that_they_are_up(browser, start_proxy, redis):
    redis.add(*(f"http://127.9.{number // 250}.{number % 250 + 1}:9" for number in range(300)))
    open_status(browser, start_proxy())
    shown(browser, "#backends", "44 more are not shown.")


def test_no_value_of_the_network_becomes_markup(browser, make_backend, start_proxy, redis):
    backend = make_backend()
    proxy = start_proxy(backend)
    redis.add(*HOSTILE)
    open_status(browser, proxy)
    shown(browser, "#registry", "<img src=x onerror", "</style></script><svg", "\\u202egnp.exe\\u0000", "javascript:")
    shown(browser, "#notices", "member cannot be read", "<script>window.hit=1</script>")
    time.sleep(2.5)
    assert browser.script("return window.hit ?? null") is None
    markup = "img, script:not([nonce]), iframe, [onload], [onerror]"
    assert browser.script("return document.querySelectorAll(arguments[0]).length", markup) == 0
    redis.remove(*HOSTILE)
    shown(browser, "#verdict", "All is well")


def test_the_policy_lets_no_script_run_but_the_page_s_own(browser, make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    page = get(proxy.metrics_port, "/")
    assert page["Content-Security-Policy"].startswith("default-src 'none'; script-src 'nonce-")
    open_status(browser, proxy)
    browser.script("""
        const script = document.createElement('script');
        script.textContent = 'window.hit = 1';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.hit = 2">');
        document.body.insertAdjacentHTML('beforeend', '<p style="color: red">x</p>');
    """)
    time.sleep(1)
    assert browser.script("return window.hit ?? null") is None
    complaints = eventually(browser.console, what="the browser's complaints")
    assert all("Content Security Policy" in complaint for complaint in complaints), complaints


def test_a_process_that_does_not_answer_is_said_and_the_page_returns_by_itself(
    browser, make_backend, start_proxy
):
    backend = make_backend()
    proxy = start_proxy(backend)
    open_status(browser, proxy)
    shown(browser, "#verdict", "All is well")
    proxy.kill()
    shown(browser, "#live", "unreachable, next try in", within=20)
    shown(browser, "#verdict", "No answer from this process", "What is below was true", within=20)
    browser.console()  # the refused fetches
    asked = len(requested(browser))
    assert asked < 20
    proxy.start()
    shown(browser, "#verdict", "All is well", within=30)
    browser.console()


def test_a_hidden_page_asks_for_nothing_and_goes_on_when_it_is_seen_again(browser, make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    open_status(browser, proxy)
    hide = """
        Object.defineProperty(document, 'hidden', {configurable: true, value: arguments[0]});
        document.dispatchEvent(new Event('visibilitychange'));
    """
    browser.script(hide, True)
    shown(browser, "#live", "paused while hidden")
    time.sleep(0.5)  # an answer under way
    requested(browser)
    holds(lambda: requested(browser) == [], during=4.5, every=0.5, what="nothing is asked while hidden")
    browser.script(hide, False)
    shown(browser, "#live", "live")
    assert requested(browser)


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
@pytest.mark.parametrize(("width", "phone"), ((1280, False), (768, False), (390, True), (320, True)))
def test_nothing_sticks_out_of_the_page_at_any_width(browser, make_backend, start_proxy, redis, width, phone, dark):
    backends = [make_backend(), make_backend()]
    proxy = start_proxy(*backends)
    proxy.get()
    backends[0].close()
    redis.add("http://" + "x" * 300)
    look_like(browser, width, 800, dark, phone)
    open_status(browser, proxy)
    shown(browser, "#verdict", "backend is down", "member of the set cannot be read")
    overflowing = browser.script("""
        const wide = document.documentElement.clientWidth;
        return [...document.querySelectorAll('main *')]
          .filter(e => !e.closest('svg') && e.getBoundingClientRect().right > wide + 1)
          .map(e => e.className + ': ' + e.innerText);
    """)
    assert overflowing == []
    assert browser.script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    ground = browser.script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(ground) < 200) == dark


def test_the_sentinel_s_page_shows_its_targets(browser, make_backend, start_sentinel):
    stays, dies = make_backend(), make_backend()
    sentinel = start_sentinel(stays, dies)
    open_status(browser, sentinel)
    shown(browser, "#verdict", "All is well", "2 of 2 targets up")
    shown(browser, "#registry", "reachable", "2 added, 0 removed")
    dies.close()
    shown(browser, row(dies), "down", "connection refused")
    shown(browser, "#registry", "2 added, 1 removed")
