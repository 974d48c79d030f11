"""Shells after a government guide, a blog with promotions in its text, nested tables, a help centre, a course and a wiki, each with phrases planted in what is not the text."""

from __future__ import annotations

import re
from collections.abc import Callable

from .parts import among, heads

PHRASES = (
    "Harrowgate Trust", "Find a colleague", "Room bookings", "We use some essential cookies to make this service work", "View cookie settings",
    "Published 3 March 2024", "See all updates", "Is this page useful", "There is something wrong with this page", "Explore the topic",
    "Waste contractor rota", "Fire warden handover notes", "Get emails about this page", "Free checklist: audit day in ten minutes",
    "Download our white paper", "Jonas Ekberg has run sterile suites for twenty years", "Reader offer", "Join 14,000 quality people",
    "Your email address will not be published", "really saved us last week", "Hits since 1999", "Webmaster: R. Oduya", "Best viewed in Netscape",
    "Written by Priya", "Updated over a week ago", "Did this answer your question", "Table of contents for this article", "We run on Helpdeck",
    "You are logged in as", "Mark as done", "Jump to another activity", "Course completion 40", "This article needs additional citations",
    "Part of a series on plant hygiene", "From Harrowgate Wiki, the internal handbook", "Hidden categories", "Not what you were looking for",
    "Log in to see who else has read this", "Next activity: quiz on chapter four", "4 min", "Copy link to clipboard", "Popular this month",
)  # fmt: skip
(TRUST, FIND, ROOMS, COOKIE, SETTINGS, PUBLISHED, UPDATES, USEFUL, WRONG, EXPLORE, ROTA, WARDEN, EMAILS, AUDIT, PAPER, JONAS, OFFER, JOIN, ADDRESS, SAVED, HITS, MASTER, NETSCAPE,
 PRIYA, WEEK, ANSWER, TOC, DECK, LOGGED, DONE, JUMP, COURSE, CITE, SERIES, FROM, HIDDEN, LOOKING, WHO, QUIZ, MIN, COPY, POPULAR) = PHRASES  # fmt: skip


def gov_guide(title: str, body: str) -> str:
    outline = "".join(f'<li class="gem-c-contents-list__list-item"><span aria-hidden="true"></span><a href="#h{n}">{head}</a></li>' for n, head in enumerate(heads(body)))  # fmt: skip
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} - {TRUST}</title></head><body class="gem-c-layout-for-public"><div id="global-cookie-message" class="gem-c-cookie-banner" data-nosnippet role="region" aria-label="Cookies on {TRUST}"><h2>Cookies on {TRUST}</h2><p>{COOKIE}.</p><p>We'd like to set additional cookies to understand how you use it.</p><button>Accept additional cookies</button><a href="/help">{SETTINGS}</a></div>
<div class="phase-banner"><p><strong class="tag">Beta</strong><span>This is a new service: your <a href="/f">feedback</a> helps us.</span></p></div><div class="gem-c-layout-super-navigation-header"><a href="/">{TRUST}</a><a>{FIND}</a><a>{ROOMS}</a></div>
<div id="wrapper" class="govuk-width-container"><div class="govuk-breadcrumbs"><ol><li><a href="/">Home</a></li><li><a>{EXPLORE}</a></li></ol></div><main id="content"><div class="govuk-grid-row"><div class="govuk-grid-column-two-thirds"><div class="gem-c-heading"><span class="govuk-caption-xl">Guidance</span><h1>{title}</h1></div><p class="gem-c-lead-paragraph">How the trust does it.</p></div></div>
<div class="metadata-logo-wrapper"><dl class="gem-c-metadata"><dt>From:</dt><dd><a>Quality directorate</a></dd><dt>Published</dt><dd>{PUBLISHED}</dd><dt>Last updated</dt><dd>9 May 2025 — <a href="#history">{UPDATES}</a></dd></dl></div><div class="gem-c-single-page-notification-button"><a>{EMAILS}</a></div>
<div class="govuk-grid-row"><div class="govuk-grid-column-two-thirds"><div class="contents-list"><h2>Contents</h2><ol>{outline}</ol></div><div class="gem-c-govspeak govuk-govspeak"><div>{body}</div></div>
<div class="gem-c-published-dates" id="history"><p>{PUBLISHED}<br>Last updated 9 May 2025 <a>+ show all updates</a></p><div><ol><li><time>9 May 2025</time><p>Added a link to the rota.</p></li></ol></div></div><div class="gem-c-print-link"><button>Print this page</button></div></div>
<div class="govuk-grid-column-one-third"><div class="gem-c-contextual-sidebar"><h2>Related content</h2><ul><li><a>{ROTA}</a></li><li><a>{WARDEN}</a></li></ul></div></div></div></main></div>
<div class="gem-c-feedback"><h2>{USEFUL}?</h2><button>Yes</button><button>No</button><button>{WRONG}</button></div><div class="gem-c-layout-footer"><h2>Support links</h2><ul><li><a>Help</a></li><li><a>Accessibility statement</a></li></ul></div></body></html>"""


def promo_blog(title: str, body: str) -> str:
    audit = f'<div class="wp-block-group has-background"><p class="has-large-font-size"><strong>{AUDIT}</strong></p><p>Enter your address and we send it today.</p><div class="wp-block-buttons"><div class="wp-block-button"><a class="wp-block-button__link" href="/free">Send it to me</a></div></div></div>'
    paper = f'<p class="has-text-align-center"><a href="/wp.pdf"><strong>{PAPER}</strong></a></p>'
    offer = f'<figure class="wp-block-image"><a href="/o"><img src="o.png" alt=""></a><figcaption>{OFFER}</figcaption></figure>'
    body = among(body, [audit, paper, offer])
    return f"""<!DOCTYPE html><html lang="en-GB"><head><title>{title} - {TRUST}</title></head><body class="wp-singular"><div class="wp-site-blocks"><header class="wp-block-template-part"><div class="wp-block-group alignfull"><p class="wp-block-site-title"><a href="/">{TRUST}</a></p><nav class="wp-block-navigation"><ul><li>{ROOMS}</li></ul></nav></div></header>
<main class="wp-block-group"><div class="wp-block-group has-global-padding"><h1 class="wp-block-post-title">{title}</h1><div class="wp-block-template-part"><div class="wp-block-group"><div class="wp-block-post-date"><time>March 3, 2024</time></div><div class="wp-block-post-author-name"><a>Jonas Ekberg</a></div><div class="wp-block-post-terms"><a>Hygiene</a></div><p>{MIN}</p></div></div>
<div class="heateor_sss_sharing_container"><div class="heateor_sss_sharing_ul"><a>Facebook</a><a>X</a><a>{COPY}</a></div></div><div class="entry-content wp-block-post-content">{body}</div>
<div class="wp-block-group"><div class="wp-block-columns"><div class="wp-block-column"><div class="wp-block-post-author"><p class="wp-block-post-author__name">Jonas Ekberg</p><p class="wp-block-post-author__bio">{JONAS}. He lives by the sea.</p></div></div></div></div><div class="wp-block-group"><h4>{JOIN}</h4><p>One mail a month, no noise.</p><form><input type="email"><button>Join</button></form></div>
<nav class="wp-block-group" aria-label="Post navigation"><div class="post-navigation-link-previous"><a>{ROTA}</a></div></nav><div class="wp-block-comments"><h2>2 responses to “{title}”</h2><ol class="wp-block-comment-template"><li><div class="wp-block-columns"><div><div class="wp-block-comment-author-name">Ulla</div><div class="wp-block-comment-date">4 March 2024</div><div class="wp-block-comment-content"><p>The part on labels {SAVED}. Thank you!</p></div></div></div></li></ol><div id="respond" class="comment-respond wp-block-post-comments-form"><h3>Leave a Reply</h3><p>{ADDRESS}. Required fields are marked *</p></div></div></div></main>
<div class="wp-block-group"><h2 class="wp-block-heading">{POPULAR}</h2><ul class="wp-block-latest-posts__list"><li><a>{WARDEN}</a></li><li><a>{ROTA}</a></li></ul></div><footer class="wp-block-template-part"><p>Designed with <a>WordPress</a></p></footer></div></body></html>"""


def nested_tables(title: str, body: str) -> str:
    return f"""<HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY BGCOLOR="#FFFFFF" TEXT="#000000"><TABLE WIDTH="760" CELLPADDING="0" ALIGN="center"><TR><TD BGCOLOR="#003366"><FONT FACE="Arial" COLOR="#FFFFFF" SIZE="+2"><B>{TRUST}</B></FONT></TD><TD ALIGN="right"><FONT SIZE="1"><A HREF="a">{FIND}</A><BR><A HREF="b">{ROOMS}</A></FONT></TD></TR>
<TR><TD COLSPAN="2"><TABLE WIDTH="100%"><TR><TD WIDTH="140" VALIGN="top"><TABLE BORDER="1"><TR><TD><B>Departments</B></TD></TR><TR><TD><A HREF="c">{ROTA}</A></TD></TR><TR><TD><A HREF="d">{WARDEN}</A></TD></TR><TR><TD><FORM><INPUT NAME="q"><INPUT TYPE="submit" VALUE="Go"></FORM></TD></TR></TABLE><P><FONT SIZE="1">{HITS}: 10423</FONT></P></TD>
<TD VALIGN="top"><FONT FACE="Times"><FONT SIZE="1"><A HREF="/">Home</A> &gt; <A HREF="/q">Quality</A> &gt; {title}</FONT><BR>{body}<P ALIGN="center"><A HREF="prev.htm">&lt;&lt; Back</A> | <A HREF="index.htm">Index</A> | <A HREF="next.htm">Forward &gt;&gt;</A></P></FONT></TD></TR></TABLE></TD></TR>
<TR><TD COLSPAN="2"><HR><CENTER><FONT SIZE="1">{MASTER} (<A HREF="mailto:x">mail</A>)<BR>{NETSCAPE} at 800x600<BR>Last modified: Tuesday, 03-Mar-98 11:02:09 GMT</FONT></CENTER></TD></TR></TABLE></BODY></HTML>"""


def help_centre(title: str, body: str) -> str:
    body = re.sub(r"<p>", '<div class="c-k1 mb-0"><p class="no-margin">', body).replace("</p>", "</p></div>")
    outline = "".join(f'<div class="x-9"><a href="#{n}">{head}</a></div>' for n, head in enumerate(heads(body)))
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} | {TRUST} Help</title></head><body><div class="x-0"><div class="x-1"><div class="x-2"><a href="/">{TRUST}</a></div><div class="x-3"><input type="text" placeholder="Search for articles"></div></div><div class="x-4"><div class="x-5"><div><div class="x-6"><a href="/">All collections</a><svg></svg><a>{EXPLORE}</a><svg></svg><span>{title}</span></div></div>
<div class="x-7"><div class="x-8"><details><summary>{TOC}</summary>{outline}</details></div><div class="x-a"><div><div class="x-b"><div class="x-c"><h1>{title}</h1><div class="x-d"><p>What it is and how it is done here.</p></div><div class="x-e"><div class="x-f"><img alt="Priya avatar"></div><div><span>{PRIYA}</span></div><div>{WEEK}</div></div></div><div class="x-g"><article dir="ltr">{body}</article></div></div></div>
<div class="x-h"><div class="x-i">Related Articles</div><section><a><div>{ROTA}</div></a><a><div>{WARDEN}</div></a></section></div><div class="x-j"><div>{ANSWER}?</div><div><button>😞</button><button>😐</button><button>😃</button></div></div></div></div></div></div><div class="x-k"><div>{TRUST}</div><div><a>{DECK}</a></div></div></div></body></html>"""


def course(title: str, body: str) -> str:
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} | QA101</title></head><body id="page-mod-page-view" class="format-topics path-mod"><div class="toast-wrapper"></div><div id="page-wrapper" class="d-print-block"><div><a class="sr-only sr-only-focusable" href="#maincontent">Skip to main content</a></div><div class="primary-navigation"><ul><li>{ROOMS}</li></ul></div><div class="drawer drawer-left show" id="theme_boost-drawers-courseindex"><div class="drawercontent"><ul><li>Week 1</li><li><a>{ROTA}</a></li></ul></div></div>
<div id="page" class="drawers"><div id="topofscroll" class="main-inner"><div class="drawer-toggles d-flex"></div><div id="page-header" class="header-maxwidth"><div class="w-100"><div id="page-navbar"><ol class="breadcrumb"><li>QA101</li><li>{EXPLORE}</li></ol></div><div class="page-context-header"><h1 class="h2">{title}</h1></div></div></div><div id="page-content"><div id="region-main-box"><div id="region-main" aria-label="Content"><span class="notifications" id="user-notifications"></span><span id="maincontent"></span>
<div class="activity-header" data-for="page-activity-header"><div class="completion-info"><span>{COURSE}%</span><button>{DONE}</button></div><div class="activity-dates"><strong>Opened:</strong> Monday, 3 March 2025, 9:00 AM</div></div><div role="main"><div class="box py-3 generalbox center clearfix"><div class="no-overflow">{body}</div></div><div class="modified">Last modified: Monday, 3 March 2025, 10:12 AM</div></div>
<div class="activity-navigation container-fluid"><div class="row"><div class="col-md-4"><div class="float-left"><a>◄ {WARDEN}</a></div></div><div class="col-md-4"><div class="urlselect"><label>{JUMP}</label><select><option>{JUMP}...</option></select></div></div><div class="col-md-4"><a>{QUIZ} ►</a></div></div></div></div></div></div></div><div id="page-footer" class="bg-white"><div class="logininfo">{LOGGED} <a>Thea Marlow</a> (<a>Log out</a>)</div><div class="tool_dataprivacy"><a>Data retention summary</a></div><div>{WHO}</div></div></div></div></body></html>"""


def vector_wiki(title: str, body: str) -> str:
    body = re.sub(r"<h([2-6])([^>]*)>(.*?)</h\1>", r'<div class="mw-heading mw-heading\1"><h\1\2>\3</h\1><span class="mw-editsection"><span>[</span><a href="e"><span>edit source</span></a><span>]</span></span></div>', body, flags=re.S)  # fmt: skip
    return f"""<!DOCTYPE html><html class="client-nojs vector-feature-language-in-header-enabled" lang="en"><head><title>{title} - Harrowgate Wiki</title></head><body class="skin--responsive skin-vector skin-vector-search-vue mediawiki ltr"><a class="mw-jump-link" href="#bodyContent">Jump to content</a><div class="vector-header-container"><header class="vector-header mw-header"><div class="vector-header-start"><nav aria-label="Site"><ul><li>{ROOMS}</li></ul></nav></div></header></div>
<div class="mw-page-container"><div class="mw-page-container-inner"><div class="vector-sitenotice-container"><div id="siteNotice"><div class="cn-fundraising"><p>{JOIN}</p></div></div></div><div class="vector-column-start"><div id="vector-toc-pinned-container"><nav aria-label="Contents"><h2>Contents</h2></nav></div></div><div class="mw-content-container"><main id="content" class="mw-body"><header class="mw-body-header vector-page-titlebar"><h1 id="firstHeading" class="firstHeading mw-first-heading"><span class="mw-page-title-main">{title}</span></h1></header>
<div class="vector-page-toolbar"><ul><li>Read</li><li>View history</li></ul></div><div id="bodyContent" class="vector-body"><div class="vector-body-before-content"><div id="siteSub" class="noprint">{FROM}</div></div><div id="contentSub"></div><div id="mw-content-text" class="mw-body-content"><div class="mw-content-ltr mw-parser-output" lang="en"><div role="note" class="hatnote navigation-not-searchable">{LOOKING}? See <a>{WARDEN}</a>.</div>
<table class="box-More_citations_needed plainlinks metadata ambox ambox-content" role="presentation"><tbody><tr><td class="mbox-image"></td><td class="mbox-text"><div class="mbox-text-span"><b>{CITE}</b>. Please help by adding them.</div></td></tr></tbody></table>{body}<div role="navigation" class="navbox"><table class="nowraplinks navbox-inner"><tbody><tr><th colspan="2" class="navbox-title"><div>{SERIES}</div></th></tr><tr><th class="navbox-group">Basics</th><td><a>{ROTA}</a> · <a>{WARDEN}</a></td></tr></tbody></table></div></div></div>
<div id="catlinks" class="catlinks"><div id="mw-normal-catlinks">Category: <a>Hygiene</a></div><div id="mw-hidden-catlinks">{HIDDEN}: <a>All stubs</a></div></div></div></main></div><div class="mw-footer-container"><footer id="footer" class="mw-footer"><ul><li>This page was last edited on 3 March 2025, at 10:12.</li></ul></footer></div></div></div></body></html>"""


SHELLS: dict[str, Callable[[str, str], str]] = {
    f.__name__: f for f in (gov_guide, promo_blog, nested_tables, help_centre, course, vector_wiki)
}
