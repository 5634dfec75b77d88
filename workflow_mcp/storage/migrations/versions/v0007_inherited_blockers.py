"""Items wait for what blocks their ancestors, too."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0007"
down_revision = "0006"

INHERITED = """
WITH RECURSIVE below (project_id, blocker, blocked, id) AS (
    SELECT links.project_id, links.source_id, links.target_id, child.id FROM links
    JOIN items blocker ON blocker.project_id = links.project_id AND blocker.id = links.source_id
    JOIN items child ON child.project_id = links.project_id AND child.parent_id = links.target_id
    WHERE links.kind = 'blocks' AND blocker.completed_at IS NULL AND blocker.hidden_by = 0
    UNION ALL
    SELECT below.project_id, below.blocker, below.blocked, child.id FROM below
    JOIN items child ON child.project_id = below.project_id AND child.parent_id = below.id)
SELECT project_id, blocker, blocked, id FROM below
"""
ADD = "UPDATE items SET waits = waits + :more WHERE project_id = :project AND id = :id"


def upgrade(op: Operations) -> None:
    """Count for each item what blocks its ancestors; what is below the blocked item itself does not count."""
    connection = op.get_bind()
    found = connection.execute(sa.text(INHERITED)).all()
    parts = {(project, blocked, item) for project, _, blocked, item in found}
    more = Counter(
        (project, item) for project, blocker, blocked, item in found if (project, blocked, blocker) not in parts
    )
    added = [{"project": project, "id": item, "more": count} for (project, item), count in more.items()]
    if added:
        connection.execute(sa.text(ADD), added)
