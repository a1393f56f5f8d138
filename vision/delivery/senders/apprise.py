"""Push, chat and e-mail through Apprise (extra `notify`): one address for each of more than a hundred services.

Such services cannot change what they have shown, so that only `opened` is sent unless `on` says more.
Addresses: https://appriseit.com/services/.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import warnings
from collections import OrderedDict
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator

from vision.delivery.env import AddressText, EnvText, filled, variables
from vision.delivery.senders.base import AlertParams, Message, Moment, Retry, Sender, SenderContext, register
from vision.errors import ConfigError
from vision.events import Event

if TYPE_CHECKING:
    import apprise

# Kinds of address that work without any secret in them; in all others the whole path is one.
_OPEN = frozenset(
    {"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "syslog", "dbus", "ntfy", "ntfys"}
)
_TITLE_WORDS = ("title", "camera", "type", "severity", "zone", "rule", "site", "stage")
_WORD = re.compile(r"\{(\w*)\}")
_REMEMBERED = 1000
_MORE = {"en": "{count} more within {time}.", "zh": "{time}内又有 {count} 起。"}


class ServiceAddresses(EnvText):
    """Addresses of services, with blanks between them."""

    __slots__ = ()
    meaning = "addresses of services, with blanks between; what is secret in them is written ${NAME}"

    @classmethod
    def reject(cls, text: str) -> None:
        """Raises `ValueError` for an address with a secret written out."""
        variables(text)
        if not text.strip():
            raise ValueError("must not be empty")
        for address in text.split():
            scheme, found, _ = address.partition("://")
            if not found and not variables(address):
                raise ValueError("must be an address such as mailto://… or json://…, or a ${NAME} that holds one")
            if scheme.lower() in _OPEN:
                AddressText.reject(address)
            elif not variables(address):
                raise ValueError(
                    "the address of a service holds its key; write ${NAME} in its place and set NAME in the environment"
                )


class AppriseAlert(AlertParams):
    """A push, chat or e-mail message through Apprise."""

    type: Literal["apprise"] = "apprise"
    on: tuple[Moment, ...] = Field(
        ("opened",),
        min_length=1,
        description="At which moments of an event to send; what follows `opened` is a message of its own here.",
    )
    url: ServiceAddresses = Field(
        description="Addresses of services as Apprise writes them, with blanks between: mailto://user:${NAME}@host, "
        "tgram://${NAME}/chat, ntfy://host/topic; or ${NAME} for the whole of it."
    )
    title: str = Field(
        "{title}: {camera}",
        min_length=1,
        description="Subject of the message; in braces: title, camera, type, severity, zone, rule, site, stage.",
    )
    locale: Literal["en", "zh"] | None = Field(
        None, description="Language of title and text; default: the text as the event has it, otherwise en."
    )
    timezone: str | None = Field(
        None, description="For times in the text, such as Asia/Shanghai; default: the machine's."
    )
    snapshot: bool = Field(True, description="Attach the picture, where there is one and the service takes it.")

    @field_validator("title")
    @classmethod
    def _title_words(cls, value: str) -> str:
        for word in _WORD.findall(value):
            if word not in _TITLE_WORDS:
                raise ValueError(f"{{{word}}} is not known here; known are {', '.join(_TITLE_WORDS)}")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str | None) -> str | None:
        try:
            ZoneInfo(value or "UTC")
        except (ValueError, OSError, KeyError):
            raise ValueError(f"{value} is no time zone; for example Asia/Shanghai, Europe/Berlin, UTC") from None
        return value


class _Service:
    """One address: its kind for log lines, the library's object, and what must never be told."""

    def __init__(self, written: str, place: str, library: Any, asset: Any) -> None:
        try:
            address = filled(written, os.environ)
        except ValueError as error:
            raise ConfigError(f"{place}: {error}") from None
        self.kind = address.partition("://")[0] if "://" in address else "?"
        self.target: apprise.Apprise = library.Apprise(asset=asset)
        if not self.target.add(address):
            raise ConfigError(f"{place}: not an address that Apprise understands ({self.kind}://…)")
        whole = written.startswith("${") and written.endswith("}")
        parts = re.split(r"[/:@?&=,;]+", address)[1:] if whole else [os.environ[name] for name in variables(written)]
        self._secrets = sorted({p for part in parts for p in (part, quote(part, safe="")) if len(p) > 2}, key=len)

    def told(self, text: str) -> str:
        """A line of the library without secrets."""
        for secret in reversed(self._secrets):
            text = text.replace(secret, "…")
        return text


@register
class Apprise(Sender[AppriseAlert]):
    """Hands each message to Apprise, in a thread; of several services only those that failed are asked again."""

    Params = AppriseAlert

    def __init__(self, params: AppriseAlert, context: SenderContext) -> None:
        """Raises `ConfigError` without the library, for unset variables and for addresses that it does not know."""
        super().__init__(params, context)
        self._library, place = _library(), params.url.place or "alerts: apprise: url"
        asset = self._library.AppriseAsset(app_id="Sightline", app_desc="Sightline", async_mode=False)
        _quieten()
        with self._library.LogCapture(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its plugins, loaded now, use what Python is leaving
            self._services = [_Service(w, place, self._library, asset) for w in params.url.text.split()]
        self._done: OrderedDict[str, set[int]] = OrderedDict()
        self._turn = threading.Lock()

    async def send(self, message: Message) -> None:
        """Send it to every service that has not had it. Raises `Retry` where one did not take it."""
        title, text = self._title(message), self._text(message)
        failed = await asyncio.to_thread(self._send, message, title, text)
        if failed:
            raise Retry("; ".join(failed))

    def _send(self, message: Message, title: str, text: str) -> list[str]:
        with self._turn:
            done = self._done.setdefault(message.id, set())
            while len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
            attachment = self._attachment(message)
            failed = []
            for number, service in enumerate(self._services):
                if number in done:
                    continue
                reason = self._ask(
                    service, title, text, _TYPES.get(message.event.get("severity", ""), "info"), attachment
                )
                if reason is None:
                    done.add(number)
                else:
                    failed.append(reason)
            if not failed:
                del self._done[message.id]
            return failed

    def _ask(self, service: _Service, title: str, text: str, kind: str, attachment: Path | None) -> str | None:
        """None when it was taken, otherwise why not."""
        attach = None if attachment is None else str(attachment)
        with self._library.LogCapture(level=logging.WARNING, fmt="%(message)s") as lines:
            try:
                taken = bool(service.target.notify(text, title=title, notify_type=kind, attach=attach))
                said = lines.getvalue().strip().splitlines()
            except Exception as error:  # noqa: BLE001  # a plugin's fault must not end the outbox
                taken, said = False, [type(error).__name__]
        if taken:
            return None
        return f"{service.kind}: {service.told(said[-1])[:200] if said else 'not taken'}"

    def _attachment(self, message: Message) -> Path | None:
        path = (message.event.get("evidence") or {}).get("snapshot")
        if not self.params.snapshot or not path:
            return None
        from vision.delivery.pictures import evidence_file

        return evidence_file(self.context.evidence, path)

    def _title(self, message: Message) -> str:
        from vision.language.phrases import phrasebook

        event = message.event
        words = {
            **{word: str(event.get(word) or "") for word in ("camera", "type", "severity", "zone", "rule")},
            "title": phrasebook(self.params.locale or "en").title(str(event.get("type") or "")),
            "site": self.context.site,
            "stage": message.stage,
        }
        return _WORD.sub(lambda word: words[word[1]], self.params.title)

    def _text(self, message: Message) -> str:
        lines = [self._sentence(message)]
        if message.merged is not None:
            lines.append(self._more(message.merged))
        evidence = message.event.get("evidence") or {}
        path = evidence.get("clip") or evidence.get("snapshot")
        if path and self.context.link is not None:
            lines.append(self.context.link(path))
        return "\n".join(lines)

    def _sentence(self, message: Message) -> str:
        from vision.language.template import summarize

        summary = message.event.get("summary") or {}
        locale = self.params.locale
        if summary.get("text") and (locale is None or summary.get("source") != "template"):
            return str(summary["text"])
        try:
            event = Event.model_validate(dict(message.event))
        except ValidationError:
            return str(summary.get("text") or message.event.get("type") or "event")
        return summarize(event, locale or "en", timezone=self._timezone()).text

    def _timezone(self) -> tzinfo:
        if self.params.timezone is not None:
            return ZoneInfo(self.params.timezone)
        return datetime.now(UTC).astimezone().tzinfo or UTC

    def _more(self, merged: Any) -> str:
        from vision.language.phrases import phrasebook

        locale = self.params.locale or "en"
        seconds = max(1.0, float(merged.get("window_s") or 0))
        return _MORE[locale].format(count=merged.get("count", 0), time=phrasebook(locale).duration(seconds))

    async def probe(self) -> str:
        """Says which services there are: a trial would be a message."""
        return f"{', '.join(service.kind for service in self._services)}: understood, not tried (that would alert somebody)"


_TYPES = {"alert": "failure", "warning": "warning", "info": "info"}


def _quieten() -> None:
    """Keep addresses, which hold keys, out of all logs: what went wrong is told in our own lines."""
    logging.getLogger("apprise").propagate = False
    logging.getLogger("apprise").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.INFO)


def _library() -> Any:
    """Apprise. Raises `ConfigError` with the way to install it."""
    try:
        import apprise
    except ImportError:
        raise ConfigError("alerts of type apprise need the extra `notify`: pip install 'sightline[notify]'") from None
    return apprise
