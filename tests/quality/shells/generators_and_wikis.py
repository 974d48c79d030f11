"""Shells after generators of manuals, wikis, content management systems and help desks, each with phrases planted in what is not the text."""

from __future__ import annotations

import re
from collections.abc import Callable

from .parts import heads

PHRASES = (
    "Zephyr Handbook Portal", "Skip to main content", "Browse all departments", "Quarterly travel policy", "Ask the helpdesk chatbot",
    "This site uses cookies to improve your experience", "Accept all cookies", "Manage preferences",
    "Was this article helpful", "12 out of 15 found this helpful", "Related articles", "Ordering a replacement badge",
    "Parking on the north site", "Leave a comment", "Great write-up, thanks Dana", "Subscribe to our newsletter",
    "Share this page", "Copyright 2026 Zephyr Industries", "Privacy policy", "Last updated on 4 May 2026 by Dana Whitfield",
    "Previous Booking a meeting room", "Next Returning a laptop", "On this page", "Edit this page", "Min read estimate: 7",
)  # fmt: skip

H, SKIP, BROWSE, TRAVEL, CHAT, COOKIE, ACCEPT, MANAGE, HELPFUL, VOTES, RELATED, BADGE, PARKING, LEAVE, GREAT, SUBSCRIBE, SHARE, COPY, PRIVACY, UPDATED, PREV, NEXT, TOC, EDIT, MIN = PHRASES  # fmt: skip


def _outline(body: str) -> str:
    return "".join(f'<li><a href="#s{n}">{head}</a></li>' for n, head in enumerate(heads(body)))


def sphinx(title: str, body: str) -> str:
    body = re.sub(r"(<h([1-6])[^>]*>)(.*?)(</h\2>)", r'\1\3<a class="headerlink" href="#x" title="Link to this heading">¶</a>\4', body, flags=re.S)  # fmt: skip
    body = re.sub(r"<pre><code[^>]*>(.*?)</code></pre>", r'<div class="highlight-default notranslate"><div class="highlight"><pre><span></span>\1</pre></div></div>', body, flags=re.S)  # fmt: skip
    return f"""<html class="writer-html5" lang="en"><head><title>{title} &mdash; {H} 2.1 documentation</title></head><body class="wy-body-for-nav"><div class="wy-grid-for-nav">
<nav data-toggle="wy-nav-shift" class="wy-nav-side"><div class="wy-side-scroll"><a href="/" class="icon icon-home">{H}</a><div role="search"><form><input name="q"/></form></div>
<div class="wy-menu wy-menu-vertical"><p class="caption"><span class="caption-text">{BROWSE}</span></p><ul><li class="toctree-l1"><a href="t">{TRAVEL}</a></li><li class="toctree-l1"><a href="p">{PARKING}</a></li></ul></div></div></nav>
<section data-toggle="wy-nav-shift" class="wy-nav-content-wrap"><nav class="wy-nav-top"><a href="/">{H}</a></nav><div class="wy-nav-content"><div class="rst-content">
<div role="navigation" aria-label="Page navigation"><ul class="wy-breadcrumbs"><li><a href="/" class="icon icon-home"></a></li><li class="breadcrumb-item active">{title}</li><li class="wy-breadcrumbs-aside"><a href="src">{EDIT}</a></li></ul><hr/></div>
<div role="main" class="document" itemscope><div itemprop="articleBody"><section id="x">{body}</section></div></div>
<footer><div class="rst-footer-buttons" role="navigation"><a href="a" class="btn">{PREV}</a><a href="b" class="btn">{NEXT}</a></div><hr/><div role="contentinfo"><p>&#169; {COPY}. {UPDATED}.</p></div></footer></div></div></section></div></body></html>"""


def mkdocs(title: str, body: str) -> str:
    body = re.sub(r"(<h([1-6])[^>]*>)(.*?)(</h\2>)", r'\1\3<a class="headerlink" href="#x" title="Permanent link">&para;</a>\4', body, flags=re.S)  # fmt: skip
    return f"""<!doctype html><html lang="en" class="no-js"><head><title>{title} - {H}</title></head><body dir="ltr"><input class="md-toggle" type="checkbox"><div data-md-component="skip"><a href="#x" class="md-skip">{SKIP}</a></div>
<header class="md-header" data-md-component="header"><nav class="md-header__inner md-grid"><a class="md-header__button md-logo">{H}</a><div class="md-header__title"><div class="md-header__ellipsis"><span class="md-ellipsis">{H}</span></div></div></nav></header>
<div class="md-container"><main class="md-main"><div class="md-main__inner md-grid"><div class="md-sidebar md-sidebar--primary"><nav class="md-nav"><label class="md-nav__title">{BROWSE}</label><ul class="md-nav__list"><li class="md-nav__item"><a>{TRAVEL}</a></li></ul></nav></div>
<div class="md-sidebar md-sidebar--secondary"><nav class="md-nav md-nav--secondary"><label class="md-nav__title">{TOC}</label><ul class="md-nav__list">{_outline(body)}</ul></nav></div>
<div class="md-content"><article class="md-content__inner md-typeset"><a href="e" title="{EDIT}" class="md-content__button md-icon"><svg></svg></a>{body}
<aside class="md-source-file"><span class="md-source-file__fact"><span class="git-revision-date-localized-plugin">{UPDATED}</span></span></aside>
<form class="md-feedback" name="feedback"><fieldset><legend class="md-feedback__title">{HELPFUL}?</legend><button>Yes</button></fieldset></form></article></div></div></main>
<footer class="md-footer"><nav class="md-footer__inner"><a>{PREV}</a><a>{NEXT}</a></nav><div class="md-footer-meta"><div class="md-copyright">{COPY}</div></div></footer></div>
<div class="md-consent" data-md-component="consent"><div class="md-consent__inner"><h4>Cookie consent</h4><p>{COOKIE}</p><button>{ACCEPT}</button></div></div></body></html>"""


def docusaurus(title: str, body: str) -> str:
    body = re.sub(r"<h([2-6])([^>]*)>(.*?)</h\1>", r'<h\1 class="anchor anchorWithStickyNavbar_LWe7"\2>\3<a href="#x" class="hash-link" aria-label="Direct link to x" title="Direct link">&#8203;</a></h\1>', body, flags=re.S)  # fmt: skip
    body = re.sub(r"<pre><code[^>]*>(.*?)</code></pre>", r'<div class="language-sh codeBlockContainer_Ckt0"><div class="codeBlockContent_biex"><pre class="prism-code codeBlock_bY9V"><code class="codeBlockLines_e6Vv">\1</code></pre><div class="buttonGroup__atx"><button type="button" aria-label="Copy code to clipboard"><span>Copy</span></button></div></div></div>', body, flags=re.S)  # fmt: skip
    return f"""<!doctype html><html lang="en"><head><title data-rh="true">{title} | {H}</title></head><body><div id="__docusaurus"><div role="region" aria-label="{SKIP}"><a class="skipToContent_fXgn" href="#x">{SKIP}</a></div>
<nav aria-label="Main" class="navbar navbar--fixed-top"><div class="navbar__inner"><a class="navbar__brand"><b class="navbar__title">{H}</b></a></div></nav>
<div id="__docusaurus_skipToContent_fallback" class="main-wrapper mainWrapper_z2l0"><div class="docsWrapper_hBAB"><aside class="theme-doc-sidebar-container"><nav class="menu thin-scrollbar"><ul class="theme-doc-sidebar-menu menu__list"><li><a>{BROWSE}</a></li><li><a>{TRAVEL}</a></li></ul></nav></aside>
<main class="docMainContainer_TBSr"><div class="container padding-top--md"><div class="row"><div class="col docItemCol_VOVn"><div class="docItemContainer_Djhp"><article><nav class="theme-doc-breadcrumbs"><ul class="breadcrumbs"><li>{BROWSE}</li></ul></nav><div class="tocCollapsible_ETCw theme-doc-toc-mobile"><button type="button" class="clean-btn">{TOC}</button></div><div class="theme-doc-markdown markdown">{body}</div>
<footer class="theme-doc-footer"><div class="row"><div class="col"><a class="theme-edit-this-page">{EDIT}</a></div><div class="col lastUpdated_vwxv"><span class="theme-last-updated">{UPDATED}</span></div></div></footer></article><nav class="pagination-nav docusaurus-mt-lg"><a class="pagination-nav__link"><div class="pagination-nav__sublabel">Previous</div><div class="pagination-nav__label">{PREV}</div></a><a>{NEXT}</a></nav></div></div>
<div class="col col--3"><div class="tableOfContents_bqdL thin-scrollbar theme-doc-toc-desktop"><ul class="table-of-contents">{_outline(body)}</ul></div></div></div></div></main></div></div>
<footer class="theme-layout-footer footer footer--dark"><div class="footer__copyright">{COPY}</div></footer></div></body></html>"""


def confluence(title: str, body: str) -> str:
    body = re.sub(r"<table>", '<div class="table-wrap"><table class="confluenceTable">', body).replace(
        "</table>", "</table></div>"
    )
    return f"""<!DOCTYPE html><html lang="en-GB"><head><title>{title} - Ops - {H}</title></head><body id="com-atlassian-confluence" class="theme-default"><ul id="assistive-skip-links" class="assistive"><li><a href="#t">{SKIP}</a></li></ul>
<div id="page"><div id="full-height-container"><div id="header-precursor"><div class="cell">{COOKIE} <a href="#">{MANAGE}</a></div></div><header id="header" role="banner"><nav class="aui-header"><h1 id="logo"><a href="/">{H}</a></h1><ul class="aui-nav"><li><a>{BROWSE}</a></li></ul></nav></header>
<div class="ia-splitter"><div class="ia-fixed-sidebar"><div class="acs-side-bar"><h5>Page tree</h5><ul><li><a>{TRAVEL}</a></li><li><a>{PARKING}</a></li></ul></div></div>
<div id="main" class="aui-page-panel"><div id="main-header"><div id="navigation" class="content-navigation view"><ul class="ajs-menu-bar"><li><a href="e">{EDIT}</a></li><li><a>{SHARE}</a></li></ul></div><h1 id="title-text" class="with-breadcrumbs"><a href="/x">{title}</a></h1></div>
<div id="content" class="page view"><div class="page-metadata"><ul><li class="page-metadata-modification-info">{UPDATED}</li></ul></div><div id="main-content" class="wiki-content">{body}</div>
<div id="likes-and-labels-container"><div id="likes-section"><a>Like</a></div><div id="labels-section"><ul class="label-list"><li>zephyr-label</li></ul></div></div>
<div id="comments-section" class="pageSection group"><div class="section-header"><h2 id="comments-section-title" class="section-title">1 Comment</h2></div><ol class="comment-threads top-level"><li class="comment-thread"><div class="comment"><h4 class="author"><a>Dana Whitfield</a></h4><div class="comment-body"><p>{GREAT}</p></div></div></li></ol><p>{LEAVE}</p></div></div></div></div>
<div id="footer" role="contentinfo"><section class="footer-body"><ul><li>{COPY}</li></ul></section></div></div></div></body></html>"""


def sharepoint(title: str, body: str) -> str:
    return f"""<html lang="en-us"><head><title>{title}</title></head><body><div id="spPageChromeAppDiv"><div class="SPPageChrome"><div id="SuiteNavPlaceHolder" class="suiteNav"><span>{H}</span><div role="search">Search</div></div><div class="SPPageChrome-app"><div class="sp-App-root has-footer"><div class="sp-App-bodyContainer">
<div data-automationid="SiteHeader" class="mainHeader-a3f"><span class="sitename">{H}</span><div data-navigationcomponent="SiteHeader"><ul role="menubar"><li>{BROWSE}</li><li>{TRAVEL}</li></ul></div></div><div class="sp-App-body"><div class="sp-placeholder-top"></div>
<div class="commandBarWrapper"><button>{EDIT}</button><button>{SHARE}</button></div><div class="SPCanvas" data-automation-id="contentScrollRegion"><div role="main"><div data-automation-id="pageHeader"><div role="heading" aria-level="1" data-automation-id="TitleTextId">{title}</div><div class="authorByline"><span>{UPDATED}</span></div></div>
<div class="CanvasComponent LCS"><div class="CanvasZone row"><div class="CanvasSection col-xl8"><div class="ControlZone"><div data-sp-feature-tag="Rich Text Editor" class="rte-webpart"><div class="cke_editable rteEmphasis root-287">{body}</div></div></div></div>
<div class="CanvasSection col-xl4"><div class="ControlZone"><div data-sp-feature-tag="Quick links"><h2>Quick links</h2><a href="#">{BADGE}</a><a href="#">{PARKING}</a></div></div></div></div></div>
<div id="CommentsWrapper"><h2>Comments</h2><div class="commentItem">{GREAT}</div><div>{LEAVE}</div></div><div class="pageSocialBar"><button>Like</button><span>24 Views</span></div></div></div></div><footer data-automationid="SiteFooter"><p>{COPY}</p></footer></div></div></div></div></div></body></html>"""


def wordpress(title: str, body: str) -> str:
    return f"""<!DOCTYPE html><html lang="en-US"><head><title>{title} &#8211; {H}</title></head><body class="post-template-default single single-post"><div id="page" class="hfeed site"><a class="skip-link screen-reader-text" href="#c">{SKIP}</a>
<header id="masthead" class="site-header"><div class="site-branding"><p class="site-title"><a href="/" rel="home">{H}</a></p></div><nav id="site-navigation" class="main-navigation"><ul id="primary-menu" class="menu"><li>{BROWSE}</li></ul></nav></header>
<div id="content" class="site-content"><div id="primary" class="content-area"><main id="main" class="site-main"><article id="post-12" class="post-12 post type-post hentry"><header class="entry-header"><h1 class="entry-title">{title}</h1><div class="entry-meta"><span class="posted-on">{UPDATED}</span> <span>{MIN}</span></div></header>
<div class="entry-content">{body}<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">{SHARE}</h3><ul><li><a>Click to share on X</a></li></ul></div><div id="jp-relatedposts" class="jp-relatedposts"><h3 class="jp-relatedposts-headline"><em>{RELATED}</em></h3><div><a>{BADGE}</a></div></div></div>
<footer class="entry-footer"><span class="cat-links">Posted in <a>Zephyr</a></span></footer></article><nav class="navigation post-navigation"><h2 class="screen-reader-text">Post navigation</h2><div class="nav-links"><div class="nav-previous"><a>{PREV}</a></div><div class="nav-next"><a>{NEXT}</a></div></div></nav>
<div id="comments" class="comments-area"><h2 class="comments-title">One thought on &ldquo;{title}&rdquo;</h2><ol class="comment-list"><li class="comment"><article class="comment-body"><footer class="comment-meta"><b class="fn">Dana</b> says:</footer><div class="comment-content"><p>{GREAT}</p></div></article></li></ol><div id="respond" class="comment-respond"><h3 id="reply-title">{LEAVE}</h3></div></div></main></div>
<aside id="secondary" class="widget-area"><section class="widget widget_recent_entries"><h2 class="widget-title">Recent Posts</h2><ul><li><a>{PARKING}</a></li></ul></section><section class="widget"><h2>{SUBSCRIBE}</h2><p>Get every post by mail.</p></section></aside></div><footer id="colophon" class="site-footer"><div class="site-info">{COPY}</div></footer></div><div id="cookie-law-info-bar"><span>{COOKIE}<a role="button">{ACCEPT}</a></span></div></body></html>"""


def zendesk(title: str, body: str) -> str:
    return f"""<!DOCTYPE html><html dir="ltr" lang="en-US"><head><title>{title} &ndash; {H}</title></head><body><a class="skip-navigation" href="#m">{SKIP}</a><header class="header"><div class="logo"><a>{H}</a></div><div class="nav-wrapper-desktop"><nav class="user-nav"><ul><li><a>{CHAT}</a></li></ul></nav></div></header>
<main role="main"><div class="container-divider"></div><div class="container"><div class="sub-nav"><ol class="breadcrumbs"><li>{H}</li><li>{BROWSE}</li></ol></div><div class="article-container" id="article-container"><aside class="article-sidebar"><section class="section-articles collapsible-sidebar"><h3 class="collapsible-sidebar-title">Articles in this section</h3><ul><li><a>{TRAVEL}</a></li></ul></section></aside>
<article id="main-content" class="article"><header class="article-header"><h1 title="{title}" class="article-title">{title}</h1><div class="article-author"><div class="avatar article-avatar"></div><div class="article-meta"><ul class="meta-group"><li class="meta-data">{UPDATED}</li></ul></div></div><button>Follow</button></header>
<section class="article-info"><div class="article-content"><div class="article-body">{body}</div></div></section><footer><div class="article-footer"><div class="article-share"><ul class="share"><li><a>{SHARE}</a></li></ul></div></div><div class="article-votes"><span class="article-votes-question">{HELPFUL}?</span><div class="article-votes-controls"><button>Yes</button></div><small class="article-votes-count"><span class="article-vote-label">{VOTES}</span></small></div></footer>
<section class="article-relatives"><section class="related-articles"><h2 class="related-articles-title">{RELATED}</h2><ul><li><a>{BADGE}</a></li><li><a>{PARKING}</a></li></ul></section></section><div class="article-comments" id="article-comments"><section class="comments"><div class="comment-overview"><h2 class="comment-heading">Comments</h2></div><ul class="comment-list"><li class="comment"><div class="comment-body"><p>{GREAT}</p></div></li></ul></section></div></article></div></div></main><footer class="footer"><div class="footer-inner">{COPY} <a>{PRIVACY}</a></div></footer></body></html>"""


def github(title: str, body: str) -> str:
    body = re.sub(r"<h([1-6])([^>]*)>(.*?)</h\1>", r'<div class="markdown-heading" dir="auto"><h\1 tabindex="-1" class="heading-element" dir="auto"\2>\3</h\1><a id="user-content-x" class="anchor" aria-label="Permalink: x" href="#x"><svg class="octicon octicon-link"></svg></a></div>', body, flags=re.S)  # fmt: skip
    body = re.sub(r"<pre>(.*?)</pre>", r'<div class="highlight highlight-source-shell notranslate"><pre>\1</pre><div class="zeroclipboard-container"><clipboard-copy aria-label="Copy"><svg></svg></clipboard-copy></div></div>', body, flags=re.S)  # fmt: skip
    body = body.replace("<table>", '<markdown-accessiblity-table><table tabindex="0">').replace(
        "</table>", "</table></markdown-accessiblity-table>"
    )
    return f"""<!DOCTYPE html><html lang="en" data-color-mode="auto"><head><title>ops/{title} at main · zephyr/ops · GitHub</title></head><body class="logged-out"><div class="position-relative header-wrapper js-header-wrapper"><a href="#start-of-content" class="p-3 color-bg-accent-emphasis show-on-focus js-skip-to-content">{SKIP}</a><header class="HeaderMktg" role="banner"><h2 class="sr-only">Navigation Menu</h2><div><a>{BROWSE}</a></div></header></div>
<div class="application-main"><div itemscope><main id="js-repo-pjax-container"><div id="repository-container-header"><div class="d-flex"><strong><a>{H}</a></strong><ul class="pagehead-actions"><li>Star 24</li><li>Fork 3</li></ul></div></div><turbo-frame><div class="Box-sc-g0xbh4-0 react-tree-show"><div class="react-tree-pane"><h2>Files</h2><ul role="tree"><li role="treeitem">{TRAVEL}</li><li role="treeitem">{PARKING}</li></ul></div>
<div class="react-code-view"><div><h2>Latest commit</h2><span>{UPDATED}</span><h2>History</h2></div><div><div class="react-blob-header-edit"><button>{EDIT}</button></div><section class="Box"><div class="js-snippet-clipboard-copy-unpositioned"><article class="markdown-body entry-content container-lg" itemprop="text">{body}</article></div></section></div></div></div></turbo-frame></main></div></div><footer class="footer" role="contentinfo"><h2 class="sr-only">Footer</h2><span>{COPY}</span></footer><div class="js-cookie-consent">{COOKIE} <button>{ACCEPT}</button></div></body></html>"""


def mediawiki(title: str, body: str) -> str:
    body = re.sub(r"<h([2-6])([^>]*)>(.*?)</h\1>", r'<h\1\2><span class="mw-headline">\3</span><span class="mw-editsection"><span class="mw-editsection-bracket">[</span><a href="e">edit</a><span class="mw-editsection-bracket">]</span></span></h\1>', body, flags=re.S)  # fmt: skip
    return f"""<!DOCTYPE html><html class="client-nojs" lang="en"><head><title>{title} - {H}</title></head><body class="mediawiki ltr"><div id="mw-page-base" class="noprint"></div><div id="content" class="mw-body" role="main"><div id="siteNotice"><p>{CHAT}</p></div><h1 id="firstHeading" class="firstHeading">{title}</h1><div id="bodyContent"><div id="siteSub" class="noprint">From {H}</div><div id="contentSub"></div><a class="mw-jump-link">{SKIP}</a>
<div id="mw-content-text"><div class="mw-parser-output"><div id="toc" class="toc"><h2>Contents</h2><ul>{_outline(body)}</ul></div>{body}</div><div class="printfooter">Retrieved from Zephyr</div></div><div id="catlinks" class="catlinks"><div id="mw-normal-catlinks"><a>Category</a>: <ul><li><a>{BADGE}</a></li></ul></div></div></div></div>
<div id="mw-navigation"><h2>Navigation menu</h2><div id="mw-panel"><div class="portal"><h3>Navigation</h3><ul><li><a>{BROWSE}</a></li></ul></div></div></div><div id="footer" role="contentinfo"><ul><li id="footer-info-lastmod">{UPDATED}</li><li>{COPY}</li></ul></div></body></html>"""


def drupal(title: str, body: str) -> str:
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} | {H}</title></head><body class="path-node page-node-type-page"><a href="#m" class="visually-hidden focusable skip-link">{SKIP}</a><div class="dialog-off-canvas-main-canvas"><div class="usa-banner"><div class="usa-accordion"><header class="usa-banner__header"><p class="usa-banner__header-text">An official website of Zephyr</p></header></div></div><header class="usa-header"><div class="usa-navbar"><div class="usa-logo">{H}</div></div></header>
<div class="layout-container"><div class="region region-highlighted"><div data-drupal-messages>{CHAT}</div></div><div class="region region-breadcrumb"><nav><ol><li>{BROWSE}</li></ol></nav></div><main role="main"><a id="main-content"></a><div class="layout-content"><div class="region region-content"><div id="block-title" class="block"><h1 class="page-title">{title}</h1></div><div id="block-content" class="block block-system"><article role="article" class="node node--type-page"><div class="node__content"><div class="field field--name-body field--type-text-with-summary">{body}</div><div class="field field--name-field-tags"><div class="field__label">Tags</div><div class="field__item"><a>{BADGE}</a></div></div></div></article></div>
<div id="block-related" class="block block-views"><h2>{RELATED}</h2><div class="views-row"><a>{PARKING}</a></div></div></div></div><aside class="layout-sidebar-second"><div class="region"><h2>{SUBSCRIBE}</h2></div></aside></main></div><footer class="usa-footer"><nav><ul><li><a>{PRIVACY}</a></li></ul></nav><p>{UPDATED}. {COPY}</p></footer></div></body></html>"""


def servicenow(title: str, body: str) -> str:
    return f"""<html><head><title>{title} - KB0012345 - {H}</title></head><body class="sp-body"><div class="sp-page-root page"><header role="banner"><nav class="navbar navbar-inverse"><a class="navbar-brand">{H}</a></nav></header><section class="page"><main><div class="sp-row-content row"><div class="col-md-12"><div class="sp-breadcrumb"><ul class="nav nav-pills breadcrumbs"><li><a>{BROWSE}</a></li></ul></div></div></div>
<div class="row"><div class="col-md-9"><div class="kb-article-wrapper"><div class="kb-head-wrapper"><div class="kb-number-info"><span>KB0012345</span><span>Latest version</span></div><h1 class="kb-title-header">{title}</h1><div class="kb-end-user-info"><span class="author">{UPDATED}</span><span> 1208 Views</span></div></div><section class="kb-article-content"><div>{body}</div></section>
<div class="kb-mobile-bar"><a>{SHARE}</a></div><div class="helpful-text">{HELPFUL}?</div><div class="snc-article-footer-widget"><span>Rate this article</span><p>{COPY}</p></div></div></div><div class="col-md-3"><div class="panel"><h2 class="panel-title">Most viewed</h2><div class="list-group"><a class="list-group-item">{BADGE}</a><a class="list-group-item">{PARKING}</a></div></div></div></div></main></section></div></body></html>"""


def gitbook(title: str, body: str) -> str:
    body = re.sub(r"<ol([^>]*)>", r'<ol\1 class="space-y-2 min-w-0">', body)
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} | {H}</title></head><body class="__className_e8ce0c"><header class="sticky top-0 z-30"><div class="flex"><a>{H}</a><div class="flex gap-2"><button>{CHAT}</button></div></div></header><div class="lg:flex"><aside class="relative group lg:sticky"><ul class="flex flex-col"><li><a>{BROWSE}</a></li><li><a>{TRAVEL}</a></li></ul></aside>
<div class="flex flex-row flex-1"><main class="flex-1 py-8 relative"><header class="max-w-3xl mx-auto mb-6"><h1 class="text-4xl">{title}</h1></header><div class="grid [&>*+*]:mt-5 whitespace-pre-wrap">{body}</div><div class="flex mt-6 gap-2"><a class="group text-sm"><span class="flex flex-col"><span>Previous</span><span>{PREV}</span></span></a><a class="group text-sm"><span>{NEXT}</span></a></div><div class="flex text-tint mt-6"><p>{UPDATED}</p></div><div class="flex"><p class="text-sm">{HELPFUL}?</p><button>Yes</button></div></main>
<aside class="hidden xl:flex sticky"><div>{TOC}</div><ul>{_outline(body)}</ul></aside></div></div></body></html>"""


def hashed(title: str, body: str) -> str:
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title}</title></head><body><div id="root"><div class="css-1x9k2"><div class="css-77ab"><span class="css-a1">{H}</span><a class="css-b2" href="/1">{BROWSE}</a><a class="css-b2" href="/2">{TRAVEL}</a><a href="/3">{CHAT}</a></div><div class="css-93kd"><div class="css-q1"><div class="css-l0"><a href="/4">{PARKING}</a><a href="/5">{BADGE}</a><a href="/6">Holiday calendar</a></div></div>
<div class="css-m44"><h1 class="css-h1">{title}</h1><div class="css-0p">{UPDATED}</div><div class="css-x81">{body}</div><div class="css-9z9"><div class="css-fb">{HELPFUL}?</div><span class="css-v">{VOTES}</span></div><div class="css-rel"><h3 class="css-h3">{RELATED}</h3><ul class="css-ul"><li><a href="/5">{BADGE}</a></li><li><a href="/4">{PARKING}</a></li></ul></div></div></div>
<div class="css-foo"><span>{COPY}</span><a href="/p">{PRIVACY}</a></div><div class="css-ck"><p>{COOKIE}.</p><span class="css-btn">{ACCEPT}</span><span>{MANAGE}</span></div></div></div></body></html>"""


def bare(title: str, body: str) -> str:
    return f"""<html><head><title>{title}</title></head><body><div><a href="/">{H}</a> | <a href="/b">{BROWSE}</a> | <a href="/t">{TRAVEL}</a></div><p><a href="#c">{SKIP}</a></p>{body}<p>{UPDATED}</p><h3>{RELATED}</h3><ul><li><a href="/x">{BADGE}</a></li><li><a href="/y">{PARKING}</a></li></ul><h3>{LEAVE}</h3><p>Dana: {GREAT}</p><hr><p><small>{COPY}. <a href="/p">{PRIVACY}</a></small></p></body></html>"""


def tables(title: str, body: str) -> str:
    return f"""<html><head><title>{title}</title></head><body bgcolor="#ffffff"><table width="100%" border="0"><tr><td colspan="3"><font size="5">{H}</font></td></tr><tr><td width="150" valign="top"><b>{BROWSE}</b><br><a href="/t">{TRAVEL}</a><br><a href="/p">{PARKING}</a></td><td valign="top">{body}</td><td width="120" valign="top"><b>{RELATED}</b><br><a href="/b">{BADGE}</a></td></tr><tr><td colspan="3" align="center"><font size="1">{COPY} | <a href="/pp">{PRIVACY}</a></font></td></tr></table></body></html>"""


def notion(title: str, body: str) -> str:
    return f"""<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/><title>{title}</title></head><body><div class="notion-topbar"><div>{H}</div><div>{SHARE}</div></div><article id="1f" class="page sans"><header><div class="page-header-icon"><span class="icon">x</span></div><h1 class="page-title">{title}</h1><table class="properties"><tbody><tr class="property-row property-row-person"><th>Owner</th><td>{UPDATED}</td></tr></tbody></table></header><nav class="block-color-gray table_of_contents"><div class="table_of_contents-item"><a href="#a">{TOC}</a></div></nav><div class="page-body">{body}</div></article><div class="notion-footer">{COPY}</div></body></html>"""


def discourse(title: str, body: str) -> str:
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} - {BROWSE} - {H}</title></head><body class="crawler"><header><a href="/">{H}</a></header><div id="main-outlet" class="wrap" role="main"><div id="topic-title"><h1><a href="/t/1">{title}</a></h1><div class="topic-category"><span class="category-title"><a>{BROWSE}</a></span></div></div><div itemscope class="topic-body crawler-post"><div class="crawler-post-meta"><span class="creator">Dana Whitfield</span><span class="crawler-post-infos"><time>{UPDATED}</time></span></div><div class="post" itemprop="text">{body}</div><div class="crawler-linkback-list"></div></div>
<div class="topic-body crawler-post"><div class="crawler-post-meta"><span class="creator">rico</span></div><div class="post" itemprop="text"><p>{GREAT}</p></div></div><div id="related-topics" class="more-topics__list"><h3 class="more-topics__list-title">{RELATED}</h3><table class="topic-list"><tr><td><a>{BADGE}</a></td><td>3</td></tr></table></div></div><footer class="container wrap"><nav><ul><li><a>{PRIVACY}</a></li></ul></nav></footer></body></html>"""


SHELLS: dict[str, Callable[[str, str], str]] = {
    f.__name__: f
    for f in (
        sphinx,
        mkdocs,
        docusaurus,
        confluence,
        sharepoint,
        wordpress,
        zendesk,
        github,
        mediawiki,
        drupal,
        servicenow,
        gitbook,
        hashed,
        bare,
        tables,
        notion,
        discourse,
    )
}
