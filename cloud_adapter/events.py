"""What becomes an event, and so an alert: a diagnosis that is not good news, an action, trouble with money or endpoints.

Healthy leaves and covers in place are kept as diagnoses, and are no events: nobody wants to be told.
"""

from __future__ import annotations

from cloud_adapter.actions.commands import CommandRow
from cloud_adapter.records import MICRO, READINGS, Diagnosis
from cloud_adapter.worker.diagnoses import Notice
from vision.events import Event, Evidence, Fact, Severity, Summary, event_id

GOOD = ("healthy", "in_place", READINGS)
_COVER_ALARMS = ("displaced", "damaged", "missing")

_WORDS = {
    "en": {
        "diagnosed": "{camera}: {label} ({confidence:.0%} sure{severity}).",
        "review": "{camera}: a person has to look: {why}.",
        "held": "{camera}: the picture waits: {why}.",
        "failed": "{camera}: no diagnosis: {why}.",
        "severity": ", {severity}",
        "proposed": "{action} at {camera} for {label} waits for a person: sightline cloud actions approve {id} --by NAME",
        "approved": "{action} at {camera}: approved.",
        "rejected": "{action} at {camera}: rejected.",
        "expired": "{action} at {camera}: nobody decided in time.",
        "sending": "{action} at {camera}: sent.",
        "done": "{action} at {camera} for {label}: done, {told}.",
        "failed_action": "{action} at {camera}: not carried out: {told}.",
        "unknown": "{action} at {camera}: sent, but nobody answered ({told}); look at the valve.",
        "flow_fault": "{action} at {camera}: {flow:g} {unit} flowed instead of {amount:g}; look at the valve.",
    },
    "zh": {
        "diagnosed": "{camera}：{label}（把握 {confidence:.0%}{severity}）。",
        "review": "{camera}：需要人工查看：{why}。",
        "held": "{camera}：图片暂缓处理：{why}。",
        "failed": "{camera}：未能诊断：{why}。",
        "severity": "，{severity}",
        "proposed": "{camera} 的 {action}（{label}）等待批准：sightline cloud actions approve {id} --by 姓名",
        "approved": "{camera} 的 {action}：已批准。",
        "rejected": "{camera} 的 {action}：已否决。",
        "expired": "{camera} 的 {action}：逾期无人决定。",
        "sending": "{camera} 的 {action}：已发送。",
        "done": "{camera} 的 {action}（{label}）：已完成，{told}。",
        "failed_action": "{camera} 的 {action}：未执行：{told}。",
        "unknown": "{camera} 的 {action}：已发送但无应答（{told}），请检查阀门。",
        "flow_fault": "{camera} 的 {action}：实际流量 {flow:g} {unit}，应为 {amount:g}，请检查阀门。",
    },
}
_ACTION_SEVERITY: dict[str, Severity] = {
    "proposed": "warning",
    "done": "info",
    "failed": "warning",
    "unknown": "alert",
    "flow_fault": "alert",
    "expired": "warning",
}


def diagnosis_event(diagnosis: Diagnosis, *, snapshot: str | None = None, locale: str = "en") -> Event | None:
    """The event of a diagnosis; None where there is nothing to tell. Times are epoch seconds UTC."""
    if diagnosis.outcome == "diagnosed" and diagnosis.label in GOOD:
        return None
    words = _WORDS[locale]
    why = "; ".join(diagnosis.reasons) or diagnosis.label
    severity = (
        words["severity"].format(severity=diagnosis.severity) if diagnosis.severity not in ("unknown", "none") else ""
    )
    text = words[diagnosis.outcome].format(
        camera=diagnosis.camera, label=diagnosis.label.replace("_", " "), confidence=diagnosis.confidence, why=why,
        severity=severity,
    )  # fmt: skip
    if diagnosis.advice:
        text += f" {diagnosis.advice}"
    facts: dict[str, Fact] = {
        "outcome": diagnosis.outcome,
        "device": diagnosis.device,
        "site": diagnosis.site,
        "profile": diagnosis.profile,
        "severity": diagnosis.severity,
        "calibrated": diagnosis.calibrated,
        "candidates": [f"{c.label} {c.confidence:.2f}" for c in diagnosis.candidates],
        "models": [opinion.model for opinion in diagnosis.opinions],
        "reasons": list(diagnosis.reasons),
        "cost_usd": diagnosis.cost_microusd / MICRO,
    }
    return Event(
        id=event_id(diagnosis.captured, "diagnosis", diagnosis.job),
        type="diagnosis",
        rule=f"diagnosis {diagnosis.profile}",
        camera=diagnosis.camera,
        severity=_severity(diagnosis),
        start=diagnosis.captured,
        end=diagnosis.captured,
        opened=diagnosis.decided,
        at=diagnosis.captured,
        label=diagnosis.label,
        score=diagnosis.confidence,
        facts=facts,
        evidence=Evidence(snapshot=snapshot),
        summary=Summary(text=text, source="template"),
        state="closed",
    )


def _severity(diagnosis: Diagnosis) -> Severity:
    if diagnosis.outcome in ("held", "failed"):
        return "info" if diagnosis.outcome == "held" else "warning"
    if diagnosis.label in _COVER_ALARMS or diagnosis.severity == "high":
        return "alert"
    return "warning"


def action_event(command: CommandRow, *, locale: str = "en") -> Event | None:
    """The event of a command that waits for a person or has ended; None for what is only written down (refusals)."""
    severity = _ACTION_SEVERITY.get(command.state)
    if severity is None:
        return None
    key = "failed_action" if command.state == "failed" else command.state
    text = _WORDS[locale][key].format(
        action=command.action, camera=command.camera, label=command.label.replace("_", " "), id=command.id,
        told=command.told or "-", flow=command.flow or 0.0, unit=command.unit, amount=command.amount,
    )  # fmt: skip
    return Event(
        id=event_id(command.created, "action", command.id, command.state),
        type=f"action_{command.state}",
        rule=command.action,
        camera=command.camera,
        severity=severity,
        start=command.created,
        end=command.changed,
        opened=command.changed,
        at=command.changed,
        label=command.label,
        facts={
            "command": command.id,
            "device": command.device,
            "site": command.site,
            "mode": command.mode,
            "amount": command.amount,
            "unit": command.unit,
            "approved_by": command.approved_by,
            "told": command.told,
            "flow": command.flow,
        },
        summary=Summary(text=text, source="template"),
        state="closed",
    )


def notice_event(notice: Notice) -> Event:
    """The event of something that a person should know about the service itself."""
    return Event(
        id=event_id(notice.at, "notice", notice.key),
        type=notice.kind,
        rule=notice.kind,
        camera=notice.job.camera if notice.job is not None else "cloud",
        severity=notice.severity,
        start=notice.at,
        end=notice.at,
        opened=notice.at,
        at=notice.at,
        facts={"key": notice.key, **({"job": notice.job.id} if notice.job is not None else {})},
        summary=Summary(text=notice.text, source="template"),
        state="closed",
    )
