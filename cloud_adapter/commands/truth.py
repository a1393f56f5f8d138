"""What pictures really show: those that wait for a person, a person's verdict, models calibrated against the verdicts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud_adapter.commands.shared import ByOption, ConfigOption, moment, opened, table
from vision.errors import InputError, OutsideError

if TYPE_CHECKING:
    from cloud_adapter.diagnosis.fitting import Asked, Fitted
    from cloud_adapter.records import Diagnosis
    from cloud_adapter.service import Parts


def add(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("review")(review)
    group.command("judge")(judge)
    group.command("calibrate")(calibrate)


def review(
    config: ConfigOption,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    every: Annotated[bool, typer.Option("--all", help="Not only those that a person has to look at.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="Write their pictures into this folder.", show_default=False)
    ] = None,
) -> None:
    """Pictures without a person's verdict, newest first, with what was said and why; `sightline cloud judge` gives one."""
    with opened(config) as parts:
        waiting = list(itertools.islice(_waiting(parts, every=every), limit))
        names = _saved(parts, waiting, save) if save is not None else {}
    if not waiting:
        typer.echo("no picture waits for a person")
        return
    said = [d.label if d.outcome == "diagnosed" else d.outcome for d in waiting]
    rows = [
        (d.job, moment(d.captured), d.camera, d.profile, label, "; ".join(d.reasons) or "-", names.get(d.job, "-"))
        for d, label in zip(waiting, said, strict=True)
    ]
    columns = ["job", "captured (UTC)", "camera", "profile", "said", "why", "picture"]
    table("", columns if save is not None else columns[:-1], [row[: None if save is not None else -1] for row in rows])


def _waiting(parts: Parts, *, every: bool) -> Iterator[Diagnosis]:
    judged = parts.verdicts.all()
    found = parts.diagnoses.each(outcome=None if every else "review", newest_first=True)
    return (d for d in found if d.job not in judged and d.picture is not None)


def _saved(parts: Parts, found: list[Diagnosis], folder: Path) -> dict[str, str]:
    """Job -> name of the file that was written; pictures do not stay in the queue for ever."""
    from cloud_adapter.queue.base import MissingPictureError

    async def fetch() -> dict[str, str]:
        names = {}
        for diagnosis in found:
            assert diagnosis.picture is not None
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in diagnosis.job) + ".jpg"
            try:
                (folder / name).write_bytes(await parts.queue.picture(diagnosis.picture))
            except MissingPictureError:
                name = "no more there"
            names[diagnosis.job] = name
        return names

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(fetch())
    except OSError as error:
        raise OutsideError(f"--save {folder}: {error.strerror or error}") from None


def judge(
    config: ConfigOption,
    job: Annotated[str, typer.Argument(help="The picture's job, as `review` lists it.", show_default=False)],
    label: Annotated[
        str, typer.Argument(help="What it shows: a label of the profile, healthy, unsure.", show_default=False)
    ],
    by: ByOption,
) -> None:
    """Say what a picture really shows. It triggers nothing; models are measured and calibrated against it."""
    with opened(config) as parts:
        end = parts.diagnoses.end(job)
        if end is None or end.diagnosis is None:
            raise InputError(f"{job}: no diagnosis of this job; `sightline cloud review --all` lists them")
        profile = parts.config.cloud.profiles.get(end.diagnosis.profile)
        if profile is None:
            raise InputError(f"{job}: profile {end.diagnosis.profile} is not in the config any more")
        parts.verdicts.keep(end.diagnosis, profile, label, by)
    typer.echo(f"{job}: {label}, says {by}")


def calibrate(
    config: ConfigOption,
    out: Annotated[
        Path, typer.Option(help="The table to write; what it holds of other models stays.", show_default=False)
    ],
    by: ByOption,
    least: Annotated[int, typer.Option(min=10, max=100000, help="Judged pictures that a fit needs.")] = 50,
) -> None:
    """Fit each model's confidence to people's verdicts, and write the table that a profile's `calibration` names."""
    from cloud_adapter.diagnosis.calibration import CalibrationFile, Entry, write
    from cloud_adapter.diagnosis.fitting import fitted, judged
    from vision.settings.reading import load

    old = load(out, CalibrationFile).entries if out.exists() else ()
    with opened(config) as parts:
        answers = judged(parts.diagnoses.each(), parts.verdicts.all())
    if not answers:
        raise InputError("nobody has judged a picture yet; begin with `sightline cloud review --all`")
    enough = [fitted(asked, found) for asked, found in sorted(answers.items()) if len(found) >= least]
    _tell(enough, {asked: len(found) for asked, found in answers.items() if len(found) < least}, least)
    if not enough:
        raise InputError(f"--least {least}: no model has so many judged pictures; nothing is written")
    day, new = datetime.fromtimestamp(time.time(), UTC).date(), {}
    for one in enough:
        profile, model, answer = one.asked
        new[one.asked] = Entry(
            model=model, profile=profile, answer=answer, temperature=one.temperature, pictures=one.pictures, on=day,
            by=f"{by}, with sightline cloud calibrate",
        )  # fmt: skip
    kept = {(entry.profile, entry.model, entry.answer): entry for entry in old}
    try:
        write(out, [entry for _, entry in sorted((kept | new).items())])
    except OSError as error:
        raise OutsideError(f"--out {out}: {error.strerror or error}") from None
    typer.echo(f"{out}: {len(new)} of {len(kept | new)} entries are new; name the file as `calibration` of the profile")


def _tell(enough: list[Fitted], few: dict[Asked, int], least: int) -> None:
    rows = []
    for one in enough:
        figures = (f"{one.right:.2f}", f"{one.sure:.2f}", f"{one.error_before:.3f}", f"{one.error_after:.3f}")
        rows.append((*one.asked, one.pictures, *figures, f"{one.temperature:.2f}"))
    columns = ["profile", "model", "answer", "pictures", "right", "sure", "error", "calibrated", "temperature"]
    if rows:
        table("", columns, rows, right=columns[3:])
    for (profile, model, answer), count in sorted(few.items()):
        typer.echo(f"{profile}, {model}, {answer}: {count} judged pictures, {least} are needed", err=True)
    for one in enough:
        if one.reviewed > 0.5 * one.pictures:
            typer.echo(
                f"warning: {one.reviewed} of the {one.pictures} pictures for {one.asked[1]} went to a person, being hard; "
                "judge others too (review --all), or its confidence will look worse than it is",
                err=True,
            )
