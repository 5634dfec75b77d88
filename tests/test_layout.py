"""The shape of the package: what may import what, and how long anything may be."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import workflow_mcp

ROOT = Path(str(workflow_mcp.__file__)).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))
MODULES = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in FILES}

# Each room may import from the rooms before it, and from itself.
ROOMS = (
    ("errors",),
    ("settings",),
    ("work",),
    ("storage",),
    ("sessions", "session_context"),
    ("workspace",),
    ("app",),
    ("server",),
    ("transports", "board"),
    ("cli",),
    ("__main__", "__init__"),
)
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
FASTMCP_ALLOWED = ("server", "transports")
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
MAX_LINES = 300
MAX_FUNCTION_LINES = 50


def tree(path: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


def unit(module: str) -> str:
    """The part of the package a module belongs to: itself, or the subpackage it is in."""
    return module.partition("/")[0]


def imported(node: ast.AST) -> Iterator[str]:
    """The dotted names that a node imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports do not show where they lead"
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> set[str]:
    """Everything a module imports, wherever in it."""
    return {name for node in ast.walk(tree(path)) for name in imported(node)}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    """A module imports only what is below it, also lazily and for types."""
    own = unit(module)
    assert own in RANK, f"{own} is not one of ROOMS"
    if own == "__init__":
        return
    for name in imports(MODULES[module]):
        parts = name.split(".")
        if parts[0] != "workflow_mcp" or len(parts) < 2 or parts[1] not in RANK:
            continue
        assert parts[1] == own or RANK[parts[1]] <= RANK[own], f"{module} imports {name}"


def test_nothing_stands_on_the_package_itself() -> None:
    """No module goes through the package's lazy names, which hide what they lead to."""
    names = set(workflow_mcp.__all__) - {"__version__"}
    for module, path in MODULES.items():
        assert not {f"workflow_mcp.{name}" for name in names} & imports(path), module


def test_no_module_leads_back_to_itself() -> None:
    """Inside a room too, imports go one way."""
    inside = {name for name in MODULES if not name.endswith("__init__")}
    dotted = {f"workflow_mcp.{name.replace('/', '.')}": name for name in inside}
    needs = {name: {dotted[to] for to in imports(MODULES[name]) if to in dotted} for name in inside}
    while needs:
        free = {name for name, missing in needs.items() if not missing}
        assert free, f"a circle among {sorted(needs)}"
        needs = {name: missing - free for name, missing in needs.items() if name not in free}


@pytest.mark.parametrize("module", MODULES)
def test_only_the_server_s_side_knows_fastmcp(module: str) -> None:
    """The core works without FastMCP; only what serves imports it."""
    uses = any(name.split(".")[0] == "fastmcp" for name in imports(MODULES[module]))
    assert not uses or unit(module) in FASTMCP_ALLOWED


@pytest.mark.parametrize("module", MODULES)
def test_only_settings_reads_the_environment(module: str) -> None:
    """What a process's environment says enters in one place."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    reads = [
        node
        for node in ast.walk(tree(MODULES[module]))
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
    ]
    assert not reads or module == "settings"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_imported_on_windows(module: str) -> None:
    """A module that only POSIX has is imported in a function or under a guard, never on the way in."""
    for node in tree(MODULES[module]).body:
        for name in imported(node):
            assert name.split(".")[0] not in POSIX_ONLY, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_short(module: str) -> None:
    """At most 300 lines a module, 50 a function; every module says what it is."""
    text = MODULES[module].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    parsed = ast.parse(text)
    assert ast.get_docstring(parsed) or not parsed.body
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{module}.{node.name} has {length} lines"


def test_the_package_imports_nothing_before_it_is_asked() -> None:
    """`import workflow_mcp` is as good as free; every public name is there when it is used."""
    for node in tree(ROOT / "__init__.py").body:
        assert not any(name.startswith("workflow_mcp") for name in imported(node))
    for name in workflow_mcp.__all__:
        assert getattr(importlib.import_module("workflow_mcp"), name) is not None
    assert dir(workflow_mcp) == workflow_mcp.__all__
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = workflow_mcp.no_such_name
