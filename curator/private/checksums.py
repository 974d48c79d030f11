"""Check digits of card, bank and identity numbers, each as its issuer defines it. `digits` are characters 0-9."""

from __future__ import annotations

from collections.abc import Sequence


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: cards, Canadian SIN, Swedish and South African numbers."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(digit), 10)) for digit in even)) % 10 == 0


def mod97(iban: str) -> bool:
    """ISO 7064 mod 97-10 over an IBAN without spaces, in capitals."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of the digits, each times its weight; digits beyond the weights do not count."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def mod11_10(digits: str) -> bool:
    """ISO 7064 mod 11,10: the German tax identification number."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


_TURN = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def verhoeff(digits: str) -> bool:
    """Verhoeff's check in the dihedral group of ten elements: Aadhaar."""
    row: tuple[int, ...] = _TURN[0]
    check = 0
    for digit in reversed(digits):
        check = _dihedral(check, row[int(digit)])
        row = tuple(_TURN[1][place] for place in row)
    return check == 0


def _dihedral(one: int, two: int) -> int:
    """The product of two symmetries of a pentagon: 0 to 4 turn it, 5 to 9 turn it over as well."""
    if one < 5:
        return (one + two) % 5 if two < 5 else 5 + (one + two - 5) % 5
    return 5 + (one - 5 - two) % 5 if two < 5 else (one - two) % 5
