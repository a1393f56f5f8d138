"""A pinhole camera: where it stands and looks, and what falls where in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .mesh import Array


@dataclass(frozen=True)
class Camera:
    """Camera at `at` metres; `yaw` 0 looks along +y, positive to the left; `pitch` below 0 looks down. Degrees."""

    at: tuple[float, float, float] = (0.0, 0.0, 4.0)
    yaw: float = 0.0
    pitch: float = -17.0
    roll: float = 0.0
    hfov: float = 68.0
    width: int = 640
    height: int = 360

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return float(self.width / 2 / np.tan(np.radians(self.hfov) / 2))

    def axes(self) -> tuple[Array, Array, Array]:
        """Right, up and forward in world space."""
        yaw, pitch, roll = np.radians((self.yaw, self.pitch, self.roll))
        forward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        up = np.cross(right, forward)
        c, s = np.cos(roll), np.sin(roll)
        return (
            (right * c + up * s).astype(np.float32),
            (up * c - right * s).astype(np.float32),
            forward.astype(np.float32),
        )

    def matrix(self, near: float = 0.15, far: float = 200.0) -> Array:
        """World to clip space."""
        right, up, forward = self.axes()
        eye = np.asarray(self.at)
        view = np.eye(4)
        for i, axis in enumerate((right, up, -forward)):
            view[i, :3] = axis
            view[i, 3] = -axis @ eye
        f = 2 * self.focal / self.width
        g = 2 * self.focal / self.height
        proj = np.array(
            [
                [f, 0, 0, 0],
                [0, g, 0, 0],
                [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
                [0, 0, -1, 0],
            ]
        )
        return np.asarray(proj @ view, np.float32)

    def rays(self) -> tuple[Array, Array, Array]:
        """Corner ray and its steps across the picture (texture coordinates, origin bottom left)."""
        right, up, forward = self.axes()
        w, h = self.width / 2 / self.focal, self.height / 2 / self.focal
        return forward - w * right - h * up, 2 * w * right, 2 * h * up

    def project(self, points: Array) -> Array:
        """World points to pixels; points behind the camera become NaN."""
        right, up, forward = self.axes()
        q = np.asarray(points, np.float32) - np.asarray(self.at, np.float32)
        depth = q @ forward
        with np.errstate(divide="ignore", invalid="ignore"):
            x = self.width / 2 + self.focal * (q @ right) / depth
            y = self.height / 2 - self.focal * (q @ up) / depth
        out = np.stack([x, y], -1)
        out[depth < 0.1] = np.nan
        return np.asarray(out, np.float32)


def look_at(eye: Array, target: Array, up: Array) -> Array:
    """View matrix of a light."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    upward = np.cross(right, forward)
    view = np.eye(4)
    for i, axis in enumerate((right, upward, -forward)):
        view[i, :3] = axis
        view[i, 3] = -axis @ eye
    return np.asarray(view, np.float32)


def orthographic(half: float, near: float, far: float) -> Array:
    """Parallel projection of a square."""
    return np.array(
        [
            [1 / half, 0, 0, 0],
            [0, 1 / half, 0, 0],
            [0, 0, -2 / (far - near), -(far + near) / (far - near)],
            [0, 0, 0, 1],
        ],
        np.float32,
    )


def perspective(fov: float, near: float, far: float) -> Array:
    """Square perspective projection; `fov` in degrees."""
    f = 1 / np.tan(np.radians(fov) / 2)
    return np.array(
        [
            [f, 0, 0, 0],
            [0, f, 0, 0],
            [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, -1, 0],
        ],
        np.float32,
    )
