"""Providers for v1.7.0's migration: the guide's mapping and its three sources of credentials."""

import json
import os

from cryptography.fernet import Fernet
from sqlalchemy import text

# family -> name, LiteLLM's type, the variable that holds the key
PROVIDERS = {
    "openai": ("OpenAI", "openai", "OPENAI_API_KEY"),
    "azure": ("Azure OpenAI", "azure", "AZURE_API_KEY"),
    "claude": ("Anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    "anthropic": ("Anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    "mistral": ("Mistral AI", "mistral", "MISTRAL_API_KEY"),
    "vllm": ("vLLM", "hosted_vllm", "VLLM_API_KEY"),
    "berget": ("Berget.ai", "hosted_vllm", "BERGET_API_KEY"),
    "e5": ("Berget.ai", "hosted_vllm", "BERGET_API_KEY"),
    "ovhcloud": ("OVHcloud", "ovhcloud", "OVHCLOUD_API_KEY"),
    "cohere": ("Cohere", "cohere", "COHERE_API_KEY"),
    "gemini": ("Google Gemini", "gemini", "GEMINI_API_KEY"),
    "gdm": ("GDM", "hosted_vllm", "GDM_API_KEY"),
}


def encrypt(key: str) -> str:
    try:
        return "enc:fernet:v1:" + Fernet(os.environ.get("ENCRYPTION_KEY", "")).encrypt(key.encode()).decode()
    except ValueError:
        print("WARNING: ENCRYPTION_KEY is missing or invalid; storing provider credentials in plaintext")
        return key


def credentials(tenant, family: str, variable: str) -> tuple[dict, bool]:
    """What the tenant has, else what the environment has, else nothing and inactive."""
    if own := tenant.api_credentials.get(family):
        return own, True
    if key := os.environ.get(variable):
        return {"api_key": encrypt(key)}, True
    return {"api_key": ""}, False


def upsert_provider(run, tenant, family: str):
    """The provider's id. Two families may share one: what has credentials wins."""
    name, provider_type, variable = PROVIDERS.get(family, (family, family, f"{family.upper()}_API_KEY"))
    own, is_active = credentials(tenant, family, variable)
    config = {}
    if family == "azure":
        config = {key: os.environ.get(f"AZURE_{key.upper()}", "") for key in ("endpoint", "api_version")}
    return run(
        text("""
            INSERT INTO model_providers (tenant_id, name, provider_type, credentials, config, is_active)
            VALUES (:tenant, :name, :type, CAST(:credentials AS jsonb), CAST(:config AS jsonb), :active)
            ON CONFLICT (tenant_id, name) DO UPDATE SET
                credentials = CASE WHEN excluded.is_active THEN excluded.credentials
                    ELSE model_providers.credentials END,
                is_active = excluded.is_active OR model_providers.is_active, updated_at = now()
            RETURNING id"""),
        {
            "tenant": tenant.id,
            "name": name,
            "type": provider_type,
            "credentials": json.dumps(own),
            "config": json.dumps(config),
            "active": is_active,
        },
    ).scalar_one()
