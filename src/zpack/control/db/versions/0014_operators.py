"""the indexes of what operators narrow: operations by state and kind, the audit by time"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_operations_status", "operations", ["status", "started_at", "id"], unique=False)
    op.create_index("ix_operations_kind", "operations", ["kind", "started_at", "id"], unique=False)
    op.create_index("ix_audit_log_created_at", "audit_log", ["created_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_audit_log_created_at", table_name="audit_log")
    op.drop_index("ix_operations_kind", table_name="operations")
    op.drop_index("ix_operations_status", table_name="operations")
