"""The database of events: can it be reached, read and written."""

from __future__ import annotations

import time
from collections.abc import Iterable

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Look, Patient, check_each, fail, ok, warn
from edge_agent.doctor.folders import data_folder

_OLD_S = 3600.0


@check_each("store", order=130)
def store(patient: Patient, config: Config) -> Iterable[tuple[str, Look]]:
    """One look at the store of the config."""
    yield "", lambda: _store(patient, config)


def _store(patient: Patient, config: Config) -> Iterable[Finding]:
    from vision.delivery.store import FILE, open_store

    folder = data_folder(patient)
    url = config.store.url.filled_in(patient.env) if config.store.url is not None else None
    if url is None and not (folder / FILE).is_file():
        yield ok(f"{folder / FILE} will be made at the first start")
        return
    opened = open_store(url, folder, check=False)
    try:
        now = time.time()
        opened.forget(0.0)  # a transaction that writes, of nothing: no event is from before 1970
        stats = opened.stats(now)
        place = opened.place
    finally:
        opened.close()
    waiting = sum(count for (_, state), count in stats.depth.items() if state in {"pending", "held"})
    dead = sum(count for (_, state), count in stats.depth.items() if state == "dead")
    yield ok(f"{place} can be written; {waiting} alerts wait", waiting=waiting, dead=dead)
    late = {target: age for target, age in stats.oldest_age_s.items() if age > _OLD_S}
    for target, age in sorted(late.items()):
        yield fail(
            f"alerts for {target} wait since {age / 3600:.0f} h", "see the check of that target; is the agent running?"
        )
    if dead:
        yield warn(f"{dead} alerts could not be delivered", "sightline events redeliver, once the receiver works again")
