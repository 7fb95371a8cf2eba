"""What people decided about differences between bills and own payments."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reconciliation_decisions",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text),
        sa.Column("class", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("difference_amount", sa.BigInteger),
        sa.Column("undoes", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_reconciliation_decisions"),
        sa.CheckConstraint("verdict in ('accept', 'adjust', 'dispute', 'undo')", name="verdict"),
        sa.CheckConstraint("(verdict = 'undo') = (undoes is not null)", name="undoes"),
        sa.CheckConstraint(
            "(verdict = 'undo') = (item_id is null) and (item_id is null) = (class is null)", name="item"
        ),
        sa.CheckConstraint("trim(reason) <> '' and trim(author) <> ''", name="said_by"),
        sqlite_autoincrement=True,
    )
    for action in ("update", "delete"):
        op.execute(
            f"create trigger reconciliation_decisions_no_{action} before {action} on reconciliation_decisions "
            f"begin select raise(abort, 'reconciliation_decisions is append-only: {action} refused'); end"
        )
