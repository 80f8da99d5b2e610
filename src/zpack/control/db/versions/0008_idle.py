"""servers that stop when nobody uses them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("idle", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_table(
        "idle_servers",
        sa.Column("vmid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("minutes", sa.Float(), nullable=True),
        sa.Column("wake", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activity", sa.String(), nullable=True),
        sa.Column("stops_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("asleep_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("woken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_seconds", sa.Float(), nullable=True),
        sa.Column("operation_id", sa.String(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["vmid"], ["instances.vmid"], name=op.f("fk_idle_servers_vmid_instances"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("vmid", name=op.f("pk_idle_servers")),
    )
    op.create_index(
        "ix_audit_log_vmid",
        "audit_log",
        [sa.text("(payload ->> 'vmid')"), "id"],
        unique=False,
        postgresql_where=sa.text("payload ->> 'vmid' is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_log_vmid", table_name="audit_log")
    op.drop_table("idle_servers")
    op.drop_column("plans", "idle")
