"""The command completion: what makes a shell complete commands and options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from cyclopts import Parameter

from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Json

Shell = Literal["bash", "zsh", "fish"]


def completion_of(script: Callable[[Shell], str]) -> Callable[..., None]:
    """The command that prints what `script` says for a shell."""

    def completion(
        shell: Annotated[Shell, Parameter(help="bash, zsh or fish.")],
        /,
        *,
        as_json: Json = False,
    ) -> None:
        """Print what lets your shell complete commands and options.

        For bash, add `eval "$(workflow-mcp completion bash)"` to ~/.bashrc.
        """
        if as_json:
            print_json({"shell": shell, "script": script(shell)})
        else:
            print_text(script(shell))

    return completion
