"""Phase 1, infrastructure: providers, and the columns that tie a model to one."""

from alembic import op

from app.migration import hold_lock_if_told, step

revision = "add_model_providers"
down_revision = "e23b168d0080"


def upgrade() -> None:
    hold_lock_if_told()
    op.execute("""
        CREATE TABLE model_providers (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            name text NOT NULL, provider_type text NOT NULL, credentials jsonb NOT NULL DEFAULT '{}',
            config jsonb NOT NULL DEFAULT '{}', is_active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (tenant_id, name))""")
    for kind in ("completion", "embedding", "transcription"):
        op.execute(f"""
            ALTER TABLE {kind}_models ADD COLUMN tenant_id uuid REFERENCES tenants,
                ADD COLUMN provider_id uuid REFERENCES model_providers""")
    step("phase1")
