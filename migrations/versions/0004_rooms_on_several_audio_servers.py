"""rooms on several audio servers

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "space_places",
        sa.Column("space_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("sfu", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"],
            ["spaces.id"],
            name=op.f("fk_space_places_space_id_spaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("space_id", "number", name=op.f("pk_space_places")),
    )
    with op.batch_alter_table("space_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sfu", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("space_sessions", schema=None) as batch_op:
        batch_op.drop_column("sfu")
    op.drop_table("space_places")
