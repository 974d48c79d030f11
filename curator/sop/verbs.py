"""Whether a step is an order, told by its first words (English only), and whether a text forbids something."""

from __future__ import annotations

import re

from curator.text.patterns import compiled_later

VERBS = frozenset("""
accept access acknowledge acquire activate adapt add adjust affix agitate aim align allocate allow analyse analyze announce answer apply approach approve archive
arrange ascertain ask aspirate assemble assess assign assist attach attend authorise authorize autoclave avoid await back bag bake balance begin bend bleed block blot
boil bolt book boot break brief bring brush build calculate calibrate call cancel capture carry categorize centrifuge change charge check chill chisel choose chop
circulate clamp clarify classify clean clear click clip close coat collect combine commit communicate compare compile complete comply conduct configure confirm
connect consider consult contact contain continue control convert cool coordinate copy cordon correct count cover create crimp cross curl cut date deactivate debrief
deburr decant decide declare define defrost degrease delegate delete deliver deploy describe detach detect determine develop dig dilute dim dip direct disable
disassemble discard disconnect discuss disinfect dismantle dispense display dispose dissolve distribute divide do document don double-click download drag drain draw
dress drill drive drizzle drop dry dust edit eject eliminate elute email empty enable encourage engage enquire ensure enter erase escalate establish estimate evacuate
evaluate evaporate examine exclude execute exit expand explain export expose extend extract failover fasten feed fetch file fill filter filtrate find finish fit fix
flag flush focus fold follow forward freeze fry fully garnish gather get give glue go grab grant grate grease grind group guide hammer hand handle hang heat help hire
hoist hold homogenise homogenize identify ignore immerse implement import incubate indicate inform initiate inject inoculate input insert inspect install instruct
interview invert investigate invite invoice isolate issue jack join keep kill knead label land launch lay lead leave let level lift limit link list load localize
locate lock log look lower lubricate lyse maintain make manage marinate mark match measure meet mention merge migrate minimise minimize mix modify monitor mop mount
move mow mute nail navigate never note notify observe obtain offer onboard open operate order organise organize orient overwrite pack page paint park paste pat patch
pause pellet perform photograph pick ping pipette place plan plant play plug point polish post pour power prefer prepare present preserve press prevent prime print
prioritise prioritize proceed process produce promote prop protect provide prune pull pump purge push put quarantine quench query raise rake re-clean reach read
reassemble rebase reboot rebuild recalibrate receive recheck recommend reconcile reconnect reconstitute record recover redeploy reduce refactor refer refill refit
refresh refrigerate refuel register reinstall reject release relocate remain remember remind remove rename repair repeat replace report request rescue reset resolve
respond restart restore restrict resume resuspend retain retrieve return review rewrite ring rinse roll rotate route run sand sanitise sanitize save saw scale scan
schedule scoop scrape screen screw scroll scrub seal search season secure sediment select send separate serve set setup shake share shave shovel show shred shut sieve
sign silence simmer simulate siphon sit size slide smear soak soften solder sonicate sort spike spin splice split spoon spray spread sprinkle stabilise stabilize
stack stamp stand staple start state stay sterilise sterilize stick stir stop store stow straighten strain streak strip stuff submit subtract suction suspend suture
swab swap sweep swipe switch sync tabulate tag taint take tap tare tell terminate test thaw thicken thin thread tick tie tighten tilt time title titrate toggle top
touch tow trace track train transcribe transfer transport trap treat triage trigger trim try tune turn twist type unblock unbolt uncheck uncover understand undo
undress unfold uninstall unload unlock unmount unmute unpack unplug unscrew untick unwrap unzip update upend upgrade upload use vaccinate vacuum validate varnish vent
ventilate verify view visit vortex vote wait walk warm warn wash watch water wear wedge weigh weld wet wheel whisk widen winch wind wipe wire withdraw withhold work
wrap wring write yank zero zip zoom
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
        begun = _BEFORE.match(part)
        word = begun and _WORD.match(part, begun.end())
        if word and word.group().lower() in VERBS:
            return True
    return False


_FORBIDS = compiled_later(
    r"\W*(?:(?:do not|don['’]t|never|must (?:not|never)|under no circumstances)\s+(?!miss|wait|worry|forget|hesitate|let\b)|"
    r"(?:niemals|unter keinen umständen|auf keinen fall|nunca|jamás|bajo ningún concepto|en aucun cas|ne\s+\w+\s+(?:jamais|pas|en aucun cas)\b|n['’]\w+\s+(?:jamais|pas|en aucun cas)\b))",
    re.I,
)


def is_forbidding(text: str) -> bool:
    """Whether a text begins with what must not be done ("Never open the lid"): a warning without the word."""
    return _FORBIDS.match(text) is not None
