"""Light of a scene: sun and sky, lamps, the infrared lamp of the camera."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Lamp:
    """A spot light."""

    at: Triple
    aim: Triple = (0.0, 0.0, -1.0)
    col: Triple = (30.0, 22.0, 12.0)
    cone: float = 70.0


@dataclass(frozen=True)
class Light:
    """Everything that shines. Colours are linear; the sun's direction points to the sun."""

    sun_dir: Triple = (-0.45, -0.35, 0.8)
    sun_col: Triple = (2.6, 2.35, 2.0)
    sky_top: Triple = (0.28, 0.42, 0.68)
    sky_low: Triple = (0.72, 0.80, 0.90)
    bounce: Triple = (0.22, 0.20, 0.17)
    cloud: float = 0.4
    haze: float = 0.003
    soft: float = 0.035
    lamps: tuple[Lamp, ...] = field(default=())
    ir: float = 0.0
    wet: float = 0.0
    glow: float = 6.0

    @property
    def night(self) -> bool:
        """Whether there is no sun."""
        return max(self.sun_col) < 0.05


def day(azimuth: float, elevation: float, cloud: float, warm: float = 0.0) -> Light:
    """A day: sun angles in degrees, `cloud` 0..1 from blue to overcast, `warm` 0..1 towards a low evening sun."""
    a, e = np.radians((azimuth, elevation))
    direction = (float(np.sin(a) * np.cos(e)), float(np.cos(a) * np.cos(e)), float(np.sin(e)))
    strength = 2.9 * (1 - 0.93 * cloud**1.5)
    tint = np.array([1.0, 0.92 - 0.14 * warm, 0.80 - 0.35 * warm]) * strength
    blue, grey = np.array([0.24, 0.38, 0.66]), np.array([0.62, 0.65, 0.69])
    top = (blue + (grey - blue) * cloud) * (1.0 - 0.25 * warm)
    low = np.array([0.74, 0.81, 0.9]) * (1 - cloud) + np.array([0.78, 0.80, 0.82]) * cloud
    low = low * np.array([1.0, 1.0 - 0.1 * warm, 1.0 - 0.25 * warm])
    bounce = tint * 0.06 + top * 0.16

    def t(v: np.ndarray) -> Triple:
        return (float(v[0]), float(v[1]), float(v[2]))

    return Light(
        direction,
        t(tint),
        t(top),
        t(low),
        t(bounce),
        cloud=0.2 + 0.6 * cloud,
        soft=0.03 + 0.12 * cloud,
        haze=0.002 + 0.004 * cloud,
    )


def night(lamps: tuple[Lamp, ...], ir: float, ambient: float = 0.012) -> Light:
    """No sun; what the lamps and the camera's infrared give."""
    a = ambient
    return Light(
        (0.3, -0.3, 0.9),
        (0.0, 0.0, 0.0),
        (a * 0.5, a * 0.6, a),
        (a * 1.6, a * 1.5, a * 1.6),
        (a * 0.4, a * 0.4, a * 0.4),
        cloud=0.3,
        haze=0.002,
        soft=0.03,
        lamps=lamps,
        ir=ir,
    )
