"""English."""

from __future__ import annotations

import re
from typing import ClassVar

from vision.language.base import Values

SENTENCES = {
    "intrusion": "{who} {was} in {place} from {start}[ for {lasting}]",
    "intrusion.open": "{who} {has} been in {place} since {start}",
    "line_crossing": "{who} crossed {place}[ going {direction}] at {start}",
    "climbing": "{who} climbed[ {crossing}] over {place} at {start}",
    "climbing.up": "{who} climbed up {place} at {start}",
    "loitering": "{who} lingered in {place} from {start}[ for {lasting}]",
    "loitering.open": "{who} {has} been lingering in {place} since {start}[, {lasting} so far]",
    "left_object": "{who} {was} left in {place} at {start}[ and stayed unattended for {alone}]",
    "left_object.open": "{who} {was} left in {place} at {start}[ and {has} been unattended for {alone}]",
    "removed_object": "{who} {was} taken away from {place} at {start}",
    "fall": "{who} fell[ in {where}] at {start}[ and lay still for {lying}]",
    "fall.open": "{who} fell[ in {where}] at {start}[ and {has} been lying still for {lying}]",
    "crowd": "Up to {peak} gathered in {place} from {start}[ for {lasting}]",
    "crowd.open": "{peak} have gathered in {place} since {start}",
    "counting": "{peak} counted at {place} from {start}[ for {lasting}][: {in} in, {out} out]",
    "tamper": "The camera’s picture was disturbed from {start}[ for {lasting}]",
    "tamper.open": "The camera’s picture has been disturbed since {start}",
    "tamper.covered": "The lens was covered from {start}[ for {lasting}]",
    "tamper.covered.open": "The lens has been covered since {start}",
    "tamper.blurred": "The picture was out of focus from {start}[ for {lasting}]",
    "tamper.blurred.open": "The picture has been out of focus since {start}",
    "tamper.black": "The picture was black from {start}[ for {lasting}]",
    "tamper.black.open": "The picture has been black since {start}",
    "tamper.frozen": "The picture stood still from {start}[ for {lasting}]",
    "tamper.frozen.open": "The picture has stood still since {start}",
    "tamper.moved": "The camera was turned to another view at {start}",
    "defect": "A defect was found[ on part {part}][ in {where}] at {start}[: {fault}]",
    "defect.pass": "Part[ {part}] passed at {start}",
    "defect.reject": "Part[ {part}] was rejected at {start}[: {why}]",
    "defect.no_decision": "No decision on part[ {part}] at {start}[: {why}]",
    "output_missed": "Output[ {output}] was not acknowledged in time for part[ {part}] at {start}[: {why}]",
    "score_drift": "The scores of good parts have risen; seen at {start}",
    "camera_offline": "The camera was offline from {start}[ for {lasting}]",
    "camera_offline.open": "The camera has been offline since {start}",
    "camera_offline.auth.open": "The camera has refused user and password since {start}",
    "camera_offline.not_found.open": "The camera has not known the stream’s path since {start}",
    "camera_offline.refused.open": "The camera has not been answering since {start}",
    "camera_offline.unreachable.open": "The camera has not been reachable since {start}",
    "camera_offline.timeout.open": "The camera has not been answering since {start}",
    "camera_offline.stall.open": "The camera’s stream has stood still since {start}",
    "camera_online": "The camera was back at {start}[ after {away} offline]",
    "storage_low": "Space for evidence was short from {start}[ for {lasting}]",
    "storage_low.open": "Space for evidence has been short since {start}; the least valuable is being deleted",
    "*": "{title}[ in {where}] from {start}[ for {lasting}][: {known}]",
    "*.open": "{title}[ in {where}] since {start}[: {known}]",
}

TITLES = {
    "intrusion": "Intrusion",
    "line_crossing": "Line crossing",
    "climbing": "Climbing",
    "loitering": "Loitering",
    "left_object": "Left object",
    "removed_object": "Removed object",
    "fall": "Fall",
    "crowd": "Crowd",
    "counting": "Counting",
    "tamper": "Tampering",
    "defect": "Defect",
    "output_missed": "Output missed",
    "score_drift": "Scores of good parts rising",
    "camera_offline": "Camera offline",
    "camera_online": "Camera back",
    "storage_low": "Storage low",
}

_NOWHERE = {"line_crossing": "the line", "climbing": "the fence", "counting": "the line"}
_MANY = {"person": "people", "man": "men", "woman": "women", "child": "children", "mouse": "mice", "knife": "knives"}
_SAME_FOR_MANY = {"sheep", "skis", "scissors", "aircraft", "broccoli"}
_ONE_AS_A_PAIR = {"skis": "a pair of skis", "scissors": "a pair of scissors", "broccoli": "broccoli"}
_AN = re.compile(r"^(?!uni|us[aeu]|eu|one\b)[aeiou]|^(hour|heir|x-ray)", re.IGNORECASE)
_ES = re.compile(r"(s|x|z|ch|sh)$", re.IGNORECASE)
_IES = re.compile(r"[^aeiou]y$", re.IGNORECASE)


class English:
    """English phrases; see `vision.language.base.Phrasebook`."""

    sentences: ClassVar[dict[str, str]] = SENTENCES
    titles: ClassVar[dict[str, str]] = TITLES

    def title(self, kind: str) -> str:
        """`smoke_plume` becomes "Smoke plume"."""
        words = kind.replace("_", " ").strip()
        return TITLES.get(kind) or words[:1].upper() + words[1:] or "Event"

    def thing(self, label: str | None, count: int, fallback: str) -> str:
        """As spoken: a person, an umbrella, 3 people; "something" where nothing is known."""
        name = (label or fallback).replace("_", " ")
        if count != 1:
            return f"{count} {plural(name or 'object')}"
        if not name:
            return "something"
        return _ONE_AS_A_PAIR.get(name) or f"{'an' if _AN.match(name) else 'a'} {name}"

    def noun(self, label: str) -> str:
        """The label itself, without underscores."""
        return label.replace("_", " ")

    def grammar(self, count: int) -> Values:
        """The verbs "to be" and "to have" for so many."""
        return {"was": "was", "has": "has"} if count == 1 else {"was": "were", "has": "have"}

    def direction(self, way: str) -> str:
        """As said after "going": in, out."""
        return way.replace("_", " ")

    def place(self, zone: str | None, fallback: str) -> str | None:
        """The name in quotation marks, so that any name reads as one."""
        return f"“{zone}”" if zone else _NOWHERE.get(fallback, "the picture")

    def duration(self, seconds: float) -> str:
        """As spoken: 0.6 seconds, 1 second, 2 minutes 5 seconds, 3 hours."""
        if seconds < 9.95:
            return _many(round(seconds, 1), "second")
        whole = round(seconds)
        parts = [(whole // 3600, "hour"), (whole % 3600 // 60, "minute"), (whole % 60 if whole < 3600 else 0, "second")]
        return " ".join(_many(number, unit) for number, unit in parts if number)

    def finish(self, sentence: str, camera: str | None, sure: str | None) -> str:
        """Capital letter, camera and certainty in brackets, full stop."""
        aside = ", ".join(part for part in (camera and f"camera {camera}", sure and f"{sure} sure") if part)
        return sentence[:1].upper() + sentence[1:] + (f" ({aside})" if aside else "") + "."


def plural(name: str) -> str:
    """The plural of an English noun; of a noun of several words that of the last one."""
    head, _, last = name.rpartition(" ")
    lead = f"{head} " if head else ""
    if last in _SAME_FOR_MANY:
        return name
    if last in _MANY:
        return lead + _MANY[last]
    if _ES.search(last):
        return f"{lead}{last}es"
    return f"{lead}{last[:-1]}ies" if _IES.search(last) else f"{lead}{last}s"


def _many(number: float, unit: str) -> str:
    return f"{number:g} {unit}" if number == 1 else f"{number:g} {unit}s"
