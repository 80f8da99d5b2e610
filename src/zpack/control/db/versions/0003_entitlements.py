"""plans, standings, suspended servers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SUSPENDED = "held_at is not null or server_billing_state in ('suspended_shutdown', 'retained')"
LIMITS = ("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer")
PLANS = (
    ("free", "Free", "One small game server.", 0, (1, 0, 1024, 2, 10_240, 1)),
    ("starter", "Starter", "For a world with friends.", 500, (2, 1, 3072, 2, 30_720, 3)),
    ("pro", "Pro", "Several servers, modded ones too.", 1000, (4, 2, 8192, 4, 81_920, 7)),
    ("performance", "Performance", "For large communities.", 2000, (10, 5, 24_576, 12, 245_760, 14)),
    ("unlimited", "Unlimited", "Everything; for platforms without billing.", 0, (None,) * 6),
)


def upgrade() -> None:
    plans = op.create_table(
        "plans",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("price_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(), server_default="usd", nullable=False),
        sa.Column("interval", sa.String(), server_default="month", nullable=False),
        sa.Column("stripe_price_id", sa.String(), nullable=True),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("stripe_price_id", name=op.f("uq_plans_stripe_price_id")),
    )
    op.create_table(
        "standings",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=True),
        sa.Column("billing_status", sa.String(), server_default="none", nullable=False),
        sa.Column("server_billing_state", sa.String(), server_default="allowed", nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_reason", sa.String(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plans.id"], name=op.f("fk_standings_plan_plans")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_standings_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_standings")),
    )
    op.create_index("ix_standings_suspended", "standings", ["user_id"], postgresql_where=sa.text(SUSPENDED))
    op.create_table(
        "suspended_servers",
        sa.Column("vmid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("was_running", sa.Boolean(), nullable=False),
        sa.Column("operation_id", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["vmid"], ["instances.vmid"], name=op.f("fk_suspended_servers_vmid_instances"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("vmid", name=op.f("pk_suspended_servers")),
    )
    rows = [
        {
            "id": plan,
            "name": name,
            "description": description,
            "price_cents": cents,
            "limits": dict(zip(LIMITS, limits, strict=True)),
            "position": place,
            "active": plan != "unlimited",
        }
        for place, (plan, name, description, cents, limits) in enumerate(PLANS)
    ]
    op.bulk_insert(plans, rows)


def downgrade() -> None:
    op.drop_table("suspended_servers")
    op.drop_index("ix_standings_suspended", table_name="standings")
    op.drop_table("standings")
    op.drop_table("plans")
