"""where a create is placed"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COLUMNS = ("memory_mb", "cores", "disk_mb")


def upgrade() -> None:
    op.add_column("vmid_reservations", sa.Column("node", sa.String(), nullable=True))
    for name in COLUMNS:
        op.add_column("vmid_reservations", sa.Column(name, sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    for name in ("node", *COLUMNS):
        op.drop_column("vmid_reservations", name)
