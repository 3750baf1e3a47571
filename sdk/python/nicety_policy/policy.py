"""What a policy is made of."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional

from wit_world.imports.types import Denial, Description


class Denied(Exception):
    """A policy's no.

    `code` is a machine word in kebab-case; `message` is for people: what was wrong, where, and what to do; `retryable` says that the
    same question may get another answer later; `object` is what caused it.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False, object: Optional[str] = None):
        super().__init__(message)
        self.denial = Denial(code, message, retryable, object, [])


def schema_beside(source: str) -> str:
    """The text of the `config.schema.json` beside a source file: `schema_beside(__file__)`. It is read when the component is built."""
    return Path(source).with_name("config.schema.json").read_text(encoding="utf-8")


def _no_rules(config: dict) -> list[str]:
    return []


@dataclass(frozen=True)
class Policy:
    """A policy: what it says of itself, and two pure functions.

    `decide(config, facts)` gets the config as the dictionary that its JSON is, and raises `Denied` for a no. It must be
    deterministic: the same config and facts, the same answer. `validate(config)` finds what a schema cannot say: every finding, not
    the first. `requires` and `wants` name attributes (wit/attributes.md).
    """

    name: str
    version: str
    summary: str
    schema: str
    decide: Callable[[dict, Any], Any]
    validate: Callable[[dict], list[str]] = _no_rules
    requires: list[str] = field(default_factory=list)
    wants: list[str] = field(default_factory=list)

    def description(self) -> Description:
        return Description(self.name, self.version, self.summary, self.schema, list(self.requires), list(self.wants))

    def findings(self, config: str) -> list[str]:
        """What is wrong with a config, given as text."""
        try:
            return self.validate(self._parsed(config))
        except Denied as denied:
            return [denied.denial.message]

    def answer(self, config: str, facts: Any) -> Any:
        """The decision, with the config as text: what the component answers."""
        return self.decide(self._parsed(config), facts)

    @staticmethod
    def _parsed(config: str) -> dict:
        try:
            value = json.loads(config.strip() or "{}")
        except ValueError as error:
            raise Denied("invalid-config", f"the policy's config is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise Denied("invalid-config", "the policy's config is not an object")
        return value
