"""What sites put around a text, told by its words: dates of change, votes, sharing, cookies, copyright.

Only short paragraphs of a web page are judged, never steps or headings' texts, so a step that speaks of cookies stays.
English first, then the same notices in Spanish, German and French.
"""

from __future__ import annotations

import re

from curator.sop.roles import folded
from curator.sop.verbs import is_forbidding, is_order

_MOST_WORDS = 30

_DATE = r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}\.? (?:de )?[^\W\d_]{3,10}\.?,? (?:de )?\d{4}|[^\W\d_]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|(?:over |about |almost )?(?:an?|\d+) \w+ ago|today|yesterday|hace \d+ \w+|vor \d+ \w+|il y a \d+ \w+)"
_CHANGED = r"(?:updated|modified|edited|changed|published|posted|created|written|reviewed|verified|actualizado|modificado|publicado|creado|verificado|revisado|aktualisiert|geändert|bearbeitet|veröffentlicht|erstellt|(?:über)?geprüft|vérifiée?|mis à jour|modifié|publié|créé)"
_THIS = r"(?:this|the|our|esta|este|diese[rsn]?|cette|cet|ce)"
_PAGE = r"(?:page|article|post|answer|information|content|guide|section|topic|document|site|website|página|artículo|seite|artikel|beitrag|site web)"

_CREDIT = r"(?:photo(?:graph)?s?|foto|crédit photo)(?: (?:by|credits?|courtesy|von|de)\b|\s*:)|(?:image|picture|illustration) (?:credits?|courtesy|by)\b"

_PATTERNS = (
    rf"(?:\W|this |the |was |is |it |última |zuletzt |dernière |{_PAGE} )*+(?:last |first )?(?:{_CHANGED}|(?<=last )update|update(?=:)|modification|actualización)\b(?: on| at|:| el| am| le)*\s*.{{0,30}}?{_DATE}.{{0,60}}",
    rf"{_PAGE} (?:last |zuletzt )?{_CHANGED}:?(?: on| am| le| el)? \d{{1,2}}\.? (?:de )?[^\W\d_]{{3,10}}",
    rf"(?:by|von|par|por) [^.]{{2,60}}?\W+(?:on |am |el |le )?{_DATE}.{{0,30}}",
    rf"(?:was|is|did you find|were) (?:{_THIS}|it) ?{_PAGE}? ?(?:helpful|useful|clear|what you).{{0,60}}",
    r"(?:how (?:helpful|useful) was|rate (?:this|the|your)|war diese[rs]?|¿te ha (?:sido|resultado)|cet(?:te)? \w+ vous a-t-).{0,80}",
    r"\d[\d.,k]* (?:out )?(?:of|von|de|sur) \d[\d.,k]* .{0,30}(?:helpful|useful|hilfreich|útil|utile).{0,20}",
    r"(?:\W|estimated |reading time|read time|time to read|lesezeit|tiempo de lectura|temps de lecture|:)*\d+ ?(?:-| )?min(?:ute|uten|utos)?s?\b(?: read| to read|s? reading time)?",
    r"\d[\d.,]*k? (?:views?|comments?|likes?|shares?|claps?|followers?|replies|votes?|reactions?|aufrufe|kommentare|visitas|comentarios|vues|commentaires)(?:\W+\d[\d.,]*k? \w+)*",
    rf"(?:share|teilen|compartir|partager)(?: {_THIS})?(?: {_PAGE})?(?: (?:on|via|with|by|to) .{{0,60}})?",
    r"(?:share|tweet|pin|email|print|facebook|twitter|linkedin|whatsapp|reddit|x|copy link|link copied|mastodon|pocket)(?:\W+(?:share|tweet|pin|email|print|facebook|twitter|linkedin|whatsapp|reddit|x|copy link|on|via))*",
    r".*\b(?:we|this (?:web)?site|our partners|diese website|wir|este sitio|nous|ce site)\b.{0,60}\bcookies?\b.*|.*\bcookies?\b.{0,40}\b(?:consent|preferences|settings|policy|improve|experience|richtlinie|einstellungen|política|préférences).*|(?:accept|reject|allow|decline) (?:all )?(?:cookies)?",
    r"(?:©|\(c\)|copyright)\W.{0,120}|.{0,100}\ball rights reserved.{0,60}|.{0,60}alle rechte vorbehalten.{0,30}|.{0,60}todos los derechos reservados.{0,30}|.{0,60}tous droits réservés.{0,30}",
    r"(?:privacy(?: policy| notice)?|terms(?: of (?:use|service))?|imprint|impressum|datenschutz(?:erklärung)?|aviso legal|mentions légales|sitemap|contact us|cookie policy|legal)(?:\W+(?:privacy(?: policy| notice)?|terms(?: of (?:use|service))?|imprint|datenschutz|sitemap|contact us|cookie policy|legal|accessibility))*",
    r"(?:skip|jump|zum|saltar|ir|aller)(?: directly)? (?:to|al|au|inhalt)\b.{0,40}",
    r".{0,40}\b(?:subscribe|sign up|newsletter|abonnieren|suscríbete|abonnez)\b.{0,60}\b(?:newsletter|updates|e-?mails?|feed|blog|inbox)\b.{0,60}|subscribe(?: (?:now|to .{0,40}))?",
    r"(?:tags?|tagged|filed under|categor(?:y|ies)|posted in|labels?|schlagw[oö]rt(?:er)?|kategorien?|etiquetas|categorías|catégories)\W*:\W*.{0,120}",
    r"(?:posted|published|written|created|authored|veröffentlicht|publicado|publié|geplaatst|geschreven|pubblicato|scritto|opublikowane|publicerad|skriven) (?:by|on|in|von|am|por|par|door|op|da|il|przez|av) .{0,80}",
    rf"(?:edit|improve|suggest (?:an? )?(?:edit|change)s?(?: to)?|report (?:an? )?(?:issue|problem|bug)(?: with)?|print|bookmark|follow|view)(?: {_THIS} {_PAGE}| on github| source)(?: .{{0,40}})?",
    r"(?:follow us|join the (?:conversation|discussion)|be the first to comment|(?:leave|post|write|add) a (?:comment|reply)|log ?in to (?:comment|reply|vote)|please enable javascript|javascript (?:is|must).{0,60}|loading\W*|advertisement|sponsored|powered by .{0,40}|retrieved from .{0,80}|this page was last .{0,80})\b.{0,60}",
    r"(?:(?:post|page|article|total) )?(?:views|visits|hits|aufrufe|visitas|vues)\W*:?\W*\d[\d.,k]*",
    r"rated \d[.,]?\d? (?:by|from|out of|/|stars).{0,60}|(?:(?:average|user|reader) )?rating\W*\d[.,]?\d?.{0,20}\b(?:votes?|reviews?|readers|stars)\b.{0,30}|"
    r"\d[.,]\d\s*(?:/|out of|of|von|de|sur)\s*5\b.{0,60}|\d[\d.,]* (?:votes?|ratings?|reviews?|bewertungen|valoraciones)\b.{0,40}",
    rf"{_CREDIT}.{{1,80}}",
    rf"(?:{_THIS} )?{_PAGE} (?:is |wird |est |es )?(?:maintained|kept|owned|hosted|gepflegt|betreut|mantenid[oa]|tenue|maintenue?|gérée?)(?: up)? (?:by|von|por|par) .{{2,80}}",
    r"(?:need (?:more )?help|still (?:need|have) .{0,30}|have (?:more )?questions|can't find what).{0,20}\?.{0,60}",
    r"did (?:this|the|that)(?: \w+)? (?:answer|help|solve)\b.{0,60}",
    r"\(?(?:redirected from|weitergeleitet von|redirigido desde|redirigé depuis) .{1,80}",
    r"(?:←|«|‹|<)?\s*(?:previous|prev|next|zurück|weiter|anterior|siguiente|précédent|suivant)(?: (?:page|article|post|topic|seite))?\s*(?:→|»|›|>)?",
    r"(?:click (?:here )?to (?:expand|show|open|collapse)|(?:hier )?klicken,? (?:sie )?(?:hier,? )?um zu erweitern|cliquez ici pour (?:développer|afficher)|haga clic (?:aquí )?para (?:ampliar|expandir|mostrar)|(?:show|read|view|see) (?:more|less|all))\b.{0,20}",
    rf"(?:you are (?:reading|viewing|looking at)|this is|these are) (?:the |an? )?(?:docs|documentation|manual|version|old\w*|previous|outdated|archived)\b.{{0,60}}\b(?:version|release|maintained|{_PAGE}|handbook|manual|docs)\b.{{0,120}}",
    r"(?:\d[\d.,k]* (?:people|users|readers) (?:have )?(?:viewed|liked|saw|read|found).{0,40}|add a reaction|tell your (?:friends|followers|colleagues)|watch (?:our|the) (?:film|video)\b.{0,40})",
    r"(?:user |reader )?(?:rating|note(?: utilisateur)?|bewertung|valoración|calificación)(?: del usuario| des lecteurs)?\W*\d(?:[.,]\d)?\W*(?:/|of|von|de|sur)\W*(?:5|10)\b.{0,30}",
    rf"(?:you (?:must|should|need to|can|have to) )?mark (?:{_THIS} )?(?:{_PAGE}|unit|lesson|module|step|this|it)(?: as)? (?:done|completed?|read|finished)\b.{{0,40}}",
    r"you (?:have )?(?:not )?(?:yet )?(?:signed|confirmed|acknowledged|read|completed)\b.{0,40}\b(?:document|page|version|procedure|policy|article|instruction)\b.{0,80}",
    r"(?:new|added|introduced|changed|updated|modified|deprecated|removed|available|neu|hinzugefügt|geändert|eingeführt|nuev[oa]|añadid[oa]|modificad[oa]|nouveau|ajouté|modifié|introduit)e?"
    r" (?:(?:in|since|as of|ab|seit|en|desde|dans|depuis)(?: the| der| la)? )(?:versi[oó]n|release|v\.? ?(?=\d))\W*\d[\w.]*(?:\W.{0,160})?",
    rf"{_THIS} (?:{_PAGE}|space|wiki|docs|manual|handbook|text) (?:was|has been|is being|will be|wurde|ha sido|fue|a été) (?:automatically |recently )?(?:moved|migrated|archived|imported|copied|mirrored|converted|machine[- ]translated|generated|verschoben|archiviert|movid[oa]|archivad[oa]|déplacée?|archivée?)\b.{{0,160}}",
    r"(?:nach oben|zum (?:seiten)?anfang|haut de (?:la )?page|(?:volver|ir) arriba|(?:to )?top of (?:the )?page)",
    r"(?:please )?(?:use|click|press|hit|benutzen sie|klicken sie|utilisez|cliquez|use|utilice|pulse)\b.{0,24}\b(?:back button|zurück-?(?:taste|button|schaltfläche)|bouton (?:retour|précédent)|botón (?:atrás|de retroceso))\b.{0,60}\b(?:browser|navigateur|navegador)s?\b.{0,24}\b(?:menu|menü|men[úu]|index|home|overview|previous page|übersicht|inicio|accueil)\b.{0,24}",
    r"(?:also available (?:in|as)|auch (?:abrufbar|verfügbar) (?:als|in)|(?:également|aussi) disponible en|también disponible en)\W*(?:[A-Z][\w.]{1,12}\W*){0,6}",
    r"you are (?:the )?(?:visitor|guest) (?:number|no\.?|#) ?[\d.,]+.{0,40}",
    r"(?:back to|return to|zurück zu|volver|retour)(?: the)?(?: \w+){0,2} (?:top|home|overview|nach oben|inicio|haut).{0,30}",
)  # fmt: skip
_FURNITURE = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.I)

_CREDITED = re.compile(rf"(?:^|[\W_])(?:{_CREDIT})", re.I)


def is_credited(caption: str) -> bool:
    """Whether a caption says who took the picture: one of a newspaper, not of a procedure."""
    return _CREDITED.search(caption) is not None


_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|mi[ée]rcoles|jueves|viernes|s[áa]bado|domingo)"
_DAY = re.compile(
    rf"(?:on |am |el |le )?(?:{_WEEKDAY},? )?(?:the |den |der |le )?{_DATE}(?: at|,)?(?: \d{{1,2}}:\d{{2}}(?: ?[ap]m)?)?\W*",
    re.I,
)


def is_date(text: str) -> bool:
    """Whether a text is a date and nothing else ("19 January 2026")."""
    return len(text) <= 40 and _DAY.fullmatch(text) is not None


def is_furniture(text: str) -> bool:
    """Whether a short paragraph is of the site and not of the text."""
    if len(text) > 300 or text.count(" ") >= _MOST_WORDS:
        return False
    return _FURNITURE.fullmatch(text.strip(" .|·•")) is not None or _is_byline(text)


_OF_PAGE = re.compile(
    r"\b(?:(?:this|our) (?:web ?|wiki |blog |help )?(?:page|article|post|blog|wiki|website)|diese[rnm]? (?:seite|artikel|beitrag)s?|est[ea] (?:p[áa]gina|art[íi]culo|entrada)|"
    r"cette (?:page|fiche)|cet article|questa pagina|quest['’]articolo|dit artikel|deze pagina|(?:in|dans|en) (?:the|les|los|den) (?:comments?|commentaires|comentarios|kommentaren))\b",
    re.I,
)


def speaks_of_page(text: str) -> bool:
    """Whether a text speaks of the page it stands on ("this article", "in the comments")."""
    return _OF_PAGE.search(text) is not None


_ASKED = re.compile(
    rf"¿?(?:(?:was|is|did you find|were) (?:{_THIS}|it) ?{_PAGE}? ?(?:helpful|useful|clear|what you)|how (?:helpful|useful) was|war diese[rs]? {_PAGE} |(?:le |te )?(?:ha (?:sido|resultado)|fue|es) (?:útil )?(?:esta|este)|"
    r"(?:esta|este) \w+ (?:te|le) (?:ha|fue)|cet(?:te)? \w+ vous a-t-|(?:vond|was|heeft) (?:u )?(?:deze|dit) (?:pagina|artikel)|(?:questa|quest['’]) ?\w+ (?:ti |le )?è (?:stat[ao] )?utile|est[ae] \w+ foi útil)[^?]{0,60}\?",
    re.I,
)


def asks_readers(text: str) -> bool:
    """Whether a line asks what readers think of the page."""
    return _ASKED.fullmatch(text.strip()) is not None


def _is_byline(text: str) -> bool:
    """Whether a line is a few facts about a page, set apart by points ("Version 7 · Edited by R. Adeyemi · 4 min read")."""
    parts = re.split(r"\s+\|\s+|\s*[·•]\s*", text)
    told = [part for part in parts if _FURNITURE.fullmatch(part.strip(" .")) is not None]
    return len(parts) >= 2 and bool(told) and all(len(part.split()) <= 5 for part in parts)


_SITE_HEADING = re.compile(r"(?:related|recent|popular|similar|latest|more|suggested) (?:posts|articles|pages|stories|links|content|topics|threads|questions|discussions|products|manuals(?: for .*)?|content for .*)|community q and? ?a|(?:reader|customer|user) (?:success )?stories|(?:written|posted|published) by .{2,40}|(?:responses|replies|antworten|respuestas|reponses) \d+|(?:how to )?cite this \w+|how to cite|(?:follow|find) us(?: on)? \w+|follow us|stay (?:connected|in touch)|you (?:may|might|could|will|ll) also (?:like|enjoy|love|want|need|be interested in)|leave a (?:reply|comment)|"
                     r"share this(?: \w+)?|(?:\d+ )?(?:comments?|kommentare?|comentarios?|commentaires?|reacties|commenti|komentarze|kommentarer)(?: \d+)?|(?:offer|angebot|aanbieding|oferta|offre|promotion)s? (?:of|van|der|des|de|du) .{0,20}|\d+ (?:responses|replies|answers|reviews|thoughts).*|upcoming (?:events|dates|deadlines|courses)|coming up|recent (?:activity|feedback|changes|comments|news|updates)|(?:pages|articles|posts) like this(?: one)?|(?:class|course|community|discussion) forums?|about (?:the author|this (?:article|page|site|blog))|updates to this page|(?:people|others|readers|customers|users) (?:also|who).*|most (?:read|viewed|popular).*|recently viewed.*|in this (?:section|series)|quick links|useful links|more (?:from|in|like|on).*|read (?:next|more|also)|also (?:on|in) .*|top stories|trending.*|get the .* (?:newsletter|digest)|was this (?:page|article|information)? ?helpful|newsletter|subscribe|follow us|categories|tags|advertisement")  # fmt: skip


def is_site_heading(text: str) -> bool:
    """Whether a heading is one that a site puts over its own parts ("Related articles", "Comments")."""
    return _SITE_HEADING.fullmatch(folded(text)) is not None


_ELSEWHERE = frozenset(
    map(
        folded,
        ("See also", "Further reading", "Links", "External links", "Related pages", "Attachments", "Downloads", "Siehe auch", "Weblinks", "Weiterführende Links",
         "Anhänge", "Véase también", "Ver también", "Enlaces externos", "Adjuntos", "Voir aussi", "Liens externes", "Pièces jointes", "What's next", "What's next?", "Next steps", "Where to go next",
         "Nächste Schritte", "Wie geht es weiter?", "Próximos pasos", "Siguientes pasos", "Étapes suivantes", "Pour aller plus loin"),
    )
)  # fmt: skip


def heads_links(text: str) -> bool:
    """Whether a heading is one over links to other pages, where all below it are such ("See also", "Attachments")."""
    return folded(text) in _ELSEWHERE


_STORY = (
    r"(?:this|the|my|our|these|diese[rnms]?|mein\w{0,2}|unser\w{0,2}|est[ae]|mi|cet(?:te)?|ce|mon|notre) (?:[^\W\d_]+ )?"
    r"(?:stor(?:y|ies)|articles?|posts?|tutorial|blog|piece|video|read|artikel|beitrag|art[íi]culo|entrada|billet|tuto(?:riel)?)\b"
)
_LEAVE = re.compile(
    r"(?:thanks|thank you)(?: (?:so much|very much|a lot|again))? for (?:reading|watching|following along|stopping by)\b|(?:vielen )?dank(?:e)? (?:fürs|für das) (?:mit)?lesen\b|"
    r"gracias por (?:leer(?:me|nos)?|tu lectura|su lectura)\b|merci (?:(?:de )?(?:m['’]|nous |d['’])avoir lue?s?|pour (?:votre|ta) lecture)\b|"
    rf"if you(?:['’]ve| have)?(?: really)? (?:liked?|enjoyed?|loved?) (?:reading )?{_STORY}|(?:wenn|falls) (?:dir|ihnen|euch) {_STORY}.{{0,20}} gefallen|"
    rf"si (?:te|le|os) (?:ha |gust[óo] ?){{1,2}}(?:gustado )?{_STORY}|si (?:vous avez|tu as) aimé {_STORY}|si {_STORY} (?:vous|t['’]) ?a plu\b|"
    r"(?:please |and |don['’]t forget to |feel free to |remember to )*(?:(?:clap|leave a clap|follow (?:me|us)|buy me a coffee|hit (?:the )?(?:like|subscribe|follow))\b)",
    re.I,
)
_QUESTIONS = re.compile(
    r"(?:(?:any|more|further|got|still|have|do you have|have you got|noch|weitere|haben sie|hast du|tienes?|¿?alguna|¿?tiene|d['’]autres|des|une|avez-vous)\s){0,2}(?:any |noch |des |alguna )?"
    r"(?:questions?|doubts|fragen|preguntas?|dudas?)\s?\?|"
    r"(?:(?:any|your|got|some) )?(?:comments?|feedback|suggestions?|corrections?|questions?)(?: or \w+)? (?:about|on|for|regarding) (?:this|the|our) (?:web ?|wiki )?(?:page|site|article)\s?\?|"
    rf"(?:fragen|anmerkungen|hinweise)(?: oder \w+)? zu {_THIS} {_PAGE}\s?\?|(?:des )?(?:questions|remarques|commentaires) sur {_THIS} {_PAGE}\s?\?|"
    rf"¿?(?:preguntas|comentarios|sugerencias) sobre {_THIS} {_PAGE}\s?\?",
    re.I,
)
_REACH = re.compile(
    r"(?:(?:please|just|simply|bitte|einfach)\s)?(?:write|e-?mail|mail|contact|call|ring|phone|ask|message|get in touch|drop (?:me|us)|reach out|schreib\w*|wenden|ruf\w*|meld\w*|kontaktier\w*|"
    r"escr[íi]b\w+|ll[áa]m\w+|contact\w+|écri\w+|appel\w+)\b",
    re.I,
)
_PRESSING = re.compile(
    r"\b(?:emergenc\w+|urgent\w*|poison\w*|fire|ambulance|police|first aid|before|until|unless|if|when|notfall\w*|feuerwehr|bevor|bis|wenn|falls|urgenc\w+|emergencias?|bomberos|pompiers|"
    r"antes|hasta|si|avant|911|112|999)\b",
    re.I,
)
_LEAVE_WORDS = 40


def takes_leave(text: str) -> bool:
    """Whether a last line is one by which an author or a platform takes leave: thanks for reading, what to do for who wrote it,
    whom to write to with questions of no kind.
    """
    first, *rest = re.split(r"(?<=[.!?])\s+", text)
    if len(text.split()) > _LEAVE_WORDS:
        return False
    if _QUESTIONS.fullmatch(first):
        return bool(rest) and all(map(_REACH.match, rest)) and not any(map(_PRESSING.search, rest))
    return _LEAVE.match(first) is not None and not any(_is_told(sentence) for sentence in rest)


def _is_told(sentence: str) -> bool:
    """Whether a sentence orders or forbids something that is not for the good of who wrote it."""
    return (is_order(sentence) or is_forbidding(sentence)) and not (_LEAVE.match(sentence) or _REACH.match(sentence))
