"""shards of the polling work"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "polling_workers",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_polling_workers")),
    )
    op.create_table(
        "work_shards",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_work_shards")),
    )
    op.execute("insert into work_shards (shard, expires_at) select n, now() from generate_series(0, 63) n")


def downgrade() -> None:
    op.drop_table("work_shards")
    op.drop_table("polling_workers")
