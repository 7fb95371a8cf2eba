"""Consents, suppressions and the export audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("identifier_type", sa.Text, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False),
        sa.Column("evidence", sa.Text),
        sa.Column("notice_version", sa.Text),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_consents"),
        sa.UniqueConstraint("batch", "position", name="uq_consents_batch_position"),
        sa.CheckConstraint("state in ('granted', 'withdrawn')", name="state"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_consents_current",
        "consents",
        ["purpose", "identifier_type", "identifier", "channel", "decided_at"],
    )
    op.create_table(
        "suppressions",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("identifier_type", sa.Text, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        sa.Column("lifted_at", sa.DateTime),
        sa.PrimaryKeyConstraint("seq", name="pk_suppressions"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_suppressions_active",
        "suppressions",
        ["identifier_type", "identifier", "channel"],
    )
    op.create_table(
        "exports",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("export_id", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("audience_version", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("suppressed", sa.JSON, nullable=False),
        sa.Column("publication", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_exports"),
        sa.UniqueConstraint("export_id", "file_name", name="uq_exports_export_id_file_name"),
        sqlite_autoincrement=True,
    )
    for table in ("consents", "exports"):
        for action in ("update", "delete"):
            op.execute(
                f"create trigger {table}_no_{action} before {action} on {table} "
                f"begin select raise(abort, '{table} is append-only: {action} refused'); end"
            )
