"""An endpoint's address, as clients of OpenAI's dialect are given it, checked. Opens nothing; its errors quote nothing.

An address is shown, in a doctor's findings and in errors: so it may hold no secret.
"""

from __future__ import annotations

from yarl import URL

from azeotrope.errors import Misconfigured


def checked(base_url: str) -> URL:
    """The address, with /v1 where it has no path. Raises `Misconfigured`."""
    try:
        url = URL(base_url.strip())
    except ValueError:
        raise Misconfigured("base_url is no URL; it looks like http://host:8000/v1") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Misconfigured("base_url begins with http:// or https:// and names a host, as in http://host:8000/v1")
    if url.user or url.password or url.query_string or url.fragment:
        raise Misconfigured(
            "base_url may hold no user, password, query or fragment, for addresses are shown; give the key apart: "
            "key_env or key_file in settings, an option that ends in -key-env on the command line"
        )
    return url / "v1" if url.path in ("", "/") else url.with_path(url.path.rstrip("/"))
