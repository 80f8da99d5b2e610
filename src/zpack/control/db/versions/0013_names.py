"""the names that people give their servers"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("instances", "deleted_instances", "operations")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("display_name", sa.String(), nullable=True))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "display_name")
