"""TGT: what a service refuses, and what a trainer drops, cuts or misreads, by the profile of the target."""

from __future__ import annotations

from curator.checks.targets import contents, fates, keys, roles, sets, shapes, values

__all__ = ["contents", "fates", "keys", "roles", "sets", "shapes", "values"]
