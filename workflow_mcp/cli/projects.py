"""`workflow-mcp projects`: which projects there are, and their names, archiving, deletion and return."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import App, Parameter

from workflow_mcp.cli.backups import LOAD
from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.local import known_projects, require_files
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Json
from workflow_mcp.cli.project_lists import object_of, print_rows
from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.storage.kinds import inventory_module, sqlite
from workflow_mcp.storage.projects.inventory import Entry, Inventory, find_entry
from workflow_mcp.workspace.init import check_name
from workflow_mcp.workspace.local import open_local

if TYPE_CHECKING:
    from workflow_mcp.storage.store import Store

T = TypeVar("T")
KEEP = (
    "nothing was done; `workflow-mcp projects archive PROJECT` leaves it out of lists, and PostgreSQL's own `pg_dump` "
    "keeps a copy of the database."
)

app = App(name="projects", help_format="plaintext")
Named = Annotated[str, Parameter(help="Its id, at least four characters of its beginning, or its name.")]
Every = Annotated[bool, Parameter(name="--all", negative="", help="Archived and deleted ones too.")]


@app.default
def projects(*, every: Every = False, as_json: Json = False) -> None:
    """List the projects, and rename, archive, delete or restore one."""
    list_projects(every=every, as_json=as_json)


@app.command(name="list")
def list_projects(*, every: Every = False, as_json: Json = False) -> None:
    """List the projects and where each was last changed from, as `projects` alone does.

    Exits with 1 when one cannot be read.
    """
    inventory = _inventory(load_settings())
    listed = [one for one in inventory.entries if every or one.state == "active"]
    problems = [error_line(problem.error) for problem in inventory.problems]
    if as_json:
        print_json({"projects": [object_of(one) for one in listed], "problems": problems})
    else:
        _print(inventory, listed, problems)
    if problems:
        sys.exit(1)


def _print(inventory: Inventory, listed: list[Entry], problems: list[str]) -> None:
    ids = [one.project.known_id for one in inventory.entries]
    if sys.stdout.isatty() and listed:
        from workflow_mcp.cli.project_tables import print_table

        print_table(listed, ids)
    else:
        print_rows(listed, ids)
    hidden = len(inventory.entries) - len(listed)
    if hidden:
        print_text(f"{hidden} archived or deleted: --all lists them too.")
    elif not (listed or problems):
        print_text("There are no projects yet.")
    for problem in problems:
        print_text(f"! {problem}")


@app.command
def rename(project: Named, name: Annotated[str, Parameter(help="1 to 255 printable characters.")], /) -> None:
    """Give a project another name; a config keeps the name that is in it."""
    check_name(name)
    settings = load_settings()
    inventory = _inventory(settings)
    found = _stored(inventory, project)
    _with_store(settings, lambda store: store.rename_project(found.project, name))
    print_text(
        f"{shown(found.project.name)} is {shown(name)} now.\n"
        "Configs keep the name that is in them; `workflow-mcp doctor` says where one differs."
    )
    if any(one.project.name == name and one is not found for one in inventory.entries):
        print_text("Another project has that name too: a config with the name and no id finds neither.")


@app.command
def archive(project: Named, /) -> None:
    """Leave a project out of lists; it can be worked in as before, and `projects restore` lists it again."""
    settings = load_settings()
    found = _stored(_inventory(settings), project)
    is_new = _with_store(settings, lambda store: store.archive_project(found.project))
    print_text(
        f"{shown(found.project.name)} is {'archived' if is_new else 'archived already'}: lists leave it out.\n"
        f"`workflow-mcp projects restore {found.project.id}` lists it again."
    )


@app.command
def delete(project: Named, /) -> None:
    """Move a project's work into the trash, from where `projects restore` brings it back."""
    settings = load_settings()
    require_files(settings, "`projects delete` moves", KEEP)
    found = _stored(_inventory(settings), project)
    now, known = datetime.now(UTC), known_projects(settings)
    done = sqlite("deletion").delete(settings.data_dir, known, found.project.known_id, now)
    print_text(
        f"{shown(found.project.name)} is deleted: its {done.items} work items are in {done.file} now.\n"
        f"`workflow-mcp projects restore {found.project.id}` brings them back."
    )


@app.command
def restore(project: Named, /) -> None:
    """Bring a deleted project back, or list an archived one again."""
    settings = load_settings()
    found = find_entry(_inventory(settings), project, rather=("deleted", "archived"))
    name = shown(found.project.name)
    if found.state == "active":
        raise UsageError(
            Code.ARGUMENT_INVALID,
            f"{name} ({found.project.id}) is neither archived nor deleted.",
            "run `workflow-mcp projects --all` for those that are; "
            + ("`workflow-mcp restore FILE` restores a backup." if settings.database_url is None else LOAD),
        )
    if found.deleted_at is not None:
        done = sqlite("deletion").undelete(settings.data_dir, known_projects(settings), found.project.known_id)
        kept = "" if done.kept is None else f"\nWhat was there is {done.kept} now."
        print_text(f"{name} is back: {done.items} work items in {done.path}.{kept}")
    if found.archived_at is not None:
        _with_store(settings, lambda store: store.archive_project(found.project, archived=False))
        print_text(f"{name} is no longer archived: lists have it again.")


def _inventory(settings: Settings) -> Inventory:
    inventory: Inventory = inventory_module(settings).inventory_of(settings)
    return inventory


def _stored(inventory: Inventory, named: str) -> Entry:
    found = find_entry(inventory, named, rather=("active", "archived"))
    if found.deleted_at is not None:
        trash = sqlite("trash")
        raise trash.deleted(trash.DeletedCopy(found.file, found.project.known_id, found.deleted_at))
    return found


def _with_store(settings: Settings, act: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_local(settings) as local:
            return await act(await local.projects.store())

    return asyncio.run(run())
