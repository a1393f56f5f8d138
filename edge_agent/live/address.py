"""Where a camera's pictures come from: the config's address with its secrets filled in, files found from its folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from vision.delivery.env import AddressText
from vision.errors import ConfigError
from vision.media.live.address import filled_address

_SCHEME = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|usb:|/dev/)")


def address_of(source: AddressText | None, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """The address to open. Raises `ConfigError` where there is none or a variable is not set."""
    if source is None:
        raise ConfigError("a camera has no source; `run` needs one: an RTSP or HTTP address, a device or a file")
    try:
        address = filled_address(source.text, os.environ if env is None else env)
    except ValueError as error:
        raise ConfigError(f"{source.place or 'config'}: {error}") from None
    if _SCHEME.match(address) or Path(address).expanduser().is_absolute():
        return address
    return str((folder / Path(address).expanduser()).resolve())
