"""The command use: which project the shell is in, who acts there, and why."""

from __future__ import annotations

import asyncio
from typing import Any

from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, Json
from workflow_mcp.settings import load_settings
from workflow_mcp.work.lines import counted
from workflow_mcp.work.values import Actor, ItemQuery
from workflow_mcp.workspace.local import open_local
from workflow_mcp.workspace.user import find_user
from workflow_mcp.workspace.values import Workspace
from workflow_mcp.workspace.work_items import WorkItems


def use(*, directory: Directory = ".", as_json: Json = False) -> None:
    """Say which project commands work in here, who you are in it, and why."""
    told = asyncio.run(_found(directory))
    if as_json:
        print_json(told)
        return
    print_text(
        f"project: {told['project']['name']} ({told['project']['id'] or 'its first change gives it an id'})\n"
        f"because: {told['because']}\n"
        f"you are: {told['actor']} ({told['actor_source']})\n"
        f"work: {told['work']}" + ("" if told["note"] is None else f"\n{told['note']}")
    )


async def _found(directory: str) -> dict[str, Any]:
    settings = load_settings()
    async with open_local(settings) as local:
        location = await local.locator.locate(settings.absolute(directory), "option")
        data = await local.projects.data_of(Workspace(None, None, location, location.project))
        where = location.directory.path
        user = await find_user(where)
        counts = (await WorkItems(data, Actor(user.name, where)).list(ItemQuery(limit=1))).counts
    return {
        "project": {"name": data.project.name, "id": data.project.id},
        "directory": where,
        "config_path": location.config_path,
        "because": f"{location.config_path} is the nearest config at or above {where}",
        "actor": user.name,
        "actor_source": user.source,
        "work": counted(counts),
        "note": data.note,
    }
