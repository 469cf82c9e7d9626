"""roles in Spaces

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Who made a Space that is not over hosts it.
_HOSTS = """
INSERT INTO space_members
    (space_id, account_id, role, may_unmute, is_shown, has_mic_on, created_at, updated_at)
SELECT id, host_id, 'host', true, false, false, created_at, updated_at
FROM spaces WHERE local AND state IN ('scheduled', 'live')
"""


def upgrade() -> None:
    op.create_table(
        "space_errands",
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("browser_hash", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("space_id", _BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_space_errands")),
    )
    with op.batch_alter_table("space_errands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_space_errands_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "space_home_apps",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("client_secret", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("authorize_url", sa.String(), nullable=False),
        sa.Column("token_url", sa.String(), nullable=False),
        sa.Column("userinfo_url", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_space_home_apps")),
    )
    op.create_table(
        "space_bans",
        sa.Column("host_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("account_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("banned_by", _BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_bans_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["host_id"], ["accounts.id"], name=op.f("fk_space_bans_host_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("host_id", "account_id", name=op.f("pk_space_bans")),
    )
    op.create_table(
        "space_declined",
        sa.Column("space_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("account_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_declined_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_declined_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", "account_id", name=op.f("pk_space_declined")),
    )
    with op.batch_alter_table("space_declined", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_space_declined_declined_at"), ["declined_at"], unique=False)

    op.create_table(
        "space_visits",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("account_id", _BIG, nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_visits_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_space_visits")),
    )
    with op.batch_alter_table("space_visits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_space_visits_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_space_visits_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "report_evidence",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("report_id", _BIG, nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("seconds", _BIG, nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["reports.id"],
            name=op.f("fk_report_evidence_report_id_reports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_evidence")),
    )
    with op.batch_alter_table("report_evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_evidence_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_report_evidence_report_id"), ["report_id"], unique=False)

    op.create_table(
        "space_entry_links",
        sa.Column("link_hash", sa.String(), nullable=False),
        sa.Column("browser_hash", sa.String(), nullable=True),
        sa.Column("account_id", _BIG, nullable=False),
        sa.Column("space_id", _BIG, nullable=False),
        sa.Column("status_id", _BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_entry_links_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_entry_links_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("link_hash", name=op.f("pk_space_entry_links")),
    )
    with op.batch_alter_table("space_entry_links", schema=None) as batch_op:
        batch_op.create_index("ix_space_entry_links_account", ["account_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_space_entry_links_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "space_members",
        sa.Column("space_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("account_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("invited_as", sa.String(), nullable=True),
        sa.Column("invite_uri", sa.String(), nullable=True),
        sa.Column("hand_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("muted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("may_unmute", sa.Boolean(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_shown", sa.Boolean(), nullable=False),
        sa.Column("has_mic_on", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_members_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_members_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", "account_id", name=op.f("pk_space_members")),
        sa.UniqueConstraint("invite_uri", name=op.f("uq_space_members_invite_uri")),
    )
    with op.batch_alter_table("space_members", schema=None) as batch_op:
        batch_op.create_index("ix_space_members_account", ["account_id", "space_id"], unique=False)
        batch_op.create_index("ix_space_members_hands", ["space_id", "hand_at"], unique=False)

    op.create_table(
        "space_passes",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("space_id", _BIG, nullable=False),
        sa.Column("account_id", _BIG, nullable=False),
        sa.Column("client_key", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_passes_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_passes_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_space_passes")),
    )
    with op.batch_alter_table("space_passes", schema=None) as batch_op:
        batch_op.create_index("ix_space_passes_account", ["space_id", "account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_space_passes_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "space_pins",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("space_id", _BIG, nullable=False),
        sa.Column("status_id", _BIG, nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("pinned_by", _BIG, nullable=False),
        sa.Column("offset", _BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["pinned_by"], ["accounts.id"], name=op.f("fk_space_pins_pinned_by_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_pins_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["status_id"], ["statuses.id"], name=op.f("fk_space_pins_status_id_statuses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space_pins")),
    )
    with op.batch_alter_table("space_pins", schema=None) as batch_op:
        batch_op.create_index("ix_space_pins_space", ["space_id", "removed_at"], unique=False)

    op.create_table(
        "space_stream_keys",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("space_id", _BIG, nullable=False),
        sa.Column("account_id", _BIG, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_space_stream_keys_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_stream_keys_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space_stream_keys")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_space_stream_keys_token_hash")),
    )
    with op.batch_alter_table("space_stream_keys", schema=None) as batch_op:
        batch_op.create_index("ix_space_stream_keys_space", ["space_id", "account_id"], unique=False)

    with op.batch_alter_table("reports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("space_id", _BIG, nullable=True))
        batch_op.add_column(sa.Column("moment", _BIG, nullable=True))

    with op.batch_alter_table("space_attendances", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("state", sa.String(), server_default=sa.text("'coming'"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("wants_reminder", sa.Boolean(), server_default=sa.text("(true)"), nullable=False)
        )
        batch_op.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("space_tickets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("client_key", sa.String(), nullable=True))

    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.add_column(sa.Column("signal_endpoint", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("topics", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
        batch_op.add_column(
            sa.Column("language", sa.String(), server_default=sa.text("('')"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("speak_policy", sa.String(), server_default=sa.text("'request'"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("strangers_listen", sa.Boolean(), server_default=sa.text("(true)"), nullable=False)
        )
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("previous_starts_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("about_id", _BIG, nullable=True))
    op.execute(_HOSTS)


def downgrade() -> None:
    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.drop_column("about_id")
        batch_op.drop_column("previous_starts_at")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("strangers_listen")
        batch_op.drop_column("speak_policy")
        batch_op.drop_column("language")
        batch_op.drop_column("topics")
        batch_op.drop_column("signal_endpoint")

    with op.batch_alter_table("space_tickets", schema=None) as batch_op:
        batch_op.drop_column("client_key")

    with op.batch_alter_table("space_attendances", schema=None) as batch_op:
        batch_op.drop_column("reminded_at")
        batch_op.drop_column("wants_reminder")
        batch_op.drop_column("state")

    with op.batch_alter_table("reports", schema=None) as batch_op:
        batch_op.drop_column("moment")
        batch_op.drop_column("space_id")

    with op.batch_alter_table("space_stream_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_space_stream_keys_space")

    op.drop_table("space_stream_keys")
    with op.batch_alter_table("space_pins", schema=None) as batch_op:
        batch_op.drop_index("ix_space_pins_space")

    op.drop_table("space_pins")
    with op.batch_alter_table("space_passes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_space_passes_expires_at"))
        batch_op.drop_index("ix_space_passes_account")

    op.drop_table("space_passes")
    with op.batch_alter_table("space_members", schema=None) as batch_op:
        batch_op.drop_index("ix_space_members_hands")
        batch_op.drop_index("ix_space_members_account")

    op.drop_table("space_members")
    with op.batch_alter_table("space_entry_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_space_entry_links_expires_at"))
        batch_op.drop_index("ix_space_entry_links_account")

    op.drop_table("space_entry_links")
    with op.batch_alter_table("report_evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_evidence_report_id"))
        batch_op.drop_index(batch_op.f("ix_report_evidence_expires_at"))

    op.drop_table("report_evidence")
    with op.batch_alter_table("space_visits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_space_visits_expires_at"))
        batch_op.drop_index(batch_op.f("ix_space_visits_account_id"))

    op.drop_table("space_visits")
    with op.batch_alter_table("space_declined", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_space_declined_declined_at"))

    op.drop_table("space_declined")
    op.drop_table("space_bans")
    op.drop_table("space_home_apps")
    with op.batch_alter_table("space_errands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_space_errands_expires_at"))

    op.drop_table("space_errands")
