"""Templates; those of nobody (tenant_id is null) are for all."""

from alembic import op

revision = "add_templates"
down_revision = "merge_spaces_and_websites"


def upgrade() -> None:
    for table in ("app_templates", "assistant_templates"):
        op.execute(f"""
            CREATE TABLE {table} (
                id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid REFERENCES tenants,
                name text NOT NULL, completion_model_id uuid REFERENCES completion_models,
                created_at timestamptz NOT NULL DEFAULT now())""")
