"""What a changed config means for a running agent: what must start, stop or start anew, and what cannot change."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.config import Config


@dataclass(frozen=True, slots=True)
class Changes:
    """Cameras by name; whether all of them start anew (`everything`), and which other parts change."""

    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    alerts: bool = False
    api: bool = False
    evidence: bool = False
    model: bool = False
    inference: bool = False
    words: bool = False
    uplink: bool = False
    inspection: bool = False

    @property
    def any(self) -> bool:
        """Whether anything changes at all."""
        return bool(self.started or self.stopped or self.restarted or self.parts)

    @property
    def parts(self) -> tuple[str, ...]:
        """Keys of the config, beside cameras, that changed."""
        names = ("model", "inference", "evidence", "alerts", "api", "words", "uplink", "inspection")
        return tuple("language" if name == "words" else name for name in names if getattr(self, name))


def fixed_change(old: Config, new: Config) -> str | None:
    """Why the new config needs a restart, in one line; None where it does not."""
    if old.data_dir != new.data_dir:
        return "data_dir: changes only with a restart of the agent"
    if old.store != new.store:
        return "store: changes only with a restart of the agent"
    return None


def changes(old: Config, new: Config) -> Changes:
    """The difference between two configs, as far as it matters."""
    before = {camera.name: camera for camera in old.cameras}
    after = {camera.name: camera for camera in new.cameras}
    model, inference, evidence = old.model != new.model, old.inference != new.inference, old.evidence != new.evidence
    asks = (old.language.backend == "template") != (
        new.language.backend == "template"
    )  # pictures are kept for it, or not
    everything = model or inference or evidence or asks
    kept = [name for name in after if name in before]
    # receivers are told which cameras and rules there are
    shown = [(c.name, [(r.title, r.type) for r in c.rules]) for c in old.cameras] != [
        (c.name, [(r.title, r.type) for r in c.rules]) for c in new.cameras
    ]
    return Changes(
        started=tuple(name for name in after if name not in before),
        stopped=tuple(name for name in before if name not in after),
        restarted=tuple(name for name in kept if everything or before[name] != after[name]),
        alerts=old.alerts != new.alerts or old.site != new.site or (shown and bool(new.alerts)),
        api=old.api != new.api,
        evidence=evidence,
        model=model,
        inference=inference,
        inspection=old.inspection != new.inspection,
        words=old.language != new.language or _contexts(old) != _contexts(new),
    )


def _contexts(config: Config) -> dict[str, str | None]:
    """What the language model is told of each camera's place."""
    return {camera.name: camera.context for camera in config.cameras if camera.context is not None}
