"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Directory = Annotated[str, Parameter(help="A directory of the project; default: where you are.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
