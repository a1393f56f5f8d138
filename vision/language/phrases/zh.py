"""Chinese (simplified)."""

from __future__ import annotations

from typing import ClassVar

from vision.language.base import Values

SENTENCES = {
    "intrusion": "{start} 起，{who}出现在{place}[，停留 {lasting}]",
    "intrusion.open": "{start} 起，{who}出现在{place}，目前仍未离开",
    "line_crossing": "{start}，{who}[{direction}]越过{place}",
    "climbing": "{start}，{who}[{crossing}]翻越{place}",
    "climbing.up": "{start}，{who}爬上{place}",
    "loitering": "{start} 起，{who}在{place}徘徊[，持续 {lasting}]",
    "loitering.open": "{start} 起，{who}在{place}徘徊[，已持续 {lasting}]",
    "left_object": "{start}，{who}被遗留在{place}[，无人看管 {alone}]",
    "left_object.open": "{start}，{who}被遗留在{place}[，已无人看管 {alone}]",
    "removed_object": "{start}，{place}有{who}被取走",
    "fall": "{start}，{who}[在{where}]摔倒[，倒地不动 {lying}]",
    "fall.open": "{start}，{who}[在{where}]摔倒[，已倒地不动 {lying}]",
    "crowd": "{start} 起，{place}人员聚集，最多 {peak}[，持续 {lasting}]",
    "crowd.open": "{start} 起，{place}人员聚集，现有 {peak}",
    "counting": "{start} 起，{place}计数：{peak}[，其中进入 {in}、离开 {out}][，历时 {lasting}]",
    "tamper": "{start} 起，摄像机画面异常[，持续 {lasting}]",
    "tamper.open": "{start} 起，摄像机画面异常，目前尚未恢复",
    "tamper.covered": "{start} 起，镜头被遮挡[，持续 {lasting}]",
    "tamper.covered.open": "{start} 起，镜头被遮挡，目前尚未恢复",
    "tamper.blurred": "{start} 起，画面失焦模糊[，持续 {lasting}]",
    "tamper.blurred.open": "{start} 起，画面失焦模糊，目前尚未恢复",
    "tamper.black": "{start} 起，画面黑屏[，持续 {lasting}]",
    "tamper.black.open": "{start} 起，画面黑屏，目前尚未恢复",
    "tamper.frozen": "{start} 起，画面冻结[，持续 {lasting}]",
    "tamper.frozen.open": "{start} 起，画面冻结，目前尚未恢复",
    "tamper.moved": "{start}，摄像机被转动，监视画面改变",
    "defect": "{start}，[零件 {part} ][在{where}]检出缺陷[：{fault}]",
    "defect.pass": "{start}，零件[ {part} ]合格",
    "defect.reject": "{start}，零件[ {part} ]不合格[：{why}]",
    "defect.no_decision": "{start}，零件[ {part} ]无法判定[：{why}]",
    "output_missed": "{start}，零件[ {part} ]的输出[ {output} ]未按时确认[：{why}]",
    "score_drift": "{start}，发现合格零件的评分升高",
    "camera_offline": "{start} 起，摄像机离线[，持续 {lasting}]",
    "camera_offline.open": "{start} 起，摄像机离线，目前尚未恢复",
    "camera_offline.auth.open": "{start} 起，摄像机拒绝了用户名和密码",
    "camera_offline.not_found.open": "{start} 起，摄像机上找不到该视频流路径",
    "camera_offline.refused.open": "{start} 起，摄像机没有应答",
    "camera_offline.unreachable.open": "{start} 起，无法连接摄像机",
    "camera_offline.timeout.open": "{start} 起，摄像机没有应答",
    "camera_offline.stall.open": "{start} 起，摄像机视频流停滞",
    "camera_online": "{start}，摄像机恢复在线[，此前离线 {away}]",
    "storage_low": "{start} 起，证据存储空间不足[，持续 {lasting}]",
    "storage_low.open": "{start} 起，证据存储空间不足，正在删除价值最低的证据",
    "*": "{start} 起，[在{where}]发生“{title}”事件[：{known}][，持续 {lasting}]",
    "*.open": "{start} 起，[在{where}]发生“{title}”事件[：{known}]，目前仍在持续",
}

TITLES = {
    "intrusion": "区域入侵",
    "line_crossing": "越线",
    "climbing": "翻越",
    "loitering": "徘徊",
    "left_object": "物品遗留",
    "removed_object": "物品取走",
    "fall": "摔倒",
    "crowd": "人员聚集",
    "counting": "计数",
    "tamper": "画面异常",
    "camera_offline": "摄像机离线",
    "camera_online": "摄像机恢复",
    "storage_low": "存储空间不足",
    "defect": "缺陷",
    "output_missed": "输出超时",
    "score_drift": "合格零件评分升高",
}

_NOWHERE = {"line_crossing": "警戒线", "climbing": "围墙", "counting": "计数线"}
_WAYS = {"in": "向内", "out": "向外", "left": "向左", "right": "向右", "up": "向上", "down": "向下"}

# Measure word, then label and noun: the 80 COCO classes and a few common ones of users.
_NOUNS = {
    "名": {"person": "人员", "worker": "工人"},
    "辆": {
        "bicycle": "自行车", "car": "汽车", "motorcycle": "摩托车", "motorbike": "摩托车", "bus": "公交车", "truck": "卡车",
        "train": "列车",
    },
    "架": {"airplane": "飞机", "aeroplane": "飞机"},
    "艘": {"boat": "船"},
    "只": {
        "bird": "鸟", "cat": "猫", "dog": "狗", "sheep": "羊", "bear": "熊", "backpack": "背包", "handbag": "手提包",
        "suitcase": "行李箱", "frisbee": "飞盘", "baseball glove": "棒球手套", "cup": "杯子", "bowl": "碗", "bag": "包",
        "mouse": "鼠标", "teddy bear": "毛绒玩具",
    },
    "匹": {"horse": "马", "zebra": "斑马"},
    "头": {"cow": "牛", "elephant": "大象", "giraffe": "长颈鹿"},
    "把": {
        "umbrella": "雨伞", "fork": "叉子", "knife": "刀", "spoon": "勺子", "chair": "椅子", "scissors": "剪刀",
        "toothbrush": "牙刷",
    },
    "条": {"tie": "领带"},
    "副": {"skis": "滑雪板"},
    "块": {
        "snowboard": "单板滑雪板", "skateboard": "滑板", "surfboard": "冲浪板", "pizza": "披萨", "cake": "蛋糕",
        "clock": "钟表",
    },
    "张": {"bed": "床", "sofa": "沙发", "couch": "沙发", "diningtable": "餐桌", "dining table": "餐桌", "bench": "长椅"},
    "台": {
        "tvmonitor": "显示器", "tv": "电视", "laptop": "笔记本电脑", "microwave": "微波炉", "oven": "烤箱",
        "toaster": "烤面包机", "refrigerator": "冰箱",
    },
    "部": {"cell phone": "手机"},
    "本": {"book": "书"},
    "件": {"object": "物品"},
    "根": {"banana": "香蕉", "baseball bat": "棒球棒", "carrot": "胡萝卜", "hot dog": "热狗"},
    "支": {"tennis racket": "网球拍", "wine glass": "酒杯"},
    "个": {
        "traffic light": "交通灯", "fire hydrant": "消防栓", "stop sign": "停车标志", "parking meter": "停车计时器",
        "sports ball": "球", "bottle": "瓶子", "apple": "苹果", "sandwich": "三明治", "orange": "橙子", "broccoli": "西兰花",
        "donut": "甜甜圈", "remote": "遥控器", "keyboard": "键盘", "sink": "水槽", "vase": "花瓶", "hair drier": "吹风机",
        "toilet": "马桶", "kite": "风筝", "package": "包裹", "face": "人脸",
    },
    "盆": {"pottedplant": "盆栽", "potted plant": "盆栽"},
}  # fmt: skip
NOUNS = {label: (measure, noun) for measure, group in _NOUNS.items() for label, noun in group.items()}
_DIGITS = {1: "一", 2: "两"}


class Chinese:
    """Chinese phrases; see `vision.language.base.Phrasebook`."""

    sentences: ClassVar[dict[str, str]] = SENTENCES
    titles: ClassVar[dict[str, str]] = TITLES

    def title(self, kind: str) -> str:
        """The Chinese name; an unknown type keeps its own."""
        return TITLES.get(kind) or kind.replace("_", " ").strip() or "事件"

    def thing(self, label: str | None, count: int, fallback: str) -> str:
        """Number, measure word and noun: 一名人员, 3 辆汽车; an unknown label keeps its own name."""
        name = (label or fallback).replace("_", " ")
        measure, noun = NOUNS.get(name, ("个", f" {name} " if name else "目标"))
        number = _DIGITS.get(count, f" {count} ")
        return f"{number}{measure}{noun}".strip()

    def noun(self, label: str) -> str:
        """The Chinese noun; an unknown label keeps its own name."""
        name = label.replace("_", " ")
        return NOUNS[name][1] if name in NOUNS else name

    def grammar(self, count: int) -> Values:
        """Nothing bends in Chinese."""
        return {}

    def direction(self, way: str) -> str:
        """Which way across the line."""
        return _WAYS.get(way, f"沿 {way} 方向")

    def place(self, zone: str | None, fallback: str) -> str | None:
        """The name in quotation marks; a zone is called one, a line is not."""
        if not zone:
            return _NOWHERE.get(fallback, "画面中")
        return f"“{zone}”" if fallback in _NOWHERE else f"“{zone}”区域"

    def duration(self, seconds: float) -> str:
        """As spoken: 0.6 秒, 2 分 5 秒, 3 小时."""
        if seconds < 9.95:
            return f"{round(seconds, 1):g} 秒"
        whole = round(seconds)
        hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60 if whole < 3600 else 0
        short = "分" if rest else "分钟"
        parts = [(hours, "小时"), (minutes, short), (rest, "秒")]
        return " ".join(f"{number} {unit}" for number, unit in parts if number)

    def finish(self, sentence: str, camera: str | None, sure: str | None) -> str:
        """Camera and certainty in brackets, full stop."""
        aside = "，".join(part for part in (camera and f"摄像机 {camera}", sure and f"置信度 {sure}") if part)
        return sentence + (f"（{aside}）" if aside else "") + "。"
