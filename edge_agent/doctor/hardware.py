"""The machine: processor, accelerators, memory, open files, clock."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from edge_agent.doctor.base import Finding, Patient, check, fail, ok, warn

_BUILT = 1_767_225_600  # 2026-01-01: no sound clock shows an earlier time
_GB = 1e9
_FILES_A_CAMERA = 12  # sockets, decoders' pipes, evidence being written
_CPUINFO = Path("/proc/cpuinfo")
_CGROUP = Path("/sys/fs/cgroup")


@check("processor", order=40)
def processor(_: Patient) -> Iterable[Finding]:
    """Model, usable cores and the vector instructions that inference lives on."""
    info = read(_CPUINFO)
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", info, re.MULTILINE)
    model = found[1].strip() if found else platform.processor() or platform.machine()
    flags = set(re.findall(r"\w+", " ".join(re.findall(r"^(?:flags|Features)\s*:\s*(.+)$", info, re.MULTILINE))))
    count = cores()
    what = f"{model}, {count:g} usable {'core' if count == 1 else 'cores'}"
    arm = platform.machine().lower() in {"aarch64", "arm64"}
    vector = next((v.upper() for v in ("avx512f", "avx2") if v in flags), "NEON" if arm else "")
    if vector or not flags:
        yield ok(f"{what}{f', {vector}' if vector else ''}", cores=count)
    else:
        yield warn(f"{what}, no AVX2: inference takes several times as long", "use a processor with AVX2", cores=count)


def cores() -> float:
    """Cores that this process may use: its affinity, and the container's quota."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = read(_CGROUP / "cpu.max").strip().partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        return round(min(float(usable), int(quota) / int(period)), 2)
    return float(usable)


@check("acceleration", order=50)
def acceleration(_: Patient) -> Iterable[Finding]:
    """What onnxruntime can run on, and hardware that it does not use."""
    import onnxruntime as ort

    have = [name.removesuffix("ExecutionProvider").lower() for name in ort.get_available_providers()]
    told = ", ".join(name for name in have if name != "azure")
    idle = _idle(have)
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        yield warn("onnxruntime may send usage data to its maker", "export ORT_DISABLE_TELEMETRY=1")
    if idle is None:
        yield ok(f"onnxruntime {ort.__version__} runs on: {told}", providers=have)
    else:
        yield warn(f"onnxruntime {ort.__version__} runs on: {told}; {idle[0]}", idle[1], providers=have)


def _idle(have: list[str]) -> tuple[str, str] | None:
    """Hardware that lies idle, and how to use it."""
    if Path("/etc/nv_tegra_release").exists() and "cuda" not in have:
        return (
            "the Jetson's GPU is not used",
            "install NVIDIA's onnxruntime-gpu wheel for this JetPack; see docs/install.md",
        )
    if Path("/dev/nvidia0").exists() and "cuda" not in have:
        return (
            "the NVIDIA GPU is not used",
            "pip uninstall onnxruntime; pip install onnxruntime-gpu; then model: {providers: [cuda, cpu]}",
        )
    return None


@check("memory", order=60)
def memory(patient: Patient) -> Iterable[Finding]:
    """Memory that there is for us, against what the cameras of the config take."""
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", read(Path("/proc/meminfo")), re.MULTILINE))
    if not found:
        return
    total, free = (int(found.get(key, 0)) * 1024 for key in ("MemTotal", "MemAvailable"))
    limit = read(_CGROUP / "memory.max").strip()
    if limit.isdigit() and int(limit) < total:
        total, free = int(limit), min(free, int(limit))
    cameras = len(patient.config.cameras) if patient.config else 1
    ring = patient.config.evidence.ring_mb * 1e6 if patient.config else 32e6
    wanted = 350e6 + cameras * (30e6 + ring)
    text = f"{free / _GB:.1f} of {total / _GB:.1f} GB free"
    if free < wanted:
        few = "1 camera" if cameras == 1 else f"{cameras} cameras"
        yield warn(
            f"{text}; {few} can take up to {wanted / _GB:.1f} GB",
            "close other programs, or make evidence.ring_mb smaller in the config",
        )
    else:
        yield ok(text)


@check("open files", order=70)
def open_files(patient: Patient) -> Iterable[Finding]:
    """The limit of file descriptors."""
    if sys.platform == "win32":
        return
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 128 + _FILES_A_CAMERA * (len(patient.config.cameras) if patient.config else 16)
    if soft not in {resource.RLIM_INFINITY, -1} and soft < wanted:
        yield warn(f"at most {soft}, up to {wanted} may be needed", "ulimit -n 4096; under systemd: LimitNOFILE=4096")
    else:
        yield ok(f"at most {soft}")


@check("clock", order=80)
def clock(_: Patient) -> Iterable[Finding]:
    """Whether the time is plausible, and kept by NTP."""
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    advice = "sudo timedatectl set-ntp true (or install chrony)"
    if now < _BUILT:
        yield fail(f"{shown} cannot be right: events would carry wrong times, and TLS fails", advice)
        return
    kept = synchronised()
    if kept is False:
        yield warn(f"{shown}, but nobody keeps it right", advice)
    else:
        yield ok(f"{shown}{', kept by NTP' if kept else ''}")


def synchronised() -> bool | None:
    """Whether the kernel's clock is kept by a time service; None where that cannot be found out.

    Source: adjtimex(2), STA_UNSYNC and the state TIME_ERROR.
    """
    if sys.platform != "linux":
        return None
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(256))  # struct timex, modes = 0: only asks
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != 5  # TIME_ERROR


def read(path: Path) -> str:
    """The file's text; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
