"""The tracker on simulated people, where the truth is known: identities, times, gaps, ghosts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.track.walkers import Walker, owner, see, times
from vision.detect.base import Detections
from vision.geometry import Box
from vision.track.base import Track, Tracker
from vision.track.bytetrack import ByteTracker, TrackParams

RATES = (2.0, 5.0, 10.0, 25.0)


def identities(
    walkers: Sequence[Walker], moments: Sequence[float], seed: int = 0, **sight: float
) -> dict[Walker, list[int]]:
    """The track numbers that each walker had, in order, without repetition."""
    tracker, rng = ByteTracker(), np.random.default_rng(seed)
    had: dict[Walker, list[int]] = {w: [] for w in walkers}
    for t in moments:
        for track in tracker.update(see(walkers, t, rng, **sight), t):
            who = owner(track.box, walkers, t)
            if who is not None and track.observed and had[who][-1:] != [track.id]:
                had[who].append(track.id)
    return had


def found(*rows: tuple[float, float, float, float, float], class_id: int = 0) -> Detections:
    """Detections from (x1, y1, x2, y2, score)."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(
        table[:, :4], table[:, 4], np.full(len(table), class_id, np.int32), names=("person", "car", "truck")
    )


STILL = (100.0, 100.0, 130.0, 180.0)


def test_it_is_a_tracker() -> None:
    tracker: Tracker = ByteTracker()
    assert tracker.update(Detections.none(), 0.0) == []


SCENES = {
    # One walks at 1.4 box sizes a second: at 2 pictures a second the boxes of two looks hardly overlap.
    "one": [Walker(50, vx=70)],
    # Twice that: at 2 pictures a second the boxes never overlap.
    "running": [Walker(50, vx=140)],
    # Two on parallel ways, one body width apart.
    "side by side": [Walker(50, vx=60), Walker(85, vx=60, foot=210)],
    # Two meet on the same path; the one behind is hidden for about half a second.
    "crossing": [Walker(50, vx=60, foot=200), Walker(410, vx=-60, foot=215)],
    # Four cross at different places and times.
    "four": [
        Walker(50, vx=60, foot=200),
        Walker(410, vx=-55, foot=215),
        Walker(100, vx=50, foot=300, height=100),
        Walker(480, vx=-60, foot=320, height=100),
    ],
    # One passes behind another who stands.
    "passing": [Walker(50, vx=60, foot=200), Walker(230, foot=215)],
}


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("scene", SCENES)
def test_everybody_keeps_one_identity_at_every_rate(scene: str, fps: float) -> None:
    moments = times(6, fps)
    for seed in range(5):
        had = identities(SCENES[scene], moments, seed)
        assert all(len(ids) == 1 for ids in had.values()), had
        assert len({ids[0] for ids in had.values()}) == len(had)


@pytest.mark.parametrize("fps", RATES)
def test_missed_detections_and_irregular_gaps_do_not_break_a_track(fps: float) -> None:
    for seed in range(10):
        moments = times(8, fps, jitter=0.9, rng=np.random.default_rng(seed))
        walkers = [Walker(50, vx=50), Walker(60, foot=350, vx=55)]
        had = identities(walkers, moments, seed, miss=0.2 if fps > 2 else 0.1)  # at 2 a second a miss is a whole second
        assert [len(ids) for ids in had.values()] == [1, 1], (seed, had)


def test_weak_detections_keep_a_half_hidden_person() -> None:
    tracker, walker = ByteTracker(), Walker(50, vx=40)
    last: list[Track] = []
    for k in range(60):
        t = k / 5
        score = 0.8 if k < 10 or k > 50 else 0.2  # eight seconds behind a hedge
        last = tracker.update(found((*walker.box(t), score)), t)
        assert len(last) == (k > 0 or score > 0.6)
    assert [track.id for track in last] == [1]


def test_weak_detections_begin_no_track() -> None:
    tracker = ByteTracker()
    assert not any(tracker.update(found((*STILL, 0.35)), k / 5) for k in range(100))


@pytest.mark.parametrize("fps", RATES)
def test_somebody_standing_still_for_minutes_stays_the_same(fps: float) -> None:
    had = identities([Walker(100)], times(180, fps), miss=0.1)
    assert list(had.values()) == [[1]]


@pytest.mark.parametrize("fps", RATES)
def test_something_half_sure_that_never_moves_is_no_person(fps: float) -> None:
    # A post that is seen as a person with 0.5, for two minutes.
    had = identities([Walker(100, score=0.5)], times(120, fps))
    assert list(had.values()) == [[]]


@pytest.mark.parametrize("fps", RATES)
def test_somebody_half_sure_who_walks_is_a_person(fps: float) -> None:
    # As unsure as the post; comes in, then stands.
    moments, rng, tracker = times(20, fps), np.random.default_rng(1), ByteTracker()
    first: float | None = None
    for t in moments:
        walker = Walker(50 + 60 * min(t, 5), score=0.5)
        if tracker.update(see([walker], t, rng), t) and first is None:
            first = t
    assert first is not None
    assert first <= 1.0 + 1 / fps
    assert [track.id for track in tracker.update(see([walker], 20, rng), 20)] == [1]


def test_one_look_makes_a_track_only_at_the_very_first_look() -> None:
    tracker = ByteTracker()
    assert [track.hits for track in tracker.update(found((*STILL, 0.9)), 0.0)] == [1]
    flash = found((*STILL, 0.9), (300, 100, 330, 180, 0.9))
    assert len(tracker.update(flash, 0.2)) == 1  # the second one could be a flash
    assert len(tracker.update(found((*STILL, 0.9)), 0.4)) == 1
    assert len(tracker.update(found((*STILL, 0.9)), 0.8)) == 1


def test_first_t_is_when_it_was_first_seen_not_when_it_was_confirmed() -> None:
    tracker = ByteTracker()
    tracker.update(Detections.none(), 0.0)
    assert tracker.update(found((*STILL, 0.9)), 1.0) == []
    (track,) = tracker.update(found((*STILL, 0.9)), 1.2)
    assert (track.first_t, track.seen_t, track.hits, track.observed) == (1.0, 1.2, 2, True)


def test_nobody_looked_gives_predicted_boxes_and_changes_nothing() -> None:
    walker, plain, lazy = Walker(50, vx=60), ByteTracker(), ByteTracker()
    for k in range(20):
        t = k / 5
        expected = plain.update(found((*walker.box(t), 0.8)), t)
        got = lazy.update(found((*walker.box(t), 0.8)), t)
        assert [track.id for track in got] == [track.id for track in expected]
        for one, other in zip(got, expected, strict=True):
            assert (*one.box, *one.velocity) == pytest.approx((*other.box, *other.velocity), abs=1e-3)
        for part in (0.05, 0.1, 0.15):
            between = lazy.update(None, t + part)
            assert all(not track.observed for track in between)
            assert [track.id for track in between] == [track.id for track in expected]
    (track,) = lazy.update(None, 4.4)  # 36 px further than when last seen
    assert track.box.centre[0] == pytest.approx(50 + 60 * 4.4, abs=6)
    assert track.velocity[0] == pytest.approx(60, rel=0.2)
    assert track.seen_t == 3.8


def test_not_looking_does_not_lose_anybody_before_time_does() -> None:
    tracker = ByteTracker(TrackParams(lost_s=3.0))
    for t in (0.0, 0.2):
        tracker.update(found((*STILL, 0.9)), t)
    assert [len(tracker.update(None, 0.2 + 0.1 * k)) for k in range(1, 30)] == [1] * 29
    assert tracker.update(None, 3.3) == []


def test_a_track_looked_for_in_vain_coasts_briefly_and_can_be_found_again() -> None:
    tracker = ByteTracker(TrackParams(coast_s=0.5))
    for t in (0.0, 0.2, 0.4):
        tracker.update(found((*STILL, 0.9)), t)
    for t, returned in ((0.6, 1), (0.8, 1), (1.0, 0), (1.6, 0)):
        tracks = tracker.update(Detections.none(), t)
        assert len(tracks) == returned
        assert not any(track.observed for track in tracks)
    (track,) = tracker.update(found((*STILL, 0.9)), 1.8)
    assert (track.id, track.first_t, track.observed) == (1, 0.0, True)


def test_lost_for_good_means_a_new_number() -> None:
    tracker = ByteTracker(TrackParams(lost_s=3.0))
    ids = set()
    for start in (0.0, 10.0, 20.0):
        for k in range(3):
            ids |= {track.id for track in tracker.update(found((*STILL, 0.9)), start + k * 0.2)}
        tracker.update(Detections.none(), start + 5)
    assert ids == {1, 2, 3}


def test_reset_forgets_and_never_uses_a_number_again() -> None:
    tracker = ByteTracker()
    assert [track.id for track in tracker.update(found((*STILL, 0.9)), 100.0)] == [1]
    tracker.reset()
    assert [track.id for track in tracker.update(found((*STILL, 0.9)), 0.0)] == [2]  # time may begin anew, too


def test_the_label_is_a_vote() -> None:
    tracker = ByteTracker()
    labels = []
    for k, (class_id, score) in enumerate([(1, 0.7), (1, 0.7), (2, 0.9), (1, 0.7), (2, 0.9), (2, 0.9)]):
        labels += [
            track.label for track in tracker.update(found((100, 100, 200, 150, score), class_id=class_id), k / 5)
        ]
    assert labels == ["car", "car", "car", "car", "car", "truck"]


@pytest.mark.parametrize(
    ("second", "classes", "tracks"),
    [
        ((102, 102, 131, 178, 0.7), (0, 0), 1),  # the same person twice
        ((102, 140, 128, 180, 0.7), (0, 0), 1),  # the legs of the person
        ((102, 102, 131, 178, 0.7), (1, 2), 1),  # the same car, also seen as a truck
        ((102, 140, 128, 180, 0.7), (0, 1), 2),  # something else in front of the person
        ((120, 102, 150, 182, 0.7), (0, 0), 2),  # two people, shoulder to shoulder
    ],
)
def test_a_second_box_of_the_same_thing_begins_no_track(
    second: tuple[float, float, float, float, float], classes: tuple[int, int], tracks: int
) -> None:
    both = found((*STILL, 0.9), second)
    both = Detections(both.xyxy, both.score, np.array(classes, np.int32), both.names)
    tracker = ByteTracker()
    for k in range(5):
        last = tracker.update(both, k / 5)
    assert len(last) == tracks


def test_a_track_goes_on_where_the_source_skipped() -> None:
    # 60 px a second, and once 40 px at a stroke: further than any motion model would allow in a tenth of a second.
    tracker, ids = ByteTracker(), set()
    for k in range(40):
        x = 50 + 6 * k + (40 if k >= 20 else 0)
        tracks = tracker.update(found((x, 100, x + 32, 180, 0.8)), k / 10)
        ids |= {track.id for track in tracks}
    assert ids == {1}
    assert (tracks[0].first_t, tracks[0].hits) == (0.0, 40)


def test_who_is_hidden_does_not_go_on_in_somebody_else() -> None:
    # 1 vanishes behind 2; a third one appears beside them at that moment.
    tracker = ByteTracker()
    a, b, c = (100, 100, 132, 180, 0.8), (104, 104, 136, 184, 0.8), (150, 100, 182, 180, 0.8)
    for k in range(10):
        tracker.update(found(a, (200 - 9.6 * k, 104, 232 - 9.6 * k, 184, 0.8)), k / 10)
    for k in range(10, 20):
        tracks = tracker.update(found(b, c), k / 10)
    assert {track.id for track in tracks if track.observed} in ({1, 3}, {2, 3})  # one of the two, and a new one


def test_time_that_goes_back_counts_as_standing_still() -> None:
    tracker = ByteTracker()
    tracker.update(found((*STILL, 0.9)), 5.0)
    (track,) = tracker.update(found((*STILL, 0.9)), 4.0)
    assert track.seen_t == 5.0


def test_params_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="low_score"):
        TrackParams(high_score=0.2, low_score=0.4)


boxes = st.tuples(st.floats(-50, 2000), st.floats(-50, 2000), st.floats(0, 500), st.floats(0, 500), st.floats(0, 1))
looks = st.lists(st.tuples(st.floats(0, 30), st.none() | st.lists(boxes, max_size=6)), min_size=1, max_size=12)


@given(looks)
@settings(max_examples=60, deadline=None)
def test_any_input_gives_sound_tracks_and_the_same_ones_again(
    script: list[tuple[float, list[tuple[float, ...]] | None]],
) -> None:
    def play() -> list[list[Track]]:
        tracker, t, answers = ByteTracker(), 0.0, []
        for gap, rows in script:
            t += gap
            given_ = None if rows is None else found(*((x, y, x + w, y + h, s) for x, y, w, h, s in rows))
            answers.append(tracker.update(given_, t))
        return answers

    answers = play()
    assert answers == play()
    born: dict[int, float] = {}
    for tracks in answers:
        assert len({track.id for track in tracks}) == len(tracks)
        for track in tracks:
            assert isinstance(track.box, Box)
            assert np.isfinite([*track.box, *track.velocity, track.score]).all()
            assert track.box.width > 0
            assert track.box.height > 0
            assert track.first_t <= track.seen_t
            assert born.setdefault(track.id, track.first_t) == track.first_t
