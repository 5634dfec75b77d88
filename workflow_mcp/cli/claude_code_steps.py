"""What `workflow-mcp doctor` says of Claude Code: its plugin's version, and whether the server is there twice."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from workflow_mcp.claude_code.installation import ClaudeCodeFiles, InstalledPlugin, Registration
from workflow_mcp.cli.steps import Step
from workflow_mcp.settings import Settings


def about_claude_code(directory: str, settings: Settings) -> Iterator[Step]:
    """The steps about the plugin, and about servers that are registered without it."""
    folder, home = settings.claude_config_dir, Path(settings.home)
    files = ClaudeCodeFiles(folder or home / ".claude", (folder or home) / ".claude.json", Path(directory))
    try:
        plugins, registrations = files.plugins(), files.registrations()
    except (OSError, ValueError) as error:
        yield Step("Claude Code", "ignored", f"its files cannot be read: {error}")
        return
    if not plugins:
        yield Step("Claude Code plugin", "none", "it is not installed: `workflow-mcp plugin install`")
    for plugin in plugins:
        yield _about_version(plugin)
    for one in registrations:
        yield _about_registration(one, twice=bool(plugins))


def _about_version(plugin: InstalledPlugin) -> Step:
    own = version("workflow-mcp")
    if plugin.version == own:
        return Step("Claude Code plugin", "ok", f"{plugin.id} {own}, in {plugin.folder}")
    what = f"{plugin.id} in {plugin.folder} has version {plugin.version}, and workflow-mcp {own}"
    then = f"upgrade workflow-mcp, or run `claude plugin update {plugin.id}`"
    return Step("Claude Code plugin", "problem", f"{what}; {then}")


def _about_registration(one: Registration, *, twice: bool) -> Step:
    what = f"{one.name!r} in {one.file} (scope {one.scope})"
    if not twice:
        return Step("Claude Code server", "ok", what)
    then = f"keep one of them: `claude mcp remove --scope {one.scope} {one.name}`, or `claude plugin disable workflow`"
    return Step(
        "Claude Code server", "problem", f"{what} stands beside the plugin's, so every tool is there twice; {then}"
    )
