"""The directory that a client names: in a header, or as the first of its roots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from workflow_mcp.errors import Code, DirectoryError

HEADER = "X-Workflow-Directory"


def directory_from_headers(values: Sequence[str]) -> str | None:
    """The directory the `X-Workflow-Directory` header names, percent-decoded when it carries `%`; None without one.

    Raises:
        DirectoryError: `HEADER_TWICE`.
    """
    if len(values) > 1:
        raise DirectoryError(Code.HEADER_TWICE, f"{HEADER} came {len(values)} times.", "send it once.")
    if not values or not values[0]:
        return None
    # Starlette reads header bytes as Latin-1; what clients mean is UTF-8 unless it cannot be.
    raw = unquote_to_bytes(values[0].encode("latin-1")) if "%" in values[0] else values[0].encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def directory_from_roots(uris: Iterable[str]) -> str | None:
    """The path of the first `file://` root; None when there is none."""
    for uri in uris:
        try:
            # A client that forgot to encode these means a name that holds them, never another directory.
            parts = urlsplit(uri.replace("#", "%23").replace("?", "%3F"))
        except ValueError:
            continue
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return url2pathname(parts.path)
    return None
