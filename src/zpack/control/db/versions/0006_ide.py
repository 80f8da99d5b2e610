"""forwarded ports of dev containers"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forwarded_ports",
        sa.Column("vmid", sa.Integer(), nullable=False),
        sa.Column("port", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["vmid"], ["instances.vmid"], name=op.f("fk_forwarded_ports_vmid_instances"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("vmid", "port", name=op.f("pk_forwarded_ports")),
    )


def downgrade() -> None:
    op.drop_table("forwarded_ports")
