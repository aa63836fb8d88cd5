"""Where webhooks may be sent: the public internet alone, whatever a name claims, when registered and when sent."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from greenloop.core.faults import Refusal
from greenloop.services.outbox import addresses, sending
from greenloop.services.outbox.addresses import is_public, resolved, target
from greenloop.services.outbox.deliver import Delivered, deliver_due
from greenloop.services.outbox.endpoints import register
from greenloop.services.people.clients import register_client
from greenloop.services.people.enrol import set_rate
from tests.support.ledger import fetch
from tests.support.logged import logged
from tests.support.receiving import receiving
from tests.support.town import Town

PRIVATE = (
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),  # noqa: S104
    *("::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
    # Addresses of IPv6 that hold one of IPv4: mapped, compatible, NAT64, 6to4, Teredo.
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2001:0:a00:1::1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_within_somebody_s_own_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2400:3200::1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://shop.example/hooks", "ftp://shop.example/", "shop.example/hooks", "https://", "https:///hooks", ""),
        *("https://user@shop.example/", "https://user:word@shop.example/", "https://shop.example/#part"),
        *("https://shop.example:22/", "https://shop.example:80/", "https://shop.example:0/", "https://x:99999/"),
        *("https://shop.example:port/", "https://[::1/", "https://shop.example/ path", "https://shop.example/\npath"),
        *("https://商家.example/", "https://shop.example/商家", "http://127.0.0.1:8000/", "https://" + "a" * 500),
    ],
)
def test_what_is_no_address_for_webhooks_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        target(url)
    assert (refused.value.code, refused.value.field) == ("webhook.address", "url")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]:8443/", "https://10.1/"]
)
def test_an_address_in_figures_is_looked_at_like_a_name(url: str) -> None:
    with pytest.raises(Refusal, match=r"public internet|no address"):
        resolved(target(url))


def named(monkeypatch: pytest.MonkeyPatch, *lookups: tuple[str, ...]) -> list[str]:
    """Let every name have these addresses, at the first look-up, the second and so on; return the names asked for."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        found = lookups[min(len(asked), len(lookups)) - 1]
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)  # type: ignore[attr-defined]
    return asked


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "::ffff:192.168.0.1", "169.254.169.254"])
def test_a_name_that_leads_inside_is_refused_even_if_it_also_leads_outside(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    named(monkeypatch, ("93.184.215.14", address))
    with pytest.raises(Refusal, match="public internet"):
        resolved(target("https://shop.example/hooks"))


def test_a_name_server_that_never_answers_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()
    monkeypatch.setattr(addresses, "LOOK_UP_S", 0.05)
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: answered.wait(60))  # type: ignore[attr-defined]
    try:
        with pytest.raises(Refusal, match=r"within 0\.05 s") as refused:
            resolved(target("https://slow.example/hooks"))
    finally:
        answered.set()
    assert refused.value.code == "webhook.address"


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(Refusal, match="no address"):
        resolved(target("https://nowhere.invalid/"))


def subscribe(town: Town, url: str) -> int:
    register_client(name="tills", kind="merchant", merchants=["grocer"], at=town.at)
    return register(client="tills", url=url, kinds=["rate.set"], by="console", at=town.at).id


def happen(town: Town) -> None:
    set_rate(merchant="grocer", rate_ppm=90_000, valid_from_at=town.at + dt.timedelta(days=1), at=town.at)


def test_a_name_that_leads_inside_is_not_registered(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, ("127.0.0.1",))
    with pytest.raises(Refusal, match="public internet"):
        subscribe(town, "https://shop.example/hooks")
    assert fetch("SELECT COUNT(*) FROM webhook_endpoint") == [(0,)]


def test_a_name_that_leads_inside_since_it_was_registered_is_not_sent_to(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        # DNS tells the registration a public address and the delivery this machine's own.
        asked = named(monkeypatch, ("93.184.215.14",), ("127.0.0.1",))
        subscribe(town, f"https://shop.example:{receiver.port}/")
        happen(town)
        with logged(monkeypatch) as log:
            assert deliver_due(at=town.at) == Delivered(0, 1)
        assert asked == ["shop.example", "shop.example"]
        assert receiver.got == []
    ((fault,),) = fetch("SELECT fault FROM delivery_attempt")
    assert "public internet" in fault
    assert "try 1 failed: webhook.address" in log.text
    assert "shop.example" not in log.text


@contextmanager
def serving_tls(folder: Path, name: str) -> Iterator[tuple[int, Path, list[bytes]]]:
    """Serve HTTPS on loopback as `name`; yield the port, the file of the authority, and what came in."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(
            who, who, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    came: list[bytes] = []

    def serve(door: socket.socket) -> None:
        while True:
            try:
                plain, _ = door.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as wire:
                    asked = wire.recv(65_536)
                    # A head and its body come in two writes: closing between them would reset the caller's connection.
                    while asked and not asked.endswith(b"\r\n\r\n{}"):
                        more = wire.recv(65_536)
                        asked = asked + more if more else b""
                    came.append(asked)
                    wire.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except OSError:
                plain.close()

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = Thread(target=serve, args=(door,), daemon=True)
        thread.start()
        yield door.getsockname()[1], certificate, came
        door.shutdown(socket.SHUT_RDWR)
    thread.join()


def trusting(certificate: Path) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cafile=str(certificate))


def test_tls_is_checked_against_the_name_though_an_address_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    with serving_tls(tmp_path, "shop.example") as (port, certificate, came):
        named(monkeypatch, ("127.0.0.1",))
        tls = trusting(certificate)
        good = sending.send(f"https://shop.example:{port}/hooks?of=tills", b"{}", {}, tls=tls)
        other = sending.send(f"https://other.example:{port}/hooks", b"{}", {}, tls=tls)
        unknown = sending.send(f"https://shop.example:{port}/hooks", b"{}", {}, tls=ssl.create_default_context)
    assert (good.status, good.arrived) == (204, True)
    assert (other.fault, unknown.fault) == ("TLS: CERTIFICATE_VERIFY_FAILED",) * 2
    assert len(came) == 1
    head = came[0].decode()
    assert head.startswith("POST /hooks?of=tills HTTP/1.1\r\n")
    assert f"\r\nHost: shop.example:{port}\r\n" in head
