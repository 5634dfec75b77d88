"""A cache of parsed configs; an entry is valid while its file is unchanged."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from workflow_mcp.workspace.config import Config, parse_config
from workflow_mcp.workspace.config_files import Fingerprint, fingerprint, read_config_file

MAX_CACHED_CONFIGS = 4096

CLOCK_TICK = 50_000_000  # ns; the longest interval between two ticks of a file system's clock


class ConfigCache:
    """Parsed configs by path; an entry is valid while the file's stat is unchanged."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[str, tuple[Fingerprint, Config]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def load(self, path: str, *, owners: frozenset[int], within: str | None = None) -> Config:
        """The config in the file `path`, which must belong to one of `owners` (user ids) and lie in `within`.

        Raises:
            ConfigError: the file cannot be read or is not a config.
        """
        now = time.time_ns()
        seen = fingerprint(path, owners=owners)
        with self._lock:
            known = self._parsed.get(path)
            if known is not None and known[0] == seen:
                self._parsed.move_to_end(path)
                self.hits += 1
                return known[1]
            self.misses += 1
        data, current = read_config_file(path, owners=owners, within=within)
        config = parse_config(path, data)
        if now - max(current.mtime_ns, current.ctime_ns) < CLOCK_TICK:
            return config  # not cached: an edit within the same tick would not change the stat
        with self._lock:
            self._parsed[path] = (current, config)
            while len(self._parsed) > MAX_CACHED_CONFIGS:
                self._parsed.popitem(last=False)
        return config
