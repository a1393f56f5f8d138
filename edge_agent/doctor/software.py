"""Python and the packages under Sightline: are they there, do their versions fit, which extras are installed."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable
from importlib import metadata

from edge_agent.doctor.base import Finding, Patient, check, fail, ok, warn

_OLDEST = (3, 11)
_EXTRAS = {
    "postgres": "events in PostgreSQL",
    "notify": "push, e-mail and chat through Apprise",
    "onvif": "`sightline discover`",
}
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?$")


@check("python", order=10)
def python(_: Patient) -> Iterable[Finding]:
    """The interpreter and what it runs on."""
    what = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST:
        yield fail(f"{what} is too old", f"install Python {'.'.join(map(str, _OLDEST))} or newer")
    elif sys.maxsize < 2**32:
        yield fail(f"{what} is a 32-bit build", "install a 64-bit system: the packages exist for 64 bits only")
    else:
        yield ok(what)


@check("packages", order=20)
def packages(_: Patient) -> Iterable[Finding]:
    """Every package that Sightline needs, against the versions that it was made for."""
    try:
        needed = metadata.requires("sightline") or []
        version = metadata.version("sightline")
    except metadata.PackageNotFoundError:
        yield warn("Sightline is not installed, it runs from its sources", "pip install -e .")
        return
    wrong = [line for line in needed if "extra ==" not in line and not installed(line)]
    for line in wrong:
        name, wanted = requirement(line)
        yield fail(
            f"{name} {version_of(name) or 'is missing'}, wanted is {wanted or 'any'}", f"pip install '{name}{wanted}'"
        )
    if not wrong:
        main = [f"{name} {version_of(name)}" for name in ("onnxruntime", "av", "numpy", "opencv-python-headless")]
        yield ok(f"sightline {version}, {', '.join(main)}")


@check("extras", order=30)
def extras(_: Patient) -> Iterable[Finding]:
    """Which optional parts are there, and how the others are had."""
    try:
        needed = metadata.requires("sightline") or []
    except metadata.PackageNotFoundError:
        return
    for extra, purpose in _EXTRAS.items():
        lines = [line for line in needed if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", line)]
        if all(installed(line) for line in lines):
            yield ok(f"{extra} is installed ({purpose})")
        else:
            yield Finding("ok", f"{extra} is not installed ({purpose})", f"if wanted: pip install 'sightline[{extra}]'")


def requirement(line: str) -> tuple[str, str]:
    """Name and version range of a requirement: `numpy<3,>=1.26; extra == "x"` is `numpy` and `<3,>=1.26`."""
    found = _REQUIREMENT.match(line)
    return (found[1], found[2].replace(" ", "")) if found else (line, "")


def installed(line: str) -> bool:
    """Whether the requirement is met."""
    name, wanted = requirement(line)
    have = version_of(name)
    return have is not None and all(_meets(have, part) for part in wanted.split(",") if part)


def version_of(name: str) -> str | None:
    """The installed version; None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _meets(version: str, part: str) -> bool:
    """One bound, by release numbers alone; what is no simple bound is taken as met."""
    found = re.match(r"(>=|<=|==|!=|<|>)([0-9][0-9.]*)$", part)
    if not found:
        return True
    have, want = _release(version), _release(found[2])
    length = max(len(have), len(want))
    have, want = have + (0,) * (length - len(have)), want + (0,) * (length - len(want))
    return {
        ">=": have >= want, "<=": have <= want, "==": have == want, "!=": have != want, "<": have < want, ">": have > want,
    }[found[1]]  # fmt: skip


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:4])
