"""A file that is one JSON value."""

from __future__ import annotations

import json
from typing import Any

from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.values import Place, SourceFile
from workflow_mcp.work.json_text import located_json


def document(file: SourceFile) -> Any:
    """The JSON value that a file is; its objects know their lines.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    try:
        return located_json(file.text)
    except json.JSONDecodeError as error:
        what = f"it is not JSON from column {error.colno} on" if file.text.strip() else "it is empty"
        raise invalid(Place(file.path, error.lineno), what) from error
    except ValueError as error:
        raise invalid(Place(file.path, 1), str(error)) from error
