"""The review app without its pages: what is found, what was decided, and how both are shown.

    findings ─ build ─ findings.db ┐
                                   ├─ Desk ─ pages (apps/review)
    decisions.jsonl ── follow ─────┘   └─ decisions.jsonl, appended

`.curator/decisions.jsonl` is the truth and is only ever appended to; `.curator/findings.db` is derived
from it and from the data, and can be deleted at any time. Nothing here imports streamlit.
"""
