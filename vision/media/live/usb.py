"""Cameras on this machine: USB and built-in ones, through Video4Linux."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import av
from av.container import InputContainer

from vision.errors import InputError
from vision.media.live.base import SourceOptions
from vision.media.live.container import TICK_S, ContainerSource
from vision.media.live.faults import fault
from vision.media.live.registry import register


@register("usb")
class UsbSource(ContainerSource):
    """`usb:0` is /dev/video0; on macOS the first camera of AVFoundation."""

    transport = "usb"

    def __init__(self, address: str, options: SourceOptions) -> None:
        super().__init__(address, options)
        number = address.removeprefix("usb:")
        if address.startswith("usb:") and not number.isdigit():
            raise InputError(f"{self.place}: a device is written usb:0, usb:1 or /dev/video0")
        self._number = number
        self._device = Path(f"/dev/video{number}" if address.startswith("usb:") else address)

    def _open(self) -> InputContainer:
        limits = (self.options.connect_s, TICK_S)
        if sys.platform == "darwin":
            return av.open(f"{self._number}:none", format="avfoundation", options={"framerate": "30"}, timeout=limits)
        if not sys.platform.startswith("linux"):
            raise fault("no_device", self.place, "cameras of this machine can be read on Linux and macOS only")
        self._check()
        try:
            return av.open(str(self._device), format="v4l2", timeout=limits)
        except (av.FFmpegError, OSError) as error:
            raise self._device_fault(error.errno) from None

    def _check(self) -> None:
        try:
            mode = self._device.stat().st_mode
        except OSError:
            raise fault("no_device", self.place) from None
        if not stat.S_ISCHR(mode):
            raise fault("no_device", self.place, "that is no camera device; see ls /dev/video*")
        if not os.access(self._device, os.R_OK | os.W_OK):
            raise self._device_fault(errno.EACCES)

    def _device_fault(self, number: int | None) -> Exception:
        if number in {errno.EACCES, errno.EPERM}:
            return fault("no_device", self.place, "access is not permitted; add this user to the group video")
        if number == errno.EBUSY:
            return fault("no_device", self.place, "another program uses the camera; close it")
        return fault("no_device", self.place, "the device gives no pictures; it may be no camera, try the next number")
