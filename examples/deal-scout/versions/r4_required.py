"""Release 3 of adding a column, as the document has it: required"""

import sqlalchemy as sa
from alembic import op

revision = "r4"
down_revision = "r3"


def upgrade():
    op.alter_column("users", "preferences", nullable=False)


def downgrade():
    op.alter_column("users", "preferences", nullable=True)
