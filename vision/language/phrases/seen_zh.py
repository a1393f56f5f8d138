"""Chinese words for what a model saw in a picture."""

from __future__ import annotations

from vision.language.compose_words import SeenWords

_COLOURS = {
    "red": "红色",
    "blue": "蓝色",
    "green": "绿色",
    "yellow": "黄色",
    "white": "白色",
    "grey": "灰色",
    "black": "黑色",
    "brown": "棕色",
}

WORDS = SeenWords(
    lead="模型补充：",
    details={
        "subject": {"person": "目标为人员", "car": "目标为车辆", "bag": "目标为包", "none": "原处已空"},
        "vehicle_colour": {colour: f"车辆为{word}" for colour, word in _COLOURS.items()},
        "people": {"one": "可见一人", "few": "可见几人", "many": "可见多人"},
        "clothing_colour": {colour: f"身穿{word}衣服" for colour, word in _COLOURS.items()},
        "activity": {
            "walking": "正在行走",
            "standing": "站立着",
            "climbing": "正在攀爬",
            "lying": "躺在地上",
            "carrying": "携带物品",
        },
        "posture": {"upright": "身体直立", "bent": "弯着腰", "lying": "躺在地上", "climbing": "正在攀爬"},
        "carried": {"bag": "带着包"},
    },
    visibility={"dark": "画面昏暗", "blurred": "画面模糊", "covered": "镜头被遮挡"},
    doubts={
        "subject": {"none": "画面中没有人"},
        "subject.thing": {"none": "画面中没有可疑目标", "person": "目标其实是人", "bag": "物品仍在原处"},
        "activity": {
            "walking": "该人员正在行走",
            "standing": "该人员站立着",
            "climbing": "该人员正在攀爬",
            "lying": "该人员躺在地上",
            "carrying": "该人员正携带物品",
        },
        "posture": {"upright": "该人员身体直立", "bent": "该人员弯着腰", "lying": "该人员躺在地上"},
        "people": {"none": "画面中没有人", "one": "画面中只有一人", "few": "画面中只有几个人"},
        "visibility": {"clear": "画面清晰"},
    },
    yes="画面与报警相符",
    no="画面与报警不符",
    threat="威胁等级 {threat}/3",
    comma="，",
    last_comma="，",
    semicolon="；",
    why="，",
    colon="：",
    stop="。",
    gap="",
    reasons={
        "not_asked": "未要求该字段",
        "not_allowed": "不是该字段的取值",
        "label": "检测器识别的目标不同",
        "event": "与所发生的事件矛盾",
        "count": "实际计数更多",
        "detected": "该画面中检测到了目标",
        "kind": "测得的画面异常类型不同",
        "light": "与测得的画面亮度矛盾",
        "mismatch": "与回答的其余部分矛盾",
        "unseen": "并未看到该细节所属的目标",
        "untold": "单张画面无法判断",
        "poor_sight": "画面不够清楚，不足以否定报警",
        "unfounded": "回答中没有支持否定的依据",
    },
    names={
        "activity": "动作",
        "clothing_colour": "衣着",
        "carried": "携带",
        "posture": "姿态",
        "subject": "目标",
        "visibility": "画面",
        "supports": "是否相符",
        "threat": "威胁等级",
        "vehicle_colour": "车辆",
        "people": "人数",
    },
)
