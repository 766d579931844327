"""How personal data looks in listings, logs and reports: enough to recognise, not enough to use."""

from __future__ import annotations


def phone(normalised: str) -> str:
    """138****0001"""
    plain = normalised.removeprefix("+86")
    return f"{plain[:3]}****{plain[-4:]}"


def email(normalised: str) -> str:
    """a***@example.com"""
    local, _, domain = normalised.partition("@")
    return f"{local[:1]}***@{domain}"


def token(normalised: str) -> str:
    """oABC…wxyz, or … alone where the value is short"""
    return f"{normalised[:4]}…{normalised[-4:]}" if len(normalised) >= 16 else f"{normalised[:1]}…"


def name(text: str) -> str:
    """王*, 欧阳**"""
    return text[:1] + "*" * min(len(text) - 1, 3) if text else ""


def identity(kind: str, normalised: str) -> str:
    return {"phone": phone, "email": email}.get(kind, token)(normalised)
