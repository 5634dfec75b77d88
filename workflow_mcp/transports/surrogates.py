"""Half characters in requests.

JSON can name one half of a UTF-16 pair alone (`\\ud83d`: a client cut a text within an emoji), which is no text. The
SDK's parser refuses the whole message for it, and over stdio gives no answer at all.
"""

from __future__ import annotations

import re

# Escapes are read one after the other, so that the backslash of one is not taken for the beginning of the next.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


def whole_characters(text: bytes) -> bytes:
    """A JSON text in which each half character is U+FFFD, as invalid UTF-8 is too."""
    if rb"\ud" not in text and rb"\uD" not in text:
        return text
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], text)


def as_read(line: bytes) -> str:
    """A line as the SDK's parser gets it over stdio: without half characters and invalid UTF-8."""
    return whole_characters(line).decode("utf-8", errors="replace")
