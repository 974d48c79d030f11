"""ENC: characters that are broken, unseen or written in the wrong way."""

from __future__ import annotations

from curator.checks.characters import escapes, invisible, markup, mojibake, normal_form, spacing

__all__ = ["escapes", "invisible", "markup", "mojibake", "normal_form", "spacing"]
