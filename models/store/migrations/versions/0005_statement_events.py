"""What happens to closed statements."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "statement_events",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("party_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("happened_on", sa.Date, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_statement_events"),
        sa.CheckConstraint("event in ('issued', 'sent', 'confirmed', 'disputed', 'paid', 'collected')", name="event"),
        sa.CheckConstraint("(event in ('paid', 'collected')) = (amount is not null)", name="amount"),
        sa.CheckConstraint("trim(actor) <> ''", name="said_by"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_statement_events_statement", "statement_events", ["period", "party_id", "currency"])
    for action in ("update", "delete"):
        op.execute(
            f"create trigger statement_events_no_{action} before {action} on statement_events "
            f"begin select raise(abort, 'statement_events is append-only: {action} refused'); end"
        )
