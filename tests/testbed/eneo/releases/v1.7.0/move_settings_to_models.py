"""Phase 3, consolidation: settings become columns of the models; their tables go."""

from alembic import op
from sqlalchemy import text

from app.migration import complete, step

revision = "move_settings_to_models"
down_revision = "migrate_models_to_tenants"


def upgrade() -> None:
    moved = 0
    for kind in ("completion", "embedding", "transcription"):
        op.execute(f"""
            ALTER TABLE {kind}_models ADD COLUMN is_enabled boolean NOT NULL DEFAULT false,
                ADD COLUMN is_default boolean NOT NULL DEFAULT false, ADD COLUMN security_classification text""")
        moved += op.get_bind().execute(text(f"""
            UPDATE {kind}_models m SET is_enabled = s.is_org_enabled, is_default = s.is_org_default,
                security_classification = s.security_classification
            FROM {kind}_model_settings s WHERE s.model_id = m.id AND s.tenant_id = m.tenant_id""")).rowcount
        op.execute(f"DROP TABLE {kind}_model_settings")
    if moved:
        complete(f"{moved} model settings")
    step("phase3")
