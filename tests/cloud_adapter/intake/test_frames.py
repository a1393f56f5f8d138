"""Pictures on their way in: acknowledged once durable, the same one twice harmless, another under its id refused."""

from __future__ import annotations

from pathlib import Path

from tests.cloud_adapter.intake.serving import START, Serving, jpeg, served, webp


def test_a_picture_is_acknowledged_once_and_known_after_that(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        picture = jpeg()
        first, again = await s.put(picture), await s.put(picture)
        assert (first.status, first.body) == (201, {"id": "frame-001", "stored": "new", "requests": []})
        assert (again.status, again.body["stored"]) == (200, "known")
        other = await s.put(jpeg(seed=1))
        assert (other.status, other.body["error"]) == (409, "other_content")
        (job,) = s.queue.jobs.values()
        assert (job.id, job.device, job.camera, job.profile, job.site) == (
            "field-3/frame-001",
            "field-3",
            "field-3",
            "potato",
            "north",
        )
        assert (job.width, job.height, job.media_type) == (64, 48, "image/jpeg")
        assert s.queue.pictures[job.picture] != picture, "never the bytes that a stranger has sent"
        assert s.counters.snapshot()["pictures"] == 1
        assert s.counters.snapshot()["known"] == 1

    served(tmp_path, use)
