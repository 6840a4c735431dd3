"""Made for v1.6.3 and never merged with what came after: the graph has two heads."""

from alembic import op

revision = "add_audit_log"
down_revision = "e23b168d0080"


def upgrade() -> None:
    op.execute("CREATE TABLE audit_log (id bigserial PRIMARY KEY, entry text NOT NULL)")
