"""Rules that are data: the shipped `rules/*.toml` and a user's own rule files.

A file holds `[[rule]]` tables. Each names one kind of a closed set and carries the same summary, why,
options and executed examples as a rule in Python; it becomes an ordinary RowRule. There is no expression
language and no inline code: what the kinds cannot say is a rule in `curator.checks`.

phrases         one of the phrases occurs: anywhere, at the start, in the opening, or as a line of its own
pattern         a regular expression matches near one of its literals
substitute      a phrase stands where another should, which is offered as the fix
limit           a turn has too few or too many characters, words or lines
ratio           a class of characters has too large or too small a share of a turn
starts_or_ends  a turn must, or must not, start or end with one of the strings
one_of          the whole turn must, or must not, be one of the values

A phrase is matched word by word, in any case; `{a|b}` in it stands for either, `{a|}` for a or nothing.
Examples are written `{ user = "…", assistant = "…" }` or `{ row = { … } }`; a bad one may also carry `at`
(default: the last turn of the rule's roles), `fixed` (a row, or "dropped") and `options`.
"""

from __future__ import annotations

from curator.packs.loading import load, load_file, register_file, rules_dir, source

__all__ = ["load", "load_file", "register_file", "rules_dir", "source"]
