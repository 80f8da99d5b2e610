"""how many played, minute by minute; and what came of requests that may be sent twice"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "player_hours",
        sa.Column("vmid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.ForeignKeyConstraint(
            ["vmid"], ["instances.vmid"], name=op.f("fk_player_hours_vmid_instances"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("vmid", "hour", name=op.f("pk_player_hours")),
    )
    op.create_index("ix_player_hours_hour", "player_hours", ["hour"], unique=False)
    op.create_table(
        "answered_keys",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_answered_keys")),
    )


def downgrade() -> None:
    op.drop_table("answered_keys")
    op.drop_index("ix_player_hours_hour", table_name="player_hours")
    op.drop_table("player_hours")
