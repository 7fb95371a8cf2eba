"""What people decided about who is who."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "identity_decisions",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("left_type", sa.Text),
        sa.Column("left_identifier", sa.Text),
        sa.Column("right_type", sa.Text),
        sa.Column("right_identifier", sa.Text),
        sa.Column("undoes", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_identity_decisions"),
        sa.CheckConstraint("verdict in ('same', 'not_same', 'undo')", name="verdict"),
        sa.CheckConstraint("(verdict = 'undo') = (undoes is not null)", name="undoes"),
        sa.CheckConstraint(
            "(verdict = 'undo') = (left_type is null) and (left_type is null) = (left_identifier is null)"
            " and (left_type is null) = (right_type is null) and (left_type is null) = (right_identifier is null)",
            name="anchors",
        ),
        sa.CheckConstraint("trim(reason) <> '' and trim(author) <> ''", name="said_by"),
        sqlite_autoincrement=True,
    )
    for action in ("update", "delete"):
        op.execute(
            f"create trigger identity_decisions_no_{action} before {action} on identity_decisions "
            f"begin select raise(abort, 'identity_decisions is append-only: {action} refused'); end"
        )
