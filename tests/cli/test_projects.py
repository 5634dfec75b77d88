"""`workflow-mcp projects`: what is listed and done, in this process; tests/test_readme.py runs each command."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_doctor import details, diagnosis
from tests.clients.agents import agent_on, assert_one_line, make_project
from tests.server.tools.test_projects import id_in
from workflow_mcp.cli import projects
from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.project_lists import short_id
from workflow_mcp.errors import WorkflowError

Printed = Callable[..., list[str]]


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """The lines that a command prints."""
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("WORKFLOW_MCP_STATE_DIR", str(tmp_path / "state"))

    def run(command: Callable[..., None], *arguments: str, **options: bool) -> list[str]:
        command(*arguments, **options)
        return capsys.readouterr().out.splitlines()

    return run


async def made(base: Path, *names: str) -> dict[str, str]:
    """The ids of projects with an item each, by the folder that each is in."""
    folders = {
        f"{number}-{name}": make_project(base, name, folder=f"{number}-{name}") for number, name in enumerate(names)
    }
    for folder in folders.values():
        async with agent_on(base, folder) as agent:
            await agent.create("x")
    return {name: str(id_in(folder)) for name, folder in folders.items()}


async def test_projects_are_listed(tmp_path: Path, printed: Printed) -> None:
    """By name, with the beginning of their id and where they were last changed from; what is left out is counted."""
    assert await asyncio.to_thread(printed, projects.projects) == ["There are no projects yet."]
    ids = await made(tmp_path, "shop", "shop", 'a "b"  (deleted)')

    def run() -> None:
        named, *shops = printed(projects.projects)
        assert named.startswith(r'"a \"b\"  (deleted)"  ')
        assert sorted(shops) == sorted(
            f'"shop"  {ids[name][:8]}  1 items  changed {line.split()[-3]} in {tmp_path / name}'
            for name, line in zip(("0-shop", "1-shop"), shops, strict=True)
        )
        printed(projects.archive, ids["0-shop"])
        printed(projects.delete, ids["1-shop"][:8])
        [_, hidden] = printed(projects.list_projects)
        assert hidden == "2 archived or deleted: --all lists them too."
        rows = printed(projects.list_projects, every=True)
        assert [row.partition("  (")[2].split()[0] for row in rows[1:]] == ["archived", "deleted"]
        found = json.loads("\n".join(printed(projects.list_projects, every=True, as_json=True)))
        assert found["problems"] == []
        assert {one["id"]: one["state"] for one in found["projects"]} == {
            ids["0-shop"]: "archived", ids["1-shop"]: "deleted", ids['2-a "b"  (deleted)']: "active",
        }  # fmt: skip
        assert all(Path(one["file"]).is_file() for one in found["projects"])

    await asyncio.to_thread(run)


async def test_a_terminal_gets_a_table(tmp_path: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same in it; on a narrow one, what tells projects apart is still there to its end."""
    ids = await made(tmp_path, "shop")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    lines = await asyncio.to_thread(printed, projects.list_projects)
    [row] = [line for line in lines if "shop" in line]
    for part in ("shop", ids["0-shop"][:8], "1", str(tmp_path / "0-shop"), "active"):
        assert part in row
    monkeypatch.setenv("COLUMNS", "60")
    [line] = await asyncio.to_thread(printed, projects.list_projects)
    assert line.startswith(f'"shop"  {ids["0-shop"][:8]}  1 items  changed ')
    assert line.endswith(f" in {tmp_path / '0-shop'}")


async def test_a_project_is_renamed_archived_deleted_and_restored(tmp_path: Path, printed: Printed) -> None:
    """Beside a live server, which is told; each answer says how it is undone."""
    folder = make_project(tmp_path, "shop")
    project_id = str(id_in(folder))
    async with agent_on(tmp_path, folder) as agent:

        async def run(command: Callable[..., None], *arguments: str) -> str:
            return "\n".join(await asyncio.to_thread(printed, command, *arguments))

        await agent.create("one")
        assert (await run(projects.rename, "shop", "store")).startswith("'shop' is 'store' now.\n")
        assert f"store  {project_id}" in await agent.told("list_projects")
        assert (await agent.told("list_work_items")).startswith("project: shop |"), "as its config says"
        back = f"`workflow-mcp projects restore {project_id}`"
        assert back in await run(projects.archive, "store")
        assert "archived already" in await run(projects.archive, "store")
        assert await agent.told("list_projects") == "projects: 0 shown | 1 archived not shown"
        assert f"store  {project_id}  (yours)  (archived)" in await agent.told("list_projects", archived=True)
        assert await agent.titles() == ["one"]
        told = await run(projects.delete, project_id)
        assert back in told
        assert "its 1 work items are in " in told
        for tool, arguments in (("list_work_items", {}), ("switch_project", {"project": "store"})):
            error = await agent.refused("PROJECT_DELETED", tool, **arguments)
            assert back in error
        await agent.refused("PROJECT_DELETED", "create_work_items", items=[{"title": "two"}])
        assert await agent.told("list_projects") == "projects: 0 shown"
        told = await run(projects.restore, project_id[:6])
        assert "is back: 1 work items in " in told
        assert "no longer archived" in told
        await agent.create("two")
        assert await agent.titles() == ["one", "two"]
        assert f"store  {project_id}" in await agent.told("list_projects")


async def test_what_is_refused(tmp_path: Path, printed: Printed) -> None:
    """What there is not, what is meant by two, what is deleted or is not, and no name: by code, each in one line."""
    ids = await made(tmp_path, "gone", "twin", "twin", "there")
    await asyncio.to_thread(printed, projects.delete, "gone")
    for code, command, *arguments in (
        ("PROJECT_UNKNOWN", projects.delete, "nothing"),
        ("PROJECT_AMBIGUOUS", projects.archive, "twin"),
        ("PROJECT_DELETED", projects.delete, "gone"),
        ("PROJECT_DELETED", projects.rename, "gone", "back"),
        ("PROJECT_DELETED", projects.archive, ids["0-gone"]),
        ("ARGUMENT_INVALID", projects.restore, "there"),
        ("NAME_INVALID", projects.rename, "there", "two\nlines"),
        ("NAME_INVALID", projects.rename, "there", "x" * 256),
    ):
        with pytest.raises(WorkflowError) as caught:
            await asyncio.to_thread(printed, command, *arguments)
        assert caught.value.code == code
        assert_one_line(error_line(caught.value))
        assert "list_projects" not in error_line(caught.value)
    assert "Another project has that name" in "".join(
        await asyncio.to_thread(printed, projects.rename, "there", "twin")
    )


async def test_a_damaged_project_is_listed_as_a_problem(
    tmp_path: Path, printed: Printed, capsys: pytest.CaptureFixture[str]
) -> None:
    """It hides no other, is not deleted, and the exit code is 1."""
    ids = await made(tmp_path, "broken", "whole")
    (tmp_path / "data" / "projects" / f"{ids['0-broken']}.db").write_bytes(b"?" * 5000)
    for as_json in (False, True):
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(printed, projects.list_projects, as_json=as_json)
        assert ended.value.code == 1
        out = capsys.readouterr().out
        assert '"whole"' in out
        assert ('"STORE_DAMAGED: ' if as_json else "! STORE_DAMAGED: ") in out
    with pytest.raises(WorkflowError, match="STORE_DAMAGED"):
        await asyncio.to_thread(printed, projects.delete, ids["0-broken"])


async def test_the_doctor_says_how_the_store_knows_a_project(tmp_path: Path, printed: Printed) -> None:
    """Another name than its config's, that it is archived, or deleted; and what is in the trash."""
    ids = await made(tmp_path, "shop")
    folder, data = tmp_path / "0-shop", {"data_dir": tmp_path / "data"}

    def stored() -> list[tuple[str, str]]:
        return details(diagnosis(folder, tmp_path, **data), "stored project")

    def run() -> None:
        assert stored() == []
        printed(projects.rename, "shop", "store")
        printed(projects.archive, "store")
        (verdict, renamed), (_, archived) = stored()
        assert verdict == "none"
        assert "lists name it 'store', its config 'shop'" in renamed
        assert f"`workflow-mcp projects rename {ids['0-shop']} NAME`" in renamed
        assert "it is archived" in archived
        printed(projects.delete, "store")
        [(verdict, deleted)] = stored()
        assert verdict == "problem"
        assert deleted.startswith("PROJECT_DELETED: ")

    await asyncio.to_thread(run)


def test_as_much_of_an_id_as_no_other_has() -> None:
    """Eight characters, or more where two ids begin alike."""
    alike, unlike = "12345678-1111-4111-8111-111111111111", "12345678-1121-4111-8111-111111111111"
    assert short_id(alike, [alike, "99999999-1111-4111-8111-111111111111"]) == "12345678"
    assert short_id(alike, [alike, unlike]) == "12345678-111"
