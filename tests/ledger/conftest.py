"""Fixtures of the ledger's tests: entries to record, logs to sign and check, a time-stamp authority of our own.

`authority` answers RFC 3161 requests over HTTP as it is told to (`authority.mood`), signs with a certificate under a
root of its own (`authority.root`), and counts what it was asked.
"""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from azeotrope.errors import Misconfigured
from azeotrope.ledger import Commitment, Entry, Ledger, Note, Signer, Signing, Spent
from azeotrope.ledger.checking import Known, check
from azeotrope.types import Request, Step, Trace

QUESTION = Request.of("What is the capital of Peru?", temperature=0.5)
SAID = Trace(
    "r1", QUESTION, "It is by the sea.", "Lima", "tiny", usage={"prompt_tokens": 7, "completion_tokens": 2},
    lineage=(Step("terse", "released", "c0ffee"),),
)  # fmt: skip


@pytest.fixture
def entry() -> Callable[..., Entry]:
    def make(request_id: str = "r1", trace: Trace = SAID, customer: str = "acme", **other: int) -> Entry:
        return Entry.of(trace, request_id=request_id, customer=customer, policy="p", started=time.time(), **other)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


SIGNER = Signer(b"k" * 32)
PROMISE = Commitment(customer="acme", epoch=1, mark="feed", law="1a", commitment="ab" * 32)


@pytest.fixture
def signer() -> Signer:
    """Who signs what `fill` appends."""
    return SIGNER


@pytest.fixture
def fill(entry: Callable[..., Entry]) -> Callable[..., None]:
    """Records releases of these names (`feed`: a mark's commitment, `spent`: a spent probe), and signs a head."""

    def filled(path: Path, *names: str, sign: bool = True, **signing: Any) -> None:
        async def main() -> None:
            async with Ledger(path, signing=Signing(SIGNER, **signing) if sign else None) as ledger:
                for name in names:
                    note = {"feed": Note.of(PROMISE), "spent": Note.of(Spent("feed", 3))}.get(name)
                    await ledger.append(note or entry(name))

        asyncio.run(main())

    return filled


@pytest.fixture
def verdict() -> Callable[..., bool]:
    """Does the evidence hold, for somebody who knows the signer's key?"""

    def holds(lines: bytes | Iterable[bytes], **known: Any) -> bool:
        given = lines.splitlines(keepends=True) if isinstance(lines, bytes) else lines
        try:
            findings, _ = check(given, Known(**{"key": SIGNER.public.hex()} | known))
        except Misconfigured:
            return False
        assert findings
        return all(finding.holds is not False for finding in findings)

    return holds


# ---- DER (X.690), as much as a time stamp needs

SHA256 = bytes.fromhex("300d06096086480165030402010500")
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")
POLICY = bytes.fromhex("06042a030405")


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    length = (
        bytes([size])
        if size < 128
        else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8)
    )
    return bytes([tag]) + length + body


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1))


def members(data: bytes) -> list[tuple[int, bytes]]:
    """The members of a SEQUENCE's body: tag and body."""
    found: list[tuple[int, bytes]] = []
    while data:
        tag, size, start = data[0], data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start])
        found.append((tag, data[start : start + size]))
        data = data[start + size :]
    return found


class Authority:
    """A root, a certificate for stamping under it, and a server."""

    def __init__(self) -> None:
        self.mood, self.asked, self.hold = "honest", 0, threading.Event()
        self.time = datetime.now(UTC).replace(microsecond=0)
        self._serial = 0
        root_key, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root of Time")])
        self.root = _certificate(name, name, root_key, root_key, ca=True)
        mine = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Time")])
        self._certificate = _certificate(mine, name, self._key, root_key, ca=False)

    def answer(self, request: bytes) -> bytes:
        """A TimeStampResp (RFC 3161, section 2.4.2)."""
        _, imprint, *rest = members(members(request)[0][1])
        nonce = next(int.from_bytes(body) for tag, body in rest if tag == 2)
        digest = members(imprint[1])[1][1]
        if self.mood == "refuses":
            return der(0x30, der(0x30, integer(2)))
        if self.mood == "of something else":
            digest = hashlib.sha256(digest).digest()
        return der(0x30, der(0x30, integer(0)), self._token(digest, nonce + (self.mood == "to somebody else")))

    def _token(self, digest: bytes, nonce: int) -> bytes:
        self._serial += 1
        when = der(0x18, self.time.strftime("%Y%m%d%H%M%SZ").encode())
        imprint = der(0x30, SHA256, der(4, digest))
        info = der(0x30, integer(1), POLICY, imprint, integer(self._serial), when, integer(nonce))
        certificate = self._certificate.public_bytes(Encoding.DER)
        named = der(0x30, der(0x30, der(0x30, der(4, hashlib.sha256(certificate).digest()))))
        attributes = b"".join(sorted((
            der(0x30, CONTENT_TYPE, der(0x31, TST_INFO)),
            der(0x30, MESSAGE_DIGEST, der(0x31, der(4, hashlib.sha256(info).digest()))),
            der(0x30, SIGNING_CERTIFICATE, der(0x31, named)),
        )))  # fmt: skip
        signature = self._key.sign(der(0x31, attributes), ec.ECDSA(hashes.SHA256()))
        issuer = der(0x30, self._certificate.issuer.public_bytes(), integer(self._certificate.serial_number))
        signer = der(0x30, integer(1), issuer, SHA256, der(0xA0, attributes), ECDSA_SHA256, der(4, signature))
        content = der(0x30, TST_INFO, der(0xA0, der(4, info)))
        signed = der(0x30, integer(3), der(0x31, SHA256), content, der(0xA0, certificate), der(0x31, signer))
        return der(0x30, SIGNED_DATA, der(0xA0, signed))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
    made = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not ca:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return made.sign(by, hashes.SHA256())


class Serving(Authority):
    """The authority behind an address, and its root in a file."""

    url = ""
    roots = Path()


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Serving]:
    office = Serving()

    class Counter(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            office.asked += 1
            request = self.rfile.read(int(self.headers["Content-Length"]))
            if office.mood == "hangs":
                office.hold.wait(20)
            self.send_response(500 if office.mood == "broken" else 200)
            self.end_headers()
            self.wfile.write(b"<html>" if office.mood == "nonsense" else office.answer(request))

        def log_message(self, *_: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that gave up is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), Counter)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    office.url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
    office.roots = tmp_path / "roots.pem"
    office.roots.write_bytes(office.root.public_bytes(Encoding.PEM))
    yield office
    office.hold.set()
    server.shutdown()
    serving.join()
    server.server_close()
