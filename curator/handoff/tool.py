"""What the page of a tool gives: the files of its folder and how it is run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import msgspec

from curator import targets
from curator.errors import UsageError
from curator.handoff.recipe import METHODS, Data, Method, Recipe
from curator.targets import Tokens

TEXTS = "text"
"""The shape of texts without turns, which are trained whole."""


class Folder(msgspec.Struct, frozen=True):
    """The files of a hand-off by name, how the tool is installed and run, and what to know before."""

    files: dict[str, str]
    command: str
    install: str = ""
    notes: tuple[str, ...] = ()
    untrained: str = ""  # which answers of the train split the tool leaves out, in words
    most: int = 0  # tokens of a row, as the settings say it; 0: as many as the target takes
    limits: tuple[Tokens, ...] = ()  # what happens beyond, where the settings say other than the target's defaults
    batch: int = 0  # rows of a batch that is full or not made, as the settings say it; 0: as many as the target says


def limits_of(target: str, over: Literal["dropped", "kept"], by: str) -> tuple[Tokens, ...]:
    """The limits of a target, where all that are beyond meet with the same; what is kept has no limit."""
    return tuple(
        limit
        if limit.over == "kept"
        else msgspec.structs.replace(limit, over=over, by=by, most=limit.most if over == "dropped" else 0)
        for limit in targets.load(target).every_limit
    )


class Tool(ABC):
    """A trainer or a service that curator writes a folder for."""

    name: ClassVar[str]
    target: ClassVar[str]
    """The profile of `rules/targets` that says what the tool does with rows."""
    methods: ClassVar[tuple[Method, ...]]
    preference: ClassVar[bool]
    """Whether preference pairs can be handed to it."""
    texts: ClassVar[bool] = True
    """Whether texts without turns can be."""
    weights: ClassVar[bool] = False
    """Whether an answer of weight 0 is left out of the loss."""

    @abstractmethod
    def shape(self, data: Data) -> str:
        """The shape its data are converted to."""

    @abstractmethod
    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        """Its files beside the data; `changes` are settings of its own that the user named."""


def refuse(tool: Tool, recipe: Recipe, data: Data) -> None:
    """Raises UsageError where the tool cannot do what is asked."""
    if recipe.method not in tool.methods:
        able = ", ".join(method for method in METHODS if method in tool.methods)
        raise UsageError(f"{tool.name} does not train with {recipe.method}", hint=f"it can: {able}")
    if data.preference and not tool.preference:
        hint = "it trains on conversations; hand preference pairs to trl, llama-factory, axolotl or openai"
        raise UsageError(f"{tool.name} is not handed preference pairs", hint=hint)
    if data.texts and not tool.texts:
        hint = "it trains on conversations; hand texts to mlx, trl, unsloth, axolotl or llama-factory"
        raise UsageError(f"{tool.name} takes no texts without turns", hint=hint)
