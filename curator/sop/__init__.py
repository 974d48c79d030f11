"""Web pages and documents to SOP rows: read, structured, flattened; offline and verbatim.

The stages, in order: `fetch`; a reader (`html`, `markdown`, `docx`, `pdf`, `text`); for pages `pruning`, `content` and `walk`,
compared with another extractor by `guard`; `structure`, which makes the `document`; `flatten`; `prompts` and `rewrite`; `run`.
"""
