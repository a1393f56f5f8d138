"""Chinese words for a digest."""

from __future__ import annotations

from vision.language.digest_words import DigestWords

WORDS = DigestWords(
    nouns={
        "event": ("{n} 个事件", "{n} 个事件"),
        "incident": ("{n} 起情况", "{n} 起情况"),
        "camera": ("{n} 台摄像机", "{n} 台摄像机"),
        "alert": ("报警 {n} 个", "报警 {n} 个"),
        "warning": ("警告 {n} 个", "警告 {n} 个"),
        "info": ("提示 {n} 个", "提示 {n} 个"),
        "other": ("{n} 个相关事件", "{n} 个相关事件"),
        "withheld": ("暂扣报警 {n} 条", "暂扣报警 {n} 条"),
        "rest": ("{n} 起", "{n} 起"),
    },
    severities={"alert": "报警", "warning": "警告", "info": "提示"},
    span="{since} 至 {until}",
    headline="{span}：{cameras}共记录 {events}，归为 {incidents}；其中{severities}。",
    apart="{span}：{cameras}共记录 {events}；其中{severities}。",
    nothing="{span}：没有事件。",
    kinds="按类型：{entries}。",
    cameras="按摄像机：{entries}。",
    zones="按区域：{entries}。",
    entry="{name} {n}",
    incident="{severity}：{sentence}{more}{verdict}",
    more="另有 {others}。",
    verdicts={"yes": "画面与报警相符。", "no": "画面与报警不符。", "unsure": ""},
    longest="持续最久：{sentence}",
    offline="无法监视的时段：{entries}。",
    absence="摄像机 {camera} 于 {start} 至 {end} 离线（{lasting}）",
    absence_open="摄像机 {camera} 自 {start} 起离线，尚未恢复（已 {lasting}）",
    rhythm="最繁忙的一小时：{hour} 起，{events}；最长的平静时段：{quiet_from} 至 {quiet_to}。",
    checks="画面核验：相符 {yes} 个，不符 {no} 个，未定 {unsure} 个{withheld}。",
    withheld="；{n}",
    ongoing="仍在持续：{entries}。",
    storage="自 {start} 起证据存储空间不足。",
    rest="另有 {rest}。",
    comma="，",
    semicolon="；",
)
