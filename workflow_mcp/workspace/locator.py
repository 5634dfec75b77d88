"""From a directory to its location: whether it can be used, and which config applies there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workflow_mcp.settings import Settings
from workflow_mcp.workspace.config_cache import ConfigCache
from workflow_mcp.workspace.directories import DirectorySource, check_directory
from workflow_mcp.workspace.discovery import find_config
from workflow_mcp.workspace.values import Location

if TYPE_CHECKING:
    from workflow_mcp.storage.threads import WorkerThreads


class Locator:
    """Finds the locations of directories.

    Args:
        settings: name the home and the allowed roots.
        configs: the cache of parsed configs.
        threads: run blocking file work.
    """

    def __init__(self, *, settings: Settings, configs: ConfigCache, threads: WorkerThreads) -> None:
        self._settings = settings
        self._configs = configs
        self._threads = threads

    async def locate(self, given: str, source: DirectorySource) -> Location:
        """The location of a directory.

        Raises:
            DirectoryError: the directory cannot be used.
            ConfigError: the config that applies there cannot be used.
        """
        work = partial(locate_now, given, source, settings=self._settings, configs=self._configs)
        return await self._threads.run_bounded(given, work)


def locate_now(given: str, source: DirectorySource, *, settings: Settings, configs: ConfigCache) -> Location:
    """The blocking form of `Locator.locate`."""
    directory = check_directory(given, source, allowed_roots=settings.allowed_roots)
    start = directory.path if directory.root is None else directory.resolved
    path = find_config(start, directory.resolved, home=settings.home, within=directory.root)
    if path is None:
        return Location(directory)
    return Location(directory, path, configs.load(path, owners=directory.trusted_owners, within=directory.root))
