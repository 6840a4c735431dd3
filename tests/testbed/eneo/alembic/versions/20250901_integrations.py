"""Knowledge brought in from other systems."""

from alembic import op

revision = "20250901_integrations"
down_revision = "merge_spaces_and_websites"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE integration_knowledge (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            name text NOT NULL, embedding_model_id uuid REFERENCES embedding_models,
            created_at timestamptz NOT NULL DEFAULT now())""")
