"""Time stamps of heads by an outside authority (RFC 3161). Knows no database; whoever waits for it waits in a thread.

An authority learns a digest and nothing else.
"""

from __future__ import annotations

import hashlib
import http.client
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from azeotrope.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

_MOST = 1 << 16
"""Bytes of a response; a real one has some 5,000."""


def ask(url: str, data: bytes, patience: float) -> bytes:
    """The authority's signed response about `data`, DER; its certificate is in it. Raises `Unavailable`.

    `patience`: seconds that one step of the exchange may take.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    asked = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    request = Request(checked(url), data=asked.as_bytes(), headers=headers)  # noqa: S310 (`checked` allows http only)
    try:
        with urlopen(request, timeout=patience) as response:  # noqa: S310
            said: bytes = response.read(_MOST + 1)
    except HTTPError as error:
        error.close()
        raise Unavailable(f"the time-stamp authority answers {error.code}", status=error.code) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise Unavailable(f"the time-stamp authority cannot be reached: {why}") from None
    _is_about(said, data, asked.nonce)
    return said


def checked(url: str) -> str:
    """The address, if it is one and tells no password. Raises `Misconfigured`, which does not quote it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Misconfigured("a time-stamp authority's address is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured("a time-stamp authority's address begins with http:// or https:// and names a host")
    if "@" in parts.netloc:
        raise Misconfigured("a time-stamp authority's address may hold no user or password; take one that asks none")
    return url


def _is_about(said: bytes, data: bytes, nonce: int | None) -> None:
    """Nothing is stored that could not be an answer. Whether it may be believed, `when` says."""
    try:
        response = _decoded(said)
        if response.tst_info.nonce != nonce:
            raise ValueError("it answers another request")
        _imprint(response, data)
    except ValueError as error:
        raise Unavailable(f"the time-stamp authority answered nonsense: {error}") from None


def claimed(response: bytes, data: bytes) -> datetime:
    """When somebody who calls themselves an authority saw `data`; nobody's word is checked. Raises `ValueError`."""
    decoded = _decoded(response)
    _imprint(decoded, data)
    return decoded.tst_info.gen_time.replace(tzinfo=UTC)


def when(response: bytes, data: bytes, trusted: list[Certificate]) -> datetime:
    """When an authority under one of the trusted roots saw `data`. Raises `ValueError` where none did.

    The signature, the chain at the time of stamping and the key's purpose are checked (RFC 3161, section 2.3).
    """
    from rfc3161_client import VerificationError, VerifierBuilder

    decoded = _decoded(response)
    builder = VerifierBuilder()
    for certificate in trusted:
        builder = builder.add_root_certificate(certificate)
    try:
        builder.build().verify_message(decoded, data)
    except VerificationError as error:
        raise ValueError(str(error)) from None
    return claimed(response, data)


def authorities(path: Path) -> list[Certificate]:
    """Root certificates from a PEM file. Raises `Misconfigured`."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"cannot read the certificates {path}: {error.strerror}") from None
    except ValueError:
        raise Misconfigured(f"{path} holds no certificates in PEM") from None


def _decoded(response: bytes) -> TimeStampResponse:
    """Raises `ValueError` where it is none, or one without a time."""
    from rfc3161_client import PKIStatus, decode_timestamp_response

    decoded = decode_timestamp_response(response)
    if decoded.status != PKIStatus.GRANTED:
        raise ValueError(f"the request was not granted (status {decoded.status})")
    return decoded


def _imprint(response: TimeStampResponse, data: bytes) -> None:
    """Raises `ValueError` where it is about something else."""
    imprint = response.tst_info.message_imprint
    name = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
    known = name.get(imprint.hash_algorithm.dotted_string)
    if known is None or imprint.message != hashlib.new(known, data).digest():
        raise ValueError("it is a time stamp of something else")
