"""What `workflow-mcp doctor` says of how the server starts: byte code, whether it loads, the memo of openings."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from workflow_mcp.cli.steps import Step
from workflow_mcp.settings import environment
from workflow_mcp.transports.stdio.memo import memo_of

logger = logging.getLogger(__name__)

SERVER = "workflow_mcp.server.build"
# As little as possible beside the imports, as `__main__` does.
LOAD = """import gc, sys
gc.disable()
sys.path[:] = {path!r}
from {module} import load
problem = load()
gc.freeze()
sys.exit(problem)
"""
COMPILED = ("workflow_mcp", "fastmcp", "mcp", "mcp_types", "pydantic")


def about_start(loading: Loading) -> Iterator[Step]:
    """The steps about starting over stdio."""
    yield _about_byte_code()
    yield loading.step()
    yield _about_memo()


class Loading:
    """Loads the server, which takes 0.7 s, in a process of its own while other things are looked at.

    Where it is loaded already, no process is started.
    """

    def __init__(self) -> None:
        self._process = None if SERVER in sys.modules else _python(LOAD.format(path=sys.path, module=__name__))

    def step(self) -> Step:
        """Whether it loads, once that is known."""
        problem = load() if self._process is None else _problem_of(self._process)
        if problem is not None:
            return Step("server", "problem", f"it does not load: {problem}; install it again")
        return Step("server", "ok", "it loads")


def _python(code: str) -> Popen[str]:
    return Popen([sys.executable, "-c", code], stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, text=True, errors="replace")


def _problem_of(process: Popen[str]) -> str | None:
    _, said = process.communicate()
    return None if process.returncode == 0 else (said.splitlines() or [f"exit code {process.returncode}"])[-1]


def load() -> str | None:
    """Load the server; what keeps it from that."""
    try:
        import_module(SERVER).build_server()
    except Exception as error:
        logger.info("the server does not load", exc_info=True)
        cause = _first_cause(error)
        return f"{type(cause).__name__}: {cause}"
    return None


def _about_byte_code() -> Step:
    missing = ", ".join(name for name in COMPILED if not _is_compiled(name))
    if not missing:
        return Step("byte code", "ok", "it is there")
    then = "the next start takes a second longer, or every one where it cannot be written"
    return Step("byte code", "none", f"missing for {missing}: {then}; `uv tool install --compile-bytecode` makes it")


def _is_compiled(package: str) -> bool:
    spec = find_spec(package)
    return spec is not None and spec.origin is not None and Path(cache_from_source(spec.origin)).exists()


def _first_cause(error: BaseException) -> BaseException:
    # FastMCP raises another ImportError in place of the one that says what is missing.
    return error if error.__cause__ is None else _first_cause(error.__cause__)


def _about_memo() -> Step:
    memo = memo_of(environment())
    if memo is None:
        return Step("memo of openings", "ignored", "there is none: WORKFLOW_MCP_MEMO=off, or no usable cache folder")
    if not memo.is_there():
        return Step("memo of openings", "none", f"{memo.folder} (made by the first window)")
    return Step("memo of openings", "ok", f"{memo.folder}: {memo.count()} answers")
