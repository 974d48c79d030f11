"""Whether a step is an order, told by its first words. English only."""

from __future__ import annotations

import re

from curator.text.patterns import compiled_later

VERBS = frozenset("""
accept access acknowledge acquire activate adapt add adjust affix agitate aim align allocate allow analyse analyze announce answer apply approach approve arrange
ascertain ask aspirate assemble assess assign assist attach attend authorise authorize autoclave avoid await back bag balance begin block blot book boot break bring brush
build calculate calibrate call cancel capture carry categorize centrifuge change charge check choose circulate clamp clarify classify clean clear click clip close coat
collect combine communicate compare compile complete comply conduct configure confirm connect consider consult contact contain continue control convert cool coordinate
copy correct count cover create cross cut date deactivate debrief decant decide declare define delegate delete deliver deploy describe detach detect determine develop
dilute direct dim dip disable disassemble discard disconnect discuss disinfect dismantle dispense display dispose dissolve distribute divide do document don double-click download
drag drain draw dress drive drop dry edit eject eliminate email empty enable encourage engage enquire ensure enter erase escalate establish estimate evacuate evaluate examine exclude
execute exit expand explain export expose extend extract fasten feed fetch file fill filter find finish fit fix flag flush focus fold follow forward freeze fully gather get
give go grab grant grind group guide hand handle hang heat help hold identify ignore immerse implement import incubate indicate inform initiate inject input insert inspect
install instruct invert investigate invite isolate issue join keep kill label land launch lay lead leave let level lift limit link list load localize locate lock log look lower
lubricate maintain make manage mark match measure meet mention minimise minimize mix modify monitor mount move navigate never note notify observe obtain offer open operate
order organise organize orient overwrite pack page paste pause perform pick pipette place plan play plug point post pour power prefer prepare present preserve press prevent
prime print prioritise prioritize proceed process produce promote protect provide pull pump purge push put query quarantine raise reach read reassemble reboot recalibrate receive
recheck recommend reconnect record recover re-clean refer refill reduce refit refresh register reinstall reject release relocate remain remember remind remove rename repair repeat replace
report request rescue reset resolve respond restart restore restrict resume retain retrieve return review rewrite rinse roll rotate route run sanitise sanitize save scan
schedule scrape screen screw scroll scrub seal search secure select send separate set setup shake share show shut sign simulate siphon sit size slide smear soak sort spin split
spray spread stabilise stabilize stack stand start state stay sterilise sterilize stick stir stop store straighten strip subtract submit subtract suspend swab switch sync take tag tap tare tell terminate
test thaw tie tighten tilt time title titrate touch trace track train transfer transport treat triage trigger trim try turn type uncheck uncover understand undo unlock unpack unplug
unscrew unzip update upgrade upload use vacuum validate vent ventilate verify view visit vortex wait warm warn wash watch wear wheel weigh wet wipe withdraw withhold work wrap write zero zoom
""".split())  # fmt: skip
_BEFORE = compiled_later(
    r"^(?:\W|(?:then|next|first|finally|now|please|also|always|carefully|gently|immediately|slowly|once|do not|don't|do|never|manually|thoroughly|visually|"
    r"periodically|quickly|securely|properly|if necessary|if required|if needed|if possible|optionally|optional|again|afterwards?|lastly|simply|just|not|only|and|fully|completely|"
    r"in addition|when ready)\b[\s,:]*)*",
    re.I,
)
_WORD = re.compile(r"[A-Za-z-]+")


def is_order(step: str) -> bool:
    """Whether a step tells somebody to do something: its first words, or those after a first clause, are a verb's."""
    for part in (step, *re.split(r"[,:;]\s+", step, maxsplit=3)[1:]):
        word = _WORD.match(part, _BEFORE.match(part).end())  # type: ignore[union-attr]
        if word and word.group().lower() in VERBS:
            return True
    return False
