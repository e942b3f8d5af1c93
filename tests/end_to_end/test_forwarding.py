"""What the backend is told about the client, and what neither side is told."""

from harness.backend import response
from harness.http import RawConnection, get


def test_the_backend_learns_client_scheme_host_and_the_way(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    assert proxy.get("/x", {"Host": "shop.example:8080"}).status == 200
    seen = backend.last()
    assert seen.all("X-Forwarded-For") == ["127.0.0.1"]
    assert seen.all("X-Forwarded-Proto") == ["http"]
    assert seen.all("X-Forwarded-Host") == ["shop.example:8080"]
    assert len(seen.all("Via")) == 1
    assert seen.all("Host") == ["shop.example:8080"]


def test_what_a_client_claims_about_itself_is_not_believed(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    forged = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "bank.example"}
    assert proxy.get("/", forged).status == 200
    seen = backend.last()
    assert seen.all("X-Forwarded-For") == ["127.0.0.1"]
    assert seen.all("X-Forwarded-Proto") == ["http"]
    assert "bank.example" not in seen.all("X-Forwarded-Host")


def test_what_a_trusted_proxy_says_is_kept(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend, TRUSTED_PROXIES="127.0.0.0/8")
    told = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert proxy.get("/", told).status == 200
    seen = backend.last()
    addresses = [address.strip() for value in seen.all("X-Forwarded-For") for address in value.split(",")]
    assert addresses == ["203.0.113.7", "127.0.0.1"]
    assert seen.all("X-Forwarded-Proto") == ["https"]
    assert seen.all("X-Forwarded-Host") == ["shop.example"]


def test_hop_by_hop_fields_go_no_further_either_way(make_backend, start_proxy):
    def answer(request):
        return response(headers=["Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-End: 2"])

    backend = make_backend(answer)
    proxy = start_proxy(backend)
    hop_by_hop = {"Connection": "X-Private, Host", "X-Private": "1", "Proxy-Connection": "x", "TE": "gzip"}
    got = proxy.get("/", {**hop_by_hop, "X-Kept": "2"})
    seen = backend.last()
    assert not seen.all("X-Private") and not seen.all("Proxy-Connection") and not seen.all("TE")
    assert seen.all("Host"), "Connection: Host takes nothing away that the proxy owns"
    assert seen.all("X-Kept") == ["2"]
    assert got["X-Hop"] is None and got["Keep-Alive"] is None
    assert got["X-End"] == "2"
    assert got["Via"] and got["Date"]


def test_an_absolute_target_replaces_the_host(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    with RawConnection(proxy.port) as client:
        client.send("GET http://real.example/p?q HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
        assert client.read_head()[0] == 200
    assert (backend.last().path, backend.last()["Host"]) == ("/p?q", "real.example")


def test_upstream_connections_are_reused(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend, WORKERS="1")
    for _ in range(20):
        assert get(proxy.port).status == 200
    ports = {request.connection.getpeername()[1] for request in backend.requests}
    assert len(ports) == 1
