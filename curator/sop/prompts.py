"""What a user would ask for a procedure: the topic from the title, and the wording by the document's hash."""

from __future__ import annotations

import hashlib
import re

from curator.sop.document import Document
from curator.sop.verbs import VERBS

# The first wording of a language is the commonest: about 55 documents of 100 get it.
WORDINGS: dict[str, dict[str, str]] = {
    "en": {
        "write": "Write an SOP {about}.",
        "draft": "Draft a standard operating procedure {about}.",
        "prepare": "Prepare an SOP covering {topic}.",
        "question": "What is the procedure {to}?",
    },
    "es": {
        "write": "Escribe un PNT para {topic}.",
        "draft": "Redacta un procedimiento normalizado de trabajo para {topic}.",
        "question": "¿Cuál es el procedimiento para {topic}?",
    },
    "de": {
        "write": "Schreibe eine SOP zum Thema: {topic}.",
        "draft": "Erstelle eine Standardarbeitsanweisung zum Thema: {topic}.",
        "question": "Wie lautet das Verfahren zum Thema: {topic}?",
    },
    "fr": {
        "write": "Rédige une procédure opératoire pour : {topic}.",
        "draft": "Prépare une procédure opératoire normalisée pour : {topic}.",
        "question": "Quelle est la procédure pour : {topic} ?",
    },
}
SECTION = {
    "en": "Create the {heading} section of an SOP {about}.",
    "es": "Escribe el apartado {heading} de un PNT para {topic}.",
    "de": "Schreibe den Abschnitt {heading} einer SOP zum Thema: {topic}.",
    "fr": "Rédige la section {heading} d'une procédure opératoire pour : {topic}.",
}
PART = {
    "en": "Write part {part} of {parts} of an SOP {about}.",
    "es": "Escribe la parte {part} de {parts} de un PNT para {topic}.",
    "de": "Schreibe Teil {part} von {parts} einer SOP zum Thema: {topic}.",
    "fr": "Rédige la partie {part} sur {parts} d'une procédure opératoire pour : {topic}.",
}
_COMMON = 55

_KIND = r"(?:(?:standard\s+operating|operating)\s+(?:procedures?|protocols?|instructions?)(?:\s*\(sops?\))?|sops?)"
_LEAD = re.compile(rf"^{_KIND}\s*(?:(?:for|on|of)\s+(?:the\s+)?|[-–—:#]\s*|(?=\d))", re.I)
_PLAIN = re.compile(
    r"^(?:(?:standard|work(?:ing)?|test)\s+)?(?:procedures?|protocols?|instructions?)\s+(?:for|on|of)\s+(?:the\s+)?",
    re.I,
)
_CLEANING = re.compile(r"^standard\s+(?!operating)(\w+)\s+procedures?\s+(?:for|of)\s+(?:the\s+)?(?=\w)", re.I)
_TAIL = re.compile(rf"(?<!\s)\s*(?:[-–—:,(]\s*)?{_KIND}\)?$", re.I)
_NUMBER = re.compile(r"^[A-Z]{2,6}[-/ ]?(?:[A-Z]{1,6}[-/])*\d[\w./-]*\s*[:–—-]?\s+(?=\S)")
_VERSION = re.compile(r"(?<!\s)\s*(?:[-–—,(]\s*)?\b(?:version|rev(?:ision)?|v)\.?\s*\d+(?:\.\d+)*\)?$", re.I)
_FOREIGN = re.compile(
    r"^(?:procedimiento(?: normalizado de trabajo| operativo(?: est[aá]ndar)?)?|pnt|poe|standardarbeitsanweisung|arbeitsanweisung|verfahrensanweisung|proc[eé]dure(?: op[eé]ratoire(?: normalis[eé]e| standard)?)?)"
    r"\s*(?:(?:para|de|del|zur|zum|für|pour|du|d['’])\s*(?:la |el |los |las |die |das |le |les )?|[-–—:]\s*)", re.I,
)  # fmt: skip


def topic(title: str) -> str:
    """What the procedure is about: the title less "SOP for", document numbers and versions; its case is kept.

    "Standard Cleaning Procedure for X" is "Cleaning of X".
    """
    text = " ".join(title.split()).strip(" .:-–—")
    for pattern in (_VERSION, _NUMBER, _LEAD, _PLAIN, _FOREIGN, _TAIL, _VERSION, _NUMBER):
        shorter = pattern.sub("", text, count=1).strip(" :-–—")
        text = shorter if re.search(r"[^\W\d_]{2}", shorter) else text
    return _CLEANING.sub(lambda found: f"{found[1]} of ", text)


def _subject(document: Document) -> dict[str, str]:
    """The topic as the wordings name it. An English title that is an order ("Rotate the API key") becomes "how to rotate …".

    One that may be an order or a thing ("Drain cleaner"), or asks something, is named as it stands, in quotation marks.
    """
    subject = topic(document.title)
    if document.language in WORDINGS and document.language != "en":
        return {"topic": subject, "about": f"for {subject}", "to": f"for {subject}"}
    found = _HOW_TO.match(subject)
    rest = subject[found.end() :] if found else subject
    verb = rest.split(" ", 1)[0]
    orders = verb.lower() in VERBS and " " in rest
    if (found and not verb.endswith("ing")) or (orders and verb[1:].islower() and _NAMED.match(rest)):
        rest = rest[0].lower() + rest[1:] if verb[1:].islower() else rest
        return {"topic": f"how to {rest}", "about": f"on how to {rest}", "to": f"to {rest}"}
    if (orders and not _NOUNS.search(rest)) or _ASKS.match(rest):
        return {"topic": f"“{subject}”", "about": f"titled “{subject}”", "to": f"called “{subject}”"}
    if verb.endswith("ing") and verb[1:].islower():  # "Rotating the API key"
        rest = rest[0].lower() + rest[1:]
    return {"topic": rest, "about": f"for {rest}", "to": f"for {rest}"}


_HOW_TO = re.compile(r"how to:?\s+(?=\S)", re.I)
_NAMED = re.compile(r"\w+ (?:the|an?|your|all|any|each|every|this|these|new) \S", re.I)
_ASKS = re.compile(r"(?:how|what|when|where|who|why|which|can|should|is|are|do|does|if|i)\b(?!-)", re.I)
_NOUNS = re.compile(
    r"\b(?:control|entry|replacement|\w+(?:tion|sion|ment|ing))$", re.I
)  # of what is done: a noun stands before it


def asked(document: Document, count: int = 1) -> list[tuple[str, str]]:
    """`count` prompts as (name of the wording, prompt), the first chosen by the document's hash."""
    wordings = WORDINGS.get(document.language, WORDINGS["en"])
    subject = _subject(document)
    names = list(wordings)
    roll = int.from_bytes(hashlib.blake2b(document.doc_id.encode(), digest_size=8).digest(), "big")
    first = 0 if roll % 100 < _COMMON or len(names) == 1 else 1 + (roll // 100) % (len(names) - 1)
    order = [names[first], *(name for name in names if name != names[first])]
    prompts = [(name, wordings[name].format(**subject)) for name in order]
    prompts.append(("title", document.title))
    return prompts[: max(1, count)]


def asked_for_section(document: Document, heading: str) -> str:
    """The prompt whose answer is one section."""
    return SECTION.get(document.language, SECTION["en"]).format(heading=heading, **_subject(document))


def asked_for_part(document: Document, part: int, parts: int) -> str:
    """The prompt whose answer is one part of a document that is too long for a row."""
    return PART.get(document.language, PART["en"]).format(part=part, parts=parts, **_subject(document))
