"""public ports of games that are not Minecraft"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "public_ports",
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vmid", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("protocol", "number", name=op.f("pk_public_ports")),
        sa.UniqueConstraint(
            "operation_id", "protocol", "target", name=op.f("uq_public_ports_operation_id_protocol_target")
        ),
    )
    op.create_index(op.f("ix_public_ports_vmid"), "public_ports", ["vmid"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_public_ports_vmid"), table_name="public_ports")
    op.drop_table("public_ports")
