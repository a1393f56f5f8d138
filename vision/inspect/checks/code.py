"""Its code can be read and says what was ordered: QR, Data Matrix, EAN, Code 128 and others, through zxing-cpp."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vision.errors import InputError
from vision.inspect.check import Assets, Check, CheckParams, register
from vision.inspect.measure import whole_view
from vision.inspect.part import View
from vision.inspect.result import CheckResult, Finding

Kind = Literal["qr", "datamatrix", "aztec", "pdf417", "ean13", "ean8", "upca", "upce", "code128", "code39", "itf"]
_NAMES: dict[str, str] = {
    "qr": "QRCode", "datamatrix": "DataMatrix", "aztec": "Aztec", "pdf417": "PDF417", "ean13": "EAN13", "ean8": "EAN8",
    "upca": "UPCA", "upce": "UPCE", "code128": "Code128", "code39": "Code39", "itf": "ITF",
}  # fmt: skip


class CodeParams(CheckParams):
    """Parameters of codes."""

    type: Literal["code"] = "code"
    kinds: tuple[Kind, ...] = Field((), description="Only codes of these kinds; default: any.")
    expect: str | None = Field(None, min_length=1, description="What the code is to say.")
    expect_order: str | None = Field(
        None, min_length=1, description="Which entry of the part's order it is to say, for example code."
    )
    unreadable: Literal["reject", "no_decision"] = Field(
        "reject", description="What a part is whose code cannot be read."
    )


@register
class Code(Check[CodeParams]):
    """One code of the region says what it should."""

    Params = CodeParams

    def __init__(self, params: CodeParams, assets: Assets) -> None:
        super().__init__(params, assets)
        self._zxing = _library()
        wanted = [getattr(self._zxing.BarcodeFormat, _NAMES[kind]) for kind in params.kinds]
        self._options = {"formats": wanted} if wanted else {}

    def look(self, view: View) -> CheckResult:
        """What the codes of the region say."""
        params = self.params
        expected = params.expect
        if params.expect_order is not None:
            expected = view.order.get(params.expect_order)
            if expected is None:
                reason = f"the order of this part does not say its {params.expect_order}"
                return CheckResult.undecided(params.title, reason, view.region)
        found = [code for code in self._zxing.read_barcodes(view.image, **self._options) if code.valid]
        if not found:
            return self._unreadable(view)
        texts = [str(code.text) for code in found]
        if expected is None or expected in texts:
            return self._result(view, "pass", (), ())
        reason = f"the code says {_quoted(texts)}, expected '{_short(expected)}'"
        return self._result(view, "reject", tuple(_finding(view, code) for code in found), (reason,))

    def _unreadable(self, view: View) -> CheckResult:
        reason = f"no code can be read in {view.region}"
        if self.params.unreadable == "no_decision":
            return CheckResult.undecided(self.params.title, reason, view.region)
        return self._result(view, "reject", (whole_view(view, "unreadable code", 1.0),), (reason,))

    def _result(
        self, view: View, outcome: Literal["pass", "reject"], findings: tuple[Finding, ...], reasons: tuple[str, ...]
    ) -> CheckResult:
        # there is no more or less in saying the right thing: 0 is right, 1 is wrong
        score = 0.0 if outcome == "pass" else 1.0
        return CheckResult(self.params.title, outcome, score, 0.5, findings, reasons=reasons, region=view.region)


def _finding(view: View, code: Any) -> Finding:
    spot = code.position
    corners = [(p.x, p.y) for p in (spot.top_left, spot.top_right, spot.bottom_right, spot.bottom_left)]
    box = view.around(corners)
    return Finding(box, "wrong code", round(box.area, 1), 1.0)


def _short(text: str) -> str:
    """What was read comes from outside: on one line, and not endless."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= 60 else line[:59] + "…"


def _quoted(texts: list[str]) -> str:
    return " and ".join(f"'{_short(text)}'" for text in texts[:3])


def _library() -> Any:
    try:
        import zxingcpp
    except ImportError:
        raise InputError("the check 'code' needs zxing-cpp; install it: pip install 'sightline[inspect]'") from None
    return zxingcpp
