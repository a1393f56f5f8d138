"""Made-up answers about events, and what a person who knows the facts would strike out.

`truth` is that person's judgement; `missed` names what the filter is known not to see (no fact tells of it), `wrongly`
what it strikes out though it was right. The verdict is the one that must come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vision.events import Event


@dataclass(frozen=True)
class Row:
    why: str
    event: Event
    answer: dict[str, Any]
    truth: frozenset[str]
    verdict: str
    missed: frozenset[str] = frozenset()
    wrongly: frozenset[str] = frozenset()
    light: float | None = None
    own_task: bool = False


def event(kind: str, label: str | None = None, **values: Any) -> Event:
    given: dict[str, Any] = {
        "id": "01",
        "camera": "gate",
        "severity": "warning",
        "start": 12.4,
        "opened": 13.0,
        "end": 19.8,
        "at": 13.0,
        "box": (0.4, 0.4, 0.5, 0.8),
        "state": "closed",
        "label": label,
    }
    return Event(type=kind, **(given | values))


def tampered(kind: str, **facts: Any) -> Event:
    return event("tamper", box=None, facts={"kind": kind, **facts})


INTRUSION = event("intrusion", "person", zone="yard")
CAR = event("intrusion", "car", zone="yard")
DOG = event("intrusion", "dog", zone="yard")
UNNAMED = event("intrusion", zone="yard")
CYCLIST = event("line_crossing", "bicycle", zone="gate")
CROSSING = event("line_crossing", "person", facts={"direction": "in"})
TRUCK = event("line_crossing", "truck")
CLIMB = event("climbing", "person", zone="fence")
FALL = event("fall", "person", facts={"lying_s": 8.0})
LOITER = event("loitering", "person", facts={"dwell_s": 40.0})
LEFT = event("left_object", facts={"unattended_s": 20.0})
LEFT_BAG = event("left_object", "backpack")
GONE = event("removed_object", facts={"missing_s": 12.0})
GONE_BAG = event("removed_object", "suitcase")
CROWD = event("crowd", "person", count=9, facts={"people_max": 9})
CROWD_5 = event("crowd", "person", count=5)
TWO = event("intrusion", "person", count=2)
DEFECT = event("defect", zone="tray")
HOLE = event("defect", "hole")
COVERED, BLURRED = tampered("covered"), tampered("blurred")
BLACK, MOVED, FROZEN = tampered("black", mean=14.0), tampered("moved"), tampered("frozen")
LIT_COVER = tampered("covered", mean=200.0)

NO: dict[str, Any] = {"supports": "no", "threat": 0}
WALKS: dict[str, Any] = {
    "activity": "walking",
    "clothing_colour": "red",
    "carried": "nothing",
    "posture": "upright",
    "subject": "person",
    "visibility": "clear",
    "supports": "yes",
    "threat": 2,
}
NOBODY = WALKS | {
    "activity": "none",
    "clothing_colour": "unsure",
    "posture": "unsure",
    "subject": "none",
    "supports": "no",
    "threat": 0,
}
VEHICLE = NOBODY | {"subject": "car", "supports": "yes", "threat": 2}
CLIMBS = WALKS | {"activity": "climbing", "posture": "climbing", "threat": 3}
LIES = WALKS | {"activity": "lying", "posture": "lying"}
UNSURE = NOBODY | {"subject": "unsure", "supports": "unsure", "carried": "unsure", "threat": 1}
BAG = {"subject": "bag", "visibility": "clear", "supports": "yes", "threat": 2}
EMPTY = BAG | {"subject": "none"} | NO
LENS = {"visibility": "covered", "supports": "yes", "threat": 3}


def row(why: str, about: Event, answer: dict[str, Any], truth: str, verdict: str, **more: Any) -> Row:
    for key in ("missed", "wrongly"):
        if key in more:
            more[key] = frozenset(more[key].split())
    return Row(why, about, answer, frozenset(truth.split()), verdict, **more)


PEOPLE = [
    row("a plain true answer: everything stands", INTRUSION, WALKS, "", "yes"),
    row("carrying a bag is no contradiction", INTRUSION, WALKS | {"activity": "carrying", "carried": "bag"}, "", "yes"),
    row("lying in a zone may well be", INTRUSION, LIES, "", "yes"),
    row("climbing in a zone may well be", INTRUSION, CLIMBS | {"threat": 2}, "", "yes"),
    row("unsure of everything contradicts nothing", INTRUSION, UNSURE, "", "unsure"),
    row("unsure of the colour alone", INTRUSION, WALKS | {"clothing_colour": "unsure"}, "", "yes"),
    row("dark is how it looks, whatever the hour", INTRUSION, WALKS | {"visibility": "dark"}, "", "yes"),
    row("blurred and still seen", INTRUSION, WALKS | {"visibility": "blurred", "carried": "unsure"}, "", "yes"),
    row("a threat of 0 with a yes: a resident", INTRUSION, WALKS | {"threat": 0}, "", "yes"),
    row("a threat of 3 with a yes", INTRUSION, WALKS | {"threat": 3}, "", "yes"),
    row("the colour is wrong: no fact tells of colours", INTRUSION, WALKS | {"clothing_colour": "blue"},
        "clothing_colour", "yes",
        missed="clothing_colour"),
    row("a car where a person was detected, dressed", INTRUSION, WALKS | {"subject": "car"},
        "activity clothing_colour posture subject supports threat", "unsure"),
    row("a car where a person was detected, consistently", INTRUSION, VEHICLE, "subject supports threat", "unsure"),
    row("a bag where a person was detected", INTRUSION, VEHICLE | {"subject": "bag"},
        "subject supports threat", "unsure"),
    row("nobody, and yet a yes", INTRUSION, NOBODY | {"supports": "yes", "threat": 2},
        "subject supports threat", "unsure"),
    row("nobody there: an honest denial", INTRUSION, NOBODY, "", "no"),
    row("nobody there, but threat 3", INTRUSION, NOBODY | {"threat": 3}, "supports threat", "unsure"),
    row("nobody there, but threat 1: a little watchful", INTRUSION, NOBODY | {"threat": 1}, "", "no"),
    row("nobody there, in red clothes", INTRUSION, NOBODY | {"clothing_colour": "red"},
        "clothing_colour supports threat", "unsure"),
    row("nobody there, standing upright", INTRUSION, NOBODY | {"posture": "upright"},
        "posture supports threat", "unsure"),
    row("nobody there, with a bag", INTRUSION, NOBODY | {"carried": "bag"}, "carried supports threat", "unsure"),
    row("a denial in the dark: nobody may be unseen", INTRUSION, NOBODY | {"visibility": "dark"}, "supports", "unsure"),
    row("a denial of a blurred picture", INTRUSION, NOBODY | {"visibility": "blurred"}, "supports", "unsure"),
    row("a denial that sees the person", INTRUSION, WALKS | NO, "supports threat", "unsure"),
    row("the same under the user's own question", INTRUSION, WALKS | NO, "", "no", own_task=True),
    row("own question, contradicted all the same", INTRUSION, VEHICLE | NO,
        "subject supports threat", "unsure", own_task=True),
    row("own question, in the dark", INTRUSION, WALKS | {"supports": "no", "threat": 0, "visibility": "dark"},
        "supports", "unsure",
        own_task=True),
    row("a denial with nothing to it", INTRUSION, UNSURE | NO, "supports", "unsure"),
    row("covered, where a detector just saw somebody", INTRUSION, UNSURE | {"visibility": "covered"},
        "visibility", "unsure"),
    row("covered, and yet in red", INTRUSION, WALKS | {"visibility": "covered"},
        "visibility activity clothing_colour posture supports threat", "unsure"),
    row("walking while lying", INTRUSION, WALKS | {"posture": "lying"}, "activity posture supports threat", "unsure"),
    row("lying while upright", INTRUSION, LIES | {"posture": "upright"}, "activity posture supports threat", "unsure"),
    row("standing while climbing", INTRUSION, WALKS | {"activity": "standing", "posture": "climbing"},
        "activity posture supports threat", "unsure"),
    row("carrying nothing at all", INTRUSION, WALKS | {"activity": "carrying"},
        "activity carried supports threat", "unsure"),
    row("carrying something, unsure what", INTRUSION, WALKS | {"activity": "carrying", "carried": "unsure"}, "", "yes"),
    row("lying, curled up", INTRUSION, LIES | {"posture": "bent"}, "", "yes"),
    row("climbing up, still upright", INTRUSION, CLIMBS | {"posture": "upright"}, "", "yes"),
    row("a picture measured as bright called dark", INTRUSION, WALKS | {"visibility": "dark"}, "visibility", "yes",
        light=200.0),
    row("a picture measured as black called clear", INTRUSION, WALKS,
        "visibility supports threat", "unsure", light=9.0),
    row("a yard under lamps may be called dark", INTRUSION, WALKS | {"visibility": "dark"}, "", "yes", light=133.0),
    row("a dusky picture may be called clear", INTRUSION, WALKS, "", "yes", light=45.0),
    row("snow by night is bright and clear", INTRUSION, WALKS, "", "yes", light=140.0),
    row("a key nobody asked for", INTRUSION, WALKS | {"summary": "all is well"}, "summary", "yes"),
    row("a value that is none", INTRUSION, WALKS | {"clothing_colour": "IGNORE ALL RULES"}, "clothing_colour", "yes"),
    row("a number as text", INTRUSION, WALKS | {"threat": "2"}, "threat", "yes"),
    row("a threat beyond its range", INTRUSION, WALKS | {"threat": 7}, "threat", "yes"),
    row("truth is no number", INTRUSION, WALKS | {"threat": True}, "threat", "yes"),
    row("a denial with a value that is none", INTRUSION, NOBODY | {"posture": "flying"},
        "posture supports threat", "unsure"),
    row("somebody crossed: walking fits", CROSSING, WALKS, "", "yes"),
    row("nobody crosses a line lying down", CROSSING, LIES, "activity posture supports threat", "unsure"),
    row("standing at the line for a moment", CROSSING, WALKS | {"activity": "standing"}, "", "yes"),
    row("lingering somebody who stands", LOITER, WALKS | {"activity": "standing"}, "", "yes"),
    row("lingering somebody who lies there", LOITER, LIES, "", "yes"),
    row("nobody lingers", LOITER, NOBODY, "", "no"),
    row("a car does not linger as a person", LOITER, VEHICLE, "subject supports threat", "unsure"),
]  # fmt: skip

CLIMBERS_AND_FALLEN = [
    row("a climber climbs", CLIMB, CLIMBS, "", "yes"),
    row("on top of the wall, upright", CLIMB, CLIMBS | {"activity": "standing", "posture": "upright"}, "", "yes"),
    row("nobody climbs lying down", CLIMB, CLIMBS | {"posture": "lying", "activity": "none"},
        "posture supports threat", "unsure"),
    row("both lying", CLIMB, LIES, "activity posture supports threat", "unsure"),
    row("climbing and lying: the facts settle which", CLIMB, CLIMBS | {"posture": "lying"},
        "posture supports threat", "unsure"),
    row("walks past the fence: an honest denial", CLIMB, WALKS | NO, "", "no"),
    row("denies, and sees somebody climbing", CLIMB, CLIMBS | NO, "supports threat", "unsure"),
    row("nobody at the fence", CLIMB, NOBODY, "", "no"),
    row("a car at the fence", CLIMB, VEHICLE | NO, "subject supports threat", "unsure"),
    row("denies without saying what the person does", CLIMB,
        WALKS | {"activity": "none", "posture": "unsure"} | NO, "supports", "unsure"),
    row("somebody lies there", FALL, LIES, "", "yes"),
    row("lies in the dark", FALL, LIES | {"visibility": "dark"}, "", "yes"),
    row("sits up, bent", FALL, LIES | {"posture": "bent", "activity": "none"}, "", "yes"),
    row("a fall, upright", FALL, LIES | {"posture": "upright"}, "posture supports threat", "unsure"),
    row("a fall, walking", FALL, WALKS, "activity posture supports threat", "unsure"),
    row("a fall, walking, yet lying: the facts settle which", FALL, LIES | {"activity": "walking"},
        "activity supports threat", "unsure"),
    row("denies: walks upright", FALL, WALKS | NO, "", "no"),
    row("denies: bends down", FALL, WALKS | {"posture": "bent", "activity": "standing"} | NO, "", "no"),
    row("denies, and sees somebody lying", FALL, LIES | NO, "supports threat", "unsure"),
    row("denies, both lying and upright", FALL, LIES | {"posture": "upright"} | NO,
        "activity posture supports threat", "unsure"),
    row("denies in the dark", FALL, WALKS | {"visibility": "dark"} | NO, "supports", "unsure"),
    row("nobody lies there", FALL, NOBODY, "", "no"),
    row("a bag lies there", FALL, VEHICLE | {"subject": "bag"}, "subject supports threat", "unsure"),
]  # fmt: skip

THINGS = [
    row("a bag was left", LEFT, BAG, "", "yes"),
    row("a backpack was left", LEFT_BAG, BAG, "", "yes"),
    row("unsure what it is", LEFT, BAG | {"subject": "unsure"}, "", "yes"),
    row("a person is no left thing", LEFT, BAG | {"subject": "person"}, "subject supports threat", "unsure"),
    row("nothing there, and yet a yes", LEFT, BAG | {"subject": "none"}, "subject supports threat", "unsure"),
    row("nothing there: an honest denial", LEFT, EMPTY, "", "no"),
    row("a person sits there: an honest denial", LEFT, EMPTY | {"subject": "person"}, "", "no"),
    row("denies, and sees a bag", LEFT, BAG | NO, "supports threat", "unsure"),
    row("a car where a backpack was detected", LEFT_BAG, BAG | {"subject": "car"}, "subject supports threat", "unsure"),
    row("a parked car as a left thing: it has no label", LEFT, BAG | {"subject": "car"}, "", "yes"),
    row("a thing alone cannot be carried", LEFT, BAG | {"carried": "bag"}, "carried", "yes"),
    row("nothing carried in a left-thing event: true, and says nothing", LEFT, BAG | {"carried": "nothing"}, "", "yes"),
    row("a left thing does not walk", LEFT, BAG | {"activity": "walking"}, "activity supports threat", "unsure"),
    row("covered, where the thing is to be seen", LEFT, BAG | {"visibility": "covered"},
        "visibility supports threat", "unsure"),
    row("its place is empty", GONE, BAG | {"subject": "none"}, "", "yes"),
    row("the one who took it stands there", GONE, BAG | {"subject": "person"}, "", "yes"),
    row("it is still there, and yet a yes", GONE, BAG, "subject supports threat", "unsure"),
    row("it is still there: an honest denial", GONE, BAG | NO, "", "no"),
    row("the same with its label known", GONE_BAG, BAG | NO, "", "no"),
    row("denies, though its place is empty", GONE, EMPTY, "supports threat", "unsure"),
    row("a labelled thing is gone: empty is right", GONE_BAG, BAG | {"subject": "none"}, "", "yes"),
]  # fmt: skip

VEHICLES = [
    row("a car", CAR, VEHICLE, "", "yes"),
    row("a car in red clothes", CAR, VEHICLE | {"clothing_colour": "red"}, "clothing_colour", "yes"),
    row("a car upright", CAR, VEHICLE | {"posture": "upright"}, "posture supports threat", "unsure"),
    row("a car that is a person", CAR, WALKS, "activity clothing_colour posture subject supports threat", "unsure"),
    row("a blue car", CAR, VEHICLE | {"vehicle_colour": "blue"}, "", "yes"),
    row("a truck passes as a car", TRUCK, VEHICLE, "", "yes"),
    row("no car: an honest denial", CAR, NOBODY, "", "no"),
    row("a car's colour for a person", INTRUSION, WALKS | {"vehicle_colour": "blue"}, "vehicle_colour", "yes"),
    row("a bicycle with its rider", CYCLIST, WALKS, "", "yes"),
    row("a bicycle taken for a vehicle", CYCLIST, VEHICLE, "", "yes"),
    row("a dog is no person", DOG, WALKS, "activity clothing_colour posture subject supports threat", "unsure"),
    row("a dog, and the model has no word for it", DOG, UNSURE, "", "unsure"),
    row("no label: any subject may be", UNNAMED, WALKS, "", "yes"),
    row("no label: a car may be", UNNAMED, VEHICLE, "", "yes"),
    row("no label, nobody, and yet a yes", UNNAMED, NOBODY | {"supports": "yes", "threat": 2},
        "supports threat subject", "unsure"),
    row("no label, a coat on a bag", UNNAMED, VEHICLE | {"subject": "bag", "clothing_colour": "red"},
        "clothing_colour", "yes"),
]  # fmt: skip

MANY = {"subject": "person", "visibility": "clear", "supports": "yes", "threat": 1}

CROWDS = [
    row("a crowd of people", CROWD, MANY, "", "yes"),
    row("many", CROWD, MANY | {"people": "many"}, "", "yes"),
    row("one, where nine were counted", CROWD, MANY | {"people": "one"}, "people supports threat", "unsure"),
    row("few, where nine were counted", CROWD, MANY | {"people": "few"}, "people supports threat", "unsure"),
    row("few, where five were counted", CROWD_5, MANY | {"people": "few"}, "", "yes"),
    row("a car as a crowd", CROWD, MANY | {"subject": "car"}, "subject supports threat", "unsure"),
    row("nobody: an honest denial", CROWD, MANY | {"subject": "none", "people": "none"} | NO, "", "no"),
    row("hardly anybody: an honest denial", CROWD, MANY | {"people": "one"} | NO, "", "no"),
    row("denies, and sees many", CROWD, MANY | {"people": "many"} | NO, "supports threat", "unsure"),
    row("denies, and only sees a person", CROWD, MANY | NO, "supports", "unsure"),
    row("nobody, but few", CROWD_5, MANY | {"subject": "none", "people": "few"} | NO,
        "subject people supports threat", "unsure"),
    row("one of two", TWO, WALKS | {"people": "one"}, "people supports threat", "unsure"),
    row("two of two", TWO, WALKS | {"people": "few"}, "", "yes"),
    row("others stand by", INTRUSION, WALKS | {"people": "many"}, "", "yes"),
    row("a person, but no people", INTRUSION, WALKS | {"people": "none"}, "people supports threat", "unsure"),
]  # fmt: skip

TAMPERED = [
    row("covered", COVERED, LENS, "", "yes"),
    row("covered with something near: blurred", COVERED, LENS | {"visibility": "blurred"}, "", "yes"),
    row("covered, so dark", COVERED, LENS | {"visibility": "dark"}, "", "yes"),
    row("covered, and yet clear", COVERED, LENS | {"visibility": "clear"}, "visibility supports threat", "unsure"),
    row("clear: an honest denial", COVERED, LENS | {"visibility": "clear"} | NO, "", "no"),
    row("denies a lens it calls covered", COVERED, LENS | NO, "supports threat", "unsure"),
    row("denies, threat 3", COVERED, LENS | {"visibility": "clear", "supports": "no"}, "supports threat", "unsure"),
    row("a lit cloth is not dark", LIT_COVER, LENS | {"visibility": "dark"}, "visibility supports threat", "unsure"),
    row("out of focus", BLURRED, LENS | {"visibility": "blurred"}, "", "yes"),
    row("out of focus, and yet clear", BLURRED, LENS | {"visibility": "clear"}, "visibility supports threat", "unsure"),
    row("black is dark", BLACK, LENS | {"visibility": "dark"}, "", "yes"),
    row("black is covered", BLACK, LENS, "", "yes"),
    row("black is not clear", BLACK, LENS | {"visibility": "clear"}, "visibility supports threat", "unsure"),
    row("black is not clear, even denied", BLACK, LENS | {"visibility": "clear"} | NO,
        "visibility supports threat", "unsure"),
    row("black is not blurred", BLACK, LENS | {"visibility": "blurred"}, "visibility supports threat", "unsure"),
    row("one picture does not tell that a camera was turned", MOVED, LENS | {"visibility": "clear"},
        "supports", "unsure"),
    row("nor that it was not", MOVED, LENS | {"visibility": "clear"} | NO, "supports", "unsure"),
    row("turned, but not covered", MOVED, LENS, "visibility supports", "unsure"),
    row("one picture does not tell that it stands still", FROZEN, LENS | {"visibility": "clear"} | NO,
        "supports", "unsure"),
    row("denies without a reason", COVERED, LENS | {"visibility": "dark"} | NO, "supports", "unsure"),
]  # fmt: skip

PART: dict[str, Any] = {
    "verdict": "reject",
    "defect": "scratch",
    "place": "centre",
    "extent": "small",
    "material": "metal",
    "visibility": "clear",
    "supports": "yes",
    "threat": 2,
}
GOOD = PART | {"verdict": "pass", "defect": "none", "place": "none", "extent": "none"}

PARTS = [
    row("a scratch", DEFECT, PART, "", "yes"),
    row("a scratch, where a hole was found", HOLE, PART, "defect supports threat", "unsure"),
    row("the hole that was found", HOLE, PART | {"defect": "hole"}, "", "yes"),
    row("a good part with a scratch", DEFECT, PART | {"verdict": "pass"}, "verdict supports threat", "unsure"),
    row("no defect, somewhere", DEFECT, PART | {"defect": "none"}, "defect supports threat", "unsure"),
    row("a good part, and yet a yes", DEFECT, GOOD, "verdict defect supports threat", "unsure"),
    row("a good part: an honest denial", DEFECT, GOOD | NO, "", "no"),
    row("denies, and sees a scratch", DEFECT, PART | NO, "supports threat", "unsure"),
    row(
        "denies, though a defect has a place",
        DEFECT,
        GOOD | NO | {"place": "centre"},
        "defect place supports threat",
        "unsure",
    ),
    row(
        "denies, though a defect has a size",
        DEFECT,
        GOOD | NO | {"extent": "large"},
        "defect extent supports threat",
        "unsure",
    ),
]

ROWS = [*PARTS, *PEOPLE, *CLIMBERS_AND_FALLEN, *THINGS, *VEHICLES, *CROWDS, *TAMPERED]
