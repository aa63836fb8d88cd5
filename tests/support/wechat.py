"""A local server that speaks WeChat Pay's third protocol: it checks RSA signatures, and signs what it says."""

import gzip
import hashlib
import json
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from greenloop.services.books.institution.wechat import Payee, Terms

AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')
APIV3_KEY = "0123456789abcdef0123456789abcdef"
NOW = datetime.fromisoformat("2026-01-05T12:00:00+00:00")


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """Make a key once: one for each name."""
    del name
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def certificate(name: str) -> x509.Certificate:
    """Make a certificate over a name's key, signed by itself, good since ever."""
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder(called, called, key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3_650))
        .not_valid_after(NOW + timedelta(days=3_650))
        .sign(key(name), SHA256())
    )


def serial(name: str) -> str:
    return f"{certificate(name).serial_number:X}"


def pem(name: str) -> str:
    return certificate(name).public_bytes(Encoding.PEM).decode()


def signed(
    body: bytes, *, at: datetime = NOW, by: str = "platform", stamp: str = "", serial_no: str = ""
) -> dict[str, str]:
    """Return the headers with which the platform signs what it says."""
    stamp, nonce = stamp or str(int(at.timestamp())), secrets.token_hex(8)
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Wechatpay-Signature": b64encode(key(by).sign(text, PKCS1v15(), SHA256())).decode(),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial_no or serial(by),
    }


def notice(event: str, resource: dict[str, Any], *, notice_id: str = "n1", secret: str = APIV3_KEY) -> bytes:
    """Return the body of a notice, its resource sealed."""
    nonce = secrets.token_hex(6)
    sealed = AESGCM(secret.encode()).encrypt(nonce.encode(), json.dumps(resource).encode(), b"transaction")
    told = {"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "transaction"}
    whole = {"id": notice_id, "event_type": event, "resource_type": "encrypt-resource", "create_time": NOW.isoformat()}
    return json.dumps(whole | {"resource": told | {"ciphertext": b64encode(sealed).decode()}}).encode()


@dataclass(slots=True)
class Server:
    """What the local platform was asked, what it answers by the beginning of a path, and how it signs."""

    address: str = ""
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    signs_as: str = "platform"
    serial_no: str = ""
    bill: bytes = b""

    def opened(self, sealed: str) -> str:
        """Open what was sealed for the platform's certificate."""
        padding = OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)  # noqa: S303  the protocol's
        return key("platform").decrypt(b64decode(sealed), padding).decode()

    def terms(self) -> Terms:
        """Return a contract with it."""
        text = key("merchant").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return Terms(
            mchid="1900000109",
            appid="wx0123456789abcdef",
            serial=serial("merchant"),
            private_key=text,
            apiv3_key=APIV3_KEY,
            certificates=(pem("platform"),),
            notify_url="https://greenloop.example/v1/notices/wechat",
            trust_mchid="1900000110",
            platform=Payee("o-platform", "平台"),
            payees={"grocer": Payee("o-grocer", "张三")},
            address=self.address,
        )


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        state = type(self).server_state
        state.asked.append((self.command, self.path, json.loads(body) if body else None))
        if not self._is_signed(body):
            return self._send(401, b'{"code":"SIGN_ERROR"}', {})
        if self.path.startswith("/file"):
            return self._send(200, gzip.compress(state.bill), {}, kind="application/octet-stream")
        status, told = next((each for path, each in state.answers.items() if self.path.startswith(path)), (404, {}))
        text = b"" if status == 204 else json.dumps(told).encode()
        return self._send(status, text, signed(text, by=state.signs_as, serial_no=state.serial_no))

    def _is_signed(self, body: bytes) -> bool:
        kind, _, rest = self.headers["Authorization"].partition(" ")
        told = dict(AUTHORIZATION.findall(rest))
        text = f"{self.command}\n{self.path}\n{told['timestamp']}\n{told['nonce_str']}\n".encode() + body + b"\n"
        try:
            key("merchant").public_key().verify(b64decode(told["signature"]), text, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return (kind, told["serial_no"], told["mchid"]) == (
            *("WECHATPAY2-SHA256-RSA2048", serial("merchant"), "1900000109"),
        )

    def _send(self, status: int, body: bytes, headers: dict[str, str], kind: str = "application/json") -> None:
        self.send_response(status)
        for name, text in (headers | {"Content-Type": kind, "Content-Length": str(len(body))}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def platform() -> Iterator[Server]:
    """Serve on loopback until the block ends."""
    state = Server()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnDoor", (_Door,), {"server_state": state}))
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def billed(state: Server, bill: bytes, *, url: str = "") -> None:
    """Let there be a bill, announced by its hash."""
    state.bill = bill
    told = {"hash_type": "SHA1", "hash_value": hashlib.sha1(bill).hexdigest()}  # noqa: S324  the protocol's
    state.answers["/v3/bill"] = (200, told | {"download_url": url or f"{state.address}/file?token=1"})
