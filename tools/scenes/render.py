"""The renderer: moderngl on an off-screen EGL context (a software one will do), deferred shading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from . import shaders
from .camera import Camera, look_at, orthographic, perspective
from .light import Light
from .mesh import Array, Mesh

_FORMAT = "3f 3f 3f 3f 1f"
_NAMES = ("in_pos", "in_nrm", "in_rest", "in_col", "in_mat")
_FAR = 1e4


@dataclass(frozen=True)
class Thing:
    """Something that moves or is labelled: its mesh in world space and its number in the picture (1..255, 0 = none)."""

    mesh: Mesh
    number: int = 0


@dataclass(frozen=True)
class Shot:
    """A rendered picture: linear light, and the number of the thing seen in every pixel."""

    light: Array
    ids: NDArray[np.uint8]


class Renderer:
    """Draws one static world again and again with changing things in it."""

    def __init__(self, width: int = 640, height: int = 360, supersample: int = 2, shadow_size: int = 2048) -> None:
        self.ctx = moderngl.create_standalone_context(backend="egl")
        self.width, self.height, self.ss = width, height, supersample
        size = (width * supersample, height * supersample)
        self._static = self._surface_buffers(size)
        self._moving = self._surface_buffers(size)
        self._hdr = self.ctx.texture(size, 4, dtype="f2")
        self._hdr_fbo = self.ctx.framebuffer([self._hdr])
        self._still_fbo = self.ctx.framebuffer([self.ctx.texture(size, 4, dtype="f2")])
        self._out_fbo = self.ctx.framebuffer([self.ctx.texture((width, height), 4, dtype="f4")])
        self._shadow = self.ctx.depth_texture((shadow_size, shadow_size))
        self._shadow.compare_func = "<="
        self._shadow.repeat_x = self._shadow.repeat_y = False
        self._shadow_fbo = self.ctx.framebuffer(depth_attachment=self._shadow)
        self._still_ready = False
        self._mask_fbo = self.ctx.framebuffer([self.ctx.texture((width, height), 1)])
        program = self.ctx.program
        self._surface = program(vertex_shader=shaders.SURFACE_VERTEX, fragment_shader=shaders.SURFACE_FRAGMENT)
        self._depth = program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT)
        self._mask = program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.MASK_FRAGMENT)
        self._light = program(vertex_shader=shaders.SCREEN_VERTEX, fragment_shader=shaders.LIGHT_FRAGMENT)
        self._resolve = program(vertex_shader=shaders.SCREEN_VERTEX, fragment_shader=shaders.RESOLVE_FRAGMENT)
        corners = self.ctx.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())
        self._light_pass = self.ctx.vertex_array(self._light, [(corners, "2f", "in_pos")])
        self._resolve_pass = self.ctx.vertex_array(self._resolve, [(corners, "2f", "in_pos")])
        self._world: list[tuple[Any, Any, Any, Any]] = []

    def _surface_buffers(self, size: tuple[int, int]) -> tuple[Any, list[Any]]:
        textures = [
            self.ctx.texture(size, 4, dtype="f2"),
            self.ctx.texture(size, 4, dtype="f2"),
            self.ctx.texture(size, 2, dtype="f4"),
        ]
        for texture in textures:
            texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
            texture.repeat_x = texture.repeat_y = False
        return self.ctx.framebuffer(textures, self.ctx.depth_renderbuffer(size)), textures

    def _set(self, program: Any, **values: Any) -> None:
        for name, value in values.items():
            if name in program:
                program[name].value = value

    def _upload(self, mesh: Mesh) -> tuple[Any, Any, Any, Any]:
        vertices = self.ctx.buffer(mesh.interleaved())
        index = self.ctx.buffer(mesh.tri.tobytes())
        surface = self.ctx.vertex_array(self._surface, [(vertices, _FORMAT, *_NAMES)], index)
        depth = self.ctx.vertex_array(self._depth, [(vertices, "3f 40x", "in_pos")], index)
        return vertices, index, surface, depth

    @staticmethod
    def _free(items: list[tuple[Any, Any, Any, Any]]) -> None:
        for group in items:
            for item in reversed(group):
                item.release()

    def set_world(self, meshes: list[Mesh], camera: Camera, light: Light) -> None:
        """Draws what never moves; to be called once per camera and place."""
        self._free(self._world)
        self._world = [self._upload(mesh) for mesh in meshes]
        self._draw_surfaces(self._static[0], self._world, [0] * len(self._world), camera, light)
        self._still_ready = False

    def _draw_surfaces(
        self,
        fbo: Any,
        items: list[tuple[Any, Any, Any, Any]],
        numbers: list[int],
        camera: Camera,
        light: Light,
    ) -> None:
        fbo.use()
        fbo.clear(_FAR, 0.0, 0.0, 0.0)  # the first channel of the depth buffer counts, the others are not looked at
        self.ctx.enable(moderngl.DEPTH_TEST)
        matrix = camera.matrix()
        self._surface["vp"].write(matrix.T.tobytes())
        self._set(self._surface, eye=camera.at, wet=light.wet)
        for (_, _, surface, _), number in zip(items, numbers, strict=True):
            self._set(self._surface, inst=float(number))
            surface.render()

    def _light_matrix(self, light: Light, centre: Array, reach: float) -> tuple[Array, float, float]:
        up = np.array([0, 1, 0.01])
        if light.night and light.lamps:
            lamp = light.lamps[0]
            at, aim = np.asarray(lamp.at), np.asarray(lamp.aim)
            return perspective(min(2 * lamp.cone, 150), 0.5, 60) @ look_at(at, at + aim, up), 0.0012, 0.004
        direction = np.asarray(light.sun_dir)
        view = look_at(centre + direction * 60, centre, up)
        return orthographic(reach, 1, 140) @ view, 0.0004, light.soft / reach / 2

    def render(self, things: list[Thing], camera: Camera, light: Light, centre: Array, reach: float = 20.0) -> Shot:
        """One picture; shadows are computed within `reach` metres around `centre`."""
        matrix, texel, soft = self._light_matrix(light, centre, reach)
        self._depth["vp"].write(matrix.T.astype(np.float32).tobytes())
        if not self._still_ready:
            self._still(camera, light, matrix, texel, soft)
        moving = [self._upload(thing.mesh) for thing in things]
        self._draw_surfaces(self._moving[0], moving, [thing.number for thing in things], camera, light)
        self._shadow_fbo.use()
        self._shadow_fbo.clear(depth=1.0)
        for *_, depth in [*self._world, *moving]:
            depth.render()
        self.ctx.copy_framebuffer(self._hdr_fbo, self._still_fbo)
        self._hdr_fbo.use()
        for thing in things:
            self._hdr_fbo.scissor = touched(thing.mesh, camera, light, self.ss)
            self._shade(camera, light, matrix, texel, soft)
        self._hdr_fbo.scissor = None
        self._free(moving)
        self.ctx.disable(moderngl.DEPTH_TEST)
        self._out_fbo.use()
        self._hdr.use(0)
        self._set(self._resolve, hdr=0, ss=self.ss)
        self._resolve_pass.render(vertices=3)
        data = np.frombuffer(self._out_fbo.read(components=4, dtype="f4"), np.float32)
        picture = data.reshape(self.height, self.width, 4)[::-1]
        return Shot(np.ascontiguousarray(picture[..., :3]), np.rint(picture[..., 3]).astype(np.uint8))

    def _still(self, camera: Camera, light: Light, matrix: Array, texel: float, soft: float) -> None:
        """Light and shadows of the world with nothing in it, to be kept for the pictures to come."""
        self._draw_surfaces(self._moving[0], [], [], camera, light)
        self._shadow_fbo.use()
        self._shadow_fbo.clear(depth=1.0)
        for *_, depth in self._world:
            depth.render()
        self._hdr_fbo.use()
        self._shade(camera, light, matrix, texel, soft)
        self.ctx.copy_framebuffer(self._still_fbo, self._hdr_fbo)
        self._still_ready = True

    def _shade(self, camera: Camera, light: Light, matrix: Array, texel: float, soft: float) -> None:
        program = self._light
        names = ("s_albedo", "s_normal", "s_depth", "d_albedo", "d_normal", "d_depth")
        for unit, (name, texture) in enumerate(zip(names, [*self._static[1], *self._moving[1]], strict=True)):
            texture.use(unit)
            self._set(program, **{name: unit})
        self._shadow.use(6)
        ray0, ray_u, ray_v = camera.rays()
        program["light_vp"].write(matrix.T.astype(np.float32).tobytes())
        ldir = np.asarray(light.sun_dir) / np.linalg.norm(light.sun_dir)
        self._set(
            program,
            shadow=6,
            eye=camera.at,
            ray0=tuple(map(float, ray0)),
            ray_u=tuple(map(float, ray_u)),
            ray_v=tuple(map(float, ray_v)),
            shadow_texel=texel,
            shadow_soft=soft,
            shadow_bias=0.012,
            sun_dir=tuple(map(float, ldir)),
            sun_col=light.sun_col,
            sky_top=light.sky_top,
            sky_low=light.sky_low,
            bounce=light.bounce,
            lamps=len(light.lamps),
            lamp_shadow=int(light.night and bool(light.lamps)),
            ir=light.ir,
            cloud=light.cloud,
            haze=light.haze,
            glow=light.glow,
            focal=camera.focal * self.ss,
            size=(float(self.width * self.ss), float(self.height * self.ss)),
        )
        lamps = list(light.lamps)[:4]
        pad = [(0.0, 0.0, 0.0)] * (4 - len(lamps))

        def unit3(v: tuple[float, float, float]) -> tuple[float, ...]:
            return tuple(float(a) for a in np.asarray(v) / np.linalg.norm(v))

        self._set(
            program,
            lamp_at=[*(lamp.at for lamp in lamps), *pad],
            lamp_col=[*(lamp.col for lamp in lamps), *pad],
            lamp_aim=[*(unit3(lamp.aim) for lamp in lamps), *pad],
            lamp_cos=[*(float(np.cos(np.radians(lamp.cone))) for lamp in lamps), *([0.0] * (4 - len(lamps)))],
        )
        self.ctx.disable(moderngl.DEPTH_TEST)
        self._light_pass.render(vertices=3)
        self.ctx.enable(moderngl.DEPTH_TEST)

    def silhouette(self, thing: Thing, camera: Camera) -> NDArray[np.bool_]:
        """Where the thing would be seen if nothing stood in front of it."""
        vertices = self.ctx.buffer(thing.mesh.pos.tobytes())
        index = self.ctx.buffer(thing.mesh.tri.tobytes())
        array = self.ctx.vertex_array(self._mask, [(vertices, "3f", "in_pos")], index)
        self._mask["vp"].write(camera.matrix().T.tobytes())
        self._set(self._mask, inst=255.0)
        self._mask_fbo.use()
        self._mask_fbo.clear()
        self.ctx.disable(moderngl.DEPTH_TEST)
        array.render()
        self.ctx.enable(moderngl.DEPTH_TEST)
        data = np.frombuffer(self._mask_fbo.read(components=1, alignment=1), np.uint8).reshape(self.height, self.width)
        for item in (array, index, vertices):
            item.release()
        return np.ascontiguousarray(data[::-1] > 0)


def touched(mesh: Mesh, camera: Camera, light: Light, ss: int) -> tuple[int, int, int, int]:
    """The part of the picture that a thing, its shadow or its dimming of the surroundings can change (x, y, w, h)."""
    whole = (0, 0, camera.width * ss, camera.height * ss)
    low, high = mesh.pos.min(0) - 0.5, mesh.pos.max(0) + 0.5
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    floor = -0.15
    if light.night and light.lamps:
        lamp = np.asarray(light.lamps[0].at)
        if lamp[2] < high[2] + 0.3:
            return whole
        way = corners - lamp
        fallen = corners + way * ((corners[:, 2:] - floor) / np.maximum(-way[:, 2:], 0.05)).clip(0, 60)
    else:
        sun = np.asarray(light.sun_dir)
        fallen = corners - sun * ((corners[:, 2:] - floor) / max(float(sun[2]), 0.1))
    pixels = camera.project(np.concatenate([corners, fallen]).astype(np.float32)) * ss
    if np.isnan(pixels).any():
        return whole
    x1, y1 = np.clip(pixels.min(0) - 12, 0, whole[2:]).astype(int)
    x2, y2 = np.clip(pixels.max(0) + 12, 0, whole[2:]).astype(int)
    return int(x1), whole[3] - int(y2), int(x2 - x1), int(y2 - y1)
