"""The command completion: what makes a shell complete commands and options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from cyclopts import Parameter

from workflow_mcp.cli.output import print_text

Shell = Literal["bash", "zsh", "fish"]


def completion_of(script: Callable[[Shell], str]) -> Callable[[Shell], None]:
    """The command that prints what `script` says for a shell."""

    def completion(
        shell: Annotated[Shell, Parameter(help="bash, zsh or fish.")],
        /,
    ) -> None:
        """Print what lets your shell complete commands and options.

        For bash, add `eval "$(workflow-mcp completion bash)"` to ~/.bashrc.
        """
        print_text(script(shell))

    return completion
