"""A config out of what was found: it runs as it stands, and says what to change next."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_agent.discovery.addresses import with_login
from edge_agent.discovery.channels import Channel
from edge_agent.discovery.show import place, words
from vision.errors import InputError, OutsideError

_HEAD = """\
# Written by `sightline discover`. Check it with `sightline check FILE`, try the cameras with `sightline doctor --config
# FILE`, run it with `sightline run --config FILE`. Every key is explained in docs/config.md.
"""
_TAIL = """
# What is kept of each event.
evidence: {pre_s: 5, post_s: 5, keep_days: 30, max_gb: 10}

# Where events go. Secrets never stand in this file, only the names of environment variables.
# alerts:
#   - {type: webhook, url: https://hooks.example/sightline, secret: ${HOOK_SECRET}, min_severity: warning, cooldown_s: 60}
#   - {type: mqtt, host: broker.example, topic: sightline}
"""
_RULES = """\
    # Places are given in 0..1 of the picture's width and height: [0, 0] is the top left corner, [1, 1] the bottom right.
    # zones:
    #   - {name: yard, polygon: [[0.1, 0.4], [0.9, 0.4], [1, 1], [0, 1]]}
    rules:
      - {type: tamper}                # covered, turned away, out of focus
      # - {type: intrusion, zone: yard, classes: [person], min_seconds: 1}
      # - {type: loitering, zone: yard, seconds: 20}
"""


def config_text(found: Sequence[Channel], model: Path, folder: Path) -> str:
    """The config for these cameras, to lie in `folder`; `model` is the detector's ONNX file."""
    variables = [variable_of(channel) for channel in found]
    exports = [f"#   export {name}=…" for name in dict.fromkeys(v for v in variables if v)]
    secrets = ["# Passwords come from the environment:", *exports] if exports else []
    lines = [_HEAD + "\n".join(secrets), "version: 1", "data_dir: ./data", ""]
    lines += ["# The detector; the path counts from this file's folder.", "model:"]
    lines += [f"  path: {quoted(_relative(model, folder))}", "", "cameras:"]
    for channel, variable in zip(found, variables, strict=True):
        lines += _camera(channel, variable)
    return "\n".join(lines) + _TAIL


def variable_of(channel: Channel) -> str | None:
    """The environment variable for a camera's password: the one that it was found with, else one named for the camera."""
    login = channel.device.login
    if login is None:
        return None
    return login.variable or re.sub(r"[^A-Z0-9]", "_", f"CAM_{channel.name.upper()}_PASSWORD")


def quoted(text: str) -> str:
    """As a YAML text between double quotes, which hold whatever it is made of."""
    return json.dumps(text, ensure_ascii=False)


def _camera(channel: Channel, variable: str | None) -> list[str]:
    device, login = channel.device, channel.device.login
    made = " ".join(word for word in (device.maker, device.model, "at", place(device)) if word)
    streams = f"main {words(channel.main)}"
    if channel.sub is not channel.main:
        streams += f", sub {words(channel.sub)}"

    def address(url: str | None) -> str:
        return quoted(with_login(url or "", login.user, variable) if login and variable else url or "")

    lines = [f"  # {made}: {streams}", f"  - name: {channel.name}"]
    lines.append(f"    source: {address(channel.sub.url)}")
    if channel.sub is not channel.main:
        lines.append(f"    record_source: {address(channel.main.url)}   # evidence clips come from here")
    lines += [f"    # {trouble.text}" for trouble in device.troubles]
    return [*lines, "    detect: {fps: 5}", _RULES]


def _relative(model: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(model.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return model.resolve().as_posix()


def refuse_overwriting(target: Path, force: bool) -> None:
    """Raises `InputError` where the file is there already (and `force` is not given), or its folder is not."""
    if target.is_dir() or not target.parent.is_dir():
        raise InputError(f"--write {target}: {'is a folder' if target.is_dir() else 'its folder is not there'}")
    if target.exists() and not force:
        raise InputError(f"--write {target}: the file is there already; give another name, or --force to replace it")


def write(target: Path, content: str, force: bool) -> None:
    """The file, whole or not at all; an existing one is replaced with `force` only. Raises `OutsideError`."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, prefix=".sightline-", delete=False, encoding="utf-8"
        ) as new:
            made = Path(new.name)
            new.write(content)
        try:
            made.chmod(0o640)
            if force:
                made.replace(target)
            else:
                os.link(made, target)  # fails where somebody else made the file meanwhile
        finally:
            made.unlink(missing_ok=True)
    except FileExistsError:
        refuse_overwriting(target, force)
    except OSError as error:
        raise OutsideError(f"--write {target}: cannot be written ({error.strerror}); check the folder") from None
