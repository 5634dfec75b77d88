"""How long the machine has been up: time that nobody can set, the same for all its processes."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Uptime(NamedTuple):
    """Seconds, sleep included, since the start of the machine that `boot` names."""

    boot: str
    seconds: float


def machine_uptime() -> Uptime | None:
    """This machine's; None where the system does not tell which start it is."""
    boot = _boot()
    return None if boot is None else Uptime(boot, time.clock_gettime(time.CLOCK_BOOTTIME))


@cache
def _boot() -> str | None:
    try:
        return Path(BOOT_ID).read_text(encoding="ascii").strip() if hasattr(time, "CLOCK_BOOTTIME") else None
    except OSError:
        return None
