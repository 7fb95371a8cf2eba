"""Versions of the settlement rulebook: proposed, approved, withdrawn, gone back to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rulebook_events",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("proposal", sa.BigInteger),
        sa.Column("content", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_rulebook_events"),
        sa.CheckConstraint("event in ('proposed', 'approved', 'withdrawn', 'rolled_back')", name="event"),
        sa.CheckConstraint("(event in ('approved', 'withdrawn')) = (proposal is not null)", name="proposal"),
        sa.CheckConstraint("(event in ('proposed', 'rolled_back')) = (content is not null)", name="content"),
        sa.CheckConstraint("trim(actor) <> ''", name="said_by"),
        sa.UniqueConstraint("proposal", name="uq_rulebook_events_proposal"),
        sqlite_autoincrement=True,
    )
    for action in ("update", "delete"):
        op.execute(
            f"create trigger rulebook_events_no_{action} before {action} on rulebook_events "
            f"begin select raise(abort, 'rulebook_events is append-only: {action} refused'); end"
        )
