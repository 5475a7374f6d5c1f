"""Release 1 of adding a column: nullable"""

import sqlalchemy as sa
from alembic import op

revision = "r2"
down_revision = "r1"


def upgrade():
    op.execute("SET LOCAL lock_timeout = '200ms'")
    op.add_column("users", sa.Column("preferences", sa.JSON(), nullable=True))


def downgrade():
    op.drop_column("users", "preferences")
