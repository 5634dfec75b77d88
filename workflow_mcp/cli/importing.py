"""The command import: what `export` wrote, and what other programs keep."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Annotated

from cyclopts import Parameter

from workflow_mcp.cli.arrivals import Report
from workflow_mcp.cli.claude_lists import ClaudeLists
from workflow_mcp.cli.exported_lines import ExportedLines, copy_of
from workflow_mcp.cli.local import locate, with_work_items
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, Json
from workflow_mcp.cli.source_files import MAX_FILE_BYTES, bounded, read_files, shown_path, text_of
from workflow_mcp.cli.sources import FROM_WHERE, find_source
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.settings import load_settings
from workflow_mcp.work.errors import numbers
from workflow_mcp.work.importers.formats import format_of, read_items
from workflow_mcp.work.importers.values import Format, SourceFile
from workflow_mcp.work.results import ImportResult
from workflow_mcp.work.transfer import Outline, read_outline
from workflow_mcp.workspace.work_items import WorkItems

MAX_SHOWN_PAIRS = 100


def read(
    path: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help="The file or folder; `-` reads stdin. Default: what beads, task-master or Backlog.md keep in the "
            "project; with `--from claude-tasks`, the task lists of conversations held in the project.",
        ),
    ] = None,
    /,
    *,
    source: Annotated[
        Format | None,
        Parameter(name="--from", help="The program that wrote it. Default: told by its form, also what export wrote."),
    ] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Show what would come, what of it cannot be kept, and what is skipped.")
    ] = False,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Add what export wrote, or what another program keeps, to the project: all of it or nothing.

    Importing again from the same program takes over what changed there, and keeps and names what changed here.
    """
    request = _Request(directory, dry_run=dry_run, as_json=as_json)
    if source is None and path is not None and not os.path.isdir(path):
        with copy_of(path) as copy:
            request.import_copy(path, copy)
    else:
        request.import_source(source, path)


class _Request:
    """One run of the command: for which directory, and how its result is shown."""

    def __init__(self, directory: str, *, dry_run: bool, as_json: bool) -> None:
        self._directory = directory
        self._dry_run = dry_run
        self._as_json = as_json

    def import_source(self, source: Format | None, path: str | None) -> None:
        """Import from a program, from where it keeps its work or from a path."""
        settings = load_settings()
        location = locate(settings.absolute(self._directory), settings)
        config = location.config_path
        project = os.path.dirname(os.path.dirname(config)) if config else location.directory.path
        claude = settings.claude_config_dir or os.path.join(settings.home, ".claude")
        found = find_source(source, path, project, ClaudeLists(str(claude)))
        self._import_files(found.format, list(read_files(found.files)))

    def import_copy(self, path: str, copy: IO[bytes]) -> None:
        """Import a file of which it is not known who wrote it."""
        data = copy.read(MAX_FILE_BYTES + 1)
        source = format_of(data.decode("utf-8-sig", errors="replace"))
        if source is None:
            lines = ExportedLines(path, copy)
            if not lines.is_export():
                raise _unknown_form(path)
            self._import_exported(lines)
        else:
            text = text_of(path, bounded(path, data))
            self._import_files(source, [SourceFile(shown_path(path), text, datetime.now(UTC))])

    def _import_files(self, source: Format, files: list[SourceFile]) -> None:
        found = read_items(source, files)

        async def import_items(work: WorkItems) -> None:
            arrivals = await (work.foresee(found.items) if self._dry_run else work.synchronize(found.items))
            report = Report(work.data.project.name, source, arrivals, found.skipped, self._dry_run)
            (report.print_json if self._as_json else report.print)()

        with_work_items(self._directory, import_items, create=not self._dry_run)

    def _import_exported(self, lines: ExportedLines) -> None:
        if self._dry_run:
            self._print_outline(read_outline(lines))
            return

        async def import_file(work: WorkItems) -> None:
            project, result = work.data.project.name, await work.import_records(lines)
            if self._as_json:
                told = {"items": result.items, "renumbered": dict(result.renumbered), "repeated": result.repeated}
                print_json({"project": project, **told})
            else:
                print_text(_told(project, result))

        with_work_items(self._directory, import_file, create=True)

    def _print_outline(self, outline: Outline) -> None:
        if self._as_json:
            print_json({"dry_run": True, **outline.counts})
        else:
            print_text(f"what export wrote, whole: {', '.join(f'{count} {kind}' for kind, count in _counts(outline))}")


def _unknown_form(path: str) -> UsageError:
    what = f"{shown_path(path)}: neither did export write it, nor does its form tell which program did"
    return UsageError(Code.IMPORT_INVALID, f"{what}; nothing was imported.", FROM_WHERE)


def _counts(outline: Outline) -> list[tuple[str, int]]:
    return [(kind, outline.counts[kind]) for kind in ("items", "links", "notes", "events")]


def _told(project: str, result: ImportResult) -> str:
    if result.repeated:
        return f"nothing imported into {project}: this file was imported before"
    pairs = [f"#{old} is #{new}" for old, new in islice(result.renumbered.items(), MAX_SHOWN_PAIRS)]
    more = len(result.renumbered) - len(pairs)
    renumbered = f": {', '.join(pairs)}{f' and {more} more' if more else ''}" if pairs else ""
    unnamed = f"; {numbers(result.unnamed)} without the external_ref that others have here" if result.unnamed else ""
    return f"{result.items} items imported into {project}{renumbered}{unnamed}"
