"""The memo: what the real server answered to clients' openings, kept for the next start of the same installation.

A folder in the user's cache, named after everything that the answers depend on; in it a file for each
answer, named after all that the client had sent by then. Standard library only, and as little of it as will do.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

try:
    from _blake2 import blake2b  # hashlib brings OpenSSL along: 4 ms and 4 MB
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PREFIXES = ("WORKFLOW_MCP_", "FASTMCP_", "MCP_", "PYDANTIC_", "PYTHON")
NAMES = {"HOME", "XDG_DATA_HOME"}
# Of these, every text is valid, and no answer in an opening depends on which.
ANY_TEXT = {
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_PLUGIN_DATA",
    "CLAUDE_PLUGIN_ROOT",
    "CLAUDE_PROJECT_DIR",
    "PLUGIN_DATA",
    "PLUGIN_ROOT",
    "WORKFLOW_MCP_DIRECTORY",
}
MAX_ANSWERS = 256
MAX_MEMOS = 32
MAX_BYTES = 1_048_576
CHECKSUM = 32  # characters


def digest(data: bytes = b"") -> blake2b:
    """A running digest, of what a name or a checksum is made from."""
    return blake2b(data, digest_size=CHECKSUM // 2)


class Memo:
    """The answers of one installation with one set of settings.

    None that is broken, half-written, or could have been written by somebody else is ever read.

    Args:
        folder: where the answers are; it need not be there.
        find: finds that folder again; None when it is always the same.
    """

    def __init__(self, folder: str, find: Callable[[], str | None] | None = None) -> None:
        self.folder = folder
        self._find = find

    def is_current(self) -> bool:
        """Whether what is installed is still what it was when this memo was found."""
        return self._find is None or self._find() == self.folder

    def is_there(self) -> bool:
        """Whether there is one that nobody else can write to."""
        try:
            return stat.S_ISDIR((found := os.lstat(self.folder)).st_mode) and _is_ours(found)
        except OSError:
            return False

    def get(self, key: str) -> bytes | None:
        """The answer under a key: a line, or nothing for a notification; None when it is not known."""
        checksum, _, answer = _read(os.path.join(self.folder, key)).partition(b"\n")
        return answer if digest(answer).hexdigest().encode() == checksum else None

    def put(self, answers: Mapping[str, bytes]) -> None:
        """Keep answers; each is there whole or not at all.

        Raises:
            OSError: the folder or its disk cannot be written.
        """
        self._make_room()
        for key, answer in answers.items():
            path = os.path.join(self.folder, key)
            written = f"{path}.{os.getpid()}"
            try:
                with open(written, "xb", opener=_private) as file:
                    file.write(digest(answer).hexdigest().encode() + b"\n" + answer)
                os.replace(written, path)
            except OSError:
                _remove(written)
                raise

    def drop(self) -> None:
        """Forget all answers, as far as that can be done."""
        for name in _names_in(self.folder):
            _remove(os.path.join(self.folder, name))

    def count(self) -> int:
        """How many answers there are."""
        return len(_names_in(self.folder))

    def _make_room(self) -> None:
        above = os.path.dirname(self.folder)
        if not os.path.lexists(self.folder):
            os.makedirs(above, mode=0o700, exist_ok=True)
            for name in sorted(_names_in(above), key=lambda name: _changed(os.path.join(above, name)))[:-MAX_MEMOS]:
                other = Memo(os.path.join(above, name))
                other.drop()
                os.rmdir(other.folder)
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        elif not self.is_there():
            raise PermissionError(errno.EPERM, "others can write to it", self.folder)
        elif self.count() >= MAX_ANSWERS:
            self.drop()


def memo_of(environment: Mapping[str, str], directory: str | None = None) -> Memo | None:
    """The memo of this installation with these settings, and this `--directory`; None where there is to be none."""
    variables = {name.upper(): value for name, value in environment.items()}

    def find() -> str | None:
        return _folder_of(variables, directory or "")

    folder = find()
    return None if folder is None else Memo(folder, find)


def _folder_of(variables: Mapping[str, str], directory: str) -> str | None:
    cache = _cache_folder(variables)
    if variables.get("WORKFLOW_MCP_MEMO") == "off" or cache is None or sys.platform == "win32":
        return None
    name = digest()
    try:
        for part in (*_interpreter(), *_installed(), *_settings(variables, directory)):
            name.update(os.fsencode(part) + b"\0")
    except OSError:
        return None
    return os.path.join(cache, "workflow-mcp", "openings", name.hexdigest())


def _cache_folder(variables: Mapping[str, str]) -> str | None:
    # As platformdirs has it, which takes 10 ms to say so.
    home = "Library/Caches" if sys.platform == "darwin" else ".cache"
    folder = variables.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), home)
    return folder if os.path.isabs(folder) else None


def _interpreter() -> Iterator[str]:
    yield from (sys.version, sys.executable, sys.prefix, str(sys.flags.optimize))


def _installed() -> Iterator[str]:
    for number, place in enumerate(sys.path):
        # The first is where the program or its user is; of the others, what is installed changes the time.
        yield f"{place}\0{_changed(place) if number else ''}"
    folders = [PACKAGE]
    while folders:
        for entry in sorted(os.scandir(folders.pop()), key=lambda entry: entry.name):
            if entry.is_dir():
                folders += [entry.path] * (entry.name != "__pycache__")
            else:
                yield f"{entry.path}\0{entry.stat().st_mtime_ns}\0{entry.stat().st_size}"


def _settings(variables: Mapping[str, str], directory: str) -> Iterator[str]:
    for name, value in sorted(variables.items()):
        if name in ANY_TEXT:
            yield f"{name}\0{_is_text(value)}"
        elif name in NAMES or name.startswith(PREFIXES):
            yield f"{name}\0{value}"
    yield f"{_is_text(os.getcwd())}\0{_is_text(directory)}"
    # FastMCP takes settings from there too.
    dotenv = _read(variables.get("FASTMCP_ENV_FILE", ".env"), ours=False)
    yield os.fsdecode(dotenv) if b"fastmcp" in dotenv.lower() else ""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_ours(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(path: str, *, ours: bool = True) -> bytes:
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        found = os.fstat(number)
        usable = stat.S_ISREG(found.st_mode) and found.st_size <= MAX_BYTES and (_is_ours(found) or not ours)
        return os.read(number, found.st_size) if usable else b""
    finally:
        os.close(number)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
