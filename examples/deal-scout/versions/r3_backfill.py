"""Release 2 of adding a column, as the document has it: backfill"""

import sqlalchemy as sa
from alembic import op

revision = "r3"
down_revision = "r2"


def upgrade():
    op.execute("UPDATE users SET preferences = '{}' WHERE preferences IS NULL")


def downgrade():
    op.execute("UPDATE users SET preferences = NULL")
