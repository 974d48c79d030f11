"""Shells after a publishing platform, a German intranet, a knowledge base, and a manual with a head and a foot on each page, each with phrases planted in what is not the text."""

from __future__ import annotations

import re
from collections.abc import Callable

from .parts import among, heads

PHRASES = (
    "Quillmark", "Member-only story", "Follow Tomasz", "1.2K claps", "Written by Tomasz Wren", "Notes on clean work, once a fortnight", "No responses yet", "Recommended from Quillmark", "Why I stopped wearing a watch",
    "A tale of two autoclaves", "See all from Tomasz", "Open in app", "Cancel anytime", "Get unlimited reading", "Text to speech",
    "Werk Auental", "Zum Hauptinhalt", "Wir verwenden Cookies", "Alle akzeptieren", "Nur notwendige", "Speiseplan der Woche", "Mein Profil", "Ansprechpartnerin: Frau Odenthal", "Zuletzt bearbeitet von", "War diese Seite hilfreich", "Das könnte Sie auch interessieren",
    "Parkordnung am Standort", "Kommentar schreiben", "Super erklärt, danke", "Newsletter bestellen", "Datenschutzhinweise", "Gefällt 17 Kolleginnen", "Seite drucken",
    "Brookdesk", "How can we help you today", "Solution home", "Modified on: Tue", "Thanks for your feedback, we will", "Sorry we could not be helpful", "Customer since 2019", "Powered by Brookdesk", "Log a new ticket", "Check ticket status", "Shift swap rules", "Badge photo tips", "Try the new assistant beta",
    "Pro tip: unlock analytics", "Quick jump", "Upgrade to Growth",
    "Uncontrolled when printed", "Halden Works Manual Server", "Printed by user 4471", "Print date", "Section index", "Go to chapter", "Report an error on this page", "End of printed copy", "Sheet layout v9", "This manual is offered in 4 languages", "Overview of shortcut keys", "Your session ends in", "Back to shelf",
)  # fmt: skip
(QUILL, MEMBER, FOLLOW, CLAPS, TOMASZ, BIO, NONE, RECOMMENDED, WATCH, TALE, ALL, OPEN, CANCEL, UNLIMITED, SPEECH,
 WERK, ZUM, WIR, ALLE, NUR, SPEISE, PROFIL, FRAU, BEARBEITET, HILFREICH, INTERESSIEREN, PARK, KOMMENTAR, SUPER, BESTELLEN, DATEN, GEFALLT, DRUCKEN,
 BROOK, HELP, HOME, MODIFIED, THANKS, SORRY, SINCE, POWERED, TICKET, STATUS, SWAP, BADGE, BETA, TIP, JUMP, GROWTH,
 UNCONTROLLED, HALDEN, PRINTED, DATE, INDEX, CHAPTER, ERROR, END, SHEET, FOUR, KEYS, SESSION, SHELF) = PHRASES  # fmt: skip


def platform(title: str, body: str) -> str:
    body = re.sub(r"<p>", '<p class="pw-post-body-paragraph oo op gt oq">', body)
    body = re.sub(r"<(h[23])[^>]*>(.*?)</\1>", r'<\1 id="f1" class="pm pn gt bf po">\2</\1>', body, flags=re.S)
    wall = f'<div class="pr ps"><div class="ab q"><p class="bf b">{UNLIMITED}</p><p class="be b">Stories like this one, from those who do the work.</p><a class="ab pt" href="/m">Become a member</a></div></div>'
    card = "".join(f'<div class="qq qr"><div class="ab"><a href="/u"><p class="be b">Ola Brink</p></a></div><a href="/s"><h2 class="be gh qs">{head}</h2><div><h3 class="be b">What the morning taught me about machines and about waiting for them to cool.</h3></div></a><div class="ab"><span>Jun 3, 2024</span><span>4.1K</span><span>62</span></div></div>' for head in (WATCH, TALE))  # fmt: skip
    return f"""<!doctype html><html lang="en"><head><title data-rh="true">{title} | by Tomasz Wren | Clean Work | {QUILL}</title></head><body><div id="root"><div class="a b c"><div class="d e f g h"></div><div class="i j k"><div class="l m"><a class="n">{OPEN}</a><span>Sign up</span><span>Sign in</span></div><div class="o p"><a>{QUILL}</a><div>Write</div></div></div>
<div class="q r s"><div class="t u v"><article><div class="w x"><div class="y z ab"><div class="ac"><div><p class="be b">{MEMBER}</p></div><h1 id="aa11" class="pw-post-title" data-testid="storyTitle">{title}</h1><div class="ad"><div class="ae"><a href="/@t"><img alt="Tomasz Wren" class="af"></a><div><a>Tomasz Wren</a><span>·</span><a>{FOLLOW}</a></div><div><span data-testid="storyReadTime">7 min read</span><span>·</span><span data-testid="storyPublishDate">Mar 3, 2025</span></div></div><div class="ag"><div><span>{CLAPS}</span></div><div>Listen</div><div>Share</div><div>{SPEECH}</div></div></div></div>
<div class="ah ai">{among(body, [wall])}</div></div></div></article></div><div class="aj ak"><div class="al"><a>Cleaning</a><a>Pharma</a><a>Checklists</a></div></div><div class="am"><div class="an"><h2>{TOMASZ}</h2><div><span>2.3K followers</span><span>·</span><span>44 following</span></div><p>{BIO}.</p><button>Follow</button></div></div><div class="ao"><h2>{NONE}</h2><div>What are your thoughts?</div><div>Respond</div></div>
<div class="ap"><h2>{RECOMMENDED}</h2><div class="aq">{card}</div><div class="ar"><a>{ALL}</a></div></div></div><div class="as at"><a>Help</a><a>Status</a><a>About</a><a>Careers</a><span>{CANCEL}</span></div></div></div></body></html>"""


def german_intranet(title: str, body: str) -> str:
    outline = "".join(f'<div class="toc-e"><a href="#k{n}">{head}</a></div>' for n, head in enumerate(heads(body)))
    return f"""<!DOCTYPE html><html lang="de"><head><title>{title} – {WERK}</title></head><body><a class="sprung" href="#inhalt">{ZUM}</a><div class="hinweisleiste"><div><strong>{WIR}</strong><p>Damit unser Intranet läuft, speichern wir kleine Dateien auf Ihrem Gerät.</p><span class="knopf">{ALLE}</span> <span class="knopf">{NUR}</span></div></div><div class="kopf"><div class="logo"><a href="/">{WERK}</a></div><div class="kopf-rechts"><a>{SPEISE}</a><a>{PROFIL}</a><form><input type="search" placeholder="Suche"></form></div></div>
<div class="rahmen"><div class="spalte links"><div class="baum"><a>Qualität</a><a>Technik</a><a>{PARK}</a></div></div><div class="spalte mitte" id="inhalt"><div class="pfad"><a>Startseite</a> / <a>Qualität</a> / {title}</div><h1>{title}</h1><div class="angaben">{BEARBEITET} Odenthal am 03.03.2025, 10:12 Uhr</div><div class="werkzeuge"><a>{DRUCKEN}</a><a>Teilen</a></div><div class="inhaltsverz"><b>Auf dieser Seite</b>{outline}</div>
<div class="text">{body}</div><div class="kontakt"><div class="bild"><img alt=""></div><div>{FRAU}<br>Telefon 4711</div></div><div class="bewertung"><p>{HILFREICH}?</p><a>Ja</a> <a>Nein</a><div>{GEFALLT}</div></div><div class="kommentare"><h3>1 Kommentar</h3><div class="k"><b>M. Brenner</b><span>vor 3 Tagen</span><p>{SUPER}! Wir haben es im Team besprochen.</p></div><a>{KOMMENTAR}</a></div></div>
<div class="spalte rechts"><div class="kasten"><h3>{INTERESSIEREN}</h3><a>{PARK}</a><a>Ideen melden</a></div><div class="kasten"><h3>{BESTELLEN}</h3><p>Einmal im Monat das Wichtigste aus dem Werk.</p><input type="email"></div></div></div><div class="fuss"><a>Impressum</a><a>{DATEN}</a><span>© {WERK} GmbH</span></div></body></html>"""


def knowledge_base(title: str, body: str) -> str:
    outline = "".join(f'<p class="jumper"><a href="#s{n}">{head}</a></p>' for n, head in enumerate(heads(body)))
    tip = f'<div style="background:#eef;padding:1em"><p><strong>{TIP}</strong></p><p>Dashboards for every site are part of the larger plan.</p><p><a href="/pricing">{GROWTH}</a></p></div>'
    body = re.sub(r"<(h[2-4])[^>]*>(.*?)</\1>", r'<\1 dir="ltr" style="font-size:20px"><span style="color:rgb(0,0,0)"><b>\2</b></span></\1>', body, flags=re.S)  # fmt: skip
    body = re.sub(r"<li>([^<]+)(?=</li>)", r'<li><span style="font-size:14px">\1</span></li><!-- -->', body).replace(
        "</li><!-- --></li>", "</li>"
    )
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} : {BROOK}</title></head><body class="portal"><div class="banner-x"><div class="container"><div class="pull-left"><a href="/">{BROOK}</a></div><div class="pull-right">Welcome <a>Login</a> <a>Sign up</a></div></div></div><section class="help-center-hero"><div class="hc-search"><h2 class="heading">{HELP}?</h2><form><input type="text" placeholder="Enter your search term here"></form></div><div class="hc-links"><a>{TICKET}</a> <a>{STATUS}</a></div></section>
<div class="page"><div class="container"><div class="main content rounded-6"><div class="crumb-x"><a>{HOME}</a> <a>Plant</a> <a>Cleaning</a></div><h2 class="heading-x">{title} <a class="solution-print--icon" href="javascript:print()"><span class="text-print">Print</span></a></h2><p class="mod-x">{MODIFIED}, 4 Mar, 2025 at 10:12 AM</p><hr><div class="quick-x"><p><b>{JUMP}</b></p>{outline}</div><article class="article-body" id="article-body" rel="image-enlarge">{among(body, [tip])}</article>
<hr><p class="article-vote" id="voting-container">Did you find it helpful? <span><a>Yes</a></span> <span><a>No</a></span></p><p class="hide-x" style="display: none;">{THANKS} do more of this.</p><p>{SORRY}. Help us improve with your comments.</p><div class="assist-x"><h4>{BETA}</h4><p>It answers from this page in your words.</p></div></div><div class="sidebar-x content rounded-6"><h3 class="lead">Also in Cleaning</h3><ul><li><a>{SWAP}</a></li><li><a>{BADGE}</a></li></ul><p>{SINCE}</p></div></div></div><div class="foot-x"><p>{POWERED}</p></div></body></html>"""


def printed_manual(title: str, body: str) -> str:
    strip = f'<div class="ph"><span>{HALDEN}</span> <span>{UNCONTROLLED}</span></div><div class="pf"><span>{PRINTED}</span> <span>{DATE}: 3.3.2025</span></div>'
    parts = re.split(r"(?=<h2)", body)
    body = "".join(part + (strip if n % 3 == 2 else "") for n, part in enumerate(parts))
    return f"""<html lang="en"><head><title>{title}</title></head><body><div id="w"><div id="t1"><span>{HALDEN}</span> <a href="/">{SHELF}</a> <a href="/k">{KEYS}</a> <span>{SESSION} 14:59</span></div><div id="t2"><div><b>{INDEX}</b></div><div><a href="1">1 General</a></div><div><a href="2">2 Cleaning</a></div><div><label>{CHAPTER}</label><select><option>1</option></select></div></div>
<div id="t3"><div class="ph"><span>{HALDEN}</span> <span>{UNCONTROLLED}</span></div><h1>{title}</h1><div class="lang">{FOUR}: <a>DE</a> <a>FR</a> <a>PL</a></div>{body}<div class="pf"><span>{PRINTED}</span> <span>{DATE}: 3.3.2025</span></div><div class="eop">{END}</div><div><a href="/err">{ERROR}</a></div><div class="tiny">{SHEET}</div></div></div></body></html>"""


SHELLS: dict[str, Callable[[str, str], str]] = {
    f.__name__: f for f in (platform, german_intranet, knowledge_base, printed_manual)
}
