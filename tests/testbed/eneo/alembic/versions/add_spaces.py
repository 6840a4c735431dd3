"""Spaces and what lives in them."""

from alembic import op

revision = "add_spaces"
down_revision = "add_ai_models"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE spaces (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())""")
    for kind in ("completion", "embedding"):
        op.execute(f"""
            CREATE TABLE spaces_{kind}_models (
                space_id uuid NOT NULL REFERENCES spaces, {kind}_model_id uuid NOT NULL REFERENCES {kind}_models,
                PRIMARY KEY (space_id, {kind}_model_id))""")
    for table in ("assistants", "apps", "app_runs", "services", "questions"):
        op.execute(f"""
            CREATE TABLE {table} (
                id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
                space_id uuid REFERENCES spaces, name text, content text,
                completion_model_id uuid REFERENCES completion_models,
                created_at timestamptz NOT NULL DEFAULT now())""")
