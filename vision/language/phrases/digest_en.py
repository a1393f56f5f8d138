"""English words for a digest."""

from __future__ import annotations

from vision.language.digest_words import DigestWords

WORDS = DigestWords(
    nouns={
        "event": ("{n} event", "{n} events"),
        "incident": ("{n} incident", "{n} incidents"),
        "camera": ("{n} camera", "{n} cameras"),
        "alert": ("{n} alert", "{n} alerts"),
        "warning": ("{n} warning", "{n} warnings"),
        "info": ("{n} notice", "{n} notices"),
        "other": ("{n} more event", "{n} more events"),
        "withheld": ("{n} alert was held back", "{n} alerts were held back"),
        "rest": ("{n} more incident", "{n} more incidents"),
    },
    severities={"alert": "Alert", "warning": "Warning", "info": "Notice"},
    span="{since} to {until}",
    headline="{span}: {events} in {incidents} on {cameras}: {severities}.",
    apart="{span}: {events} on {cameras}: {severities}.",
    nothing="{span}: no events.",
    kinds="By kind: {entries}.",
    cameras="By camera: {entries}.",
    zones="By zone: {entries}.",
    entry="{name} {n}",
    incident="{severity}: {sentence}{more}{verdict}",
    more=" {others} with it.",
    verdicts={
        "yes": " The picture supports it.",
        "no": " The picture does not support it.",
        "unsure": "",
    },
    longest="Longest: {sentence}",
    offline="Nothing could be seen: {entries}.",
    absence="{camera} was offline from {start} to {end} ({lasting})",
    absence_open="{camera} has been offline since {start} ({lasting} so far)",
    rhythm="Busiest hour: from {hour}, {events}; quiet longest from {quiet_from} to {quiet_to}.",
    checks="Pictures checked: {yes} for the alarm, {no} against it, {unsure} undecided{withheld}.",
    withheld="; {n}",
    ongoing="Still going on: {entries}.",
    storage="Space for evidence was short from {start}.",
    rest="And {rest}.",
    comma=", ",
    semicolon="; ",
)
