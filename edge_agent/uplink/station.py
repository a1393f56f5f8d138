"""One camera of the cloud tier: when its next picture is due, and what becomes of it.

a moment of the schedule -> picture -> gate passed  -> on its way
                     |          '----> refused      -> held: the best of the day goes up if none passes until its end
                     '-- camera away: tried again for `late_s`, then given up
a day that brought nothing at all -> a picture whatever the gate says (`floor_per_day`)
a wish of the cloud (a follow-up) -> picture, whatever the gate says

Everything that must survive a reboot is in the spool: which moment was dealt with, what is held, what is wished for.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.uplink.maker import Maker, Told
from edge_agent.uplink.shot import Taken
from edge_agent.uplink.spool import Day, Spool
from vision.capture.quality import fingerprint
from vision.capture.schedule import CaptureTimes
from vision.delivery.backoff import full_jitter
from vision.errors import InputError, SightlineError
from vision.frame import Pixels
from vision.media.live.base import SourceFault
from vision.wire.messages import CaptureRequest, Trigger

log = logging.getLogger("sightline.uplink")

_AGAIN_BASE_S, _AGAIN_CAP_S = 5.0, 300.0

Grab = Callable[[Pixels | None], Taken]  # with the fingerprint of the picture before


@dataclass(frozen=True, slots=True)
class Order:
    """A picture that is due until `until` (epoch seconds)."""

    trigger: Trigger
    until: float
    profile: str
    moment: float | None = None
    request: CaptureRequest | None = None


@dataclass(frozen=True, slots=True)
class StationState:
    """How the camera stands: `fault` and `reason` of the last try, if it failed; epoch seconds of its last picture."""

    fault: str | None
    reason: str | None
    last_t: float | None
    next_at: float | None
    size: tuple[int, int]
    counts: dict[str, int]


class Station:
    """Use: `wait = station.step()`, again and again, in a thread; every call does what is due and says when the next is."""

    def __init__(
        self,
        name: str,
        times: CaptureTimes,
        maker: Maker,
        spool: Spool,
        grab: Grab,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        look_every_s: float = 60.0,
    ) -> None:
        """`look_every_s`: for wishes of the cloud, and for whatever the clock has done."""
        self.name, self._look_every_s = name, look_every_s
        self._times, self._maker, self._spool, self._grab = times, maker, spool, grab
        self._clock, self._random = clock, random
        self._capture = maker.capture
        self._before: Pixels | None = None
        self._failures, self._retry_at = 0, 0.0
        self._fault: str | None = None
        self._reason: str | None = None
        self._last_t: float | None = None
        self._size = (0, 0)
        self.counts: Counter[str] = Counter()

    def step(self) -> float:
        """Take the picture that is due, if one is; seconds until the next step. Raises `StoreError`."""
        now = self._clock()
        self._release(now)
        order = self._due(now)
        if order is None:
            self._failures, self._retry_at = 0, 0.0
            following = self._times.next(now)
            return self._look_every_s if following is None else min(self._look_every_s, max(0.05, following - now))
        if now < self._retry_at <= now + _AGAIN_CAP_S:
            return min(self._look_every_s, self._retry_at - now)
        self._fulfil(order, now)
        return 0.05

    def state(self) -> StationState:
        """How it stands; from any thread."""
        following = self._times.next(self._clock())
        counts = dict(self.counts)
        return StationState(self._fault, self._reason, self._last_t, following, self._size, counts)

    # -- what is due --------------------------------------------------------------------------------------------------

    def _due(self, now: float) -> Order | None:
        return self._wish(now) or self._scheduled(now) or self._floor(now)

    def _wish(self, now: float) -> Order | None:
        for request in self._spool.asked():
            if request.camera != self.name:
                continue
            if now > request.until:
                self._spool.answered(request.id, "gone")
                log.warning("%s: a picture that the cloud wanted could not be taken in time", self.name)
            elif now >= request.after:
                return Order("follow_up", request.until, request.profile, request=request)
        return None

    def _scheduled(self, now: float) -> Order | None:
        """The newest moment since the last one that was dealt with; older ones have lost their meaning."""
        last = self._spool.moment(self.name)
        if last is None or last > now:  # the first start, or a clock that was set back
            self._spool.done_without(self.name, now)
            return None
        passed = self._times.between(last, now)
        if not passed:
            return None
        if now - passed[-1] > self._capture.late_s:
            self._missed(passed[-1])
            return None
        return Order("schedule", passed[-1] + self._capture.late_s, self._capture.profile, moment=passed[-1])

    def _floor(self, now: float) -> Order | None:
        """A day with nothing on its way and nothing held, once its schedule is over."""
        if not self._capture.floor_per_day:
            return None
        today = self._times.day(now)
        if now < self._over(now) or self._spool.sent_on(self.name, str(today)):
            return None
        return Order("floor", self._times.end(today), self._capture.profile)

    def _release(self, now: float) -> None:
        """Days whose schedule is over get the best of what the gate refused."""
        today = str(self._times.day(now))
        for day in self._spool.held_days(self.name):
            if day < today or (day == today and self._all_dealt_with(now)):
                self._spool.release(self.name, day)
                self.counts["floor"] += 1
                log.info("%s: no picture of %s passed the gate; the best one goes up", self.name, day)

    def _all_dealt_with(self, now: float) -> bool:
        moments = self._times.of(self._times.day(now))
        last = self._spool.moment(self.name)
        return bool(moments) and last is not None and last >= moments[-1]

    def _over(self, now: float) -> float:
        """When today's schedule has had its chance; midday on a day without one."""
        today = self._times.day(now)
        moments = self._times.of(today)
        return moments[-1] + self._capture.late_s if moments else self._times.midday(today)

    # -- what is done about it ----------------------------------------------------------------------------------------

    def _fulfil(self, order: Order, now: float) -> None:
        try:
            taken = self._grab(self._before)
        except SightlineError as error:
            self._failed(order, error, now)
            return
        self._failures, self._retry_at, self._fault, self._reason = 0, 0.0, None, None
        self._before, self._last_t = fingerprint(taken.image), taken.t
        self._size = (taken.image.shape[1], taken.image.shape[0])
        self._keep(order, taken)

    def _keep(self, order: Order, taken: Taken) -> None:
        verdict = taken.verdict
        holds = order.trigger == "schedule" and not verdict.ok
        if holds and not self._capture.floor_per_day:
            self._give_up(order, "refused", ", ".join(verdict.reasons))
            return
        request = order.request
        told = Told(
            self._clock(),
            "floor" if holds else order.trigger,
            order.profile,
            follows=None if request is None else request.follows or request.id,
            quality=verdict.quality.values(),
            facts={} if verdict.ok else {"gate": list[str](verdict.reasons)},
        )
        try:
            parcel = self._maker.parcel(taken.image, told)
        except InputError as error:
            self._give_up(order, "unusable", str(error))
            return
        if parcel is None:
            self._give_up(order, "people", "there are people in it")
            return
        kept = self._spool.put(parcel, self._day(order, told.captured, verdict.score if holds else None))
        self.counts["refused" if holds else kept] += 1
        if holds:
            log.info("%s: the gate refuses a picture: %s", self.name, ", ".join(verdict.reasons))
        if kept == "full" and order.moment is not None:
            self._spool.done_without(self.name, order.moment)
        if request is not None:
            self._spool.answered(request.id, "done")

    def _day(self, order: Order, captured: float, held: float | None) -> Day | None:
        """To which day of the schedule it counts; a wish of the cloud to none."""
        if order.request is not None:
            return None
        date = self._times.day(captured if order.moment is None else order.moment)
        return Day(str(date), order.moment, held)

    def _failed(self, order: Order, error: SightlineError, now: float) -> None:
        """The camera shows nothing: again soon, as long as the picture has a meaning."""
        self._failures += 1
        fault = error.fault if isinstance(error, SourceFault) else "other"
        if fault != self._fault:
            log.warning("%s: no picture (%s): %s", self.name, fault, error)
        self._fault, self._reason = fault, str(error)
        wait = full_jitter(self._failures, self._random, base_s=_AGAIN_BASE_S, cap_s=_AGAIN_CAP_S, floor_s=1.0)
        self._retry_at = self._clock() + wait
        self.counts["failed"] += 1
        if self._retry_at > order.until and order.moment is not None:
            self._missed(order.moment)

    def _missed(self, moment: float) -> None:
        self._spool.done_without(self.name, moment)
        self.counts["missed"] += 1
        log.warning("%s: a picture of the schedule was missed", self.name)

    def _give_up(self, order: Order, why: str, text: str) -> None:
        """A picture was taken, and will not go up."""
        self.counts[why] += 1
        log.info("%s: a picture stays here: %s", self.name, text)
        if order.moment is not None:
            self._spool.done_without(self.name, order.moment)
        if order.request is not None:
            self._spool.answered(order.request.id, "gone")
        if order.trigger == "floor":  # this one will not get better by trying again at once
            self._failures += 1
            self._retry_at = self._clock() + _AGAIN_CAP_S
