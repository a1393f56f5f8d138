"""Pictures in a JetStream object store."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from cloud_adapter.queue.jetstream_link import Link
from cloud_adapter.queue.settings import JetStreamQueue

if TYPE_CHECKING:
    from nats.js.api import ObjectInfo
    from nats.js.object_store import ObjectStore

ORPHAN_S = 3600.0
_LIST_S = 60.0
_FULL = 0.8  # of max_picture_bytes: from here on, pictures of ended jobs go early


class Pictures:
    """The bucket `PREFIX_pictures`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._bucket = f"{link.settings.prefix}_pictures"
        self._stream = f"OBJ_{self._bucket}"
        self._loose: set[str] = set()  # subjects of chunks that belonged to no picture when last looked

    async def create(self) -> None:
        """Make the bucket."""
        from nats.js.api import ObjectStoreConfig

        js = await self._link.js()
        await js.create_object_store(self._bucket, ObjectStoreConfig(replicas=self._link.settings.replicas))

    async def _store(self) -> ObjectStore:
        from nats.js.object_store import ObjectStore

        return ObjectStore(self._bucket, self._stream, await self._link.js())

    async def put(self, key: str, data: bytes, now: float) -> None:
        """Keep; what has been there for a while is written anew, so that it counts as young."""
        from nats.js.errors import NotFoundError

        store = await self._store()
        digest = "SHA-256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        with contextlib.suppress(NotFoundError):
            info = await store.get_info(key)
            if info.digest == digest and now - _written(info) < ORPHAN_S / 2:
                return
        await store.put(key, data)

    async def get(self, key: str) -> bytes | None:
        """The picture, or None where it is gone."""
        from nats.js.errors import NotFoundError

        try:
            return (await (await self._store()).get(key)).data
        except NotFoundError:
            return None

    async def tidy(self, ended: Mapping[str, float], now: float, settings: JetStreamQueue) -> None:
        """Remove pictures whose jobs ended long ago, orphans, and beyond the byte budget the oldest of ended jobs.

        `ended`: picture -> epoch seconds, infinite where a job still wants it.
        """
        store = await self._store()
        js = await self._link.js()
        infos = await _listed(store)
        over = sum(info.size or 0 for info in infos) - settings.max_picture_bytes * _FULL
        for info in sorted(infos, key=lambda info: ended.get(info.name, 0.0)):
            young = now - _written(info) < ORPHAN_S  # its job may be about to be written
            end = ended.get(info.name)
            gone = end is None or end <= now - settings.keep_s or (over > 0 and end < float("inf"))
            if gone and not young:
                over -= info.size or 0
                await self._remove(store, info.name)
        chunks = (await js.stream_info(self._stream, subjects_filter=f"$O.{self._bucket}.C.>")).state.subjects or {}
        owned = {f"$O.{self._bucket}.C.{info.nuid}" for info in await _listed(store)}
        loose = set(chunks) - owned
        for subject in loose & self._loose:  # twice in a row: nobody is still writing it
            await js.purge_stream(self._stream, subject=subject)
        self._loose = loose - self._loose

    async def _remove(self, store: ObjectStore, key: str) -> None:
        from nats.js.errors import NotFoundError

        with contextlib.suppress(NotFoundError):
            await store.delete(key)
        name = base64.urlsafe_b64encode(key.encode()).decode()  # its gravestone too: they would pile up
        await (await self._link.js()).purge_stream(self._stream, subject=f"$O.{self._bucket}.M.{name}")


async def _listed(store: ObjectStore) -> list[ObjectInfo]:
    from nats.js.errors import NotFoundError

    try:
        async with asyncio.timeout(_LIST_S):  # it would wait for ever where the last picture is removed just now
            infos = await store.list()
    except NotFoundError:
        return []
    return [info for info in infos if not info.deleted]


def _written(info: ObjectInfo) -> float:
    """Epoch seconds; 0 where it is not told."""
    return datetime.fromisoformat(info.mtime).timestamp() if info.mtime else 0.0
