"""Directories that clients name: in a header, or as their first root."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes, urlsplit

from workflow_mcp.errors import Code, DirectoryError

HEADER = "X-Workflow-Directory"


def directory_from_headers(values: Sequence[str]) -> str | None:
    """The directory in the `X-Workflow-Directory` header, percent-decoded when it contains `%`; None without one.

    Raises:
        DirectoryError: `HEADER_TWICE`.
    """
    if len(values) > 1:
        raise DirectoryError(Code.HEADER_TWICE, f"{HEADER} came {len(values)} times.", "send it once.")
    if not values or not values[0]:
        return None
    # Starlette decodes headers as Latin-1; clients send UTF-8, so Latin-1 is used only for bytes that are not UTF-8.
    raw = unquote_to_bytes(values[0].encode("latin-1")) if "%" in values[0] else values[0].encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def directory_from_roots(uris: Iterable[str]) -> str | None:
    """The path of the first `file://` root; None when there is none."""
    for uri in uris:
        try:
            # Some clients do not encode these characters in a name.
            parts = urlsplit(uri.replace("#", "%23").replace("?", "%3F"))
        except ValueError:
            continue
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return _path_of(parts.path)
    return None


def _path_of(url_path: str) -> str:
    from urllib.request import url2pathname

    return url2pathname(url_path)
