"""Which version of the format of exports is written and read; apart from `records`, which takes long to import."""

FORMAT = 2
