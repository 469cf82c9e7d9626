"""direct conversations

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What was written before is in the list, and nothing of it is news.
_FILE_WHAT_IS_THERE = """
INSERT INTO direct_conversations (account_id, conversation_id, last_status_id, read_through, removed_through)
SELECT theirs.account_id, theirs.conversation_id, max(theirs.id), max(theirs.id), 0
FROM (
    SELECT account_id, conversation_id, id FROM statuses
    WHERE visibility = 'direct' AND boost_of_id IS NULL
    UNION ALL
    SELECT mentions.account_id, statuses.conversation_id, statuses.id
    FROM statuses JOIN mentions ON mentions.status_id = statuses.id
    WHERE statuses.visibility = 'direct' AND statuses.boost_of_id IS NULL AND mentions.silent IS FALSE
) AS theirs
JOIN accounts ON accounts.id = theirs.account_id
WHERE accounts.domain = ''
GROUP BY theirs.account_id, theirs.conversation_id
"""


def upgrade() -> None:
    op.create_table(
        "direct_conversations",
        sa.Column("account_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("conversation_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("last_status_id", _BIG, nullable=False),
        sa.Column("read_through", _BIG, nullable=False),
        sa.Column("removed_through", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_direct_conversations_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "conversation_id", name=op.f("pk_direct_conversations")),
    )
    with op.batch_alter_table("direct_conversations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_direct_conversations_account", ["account_id", "last_status_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_direct_conversations_conversation_id"), ["conversation_id"], unique=False
        )
    op.execute(_FILE_WHAT_IS_THERE)


def downgrade() -> None:
    op.drop_table("direct_conversations")
