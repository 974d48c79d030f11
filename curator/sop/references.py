"""Steps and sections that a text refers to by the source's numbers, where those are others here: an answer keeps the source's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.sop.document import Check, Document, Section, Step, steps
from curator.sop.reading import said

_REFERRED = re.compile(
    r"\b(?P<kind>steps?|points?|schritte?n?|punkte?|pasos?|puntos?|étapes?|points?|sections?|clauses?|abschnitte?n?|apartados?|secci[oó]n(?:es)?|chapitres?)\s+"
    r"(?P<label>\d{1,3}(?:\.\d{1,3}){0,4})(?![\w%]|[.,]\d)(?!\s*(?:of|from|in|von|aus|de|du)\s+(?!this|dies|est|cet))",
    re.I,
)
_SECTIONS = re.compile(r"sec|claus|absch|apart|chap", re.I)


def moved_references(document: Document, code: str) -> Iterator[Check]:
    """What the document says of steps and sections that have another number here than in the source, each once a section.

    A number is looked up among the steps of the same section, then among all of them; one that is several steps' is left alone.
    """
    every = [step for section in document.sections for step in steps(section.blocks)]
    for section in document.sections:
        told: dict[str, str] = {}
        for found in _REFERRED.finditer("\n".join(said(block) for block in section.blocks)):
            label = found["label"]
            if ours := _ours(document, section, every, label, of_section=_SECTIONS.match(found["kind"]) is not None):
                told[found.group()] = ours
        yield from (
            Check(code, section.id, f"“{name}” of the source is {ours} here: write {ours} in the answer")
            for name, ours in told.items()
        )


def _ours(document: Document, section: Section, every: list[Step], label: str, *, of_section: bool) -> str:
    """The number here of what has that label in the source, "" where it is the same, nothing or several things."""
    heads = [other.number for other in document.sections if _bare(other.number_source) == _bare(label)]
    near = [step.number for step in steps(section.blocks) if _bare(step.number_source) == label]
    far = [step.number for step in every if _bare(step.number_source) == label]
    order = (heads,) if of_section else (near, far)
    numbers = next((found for found in order if found), [])
    return numbers[0] if len(numbers) == 1 and _bare(numbers[0]) != _bare(label) else ""


def _bare(label: str) -> str:
    return label.removesuffix(".0").strip("(). ")
