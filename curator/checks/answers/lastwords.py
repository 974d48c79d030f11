"""Words on which a sentence never, or seldom, closes."""

from __future__ import annotations

# Words on which an English sentence does not close: articles, prepositions, conjunctions, auxiliaries, and
# verbs, adjectives and adverbs that need another word after them. Drawn up from how often each closes a
# sentence in several hundred thousand sentences of answers, then read through. On the first a line never
# ends, on the others a title or a line without full stop may ("Places to go to", "As tall as he is").
NEVER_LAST = frozenset(
    """
    a an the and or nor if than as at of from into onto upon with within without during until till while whereas
    although because unless whether between among amongst via per versus
    i'm you're we're they're he's she's there's what's let's here's i've you've we've they've i'd you'd we'd they'd
    i'll you'll we'll they'll he'll she'll it'll
    whose my your his its their our every
    is are was were has had would should could may might must cannot
    include includes including contain contains containing provide provides providing ensure ensures ensuring
    allow allows allowing enable enables enabling become becomes becoming create creates creating require requires
    requiring makes making takes taking gives giving gets getting keeps keeping puts brings bringing offers offering
    causes causing leads leading involves involving depends depending based according due regarding concerning
    considering consist consists represent represents refer refers remains seems seemed appears helps helping avoid
    avoiding encourage encourages encouraging promote promotes promoting improves improving reduces reducing
    increases increasing maintain maintaining finds finding adds adding tend tends begins continues contribute
    contributes suggest suggests believes identify identifying determine determining develop developing choosing
    building shows showing uses using such various numerous several very quite rather too especially particularly
    specifically typically generally additionally furthermore moreover extremely highly increasingly relatively
    significantly approximately nearly almost merely simply fully truly so only just
    """.split()
)
FIRST_PERSON = frozenset(["I'm", "I've", "I'd", "I'll"])
# With these a line is cut even in a text that closes no sentence.
CUT_SHORT = frozenset(
    "a an the and or nor than whose my your his its their our every because although whereas if".split()
)
# Of those, what not even an item of two words ends on ("2. Add the").
LEADS_TO_A_NOUN = frozenset("an the than whose my your his its their our every".split())
# On these a note or a verse closes all the same ("pick up only", "that is who they are").
MAY_CLOSE = frozenset(
    """
    is are was were has had would could should may might must cannot only so just too quite rather at from with upon within
    without includes contains provides ensures allows enables becomes creates requires makes takes gives gets keeps puts
    brings offers become create require depends consists represents refers remains seems seemed appears helps encourages
    promotes improves reduces increases finds adds begins continues suggests shows uses
    """.split()
)
# On these not even a line of a text closes that leaves out its stops.
LEADS_ON = frozenset(
    "by for to toward towards throughout since against who which but yet each i he she we they".split()
)
SELDOM_LAST = frozenset(
    """
    but yet by for in on to toward towards through throughout before after since though against across along around
    over under above below beneath behind beside beyond despite except about like unlike near off out up down
    be been being am have having do does did doing will shall can ought can't don't doesn't didn't won't wouldn't
    couldn't shouldn't isn't aren't wasn't weren't
    i he she we they it you who whom which that this these those what when where why how there it's that's
    her some any no each either neither both all many much few more most less other another certain countless
    different similar same even also not never always often usually commonly however therefore thus hence then
    finally lastly firstly instead perhaps maybe one two three four five six seven eight nine ten hundred
    included contained provided became created make made take took given give gave get got use used keep kept let put
    bring brought offer offers cause lead led involve depend prior following followed compared associated related
    located known called named considered represented remain seem appear help helped improve reduce increase find found
    add added consider try trying want wants need needs needed begin began start starts starting continue believe feel
    feels felt set choose build show shown own
    great new large small good best better high low long short old young big main major important common popular
    specific particular general unique essential key potential possible necessary available likely able
    first second third next last previous current recent final early natural human social personal physical mental
    still environmental economic cultural political financial medical digital global local national international public
    private modern traditional ancient healthy strong beautiful wide full real true single entire whole overall
    multiple additional regular daily proper sustainable renewable
    """.split()
)
