"""The shape of the package: what may import what, how long anything may be, and how its errors are named."""

from __future__ import annotations

import ast
import importlib
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import workflow_mcp
from workflow_mcp.errors import Code

TOP = Path(__file__).parent.parent
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
    ("claude_code",),
    ("server",),
    ("transports", "board"),
    ("cli",),
    ("__main__", "__init__"),
)
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
FASTMCP_ALLOWED = ("server", "transports")
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
ROOM_NAMES = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
MAX_ENTRIES = 16
MAX_LINES = 300
MAX_FUNCTION_LINES = 50
MAX_MEDIAN_LINES = 8
MAX_P90_LINES = 17
MAX_NOQA = 25

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_in(path: Path) -> list[Function]:
    """All functions of a module, methods and inner ones too."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, Function)]


def lines_of(function: Function) -> int:
    """How long a function is, with its docstring and without its decorators."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def comments(path: Path) -> list[str]:
    """A module's comments."""
    with tokenize.open(path) as file:
        return [token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]


def check_in_a_new_process(statements: str) -> None:
    """The statements, which assert something, hold in an interpreter that has imported nothing."""
    done = subprocess.run([sys.executable, "-c", statements], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr


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


def test_imports_go_one_way() -> None:
    """A module imports only what is below it, also lazily and for types."""
    for module, path in MODULES.items():
        own = unit(module)
        assert own in RANK, f"{own} is not one of ROOMS"
        for name in imports(path) if own != "__init__" else ():
            parts = name.split(".")
            if parts[0] == "workflow_mcp" and len(parts) > 1 and parts[1] in RANK:
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


def test_only_the_server_s_side_knows_fastmcp() -> None:
    """The core works without FastMCP; only what serves imports it."""
    for module, path in MODULES.items():
        uses = any(name.split(".")[0] == "fastmcp" for name in imports(path))
        assert not uses or unit(module) in FASTMCP_ALLOWED, module


def test_only_settings_reads_the_environment() -> None:
    """What a process's environment says enters in one place; what cannot wait for it, goes by its bare text."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    read = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
    }
    assert read <= {"settings", "__main__"}


def test_every_module_can_be_imported_on_windows() -> None:
    """A module that only POSIX has is imported in a function or under a guard, never on the way in."""
    for module, path in MODULES.items():
        for node in tree(path).body:
            for name in imported(node):
                assert name.split(".")[0] not in POSIX_ONLY, f"{module} imports {name}"


def test_modules_and_functions_are_short() -> None:
    """At most 300 lines a module, 50 a function; every module says what it is."""
    for module, path in MODULES.items():
        parsed = tree(path)
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES, module
        assert ast.get_docstring(parsed) or not parsed.body, module
        for function in functions_in(path):
            assert lines_of(function) <= MAX_FUNCTION_LINES, f"{module}.{function.name} has {lines_of(function)} lines"


def test_most_functions_are_very_short() -> None:
    """Half of all functions have at most 8 lines, nine of ten at most 17."""
    lengths = sorted(lines_of(function) for path in FILES for function in functions_in(path))
    assert statistics.median(lengths) <= MAX_MEDIAN_LINES
    assert statistics.quantiles(lengths, n=10)[-1] <= MAX_P90_LINES


def test_the_package_reads_as_a_table_of_contents() -> None:
    """A newcomer's `ls` shows at most 16 entries."""
    entries = sorted(path.name for path in ROOT.iterdir() if path.name != "__pycache__")
    assert len(entries) <= MAX_ENTRIES, entries


def test_a_room_s_own_module_is_a_docstring() -> None:
    """Importing a room imports nothing: what is in it is imported by its own name."""
    for module in (name for name in MODULES if name.endswith("/__init__")):
        for node in tree(MODULES[module]).body:
            assert isinstance(node, ast.Expr), module
            assert isinstance(node.value, ast.Constant), module


def test_tests_stand_where_the_package_stands() -> None:
    """Each folder of tests is called after a room, or is one of five that serve them all."""
    folders = {path.name for path in (TOP / "tests").iterdir() if list(path.glob("*.py"))}
    assert folders - {"clients", "process", "benchmarks", "checkers"} <= ROOM_NAMES
    assert ROOM_NAMES - folders <= {"work"}


def test_every_exception_to_a_rule_has_its_reason() -> None:
    """Each `noqa` names a rule and, after a dash, the reason; the package has at most 25 of them."""
    files = [path for folder in ("workflow_mcp", "tests", "examples") for path in sorted((TOP / folder).rglob("*.py"))]
    found = [(path, comment) for path in files for comment in comments(path) if "noqa" in comment]
    assert [one for one in found if not re.search(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)* - \S", one[1])] == []
    assert len([path for path, _ in found if path.is_relative_to(ROOT)]) <= MAX_NOQA


@pytest.mark.parametrize(
    ("room", "absent"),
    [
        ("work", ("sqlalchemy", "alembic", "fastmcp", "mcp", "mcp_types")),
        ("claude_code", ("sqlalchemy", "fastmcp", "mcp", "mcp_types", "pydantic", "asyncio", "urllib.request")),
        ("cli", ("sqlalchemy", "alembic", "fastmcp", "mcp", "mcp_types")),
        ("transports.process", ("sqlalchemy", "fastmcp", "mcp", "mcp_types")),
        (
            "transports.stdio.serve",
            ("sqlalchemy", "alembic", "prometheus_client", "workflow_mcp.board", "workflow_mcp.server.catalog"),
        ),
    ],
)
def test_what_importing_does_not_import(room: str, absent: tuple[str, ...]) -> None:
    """Values know no database, and no command waits for what only serving needs."""
    check_in_a_new_process(
        "import importlib, pkgutil, sys\n"
        f"room = importlib.import_module('workflow_mcp.{room}')\n"
        "for found in pkgutil.walk_packages(getattr(room, '__path__', []), room.__name__ + '.'):\n"
        "    importlib.import_module(found.name)\n"
        f"imported = set({absent}) & set(sys.modules)\n"
        "assert not imported, imported\n"
    )


def error_classes() -> set[str]:
    """The names of all of the package's errors that carry a code."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
    }
    found = {"WorkflowError"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def test_only_codes_of_the_enumeration_are_raised() -> None:
    """No error is made with a code that is spelt out, and the README's list is thus the whole list."""
    classes = error_classes()
    assert {"WorkItemError", "ItemError"} <= classes
    spelt = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in classes
        and any(isinstance(argument, ast.Constant) for argument in node.args[:1])
    ]
    assert spelt == []


def test_codes_have_one_grammar() -> None:
    """A code is two words or more, and says itself; what is missing altogether is `NO_` and a noun."""
    for code in Code:
        assert code.name == code.value
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)+", code)
    assert [code for code in Code if code.endswith("_MISSING")] == []


def test_the_package_imports_nothing_before_it_is_asked() -> None:
    """`import workflow_mcp` is as good as free; every public name is there when it is used."""
    for node in tree(ROOT / "__init__.py").body:
        assert not any(name.startswith("workflow_mcp") for name in imported(node))
    for name in workflow_mcp.__all__:
        assert getattr(importlib.import_module("workflow_mcp"), name) is not None
    assert dir(workflow_mcp) == workflow_mcp.__all__
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = workflow_mcp.no_such_name
