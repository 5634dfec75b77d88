"""Reserving descriptors: the number of connections stays below the process's limit of open files."""

from __future__ import annotations

# For 32 open projects with 4 connections to SQLite each, configs that are being read, and the log.
RESERVED_DESCRIPTORS = 384


def reserve_descriptors(connections: int) -> int:
    """Raise the process's limit of descriptors, as far as allowed, for a number of connections.

    Returns:
        How many connections are possible with `RESERVED_DESCRIPTORS` left for files.
    """
    limit = _raised_limit(connections + RESERVED_DESCRIPTORS)
    return min(connections, max(limit - RESERVED_DESCRIPTORS, limit // 2))


def _raised_limit(needed: int) -> int:
    try:
        import resource  # noqa: PLC0415 - only POSIX has it, and elsewhere there is no such limit
    except ImportError:
        return needed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised
