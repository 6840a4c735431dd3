"""A branch beside the models', so that this release too has a merge."""

from alembic import op

revision = "c0ffee170042"
down_revision = "e23b168d0080"


def upgrade() -> None:
    op.execute("ALTER TABLE tenants ADD COLUMN retention_days integer")
