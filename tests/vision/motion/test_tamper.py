"""Tampering with the camera, on rendered scenes with sensor noise: what must be told, and what must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest

from vision.motion.base import Motion
from vision.motion.picture import PictureModel
from vision.rules.base import Closed, NearMiss, Opened, Signal, View
from vision.rules.tamper import Tamper, TamperParams

WIDTH, HEIGHT, FPS = 640, 360, 5
Luma = np.ndarray
Change = Callable[[Luma, float], Luma]
BEGIN, END = 15.0, 27.0  # the disturbance of the table's rows, in seconds


def scene(seed: int = 0, *, wide: int = WIDTH) -> Luma:
    """A view with walls, doors, posts and fine texture: grey levels, float32."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.uniform(60, 150, (6, 10)).astype(np.float32), (wide, HEIGHT))
    for _ in range(60):
        x, y = int(rng.integers(0, wide)), int(rng.integers(0, HEIGHT))
        w, h = int(rng.integers(8, 90)), int(rng.integers(8, 90))
        cv2.rectangle(picture, (x, y), (x + w, y + h), float(rng.uniform(30, 220)), -1)
    picture += cv2.GaussianBlur(rng.normal(0, 12, picture.shape).astype(np.float32), (0, 0), 1.2)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def film(
    change: Change, *, seconds: float = 32.0, noise: float = 2.0, seed: int = 0, hold: bool = False
) -> Iterable[tuple[Luma, float]]:
    """The scene with `change` from BEGIN to END, sensor noise added after the optics; `hold` repeats the last picture."""
    rng = np.random.default_rng(100 + seed)
    clean = scene(seed)
    grain = [rng.normal(0, noise, clean.shape).astype(np.float32) for _ in range(7)]
    last = None
    for n in range(int(seconds * FPS)):
        t = n / FPS
        if hold and BEGIN <= t < END and last is not None:
            yield last, t
            continue
        picture = change(clean, t) if BEGIN <= t < END else clean
        last = np.clip(picture + grain[n % 7], 0, 255).astype(np.uint8)
        yield last, t


def watch(frames: Iterable[tuple[Luma, float]], **params: object) -> list[Signal]:
    rule = Tamper(TamperParams(**params), View(WIDTH, HEIGHT))
    model = PictureModel(WIDTH, HEIGHT)
    said: list[Signal] = []
    t = 0.0
    for luma, t in frames:
        said += rule.step([], Motion(t, picture=model.step(luma, t)), t)
    return [*said, *rule.finish(t)]


def opened(said: list[Signal]) -> list[tuple[object, float]]:
    return [(signal.facts["kind"], signal.start) for signal in said if isinstance(signal, Opened)]


def shifted(picture: Luma, x: float, y: float = 0.0) -> Luma:
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return cv2.warpAffine(picture, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)


def lorry(share: float) -> Change:
    """A flat side of a lorry over so much of the picture."""

    def change(picture: Luma, t: float) -> Luma:
        picture = picture.copy()
        picture[:, : int(share * WIDTH)] = 140
        return picture

    return change


def crowd(picture: Luma, t: float) -> Luma:
    """More and more people, each moving, over most of the picture."""
    picture = picture.copy()
    for n in range(int(3 * (t - BEGIN))):
        x = int((n * 97 + 25 * t * (1 if n % 2 else -1)) % WIDTH)
        y = 60 + (n * 53) % 200
        cv2.ellipse(picture, (x, y + 50), (22, 60), 0, 0, 360, 40 + (n * 37) % 150, -1)
        cv2.circle(picture, (x, y - 18), 13, 130, -1)
    return picture


def clock(change: Change) -> Change:
    """The same under a camera that writes the time into the picture."""

    def with_clock(picture: Luma, t: float) -> Luma:
        text = np.zeros(picture.shape, np.uint8)
        cv2.putText(text, f"2026-11-23 {t:08.1f}", (12, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 250, 2)
        return np.where(text > 0, text, change(picture, t)).astype(np.float32)

    return with_clock


def hand(picture: Luma, t: float) -> Luma:
    """A hand on the lens: dim, with light leaking in at one side."""
    return np.tile(np.linspace(15, 70, WIDTH, dtype=np.float32), (HEIGHT, 1))


DISTURBED = {
    # what happens: kind that must be told
    "a cloth, grey and even": (lambda p, t: np.full_like(p, 90), "covered"),
    "a hand with light leaking in": (hand, "covered"),
    "a cloth, under a clock overlay": (clock(lambda p, t: np.full_like(p, 90)), "covered"),
    "spray paint: faint rests of the view": (lambda p, t: 120 + 0.05 * cv2.GaussianBlur(p - 120, (0, 0), 8), "covered"),
    "blinded by a lamp": (lambda p, t: np.full_like(p, 250), "covered"),
    "no light at all": (lambda p, t: np.full_like(p, 17), "black"),
    "out of focus": (lambda p, t: cv2.GaussianBlur(p, (0, 0), 4), "blurred"),
    "far out of focus": (lambda p, t: cv2.GaussianBlur(p, (0, 0), 9), "blurred"),
    "turned a little": (lambda p, t: shifted(p, 60, 10), "moved"),
    "turned by a third": (lambda p, t: shifted(p, -200), "moved"),
    "turned away altogether": (lambda p, t: scene(77), "moved"),
}


@pytest.mark.parametrize("name", DISTURBED)
def test_a_disturbed_picture_is_told_once_with_its_kind(name: str) -> None:
    change, kind = DISTURBED[name]
    said = watch(film(change))
    assert [k for k, _ in opened(said)] == [kind]
    assert opened(said)[0][1] == pytest.approx(BEGIN, abs=1.5)
    ends = [signal.end for signal in said if isinstance(signal, Closed)]
    assert ends == [pytest.approx(END, abs=2.0)]


HARMLESS = {
    "nothing happens": lambda p, t: p,
    "a lorry over half of the picture": lorry(0.5),
    "a lorry over two thirds of the picture": lorry(0.65),
    "lights off: an eighth of the light": lambda p, t: 16 + (p - 16) * 0.12,
    "lights off: a third of the light": lambda p, t: 16 + (p - 16) * 0.33,
    "auto-exposure hunts": lambda p, t: p * (1 + 0.35 * np.sin(1.5 * t)),
    "the mast shakes by three pixels": lambda p, t: shifted(p, 3 * np.sin(9 * t), 2 * np.cos(7 * t)),
    "a crowd builds up": crowd,
    "a sheet of sun on half of the floor": lambda p, t: p + 70 * (np.arange(WIDTH, dtype=np.float32) > WIDTH / 2),
    "slightly soft: dirt on the glass": lambda p, t: cv2.GaussianBlur(p, (0, 0), 1.0),
    "haze: half of the contrast": lambda p, t: 130 + 0.5 * (p - 130),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_picture_that_is_still_itself_is_left_alone(name: str) -> None:
    assert opened(watch(film(HARMLESS[name]))) == []


def test_a_frozen_stream_is_told() -> None:
    said = watch(film(lambda p, t: p, hold=True))
    assert opened(said) == [("frozen", pytest.approx(BEGIN - 1 / FPS, abs=0.3))]


def test_a_stream_that_freezes_for_a_moment_is_a_near_miss() -> None:
    said = watch(film(lambda p, t: p, hold=True), frozen_seconds=15)
    assert opened(said) == []
    (miss,) = [signal for signal in said if isinstance(signal, NearMiss)]
    assert miss.text.startswith("frozen 12.")
    assert miss.text.endswith(" s < 15 s")


def test_a_stuck_stream_may_blink_at_key_frames() -> None:
    # compressed anew, the stuck picture changes a little every four seconds, and settles over two pictures
    def stuck() -> Iterable[tuple[Luma, float]]:
        for n, (luma, t) in enumerate(film(lambda p, t: p, hold=True)):
            blink = BEGIN < t < END and n % 20 < 2
            yield np.clip(luma.astype(np.int16) + (n % 20 + 1) * blink, 0, 255).astype(np.uint8), t

    assert [kind for kind, _ in opened(watch(stuck()))] == ["frozen"]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (40, 30), (7, 300), (360, 640), (1920, 1080)])
def test_any_size_of_picture(size: tuple[int, int]) -> None:
    model = PictureModel(*size)
    luma = np.random.default_rng(0).integers(0, 255, size[::-1], dtype=np.uint8)
    states = [model.step(luma, float(n)) for n in range(12)]
    assert states[-1].frozen_s == 0
    assert states[-1].likeness > 0.9


def walker(picture: Luma, t: float) -> Luma:
    """One person in an otherwise clean picture."""
    picture = picture.copy()
    cv2.ellipse(picture, (int(40 * t) % WIDTH, 200), (20, 60), 0, 0, 360, 60, -1)
    return picture


def test_clean_footage_without_noise_is_not_frozen() -> None:
    # a rendered clip: somebody walks, then nothing moves and every picture is the same
    assert opened(watch(film(walker, noise=0.0))) == []


def test_a_clean_picture_from_the_beginning_is_not_frozen() -> None:
    assert opened(watch(film(lambda p, t: p, noise=0.0))) == []


def test_slow_dusk_is_left_alone() -> None:
    clean, rng = scene(), np.random.default_rng(5)

    def dusk() -> Iterable[tuple[Luma, float]]:
        for n in range(240 * 2):
            t = n / 2
            light = max(0.08, 1 - t / 200)
            yield np.clip(16 + (clean - 16) * light + rng.normal(0, 2, clean.shape), 0, 255).astype(np.uint8), t

    assert opened(watch(dusk())) == []


def test_a_short_cover_is_a_near_miss_with_both_numbers() -> None:
    said = watch(film(lambda p, t: np.full_like(p, 90) if t < BEGIN + 4 else p))
    (miss,) = [signal for signal in said if isinstance(signal, NearMiss)]
    assert opened(said) == []
    assert miss.gate == "seconds"
    assert miss.text.startswith("covered ")
    assert miss.text.endswith(" s < 5 s")


def test_kinds_that_are_not_asked_for_are_left_alone() -> None:
    assert opened(watch(film(lambda p, t: cv2.GaussianBlur(p, (0, 0), 4)), kinds=("covered", "moved"))) == []


def test_an_even_wall_cannot_be_judged() -> None:
    # nothing to lose: no edges in the reference
    rng = np.random.default_rng(3)
    frames = ((np.clip(120 + rng.normal(0, 2, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8), n / FPS) for n in range(200))
    assert opened(watch(frames)) == []


def test_the_new_view_is_adopted_in_the_end() -> None:
    # turned for good: one event, closed when the new view has become the normal one
    other, clean, rng = scene(9), scene(), np.random.default_rng(4)

    def turned() -> Iterable[tuple[Luma, float]]:
        for n in range(400):
            picture = clean if n < 20 else other
            yield np.clip(picture + rng.normal(0, 2, clean.shape), 0, 255).astype(np.uint8), float(n)

    said = watch(turned())
    assert [k for k, _ in opened(said)] == ["moved"]
    assert [signal.end for signal in said if isinstance(signal, Closed)] == [pytest.approx(320, abs=10)]
