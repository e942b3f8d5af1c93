"""A browser for tests: headless Chromium, driven over WebDriver (W3C) with the standard library only."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 60
COMMAND_SECONDS = 120
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class WebDriverError(Exception):
    pass


class Browser:
    """Use as a context: `with Browser(width=1400) as browser`. One window, one fresh profile."""

    def __init__(self, width=1400, height=1000):
        self.profile = tempfile.mkdtemp(prefix="gopher-browser-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        self.driver = subprocess.Popen(
            [program("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._await_driver()
            self._begin(width, height)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self.session:
                self._call("DELETE", "")
        finally:
            self.session = None
            self.driver.terminate()
            try:
                self.driver.wait(10)
            except subprocess.TimeoutExpired:
                self.driver.kill()
                self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        """Runs `text` as the body of a function in the page; what it returns."""
        return self._call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def text(self, css):
        return self.script("return document.querySelector(arguments[0]).innerText", css)

    def click(self, css):
        """Scrolls to the first element and clicks its middle, as a user does."""
        found = self._call("POST", "/element", {"using": "css selector", "value": css})
        self._call("POST", f"/element/{found[ELEMENT]}/click", {})

    def pointer(self, *steps):
        """Moves and presses the mouse: ("move", x, y) in the window's pixels, ("down",), ("up",)."""
        actions = []
        for kind, *place in steps:
            if kind == "move":
                action = {"type": "pointerMove", "duration": 0, "x": round(place[0]), "y": round(place[1])}
            else:
                action = {"type": "pointerDown" if kind == "down" else "pointerUp", "button": 0}
            actions.append(action)
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self._call("POST", "/actions", {"actions": [mouse]})

    def key(self, key):
        """Presses a key in whatever has the focus; the special ones by their WebDriver code."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def devtools(self, command, **parameters):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def colour_scheme(self, scheme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def console(self):
        """What has been logged since the last call: messages of the page and errors of the browser."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def requested(self):
        """The addresses that have been asked for since the last call, data: included."""
        log = self._call("POST", "/se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in log]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def _await_driver(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if self._request("GET", "/status")["ready"]:
                    return
            except (OSError, WebDriverError):
                pass
            if self.driver.poll() is not None or time.monotonic() > deadline:
                raise WebDriverError("chromedriver did not start")
            time.sleep(0.05)

    def _begin(self, width, height):
        arguments = [*CHROMIUM_ARGUMENTS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]
        # The page for new tabs would load things of its own.
        blank = {"session": {"restore_on_startup": 4, "startup_urls": ["about:blank"]}}
        options = {"args": arguments, "binary": program("chromium"), "prefs": blank}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = self._request("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = session["sessionId"]
        self.open("about:blank")
        self.requested()
        self.console()

    def _call(self, method, path, body=None):
        return self._request(method, f"/session/{self.session}{path}", body)

    def _request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            # Proxies of the environment are not for this machine's own driver.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=COMMAND_SECONDS) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise WebDriverError(error.read().decode(errors="replace")[:2000]) from None


def program(name):
    found = shutil.which(name)
    if not found:
        raise WebDriverError(f"{name} is not installed: the Debian packages chromium and chromium-driver have it")
    return found
