"""Texts with `${ENV_VAR}` in them: secrets stay in the environment until the moment they are used."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from vision.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MALFORMED = re.compile(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})")
_SECRET_QUERY = re.compile(
    r"[?&;](?:password|passwd|pwd|pass|token|access_token|secret|api_?key|auth)=([^&;#]*)", re.IGNORECASE
)


def variables(text: str) -> tuple[str, ...]:
    """Names of the variables in `text`. Raises `ValueError` where `${` is no `${NAME}`."""
    if _MALFORMED.search(text):
        raise ValueError("a variable is written ${NAME}: letters, digits and _, no default value")
    return tuple(_VARIABLE.findall(text))


def filled(text: str, env: Mapping[str, str]) -> str:
    """`text` with its variables from `env`. Raises `ValueError` naming those that are not set."""
    unset = sorted({name for name in variables(text) if not env.get(name)})
    if unset:
        few = "variable" if len(unset) == 1 else "variables"
        raise ValueError(f"the environment {few} {', '.join(unset)} not set; for example: export {unset[0]}=…")
    return _VARIABLE.sub(lambda match: env[match[1]], text)


@dataclass(frozen=True, slots=True)
class EnvText:
    """A text that may name variables; `text` is as written, `filled_in()` is for use and never for printing."""

    text: str
    place: str = field(default="", compare=False)
    meaning: ClassVar[str] = "a text; ${NAME} is filled in from the environment"

    def filled_in(self, env: Mapping[str, str] | None = None) -> str:
        """The text with its variables. Raises `ConfigError` naming place and variable where one is not set."""
        try:
            return filled(self.text, os.environ if env is None else env)
        except ValueError as error:
            raise ConfigError(f"{self.place or 'config'}: {error}") from None

    def __str__(self) -> str:
        return self.text

    @classmethod
    def reject(cls, text: str) -> None:
        """Raises `ValueError` where the text may not stand in a file."""
        variables(text)

    @classmethod
    def _validate(cls, value: Any) -> EnvText:
        if isinstance(value, cls):
            return value
        if isinstance(value, Placed):
            cls.reject(value.text)
            return cls(value.text, value.place)
        if type(value) is not str:
            raise ValueError("a text is wanted here")
        cls.reject(value)
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """For pydantic: made from a text, written as the text."""
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """For editors: a string."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Placed:
    """A text on its way into the models, with the place of the file that it came from."""

    text: str
    place: str


class SecretText(EnvText):
    """A secret: nothing but `${NAME}`."""

    __slots__ = ()
    meaning: ClassVar[str] = "a secret: only ${NAME}, filled in from the environment"

    @classmethod
    def reject(cls, text: str) -> None:
        """Raises `ValueError` for a secret that is written out."""
        if not _VARIABLE.fullmatch(text):
            raise ValueError("a secret does not belong in the file; write ${NAME} and set NAME in the environment")


class AddressText(EnvText):
    """An address (URL, file, device) whose password, if any, is a variable."""

    __slots__ = ()
    meaning: ClassVar[str] = "an address; a password in it is written ${NAME} and filled in from the environment"

    @classmethod
    def reject(cls, text: str) -> None:
        """Raises `ValueError` for an address with a written-out password."""
        variables(text)
        if not text.strip():
            raise ValueError("must not be empty")
        bare = _VARIABLE.sub("\0", text)
        if _literal_password(bare) or any(v.replace("\0", "") for v in _SECRET_QUERY.findall(bare)):
            raise ValueError("the address holds a password; write ${NAME} in its place and set NAME in the environment")


def _literal_password(bare: str) -> bool:
    """Whether `user:password@` is written out (variables already replaced by NUL)."""
    scheme, found, rest = bare.partition("://")
    if not found or not scheme:
        return False
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        user = authority.rpartition("@")[0]
    elif "@" in rest and ":" in authority and not authority.rpartition(":")[2].isdigit() and "[" not in authority:
        user = rest.rpartition("@")[0]  # a password with / ? or # that is not percent-encoded
    else:
        return False
    return bool(user.partition(":")[2].replace("\0", ""))
