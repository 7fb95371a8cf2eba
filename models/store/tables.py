"""The store's tables. Types are those that SQLite and PostgreSQL share; times are naive UTC.

Adding a table: declare it here, add a migration under ``migrations/versions``, set ``HEAD`` to its revision. A test
compares the migrated database with these declarations.
"""

import sqlalchemy as sa

#: The newest migration. Known without importing Alembic, so that opening a store that is up to date stays fast.
HEAD = "0006"

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

#: 64 bits everywhere; SQLite numbers rows by itself only when the type is spelled INTEGER.
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: Tables of which no row is ever changed or removed; triggers hold them to that.
APPEND_ONLY = (
    *("consents", "exports", "audit", "identity_decisions", "reconciliation_decisions", "statement_events"),
    "rulebook_events",
)

# Grain: one row per decision of a person on a purpose and channel, as recorded.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
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
    sa.UniqueConstraint("batch", "position"),
    sa.CheckConstraint("state in ('granted', 'withdrawn')", name="state"),
    sa.Index("ix_consents_current", "purpose", "identifier_type", "identifier", "channel", "decided_at"),
    sqlite_autoincrement=True,
)

# Grain: one row per time that an identifier was put on the do-not-contact list; lifted_at null = still on it.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("identifier_type", sa.Text, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("added_at", sa.DateTime, nullable=False),
    sa.Column("lifted_at", sa.DateTime),
    sa.Index("ix_suppressions_active", "identifier_type", "identifier", "channel"),
    sqlite_autoincrement=True,
)

# Grain: one row per decision of a person on who is who. ``same`` and ``not_same`` name two anchors (type and value),
# ``undo`` names the decision that it takes back.
identity_decisions = sa.Table(
    "identity_decisions",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("left_type", sa.Text),
    sa.Column("left_identifier", sa.Text),
    sa.Column("right_type", sa.Text),
    sa.Column("right_identifier", sa.Text),
    sa.Column("undoes", sa.BigInteger),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("decided_at", sa.DateTime, nullable=False),
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

# Grain: one row per step of a closed statement. ``amount``: of paid and collected only, minor units.
statement_events = sa.Table(
    "statement_events",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("party_id", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger),
    sa.Column("happened_on", sa.Date, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime, nullable=False),
    sa.CheckConstraint("event in ('issued', 'sent', 'confirmed', 'disputed', 'paid', 'collected')", name="event"),
    sa.CheckConstraint("(event in ('paid', 'collected')) = (amount is not null)", name="amount"),
    sa.CheckConstraint("trim(actor) <> ''", name="said_by"),
    sa.Index("ix_statement_events_statement", "period", "party_id", "currency"),
    sqlite_autoincrement=True,
)

# Grain: one row per decision of a person on a difference of reconciliation, with what it was then; ``undo`` names the
# decision that it takes back.
reconciliation_decisions = sa.Table(
    "reconciliation_decisions",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("item_id", sa.Text),
    sa.Column("class", sa.Text),
    sa.Column("currency", sa.Text),
    sa.Column("difference_amount", sa.BigInteger),
    sa.Column("undoes", sa.BigInteger),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("decided_at", sa.DateTime, nullable=False),
    sa.CheckConstraint("verdict in ('accept', 'adjust', 'dispute', 'undo')", name="verdict"),
    sa.CheckConstraint("(verdict = 'undo') = (undoes is not null)", name="undoes"),
    sa.CheckConstraint("(verdict = 'undo') = (item_id is null) and (item_id is null) = (class is null)", name="item"),
    sa.CheckConstraint("trim(reason) <> '' and trim(author) <> ''", name="said_by"),
    sqlite_autoincrement=True,
)

# Grain: one row per step of publishing a version of the settlement rulebook. ``proposal``: which one is approved or
# withdrawn; ``content``: what is proposed, or what a rollback publishes again.
rulebook_events = sa.Table(
    "rulebook_events",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("proposal", sa.BigInteger),
    sa.Column("content", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime, nullable=False),
    sa.CheckConstraint("event in ('proposed', 'approved', 'withdrawn', 'rolled_back')", name="event"),
    sa.CheckConstraint("(event in ('approved', 'withdrawn')) = (proposal is not null)", name="proposal"),
    sa.CheckConstraint("(event in ('proposed', 'rolled_back')) = (content is not null)", name="content"),
    sa.CheckConstraint("trim(actor) <> ''", name="said_by"),
    sa.UniqueConstraint("proposal"),
    sqlite_autoincrement=True,
)

# Grain: one row per exported file.
exports = sa.Table(
    "exports",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
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
    sa.UniqueConstraint("export_id", "file_name"),
    sqlite_autoincrement=True,
)

# Grain: one row per person who may sign in; never deleted, because the audit speaks of them. ``login`` is lower-case.
# ``staff_userid``: the WeCom employee whose customers this person owns. ``password_hash`` null: OIDC only.
users = sa.Table(
    "users",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text),
    sa.Column("oidc_subject", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("staff_userid", sa.Text),
    sa.Column("failed_attempts", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("locked_until", sa.DateTime),
    sa.Column("disabled_at", sa.DateTime),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("password_changed_at", sa.DateTime),
    sa.UniqueConstraint("login"),
    sa.UniqueConstraint("oidc_subject"),
    sa.CheckConstraint("login = lower(login)", name="login"),
)

# Grain: one row per role of a user; the names are those of ``models.serving.roles``.
user_roles = sa.Table(
    "user_roles",
    metadata,
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.user_id"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
)

# Grain: one row per scope of a user. ``value`` is the name of a region, a department or a store; '' for company.
user_scopes = sa.Table(
    "user_scopes",
    metadata,
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.user_id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.CheckConstraint("kind in ('company', 'region', 'department', 'store')", name="kind"),
)

# Grain: one row per sign-in. The cookie holds the token; here is its hash only.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_sha256", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.user_id"), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("last_seen_at", sa.DateTime, nullable=False),
    sa.Column("expires_at", sa.DateTime, nullable=False),
    sa.Column("revoked_at", sa.DateTime),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("user_agent", sa.Text, nullable=False),
    sa.Index("ix_sessions_user_id", "user_id"),
)

# Grain: one row per act of a person, refused acts too. ``user_id`` null: nobody was signed in.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object_type", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Index("ix_audit_subject", "action", "object_id", "at"),
    sqlite_autoincrement=True,
)

# Grain: one row per long action that somebody asked for. ``dedupe_key`` null: may be asked for again at once.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("dedupe_key", sa.Text),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at", sa.DateTime, nullable=False),
    sa.Column("started_at", sa.DateTime),
    sa.Column("finished_at", sa.DateTime),
    sa.Column("heartbeat_at", sa.DateTime),
    sa.Column("progress", sa.JSON),
    sa.Column("result", sa.JSON),
    sa.Column("error", sa.Text),
    sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("worker", sa.Text),
    sa.UniqueConstraint("kind", "dedupe_key"),
    sa.CheckConstraint("status in ('queued', 'running', 'done', 'failed', 'cancelled')", name="status"),
    sa.Index("ix_jobs_waiting", "status", "requested_at"),
)
