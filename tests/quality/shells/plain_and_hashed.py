"""Shells after sites without class names, or with names that say nothing: utility classes, a magazine, an old university, an application, each with phrases planted in what is not the text."""

from __future__ import annotations

import re
from collections.abc import Callable

PHRASES = (
    "Orchard Clinical Network", "Staff directory", "My timesheets", "We and our partners store information on your device",
    "Only necessary", "Let me choose", "Rate your experience", "People also viewed", "Locker key request form",
    "Winter driving advice", "Thea Marlow is a process engineer", "You must be logged in to join the discussion", "worked for me after a restart",
    "Get the monthly digest", "Orchard Clinical Network Ltd, registered in Leeds", "Modern slavery statement", "Sponsored: save on lab gloves",
    "Reading progress", "Document controller: intranet team", "Chat with an agent", "Translate this into Welsh", "1,204 people have read it",
)  # fmt: skip
(ORCHARD, STAFF, SHEETS, STORE, ONLY, CHOOSE, RATE, PEOPLE, LOCKER, WINTER, THEA, LOGGED, WORKED, DIGEST, LEEDS, SLAVERY, GLOVES, PROGRESS, CONTROLLER, AGENT, WELSH, READ) = PHRASES  # fmt: skip


def tailwind(title: str, body: str) -> str:
    return f"""<!doctype html><html lang="en"><head><title>{title} - {ORCHARD}</title></head><body class="antialiased"><div class="fixed bottom-0 p-4"><p class="text-sm">{STORE}. </p><div class="flex"><button>{ONLY}</button><span>{CHOOSE}</span></div></div><div class="h-16 flex justify-between"><a class="font-bold">{ORCHARD}</a><div class="flex gap-4"><a>{STAFF}</a><a>{SHEETS}</a></div></div>
<div class="mx-auto max-w-7xl grid grid-cols-12"><div class="col-span-3"><p class="uppercase">{PROGRESS}</p><ul><li><a>{LOCKER}</a></li><li><a>{WINTER}</a></li></ul></div><div class="col-span-9"><div class="mb-8"><span class="text-xs">{READ}</span><h1 class="text-3xl">{title}</h1><span class="text-gray-500">{CONTROLLER}</span></div><div class="prose">{body}</div><div class="mt-12 flex"><p>{RATE}</p><button>1</button></div><div class="mt-8"><h2 class="text-xl">{PEOPLE}</h2><div class="grid"><div><a><h3>{LOCKER}</h3></a><p>How to get a key.</p></div><div><a><h3>{WINTER}</h3></a><p>Before the frost.</p></div></div></div></div></div>
<div class="bg-gray-900"><p>{LEEDS}</p><a>{SLAVERY}</a></div></body></html>"""


def magazine(title: str, body: str) -> str:
    parts = re.split(r"(?=<h2)", body)
    middle = len(parts) // 2
    ad = f'<div class="ad-slot-inline" data-ad="1"><p>{GLOVES}</p></div>'
    news = f'<div class="inline-signup"><h4>{DIGEST}</h4><form><input type="email"><button>Go</button></form></div>'
    body = "".join([*parts[:middle], ad, *parts[middle:], news])
    return f"""<!doctype html><html><head><title>{title} | {ORCHARD}</title></head><body><div class="topstrip">{ORCHARD} <a>{STAFF}</a></div><article class="story"><h1>{title}</h1><p class="standfirst-meta">{READ}</p><div class="story-body">{body}</div><div class="bio"><img alt="" src="t.jpg"><p>{THEA} and writes about plants.</p></div><div class="discussion"><h3>2 responses</h3><div class="response"><p><b>Ola</b>: {WORKED}</p><ol><li>{WORKED}</li><li>Then the second time it did not.</li></ol></div><p>{LOGGED}</p></div></article><div class="bottom"><p>{LEEDS}</p></div></body></html>"""


def old_university(title: str, body: str) -> str:
    return f"""<html><head><title>{ORCHARD}: {title}</title></head><body><center><h2>{ORCHARD}</h2><a href=1>{STAFF}</a> | <a href=2>{SHEETS}</a></center><hr><table><tr><td valign=top bgcolor=#eee><p><a href=3>{LOCKER}</a><p><a href=4>{WINTER}</a></td><td>{body}<p align=right><i>{CONTROLLER}</i></p></td></tr></table><hr><address>{LEEDS}<br><a href=5>{SLAVERY}</a></address></body></html>"""


def app(title: str, body: str) -> str:
    return f"""<!doctype html><html><head><title>{title}</title></head><body><app-root><app-shell><app-topbar><div>{ORCHARD}</div><div><a>{STAFF}</a></div></app-topbar><div class="layout"><app-tree><ul><li>{SHEETS}</li><li>{LOCKER}</li><li>{WINTER}</li></ul></app-tree><app-reader><h1>{title}</h1><div>{READ}</div><kb-html><div>{body}</div></kb-html><kb-actions><span>{RATE}</span><span>{WELSH}</span></kb-actions><kb-more><h3>{PEOPLE}</h3><ul><li><a>{LOCKER}</a></li></ul></kb-more></app-reader></div><app-chat><div>{AGENT}</div></app-chat><app-foot><small>{LEEDS}</small></app-foot></app-shell></app-root></body></html>"""


def flat(title: str, body: str) -> str:
    return f"""<html><head><title>{title} :: {ORCHARD}</title></head><body><div>{ORCHARD}</div><div><a>{STAFF}</a> <a>{SHEETS}</a></div><div>{WELSH}</div><h1>{title}</h1><div>{CONTROLLER}</div>{body}<div>{RATE}</div><div><b>{PEOPLE}</b><br><a>{LOCKER}</a><br><a>{WINTER}</a></div><div>{LOGGED}</div><div>{LEEDS} <a>{SLAVERY}</a></div></body></html>"""


SHELLS: dict[str, Callable[[str, str], str]] = {f.__name__: f for f in (tailwind, magazine, old_university, app, flat)}
