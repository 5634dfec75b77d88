"""`backup`, `restore` and `doctor --store` as commands."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_items import command, refused, told
from tests.clients.agents import agent_on, make_project


async def test_a_project_is_backed_up_and_restored(tmp_path: Path) -> None:
    """While a server has it open: what was made since is kept aside, and the examination says so."""
    folder = make_project(tmp_path, "shop")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("one")
        assert "1 work items, read back and whole" in told(tmp_path, folder, "backup", "kept.db")
        refused("FILE_EXISTS", tmp_path, folder, "backup", "kept.db")
        await agent.create("two")
        assert "What was there is" in told(tmp_path, folder, "restore", "kept.db")
        assert await agent.titles() == ["one"]
    report = json.loads(told(tmp_path, folder, "doctor", "--store", "--json"))
    assert report["healthy"]
    assert "whole, 1 items" in report["steps"][0]["detail"]
    assert "what was replaced" in report["steps"][1]["detail"]


async def test_every_project_is_backed_up(tmp_path: Path) -> None:
    """With --all into a folder; one that is damaged fails after the others, with exit code 1."""
    for name in ("one", "two"):
        async with agent_on(tmp_path, make_project(tmp_path, name)) as agent:
            await agent.create(name)
    target = tmp_path / "backups"
    target.mkdir()
    told(tmp_path, tmp_path / "one", "backup", "--all", str(target))
    assert len(list(target.iterdir())) == 2
    (damaged, *_) = (tmp_path / "data" / "projects").glob("*.db")
    damaged.write_bytes(b"?" * 5000)
    again = tmp_path / "again"
    again.mkdir()
    done = command(tmp_path, tmp_path / "one", "backup", "--all", str(again))
    assert done.returncode == 1
    assert done.stderr.startswith("STORE_DAMAGED: ")
    assert len(list(again.iterdir())) == 1
    assert command(tmp_path, tmp_path / "one", "doctor", "--store").returncode == 1


async def test_a_project_whose_file_is_gone_is_begun_anew_by_a_command(tmp_path: Path) -> None:
    """Until then every command that reads it exits with 1; an export prints nothing."""
    folder = make_project(tmp_path, "shop")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("one")
    assert "one" in told(tmp_path, folder, "list")
    for path in (tmp_path / "data" / "projects").iterdir():
        path.unlink()
    for arguments in (["list"], ["export"], ["backup"]):
        done = command(tmp_path, folder, *arguments)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr.startswith("STORE_NOT_FOUND: ")
    assert "begins anew" in told(tmp_path, folder, "restore", "--empty")
    assert told(tmp_path, folder, "export").count("\n") <= 2
