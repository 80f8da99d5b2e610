"""an index of the unfinished operations, which are few among all that ever were"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_operations_unfinished",
        "operations",
        ["kind", "status"],
        unique=False,
        postgresql_where=sa.text("status in ('queued', 'running')"),
    )


def downgrade() -> None:
    op.drop_index("ix_operations_unfinished", table_name="operations")
