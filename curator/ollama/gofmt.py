"""Writes values as Go's `fmt` does: `%v` and the other verbs, with flags, width and precision.

Source: https://pkg.go.dev/fmt. Left out are `%p`, and `%b` and `%x` of floating-point numbers: a form with these is
refused. `tests/test_ollama.py` compares with Go itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from curator.text.patterns import compiled_later

_INDEX = r"(?:\[(\d+)\])?"  # which of the values is meant, counted from one
_VERB = compiled_later(rf"%([-+# 0]*){_INDEX}(\*|\d*)(?:(\.){_INDEX}(\*|\d*))?{_INDEX}(.?)", re.S)
_WIDEST = 1_000_000  # what Go takes for a width or a precision
_LARGE = 6  # power of ten from which on a number is written with an exponent


class Record(dict[str, Any]):
    """A Go struct: a field that it lacks is an error, where a map gives nothing. `shown` is how it prints."""

    shown: str | None = None


class Listing(list[Any]):
    """A Go slice that prints as `shown`."""

    shown: str = ""


class _Form(NamedTuple):
    """A verb and what stands between it and its percent sign."""

    verb: str
    flags: str = ""
    width: int = 0
    precision: int | None = None

    def padded(self, text: str, *, zeros: bool = True) -> str:
        if "-" in self.flags:
            return text.ljust(self.width)
        return text.rjust(self.width, "0" if zeros and "0" in self.flags else " ")


_PLAIN = _Form("v")


def shown(value: Any) -> str:
    """A value as Go prints it."""
    return _written(value, _PLAIN)


def sprint(*values: Any) -> str:
    """As fmt.Sprint: a space between two values neither of which is a string."""
    text = ""
    for n, value in enumerate(values):
        if n and not isinstance(value, str) and not isinstance(values[n - 1], str):
            text += " "
        text += shown(value)
    return text


def sprintf(form: str, *values: Any) -> str:
    """As fmt.Sprintf: what does not fit is written into the text.

    Raises:
        ValueError: a verb or flag that is not followed here, or a width beyond all measure.
    """
    parts, used, place, reordered = [], 0, 0, False
    while (at := form.find("%", place)) >= 0:
        parts.append(form[place:at])
        found = _VERB.match(form, at)
        assert found is not None, "a percent sign alone matches"
        place = found.end()
        flags, first, wide, point, second, precise, third, verb = found.groups()
        numbers = [int(index) for index in (first, second, third) if index]
        reordered |= bool(numbers)
        # Go takes an index before an asterisk or the verb alone, and one that there is.
        misplaced = bool(first and (wide.isdigit() or (point and wide != "*")))
        misplaced |= any(not 0 < number <= len(values) for number in numbers)
        if third and ((second and precise != "*") or (first and wide != "*" and not point)):
            raise ValueError("two numbers of an argument in a row")
        used = _chosen(first, values, used)
        width, used, fault = _count(wide, values, used, "WIDTH")
        if width is not None and width < 0:
            flags, width = f"{flags}-", -width
        parts.append(fault)
        used = _chosen(second, values, used)
        precision, used, fault = _count(precise, values, used, "PREC")
        if point and precise == "*" and not fault and (precision or 0) < 0:
            fault = "%!(BADPREC)"
        parts.append(fault)
        if fault:
            point = None
        used = _chosen(third, values, used)
        if verb in ("%", ""):
            parts.append(verb or "%!(NOVERB)")
            continue
        kept = _Form(verb, flags, width or 0, (precision or 0) if point else None)
        text, taken = _argument(values[used : used + 1], kept, misplaced)
        parts.append(text)
        used += taken
    left = () if reordered else values[used:]
    rest = ", ".join(f"{_kind(value)}={shown(value)}" if value is not None else "<nil>" for value in left)
    return "".join([*parts, form[place:], *([f"%!(EXTRA {rest})"] if rest else [])])


def _argument(value: tuple[Any, ...], form: _Form, misplaced: bool) -> tuple[str, int]:
    """(what a verb writes of the next value, where there is one; the number of values it takes)."""
    if form.verb == "v" and "#" in form.flags:
        raise ValueError("a value in Go's syntax")
    if form.verb == "[":
        raise ValueError("an argument by no number")
    if form.verb == "v":
        form = form._replace(flags=form.flags.replace("+", ""))  # there it asks for the names of fields
    if misplaced:
        return f"%!{form.verb}(BADINDEX)", 0
    return (_written(value[0], form), 1) if value else (f"%!{form.verb}(MISSING)", 0)


def _chosen(index: str | None, values: tuple[Any, ...], used: int) -> int:
    """The next argument: the one that is named, where it is there."""
    return int(index) - 1 if index and 0 < int(index) <= len(values) else used


def _count(said: str | None, values: tuple[Any, ...], used: int, name: str) -> tuple[int | None, int, str]:
    """(a width or precision, arguments used so far, what Go writes where it is none)."""
    if said != "*":
        count = int(said) if said else None
    else:
        given = values[used] if used < len(values) else None
        used += 1
        if type(given) is not int or abs(given) > _WIDEST:
            return None, used, f"%!(BAD{name})"
        count = given
    if count is not None and count > _WIDEST:
        raise ValueError(f"a width of {count}")
    return count, used, ""


def _written(value: Any, form: _Form) -> str:
    if form.verb == "T":
        return form.padded((_kind(value) if value is not None else "<nil>")[: form.precision])
    if form.verb == "p":
        raise ValueError("the address of a value")
    if isinstance(value, Record | Listing) and value.shown is not None and form.verb in "vsqxX":
        value = value.shown
    match value:
        case None:
            return form.padded("<nil>") if form.verb == "v" else f"%!{form.verb}(<nil>)"
        case bool():
            return form.padded("true" if value else "false") if form.verb in "tv" else _misfit(value, form)
        case int():
            return _integer(value, form)
        case float():
            return _real(value, form)
        case str():
            return _text(value, form)
        case Mapping():
            pairs = (f"{_within(key, form)}:{_within(value[key], form)}" for key in sorted(value))
            return f"map[{' '.join(pairs)}]"
        case list() | tuple():
            return f"[{' '.join(_within(item, form) for item in value)}]"
        case _:
            return str(value)


def _within(value: Any, form: _Form) -> str:
    return "<nil>" if value is None else _written(value, form)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case Mapping():
            return "map[string]interface {}"
        case _:
            return "[]interface {}"


def _misfit(value: Any, form: _Form) -> str:
    return f"%!{form.verb}({_kind(value)}={_written(value, form._replace(verb='v'))})"


_BASES = {"v": "d", "d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "x": "0x", "X": "0X"}


def _integer(value: int, form: _Form) -> str:
    if form.verb in "cqU":
        return _rune(value, form)
    base = _BASES.get(form.verb)
    if base is None:
        return _misfit(value, form)
    sign = "-" if value < 0 else "+" if "+" in form.flags else " " if " " in form.flags else ""
    least = form.precision or 0
    if form.precision is None and "0" in form.flags and "-" not in form.flags:
        least = form.width - len(sign)
    digits = format(abs(value), base).rjust(least, "0")
    if form.precision == 0 and value == 0:
        return " " * form.width
    if "#" in form.flags:
        digits = _PREFIXES.get(form.verb, "") + digits
        digits = f"0{digits}" if form.verb in "oO" and digits[0] != "0" else digits
    if form.verb == "O":
        digits = f"0o{digits}"
    return form.padded(sign + digits, zeros=False)


def _rune(value: int, form: _Form) -> str:
    known = 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000
    sign = chr(value) if known else "\ufffd"
    if form.verb == "c":
        return form.padded(sign)
    if form.verb == "q":
        return form.padded(_quoted(sign, "'", ascii_only="+" in form.flags))
    number = format(value % 2**64, "X").rjust(max(4, form.precision or 0), "0")
    beside = f" '{sign}'" if "#" in form.flags and known and sign.isprintable() else ""
    return form.padded(f"U+{number}{beside}", zeros=False)


def _real(value: float, form: _Form) -> str:
    if form.verb not in "veEfFgG":
        if form.verb in "bxX":
            raise ValueError(f"%{form.verb} of a floating-point number")
        return _misfit(value, form)
    if "#" in form.flags:
        raise ValueError("a floating-point number with #")
    plus = "+" in form.flags
    sign = "+" if plus else " " if " " in form.flags else ""
    if not math.isfinite(value):
        text = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        text = text.replace("+", " ") if " " in form.flags and not plus else text
        return form.padded(text, zeros=False)
    digits = _digits(abs(value), form)
    sign = "-" if math.copysign(1, value) < 0 else sign
    if "0" in form.flags and "-" not in form.flags:
        return sign + digits.rjust(form.width - len(sign), "0")
    return form.padded(sign + digits)


def _digits(value: float, form: _Form) -> str:
    """A number that is not negative, without its sign."""
    verb = {"v": "g", "F": "f"}.get(form.verb, form.verb)
    if verb not in "gG":
        return format(value, f".{6 if form.precision is None else form.precision}{verb}")
    precision = form.precision
    if precision is not None:
        return format(value, f".{max(precision, 1)}{verb}")
    found = Decimal(repr(value)).as_tuple()  # as few digits as tell it from every other number
    mantissa = "".join(map(str, found.digits)).lstrip("0")
    power = len(mantissa) + int(found.exponent) - 1 if mantissa else 0
    mantissa = mantissa.rstrip("0") or "0"
    if -5 < power < _LARGE:
        return format(Decimal(repr(value)).normalize(), "f")
    tail = f".{mantissa[1:]}" if mantissa[1:] else ""
    return f"{mantissa[0]}{tail}{'E' if verb == 'G' else 'e'}{'-' if power < 0 else '+'}{abs(power):02d}"


def _text(value: str, form: _Form) -> str:
    if form.verb in "xX":
        body = value.encode("utf-8", "surrogatepass")[: form.precision]
        mark = f"0{form.verb}" if "#" in form.flags else ""
        digits = [format(byte, f"02{form.verb}") for byte in body]
        apart = " " in form.flags
        return form.padded(" ".join(mark + pair for pair in digits) if apart else mark * bool(body) + "".join(digits))
    if form.verb not in "vsq":
        return _misfit(value, form)
    value = value[: form.precision]
    if form.verb == "q":
        if "#" in form.flags and "`" not in value and all(sign == "\t" or sign.isprintable() for sign in value):
            return form.padded(f"`{value}`")
        value = _quoted(value, '"', ascii_only="+" in form.flags)
    return form.padded(value)


_NAMED = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\"}


def _quoted(text: str, mark: str, *, ascii_only: bool) -> str:
    """The text as a constant of Go."""
    return f"{mark}{''.join(_escaped(sign, mark, ascii_only) for sign in text)}{mark}"


def _escaped(sign: str, mark: str, ascii_only: bool) -> str:
    code = ord(sign)
    if sign == mark or sign in _NAMED:
        return f"\\{_NAMED.get(sign, sign)}"
    if sign.isprintable() and (code < 0x7F or not ascii_only):
        return sign
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# ---------------------------------------------------------------------- texts for HTML, scripts and addresses

_HTML = str.maketrans({"'": "&#39;", '"': "&#34;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})


def html(*values: Any) -> str:
    return _as_text(values).translate(_HTML)


def js(*values: Any) -> str:
    return "".join(map(_in_script, _as_text(values)))


def _in_script(sign: str) -> str:
    if sign in "\\'\"":
        return f"\\{sign}"
    if sign < " " or sign in "<>&=" or (sign > "~" and not sign.isprintable()):
        return f"\\u{ord(sign):04X}"
    return sign


def urlquery(*values: Any) -> str:
    return quote_plus(_as_text(values).encode("utf-8", "surrogatepass"), safe="~")


def _as_text(values: tuple[Any, ...]) -> str:
    return values[0] if len(values) == 1 and isinstance(values[0], str) else sprint(*values)
