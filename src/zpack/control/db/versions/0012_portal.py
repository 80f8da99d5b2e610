"""announcements, support tickets, and the indexes of what pages list"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

HAS_VMID = "payload ->> 'vmid' is not null"


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_index("ix_announcements_created_at", "announcements", ["created_at", "id"], unique=False)
    op.create_table(
        "support_tickets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_support_tickets_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_tickets")),
    )
    for name, columns in (
        ("ix_support_tickets_user_id", ["user_id", "created_at", "id"]),
        ("ix_support_tickets_status", ["status", "created_at", "id"]),
        ("ix_support_tickets_created_at", ["created_at", "id"]),
    ):
        op.create_index(name, "support_tickets", columns, unique=False)
    op.create_table(
        "support_messages",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["support_tickets.id"],
            name=op.f("fk_support_messages_ticket_id_support_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_messages")),
    )
    op.create_index("ix_support_messages_ticket_id", "support_messages", ["ticket_id", "id"], unique=False)
    _index_pages()


def _index_pages() -> None:
    op.create_index(
        "ix_audit_log_vmid_created_at",
        "audit_log",
        [sa.text("(payload ->> 'vmid')"), "created_at", "id"],
        unique=False,
        postgresql_where=sa.text(HAS_VMID),
    )
    op.create_index("ix_repair_events_vmid", "repair_events", ["vmid", "created_at", "id"], unique=False)
    op.drop_index("ix_operations_vmid", table_name="operations")
    op.drop_index("ix_operations_customer_id", table_name="operations")
    op.create_index("ix_operations_vmid", "operations", ["vmid", "started_at", "id"], unique=False)
    op.create_index(
        "ix_operations_customer_id", "operations", ["customer_id", "started_at", "id"], unique=False
    )
    op.create_index("ix_operations_started_at", "operations", ["started_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_operations_started_at", table_name="operations")
    op.drop_index("ix_operations_customer_id", table_name="operations")
    op.drop_index("ix_operations_vmid", table_name="operations")
    op.create_index("ix_operations_customer_id", "operations", ["customer_id"], unique=False)
    op.create_index("ix_operations_vmid", "operations", ["vmid"], unique=False)
    op.drop_index("ix_repair_events_vmid", table_name="repair_events")
    op.drop_index("ix_audit_log_vmid_created_at", table_name="audit_log")
    op.drop_table("support_messages")
    op.drop_table("support_tickets")
    op.drop_table("announcements")
