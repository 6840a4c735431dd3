"""Global AI models, and what each tenant sets for them."""

from alembic import op

revision = "add_ai_models"
down_revision = "0f3a7c91be24"


def upgrade() -> None:
    for kind in ("completion", "embedding", "transcription"):
        op.execute(f"""
            CREATE TABLE {kind}_models (
                id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, family text NOT NULL,
                hosting text NOT NULL, base_url text, is_deprecated boolean NOT NULL DEFAULT false,
                created_at timestamptz NOT NULL DEFAULT now())""")
        op.execute(f"""
            CREATE TABLE {kind}_model_settings (
                tenant_id uuid NOT NULL REFERENCES tenants, model_id uuid NOT NULL REFERENCES {kind}_models,
                is_org_enabled boolean NOT NULL DEFAULT false, is_org_default boolean NOT NULL DEFAULT false,
                security_classification text, PRIMARY KEY (tenant_id, model_id))""")
