"""What `workflow-mcp doctor` says of how the server starts: byte code, whether it loads, the memo of openings."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from workflow_mcp.cli.steps import Step
from workflow_mcp.settings import Settings, environment
from workflow_mcp.transports.stdio.memo import memo_of

logger = logging.getLogger(__name__)

COMPILED = ("workflow_mcp", "fastmcp", "mcp", "mcp_types", "pydantic")


def about_start(settings: Settings) -> Iterator[Step]:
    """The steps about starting over stdio."""
    yield _about_byte_code()
    yield _about_loading(settings)
    yield _about_memo()


def _about_byte_code() -> Step:
    missing = ", ".join(name for name in COMPILED if not _is_compiled(name))
    if not missing:
        return Step("byte code", "ok", "it is there")
    then = "the next start takes a second longer, or every one where it cannot be written"
    return Step("byte code", "none", f"missing for {missing}: {then}; `uv tool install --compile-bytecode` makes it")


def _is_compiled(package: str) -> bool:
    spec = find_spec(package)
    return spec is not None and spec.origin is not None and Path(cache_from_source(spec.origin)).exists()


def _about_loading(settings: Settings) -> Step:
    try:
        import_module("workflow_mcp.server.build").build_server(settings)
    except Exception as error:
        logger.info("the server does not load", exc_info=True)
        cause = _first_cause(error)
        return Step("server", "problem", f"it does not load: {type(cause).__name__}: {cause}; install it again")
    return Step("server", "ok", "it loads")


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
