"""What the catalogue and the config say of a model: where it answers, in which form, what it costs and since when."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vision.delivery.env import AddressText, SecretText
from vision.settings.values import ConfigPath, Value

Mode = Literal["native", "tool", "json", "typed", "rules"]
Currency = Literal["USD", "CNY", "EUR"]


class Source(Value):
    """Where a figure was read, and when."""

    said: str = Field(min_length=3, description="Page, package or measurement that the figure comes from.")
    read: date = Field(description="Day on which it was read there; older than a quarter of a year: check before use.")


class Patches(Value):
    """Tokens by patches: `ceil(w / size) * ceil(h / size) * factor`, never more than `cap`."""

    kind: Literal["patches"] = "patches"
    size: int = Field(ge=8, le=128, description="Edge of a patch in pixels.")
    factor: Decimal = Field(Decimal(1), gt=0, le=16, description="Tokens for a patch.")
    base: int = Field(0, ge=0, description="Tokens for a picture beside its patches.")
    cap: int | None = Field(
        None, ge=1, description="The most tokens for one picture; larger ones are scaled down there."
    )


class Fixed(Value):
    """The same number of tokens for every picture."""

    kind: Literal["fixed"] = "fixed"
    tokens: int = Field(ge=0, description="Tokens for one picture.")


ImageTokens = Annotated[Patches | Fixed, Field(discriminator="kind")]


class Peak(Value):
    """Hours of the day, UTC, at which everything costs more."""

    start: time = Field(description="Begin, UTC.")
    end: time = Field(description="End, UTC; before `start` it is on the next day.")
    factor: Decimal = Field(ge=1, le=10, description="All prices times this.")


class Price(Value):
    """What a million tokens cost from `since` until the next entry begins.

    Uncached input counts as written to the cache where that costs more: providers do not all say what they wrote.
    """

    since: date = Field(description="First day, UTC.")
    currency: Currency = Field("USD", description="Currency of the figures.")
    usd: Decimal = Field(Decimal(1), gt=0, description="US dollars for one unit of the currency.")
    input: Decimal = Field(ge=0, description="A million input tokens.")
    cached: Decimal | None = Field(
        None, ge=0, description="A million input tokens read from the prompt cache; default: input."
    )
    written: Decimal | None = Field(None, ge=0, description="A million input tokens written to the prompt cache.")
    output: Decimal = Field(ge=0, description="A million output tokens.")
    peak: tuple[Peak, ...] = Field((), max_length=4, description="Dearer hours.")
    source: Source

    @model_validator(mode="after")
    def _rate(self) -> Self:
        if (self.currency == "USD") != (self.usd == 1):
            raise ValueError("`usd` is 1 for US dollars, and the rate for any other currency")
        return self


class Limits(Value):
    """What the endpoint takes in one call."""

    pictures: int = Field(9, ge=1, le=128, description="Pictures in one call, references included.")
    edge_px: int = Field(2048, ge=64, le=16384, description="Longest edge of a picture.")
    bytes: int = Field(10_000_000, ge=10_000, description="Bytes of one picture.")
    source: Source | None = None


class Terms(Value):
    """Where the data goes, in one line each; what the provider promises is the provider's word."""

    region: str = Field("", description="Where the endpoint stands.")
    data: str = Field("", description="What the provider says about training and keeping; check the contract.")
    source: Source | None = None


def _limits() -> Limits:
    return Limits()


def _terms() -> Terms:
    return Terms()


class ModelEntry(Value):
    """One model at one endpoint."""

    family: str = Field(description="Which kind of endpoint it is; decides how it is asked.")
    model: str = Field("", max_length=128, description="The name that the endpoint knows the model by.")
    base_url: AddressText | None = Field(None, description="Address of the endpoint, with its path (…/v1).")
    key: SecretText | None = Field(None, description="Its key, as ${NAME}; none for a server of one's own.")
    modes: tuple[Mode, ...] = Field(
        ("native",), min_length=1, description="Forms of a held answer, the best first; `sightline cloud probe` tells."
    )
    image_tokens: ImageTokens = Field(Patches(size=28, cap=4096), description="How many tokens a picture takes.")
    image_source: Source | None = None
    detail: Literal["low", "high", "auto"] | None = Field(
        None, description="Sent as `detail` where the endpoint knows it."
    )
    thinking: Literal["off", "least", "none"] = Field(
        "off",
        description="`off`: it is told not to think; `least`: it cannot stop, so as little as may be; `none`: nothing.",
    )
    thinking_tokens: int = Field(
        0, ge=0, le=20000, description="Room for thinking that cannot be turned off, beside the answer."
    )
    temperature: float | None = Field(0.0, ge=0, le=2, description="null: not sent (models that think refuse it).")
    limits: Limits = Field(default_factory=_limits)
    prices: tuple[Price, ...] = Field(
        (), description="By date, oldest first; none: costs nothing (a server of one's own)."
    )
    terms: Terms = Field(default_factory=_terms)
    note: str = Field("", description="What else is worth knowing.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [price.since for price in self.prices]
        if days != sorted(set(days)):
            raise ValueError("`prices` are sorted by `since`, one for a day")
        return self


class CatalogueFile(Value):
    """A catalogue: models by name."""

    dated: date = Field(description="Day of this catalogue; prices are to be checked before use.")
    models: dict[str, ModelEntry] = Field(description="Models by the name that profiles and the ledger use.")


class ModelsSettings(Value):
    """The models that may be asked: the shipped catalogue, a file of one's own over it, and entries over both."""

    catalogue: ConfigPath | None = Field(
        None, description="A catalogue file; its entries replace shipped ones of the same name."
    )
    entries: dict[str, ModelEntry] = Field(
        default_factory=dict, description="Models written here; they replace entries of the catalogues."
    )
