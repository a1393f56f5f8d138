"""From the errors of the provider library to `BackendError`: which fault it was, in one line without the key.

The library sorts what providers say into categories; here they become the few faults that the worker knows. Source:
`pydantic_ai.exceptions`, and the providers' tables of error codes named beside their codes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_ai import exceptions as ai

from cloud_adapter.providers.base import BackendError, Fault

_FAULTS: tuple[tuple[type[Exception], Fault], ...] = (  # the first that fits
    (ai.ModelQuotaExceededError, "quota"),
    (ai.ModelRateLimitError, "rate_limited"),
    (ai.ModelUnavailableError, "overloaded"),
    (ai.ModelServerError, "overloaded"),
    (ai.ModelTimeoutError, "timeout"),
    (ai.ModelRequestTimeout, "timeout"),
    (ai.ModelConnectionError, "cut"),
    (ai.ModelAuthenticationError, "auth"),
    (ai.ModelRequestRejectedError, "bad_request"),
    (ai.ContentFilterError, "refused"),
    (ai.UnexpectedModelBehavior, "malformed"),
    (ai.UserError, "bad_request"),
)
# An exhausted account, beside what the library knows: Model Studio (Arrearage), Qianfan (account overdue), Zhipu 1113.
_QUOTA = re.compile(
    r"arrearage|insufficient[ _](?:balance|quota)|account[ _]overdue|freetieronly|欠费|余额不足|credit balance is too low",
    re.IGNORECASE,
)
# Input or output that the provider's filter stopped: Azure and OpenAI, Model Studio, Zhipu 1301, Qianfan.
_FILTERED = re.compile(
    r"content_filter|content_policy|data_inspection_failed|datainspectionfailed|\"?1301\"?|contentfilter|敏感|unsafe",
    re.IGNORECASE,
)
_KEYLIKE = re.compile(r"\b(?:sk|pk|api|key|bce-v3|ak)[-_/][\w*./-]{6,}|\bBearer\s+\S+", re.IGNORECASE)
_TEXT = 160


class OversizedError(ValueError):
    """The answer is larger than any answer to a closed question."""


def fault_of(error: Exception, *, name: str, key: str | None) -> BackendError:
    """What the worker is to know of `error`; raised by it with `from None`: the library's texts may repeat requests."""
    fault = _fault(error)
    return BackendError(fault, f"{name}: {_told(error, fault, key)}", after_s=_after(error))


def _fault(error: Exception) -> Fault:
    if _caused_by(error, OversizedError):
        return "malformed"
    body = _body(error)
    if isinstance(error, ai.ModelHTTPError):
        special = _special(error.status_code, body)
        if special is not None:
            return special
    if isinstance(error, ai.ModelConnectionError) and error.phase in {"pool", "connect"}:
        return "overloaded"  # nothing was sent: wait, then again
    known = next((fault for kind, fault in _FAULTS if isinstance(error, kind)), None)
    status = _status(error)
    if known is None and status is not None:
        return "overloaded" if status >= 500 else "bad_request"
    return known or "malformed"  # an answer that the library could not read


def _special(status: int, body: str) -> Fault | None:
    """What the provider's own words tell beyond the library's categories."""
    if _QUOTA.search(body):
        return "quota"
    if status in {400, 403, 422} and _FILTERED.search(body):
        return "refused"
    return "timeout" if status in {408, 504} else None


def _told(error: Exception, fault: Fault, key: str | None) -> str:
    """One short line: the status and what the provider says, without the key and whatever looks like one."""
    status = _status(error)
    said = _said(error)
    text = _WORDS[fault] + (f" ({status})" if status else "") + (f": {said}" if said else "")
    if key:
        text = text.replace(key, "***")
    text = _KEYLIKE.sub("***", text)
    return "".join(c if c.isprintable() else " " for c in text)[: _TEXT + 80].strip()


_WORDS: dict[Fault, str] = {
    "rate_limited": "too many requests",
    "overloaded": "the endpoint is down, overloaded or not to be reached",
    "timeout": "no answer in time",
    "cut": "the connection broke",
    "malformed": "not the answer that was asked for",
    "refused": "the provider would not answer",
    "quota": "the quota or balance at the provider is used up; top it up, then release what is held",
    "auth": "the key was not accepted; check the variable that holds it",
    "bad_request": "the endpoint does not take the request; `sightline cloud probe` tells what it takes",
}


def _said(error: Exception) -> str:
    """The provider's own words, where there are any."""
    if isinstance(error, ai.ModelHTTPError):
        raw: Any = error.body
        inner = raw.get("error", raw) if isinstance(raw, dict) else raw
        text = inner.get("message", inner) if isinstance(inner, dict) else inner
        return "" if text is None else str(text)[:_TEXT]
    return ""  # other texts of the library may hold whole requests


def _status(error: BaseException | None) -> int | None:
    while error is not None:
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__
    return None


def _body(error: Exception) -> str:
    raw = getattr(error, "body", None)
    code = f"{getattr(error, 'provider_error_code', '')} {getattr(error, 'provider_error_type', '')}"
    try:
        return f"{code} {raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)}"
    except (TypeError, ValueError):
        return code


def _after(error: Exception) -> float | None:
    """Seconds of a Retry-After; what is no sane waiting time is left to the worker."""
    after = getattr(error, "retry_after", None)
    return float(after) if isinstance(after, int | float) and 0 <= after <= 86400 else None


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
