"""English words for what a model saw in a picture."""

from __future__ import annotations

from vision.language.compose_words import SeenWords

_COLOURS = ("red", "blue", "green", "yellow", "white", "grey", "black", "brown")

WORDS = SeenWords(
    lead="The model adds: ",
    details={
        "subject": {"person": "a person", "car": "a vehicle", "bag": "a bag", "none": "nothing in its place"},
        "vehicle_colour": {colour: f"the vehicle is {colour}" for colour in _COLOURS},
        "people": {"one": "one person in view", "few": "a few people in view", "many": "many people in view"},
        "clothing_colour": {colour: f"wearing {colour}" for colour in _COLOURS},
        "activity": {
            "walking": "walking",
            "standing": "standing",
            "climbing": "climbing",
            "lying": "lying down",
            "carrying": "carrying something",
        },
        "posture": {"upright": "upright", "bent": "bent over", "lying": "lying down", "climbing": "climbing"},
        "carried": {"bag": "carrying a bag"},
    },
    visibility={"dark": "the picture is dark", "blurred": "the picture is blurred", "covered": "the lens is covered"},
    doubts={
        "subject": {"none": "nobody can be seen"},
        "subject.thing": {
            "none": "nothing can be seen",
            "person": "it is a person",
            "bag": "the thing is still there",
        },
        "activity": {
            "walking": "the person is walking",
            "standing": "the person is standing",
            "climbing": "the person is climbing",
            "lying": "the person is lying down",
            "carrying": "the person is carrying something",
        },
        "posture": {
            "upright": "the person is upright",
            "bent": "the person bends down",
            "lying": "the person is lying down",
        },
        "people": {
            "none": "nobody can be seen",
            "one": "only one person is in view",
            "few": "only a few people are in view",
        },
        "visibility": {"clear": "it is clear"},
    },
    yes="the picture supports the alarm",
    no="the picture does not support the alarm",
    threat="threat {threat} of 3",
    comma=", ",
    last_comma=" and ",
    semicolon="; ",
    why=", since ",
    colon=": ",
    stop=".",
    gap=" ",
    reasons={
        "not_asked": "was not asked for",
        "not_allowed": "is no value of this field",
        "label": "the detector saw something else",
        "event": "what happened rules it out",
        "count": "more were counted",
        "detected": "something was detected in this very picture",
        "kind": "another disturbance was measured",
        "light": "the picture's brightness says otherwise",
        "mismatch": "does not fit the rest of the answer",
        "unseen": "a detail of something that was not seen",
        "untold": "one picture cannot tell it",
        "poor_sight": "the picture cannot be seen well enough for a denial",
        "unfounded": "nothing else in the answer bears the denial out",
    },
    names={
        "activity": "activity",
        "clothing_colour": "clothes",
        "carried": "carried",
        "posture": "posture",
        "subject": "subject",
        "visibility": "visibility",
        "supports": "supports the alarm",
        "threat": "threat",
        "vehicle_colour": "vehicle",
        "people": "people",
    },
)
