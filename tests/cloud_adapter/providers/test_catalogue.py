"""The catalogue, what calls cost, how many tokens they can take, and the probe."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_adapter.providers.catalogue import Catalogue, catalogue, shipped
from cloud_adapter.providers.prices import Prices
from cloud_adapter.providers.probe import found_mode, probe, probes
from cloud_adapter.providers.registry import open_backend
from cloud_adapter.providers.settings import Fixed, ModelEntry, ModelsSettings, Patches, Price
from cloud_adapter.providers.tokens import image_tokens, text_tokens, worst_case
from cloud_adapter.records import Usage
from tests.cloud_adapter.providers.questions import QUESTION, WITH_EXAMPLES, picture
from tests.peers.vision_llm import KEY, FaultServer, entry
from vision.errors import ConfigError, InputError


def at(year: int, month: int, day: int, hour: int = 12) -> float:
    return datetime(year, month, day, hour, tzinfo=UTC).timestamp()


def test_shipped_catalogue_names_its_sources() -> None:
    for name, one in catalogue().models.items():
        for price in one.prices:
            assert price.source.read <= shipped().dated, name
            assert price.since <= date(2027, 1, 1)
        paid = one.family not in {"server", "rules"}
        assert bool(one.prices) == paid
        if paid:
            assert one.key is not None
            assert one.image_source is not None
            assert one.terms.region
            assert one.terms.data
    assert len([one for one in catalogue().models.values() if one.prices]) >= 10


def test_own_file_and_entries_replace_shipped_ones(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "dated: 2026-12-01\nmodels:\n  qwen-flash: {family: qwen, model: other, base_url: https://x/v1}\n",
        encoding="utf-8",
    )
    plain = ModelEntry(family="server", model="mine")
    models = catalogue(ModelsSettings(catalogue=path, entries={"field": plain}))
    assert models.find("qwen-flash").model == "other"
    assert models.find("field") is plain
    assert models.find("openai-luna").model == "gpt-6-luna"
    assert models.dated == date(2026, 12, 1)
    with pytest.raises(InputError, match="did you mean qwen-flash"):
        models.find("qwen-flsh")
    path.write_text("dated: 2026-12-01\nmodels:\n  a: {family: qwen, modle: x}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="modle"):
        catalogue(ModelsSettings(catalogue=path))


PRICE: dict[str, Any] = {
    "since": "2026-01-01",
    "input": 1,
    "cached": "0.1",
    "output": 5,
    "source": {"said": "test", "read": "2026-01-01"},
}
LATER = PRICE | {"since": "2027-01-01", "input": 2, "output": 10}
PEAK = PRICE | {"peak": [{"start": "22:00", "end": "02:00", "factor": 2}]}
YUAN = PRICE | {"currency": "CNY", "usd": "0.138"}
WRITTEN = PRICE | {"written": "1.25"}

COSTS: list[tuple[list[dict[str, Any]], Usage, float, int]] = [  # prices, usage, when, micro-dollars
    ([], Usage(10**6, 0, 10**6), at(2026, 5, 1), 0),
    ([PRICE], Usage(1000, 0, 100), at(2026, 5, 1), 1500),
    ([PRICE], Usage(1000, 500, 100), at(2026, 5, 1), 1050),
    ([PRICE], Usage(1, 1, 0), at(2026, 5, 1), 1),  # rounded up, a call at a time
    ([PRICE], Usage(100, 900, 0), at(2026, 5, 1), 10),  # more cached than there is: what there is
    ([PRICE, LATER], Usage(1000, 0, 100), at(2026, 12, 31, 23), 1500),
    ([PRICE, LATER], Usage(1000, 0, 100), at(2027, 1, 1, 0), 3000),
    ([PRICE], Usage(1000, 0, 100), at(2025, 1, 1), 1500),  # before the first: the first
    ([PEAK], Usage(1000, 0, 100), at(2026, 5, 1, 23), 3000),
    ([PEAK], Usage(1000, 0, 100), at(2026, 5, 1, 1), 3000),
    ([PEAK], Usage(1000, 0, 100), at(2026, 5, 1, 2), 1500),
    ([YUAN], Usage(1000, 0, 100), at(2026, 5, 1), 207),
    ([WRITTEN], Usage(1000, 0, 100), at(2026, 5, 1), 1750),  # uncached input may have been written to the cache
]


def prices(*rows: dict[str, Any]) -> Prices:
    return Prices(Catalogue(shipped().dated, {"m": ModelEntry(family="server", prices=rows)}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("rows", "usage", "when", "microusd"), COSTS)
def test_price(rows: list[dict[str, Any]], usage: Usage, when: float, microusd: int) -> None:
    assert prices(*rows).price("m", usage, when) == microusd
    assert prices(*rows).ceiling("m", usage, when) >= microusd


def test_ceiling_knows_tonight() -> None:
    usage = Usage(1000, 0, 100)
    assert prices(PRICE, LATER).ceiling("m", usage, at(2026, 12, 31, 23)) == 3000
    assert prices(PRICE, LATER).ceiling("m", usage, at(2026, 12, 20)) == 1500
    assert prices(PEAK).ceiling("m", usage, at(2026, 5, 1, 12)) == 3000


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5), st.sampled_from([PRICE, PEAK, YUAN, WRITTEN])
)
def test_ceiling_of_the_worst_is_never_less(read: int, cached: int, out: int, row: dict[str, Any]) -> None:
    """Less from the cache never costs less, and the ceiling never less than any hour of the day."""
    some = prices(row)
    worst = some.ceiling("m", Usage(read, 0, out), at(2026, 5, 1))
    assert all(
        some.price("m", Usage(read, min(cached, read), out), at(2026, 5, 1, hour)) <= worst for hour in range(24)
    )


def test_rate_and_order_are_checked() -> None:
    with pytest.raises(ValueError, match="rate"):
        Price.model_validate(PRICE | {"currency": "CNY"})
    with pytest.raises(ValueError, match="sorted"):
        ModelEntry(family="server", prices=(Price.model_validate(LATER), Price.model_validate(PRICE)))


TOKENS = [  # formula, width, height, tokens; the first four as measured for GPT-6 and Claude 5.5 (see the catalogue)
    (Patches(size=32, factor="1.2"), 1024, 1024, 1229),
    (Patches(size=32, factor="1.2"), 4032, 3024, 14364),
    (Patches(size=28), 1024, 1024, 1369),
    (Patches(size=28), 512, 512, 361),
    (Patches(size=28, base=4, cap=1000), 1024, 1024, 1004),
    (Fixed(tokens=1120), 64, 64, 1120),
]


@pytest.mark.parametrize(("formula", "width", "height", "tokens"), TOKENS)
def test_image_tokens(formula: Patches | Fixed, width: int, height: int, tokens: int) -> None:
    assert image_tokens(formula, width, height) == tokens
    assert prices().catalogue.find("m").image_tokens  # every entry has a formula


def test_worst_case_counts_all_that_is_sent() -> None:
    one = entry("http://x/v1", thinking_tokens=300)
    plain, more = worst_case(one, QUESTION, [picture()]), worst_case(one, WITH_EXAMPLES, [picture()])
    assert more.input_tokens - plain.input_tokens > 2 * 1500
    assert plain.output_tokens == QUESTION.max_tokens + 300
    assert plain.cached_tokens == 0


def test_text_tokens_is_on_the_dear_side() -> None:
    """Against what tokenizers make of it: English about 4 characters a token, Chinese 0.6 to 1.6 tokens a character."""
    english = "The picture should show leaves of potato. Are they healthy?"
    assert text_tokens(english) >= 2 * len(english) / 4
    assert text_tokens("马铃薯晚疫病") >= 10


def test_probe_goes_on_to_the_form_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)

    async def main() -> None:
        async with FaultServer() as server:
            models = Catalogue(shipped().dated, {"peer": entry(server.url)})
            server.then("400", "prose", "ok")
            report = await probe("peer", models, now=lambda: at(2026, 11, 23), folder=tmp_path)
            assert [(one.mode, one.works, one.fault) for one in report.tries] == [
                ("native", False, "bad_request"),
                ("tool", False, "malformed"),
                ("json", True, None),
            ]
            assert report.mode == found_mode("peer", tmp_path) == "json"
            assert [one.cost_microusd for one in report.tries] == [0, 960, 960]
            server.then("401")
            report = await probe("peer", models, now=lambda: at(2026, 11, 24), folder=tmp_path)
            assert (report.mode, len(report.tries), report.tries[0].fault) == (None, 1, "auth")
            assert KEY not in (tmp_path / "probes.json").read_text(encoding="utf-8")

    asyncio.run(main())


def test_probe_tells_when_the_formula_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)

    async def main() -> None:
        async with FaultServer() as server:
            small = entry(server.url, image_tokens={"kind": "fixed", "tokens": 85})
            report = await probe("peer", Catalogue(shipped().dated, {"peer": small}), now=lambda: 0.0)
            assert report.underestimated
            assert "85" not in report.answered_by

    asyncio.run(main())


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '{"peer": {"model": 3}}'])
def test_damaged_reports_count_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "probes.json").write_text(text, encoding="utf-8")
    assert probes(tmp_path) == {}


def test_openings_that_cannot_be() -> None:
    with pytest.raises(InputError, match="family"):
        open_backend("m", Catalogue(shipped().dated, {"m": ModelEntry(family="opanai")}))
    with pytest.raises(InputError, match="base_url"):
        open_backend("m", Catalogue(shipped().dated, {"m": ModelEntry(family="server")}))
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        open_backend("m", Catalogue(shipped().dated, {"m": entry("http://x/v1", key="${NOT_SET_ANYWHERE}")}))


def test_library_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from cloud_adapter.providers import library
    from vision.errors import ModelError

    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'sightline\[cloud\]'"):
        library.needed("openai")
