"""Bearer tokens from a file: one `name:token` a line, `#` for comments. The name is the principal."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from workflow_mcp.errors import Code, UsageError, shown

logger = logging.getLogger(__name__)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
MIN_TOKEN_LENGTH = 16
READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Token:
    """A principal and the SHA-256 of its token."""

    name: str
    digest: bytes


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens in a file that only its owner may read.

    Raises:
        UsageError: `TOKENS_UNREADABLE`, `TOKENS_NOT_PRIVATE` or `TOKENS_INVALID`, naming the file and the line,
            never a token.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            Code.TOKENS_UNREADABLE,
            f"{path}: {error}.",
            "make it a text file that the user who runs the server can read.",
        ) from error
    if os.name == "posix" and mode & READABLE_BY_OTHERS:
        raise UsageError(
            Code.TOKENS_NOT_PRIVATE, f"{path} can be read by others (mode {stat.S_IMODE(mode):o}).", f"chmod 600 {path}"
        )
    tokens = tuple(
        _token(path, number, line.strip())
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    )
    if not tokens or len({token.digest for token in tokens}) != len(tokens):
        what = "two lines have the same token" if tokens else "there is no token in it"
        raise UsageError(Code.TOKENS_INVALID, f"{path}: {what}.", "write one `name:token` a line, each token once.")
    return tokens


def _token(path: Path, number: int, line: str) -> Token:
    name, colon, secret = line.partition(":")
    if not colon or not NAME.fullmatch(name) or len(secret) < MIN_TOKEN_LENGTH:
        raise UsageError(
            Code.TOKENS_INVALID,
            f"{path}, line {number}: not `name:token` with a token of {MIN_TOKEN_LENGTH} characters or more.",
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return Token(name, hashlib.sha256(secret.encode()).digest())


class TokenFile:
    """Finds the principal of a token; reads the file again when it changes.

    While a changed file is invalid all tokens are refused, because one may have been removed, and an error is logged.

    Raises:
        UsageError: the file cannot be used when the object is created; see `read_tokens`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = self._stat()
        self._tokens = read_tokens(path)

    def principal(self, secret: str) -> str | None:
        """The principal of a token, in constant time; None for an unknown token."""
        self._follow_changes()
        digest = hashlib.sha256(secret.encode()).digest()
        names = [token.name for token in self._tokens if hmac.compare_digest(token.digest, digest)]
        return names[0] if names else None

    def has(self, name: str) -> bool:
        """Whether the principal has a token now."""
        self._follow_changes()
        return any(token.name == name for token in self._tokens)

    def _stat(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino

    def _follow_changes(self) -> None:
        state = self._stat()
        if state == self._state:
            return
        self._state = state
        try:
            self._tokens = read_tokens(self._path)
            logger.info("%s was read again: %d tokens", self._path, len(self._tokens))
        except UsageError as error:
            self._tokens = ()
            logger.error("all tokens are refused: %s", shown(str(error)))  # noqa: TRY400 - no traceback is needed
