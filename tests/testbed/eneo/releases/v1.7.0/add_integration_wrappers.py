"""The head of v1.7.0."""

from alembic import op

from app.migration import step

revision = "add_integration_wrappers"
down_revision = "merge_models_and_retention"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE integration_wrappers (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            name text NOT NULL)""")
    op.execute("ALTER TABLE integration_knowledge ADD COLUMN wrapper_id uuid REFERENCES integration_wrappers")
    step("last")
