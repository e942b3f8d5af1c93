"""A steady load of GET requests from several keep-alive clients, with the outcome of each."""

import http.client
import threading
from dataclasses import dataclass, field

from .http import Client
from .polling import eventually


@dataclass
class Outcomes:
    statuses: dict = field(default_factory=dict)  # status → how many responses were read to their end
    cut: list = field(default_factory=list)  # a response began and did not end
    # No byte of a response: on a new connection, which a proxy that ends may refuse; and on one that had answered and
    # was to be kept, which no client can tell from a request that was taken and dropped.
    unanswered: list = field(default_factory=list)
    lost: list = field(default_factory=list)

    @property
    def failures(self):
        return self.cut + self.unanswered + self.lost


class Load:
    """Runs between start() and stop(). A client that cannot connect tries again until it is stopped.

    Each client waits `pause` seconds between its requests.
    """

    def __init__(self, port, clients=6, method="GET", pause=0):
        self.port, self.method, self.pause = port, method, pause
        self.outcomes = Outcomes()
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def answered(self):
        with self.lock:
            return sum(self.outcomes.statuses.values())

    def after(self, count, within=20):
        """Waits until that many more requests have been answered."""
        goal = self.answered() + count
        eventually(lambda: self.answered() >= goal, within, f"{count} more requests answered")

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(timeout=20)
            assert not thread.is_alive(), "a client of the load hangs"
        return self.outcomes

    def _run(self):
        client = Client(self.port)
        while not self.ending.is_set():
            kept = client.connection.sock is not None
            try:
                status = client.request(self.method).status
                with self.lock:
                    self.outcomes.statuses[status] = self.outcomes.statuses.get(status, 0) + 1
                if self.pause:
                    self.ending.wait(self.pause)
            except http.client.IncompleteRead as error:
                self._note(self.outcomes.cut, error, client)
            except (OSError, http.client.HTTPException) as error:
                self._note(self.outcomes.lost if kept else self.outcomes.unanswered, error, client)
                self.ending.wait(0.01)  # not to spin on a port that refuses
        client.close()

    def _note(self, where, error, client):
        client.close()
        with self.lock:
            where.append(repr(error))
