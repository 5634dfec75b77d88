"""`workflow-mcp plugin`: where the Claude Code plugin is, and its installation."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

from workflow_mcp.claude_code.plugin_folder import FOLDER, INSTALLATION, PROGRAM


def path() -> None:
    """Print the folder of the Claude Code plugin, which is a marketplace of its own."""
    print(FOLDER)


def install() -> None:
    """Install the plugin into Claude Code, or print the commands for it where `claude` is not on the PATH.

    Exits with Claude Code's own code when one of its commands fails.
    """
    program = shutil.which(PROGRAM)
    for arguments in INSTALLATION:
        if program is None:
            print(shlex.join((PROGRAM, *arguments)))
            continue
        code = subprocess.run([program, *arguments], check=False).returncode
        if code:
            sys.exit(code)
