"""`workflow-mcp database`: the PostgreSQL database that WORKFLOW_MCP_DATABASE_URL names."""

from __future__ import annotations

from cyclopts import App

from workflow_mcp.cli.moving import import_from
from workflow_mcp.cli.output import print_text
from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.settings import load_settings
from workflow_mcp.storage.kinds import postgresql

app = App(name="database", help_format="plaintext")
app.command(import_from)


@app.command
def migrate() -> None:
    """Bring the database's tables up to date, as the user of WORKFLOW_MCP_DATABASE_OWNER_URL, who owns them.

    The user of WORKFLOW_MCP_DATABASE_URL, as whom servers work, gets the rights that they need. Safe to repeat; servers
    of an older version refuse to go on with the new tables.
    """
    settings = load_settings()
    url, owner_url = _given(settings.database_url, "URL"), _given(settings.database_owner_url, "OWNER_URL")
    schema = postgresql("schema")
    role, owner = schema.user_of(url), schema.user_of(owner_url)
    if role in (None, owner):
        raise UsageError(
            Code.SETTING_INVALID,
            f"WORKFLOW_MCP_DATABASE_URL names the user {shown(role or '')}, and the owner is {shown(owner or '')}.",
            "name a user of the server's own there: `createuser --pwprompt NAME`.",
        )
    before, now = schema.migrate(owner_url, role)
    done = f"has had the format {now} before" if before == now else f"has the format {now} now"
    print_text(f"The database {done}; {role} may use it.")


def _given(url: str | None, name: str) -> str:
    if url is None:
        raise UsageError(
            Code.SETTING_INVALID,
            f"WORKFLOW_MCP_DATABASE_{name} is not set.",
            f"set WORKFLOW_MCP_DATABASE_{name} to postgresql://user:password@host/database.",
        )
    return url
