"""What Larch Networks asks of its support data: importing it registers the rules and the shape."""

from larch_rules import checks, shape

__all__ = ["checks", "shape"]
