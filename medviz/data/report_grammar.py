"""The grammar of the report sentences: our own words for findings, anatomy, sides, severity, negation and change.

Nothing is copied from any report. Pairs of words are used in sentences that differ in the same way ("hepatic" is to
"liver" as "renal" is to "kidney"), so that a network that learns words from their neighbours can find the pairs:
`ANALOGIES` lists them.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

import numpy as np

Chance = np.random.Generator
Form = Callable[[Chance], str]

SIDES, ZONES = ("left", "right"), ("upper", "middle", "lower")
SEVERITIES = ("mild", "moderate", "severe", "minimal", "marked")
SIZES = {"small": "smaller", "large": "larger"}
LESIONS = {"nodule": "nodules", "cyst": "cysts", "mass": "masses", "lesion": "lesions"}
CHEST = ("pleural effusion", "pneumothorax", "consolidation", "atelectasis", "oedema", "pneumonia")
LINES = ("endotracheal tube", "central venous catheter", "chest drain", "feeding tube", "pacemaker lead")
BONES = ("rib", "clavicle", "scapula", "vertebra", "humerus", "femur")
ORGANS: Mapping[str, tuple[str, tuple[str, str], tuple[str, str]]] = {
    "liver": ("hepatic", ("porta", "caudate"), ("steatosis", "cirrhosis")),
    "kidney": ("renal", ("cortex", "ureter"), ("hydronephrosis", "nephritis")),
    "heart": ("cardiac", ("ventricle", "atrium"), ("cardiomyopathy", "endocarditis")),
    "lung": ("pulmonary", ("bronchus", "bronchiole"), ("emphysema", "fibrosis")),
    "brain": ("cerebral", ("hemisphere", "gyrus"), ("ischaemia", "encephalitis")),
    "spleen": ("splenic", ("hilum", "pulp"), ("infarct", "splenomegaly")),
    "stomach": ("gastric", ("antrum", "fundus"), ("ulcer", "gastritis")),
    "bladder": ("vesical", ("trigone", "urothelium"), ("diverticulum", "cystitis")),
}
"""Noun → its adjective, and two parts and two diseases that are said of this organ and no other."""
MODALITIES = {
    "ct": ("attenuating", ("contrast", "bone", "window", "phase")),
    "mri": ("intense", ("sequence", "diffusion", "gradient", "flair")),
    "ultrasound": ("echoic", ("probe", "doppler", "shadowing", "gel")),
}
"""Modality → the end of its words for light, and words that are said of this modality alone."""
LIGHTS = {"hyper": ("brighter", "bright", "high"), "hypo": ("darker", "dark", "low")}

FAMILIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "organs": tuple((noun, adjective) for noun, (adjective, _, _) in ORGANS.items()),
    "light": tuple((f"hyper{end}", f"hypo{end}") for end, _ in MODALITIES.values()),
    "number": tuple(LESIONS.items()),
    "size": tuple(SIZES.items()),
}
"""Pairs of words that differ in the same way."""
ANALOGIES: tuple[tuple[str, str, str, str], ...] = tuple(
    (second, first, other_first, other_second)
    for pairs in FAMILIES.values()
    for (first, second), (other_first, other_second) in permutations(pairs, 2)
)
"""(a, b, c, d) with a − b + c = d: "hepatic" − "liver" + "kidney" = "renal"."""


def sentence(chance: Chance) -> str:
    """Draw one sentence."""
    return FORMS[int(chance.choice(len(FORMS), p=_SHARES))](chance)


def _one(chance: Chance, words: Sequence[str]) -> str:
    return words[int(chance.integers(len(words)))]


def _present(chance: Chance) -> str:
    finding, side, zone = _one(chance, CHEST), _one(chance, SIDES), _one(chance, ZONES)
    start = _one(chance, ("there is", "again seen is", "the radiograph shows"))
    where = _one(chance, (f"in the {side} {zone} zone", f"on the {side}", f"at the {side} base", "on both sides"))
    return f"{start} {_one(chance, SEVERITIES)} {finding} {where}."


def _absent(chance: Chance) -> str:
    finding = _one(chance, (*CHEST, *LESIONS.values(), "fracture", "free air", "lymphadenopathy"))
    side = _one(chance, ("", f" on the {_one(chance, SIDES)}", f" in the {_one(chance, list(ORGANS))}"))
    return _one(chance, (f"no {finding} is seen{side}.", f"there is no evidence of {finding}{side}.",
                         f"no sign of {finding}{side}.", f"{finding} is not seen{side}."))  # fmt: skip


def _of_organ(chance: Chance) -> str:
    """Say something in the words of one organ, about its noun or with its adjective: what makes the pairs."""
    noun = _one(chance, list(ORGANS))
    adjective, parts, diseases = ORGANS[noun]
    part, disease = _one(chance, parts), _one(chance, diseases)
    state, course = _one(chance, ("enlarged", "atrophic", "displaced")), _one(chance, ("preserved", "reduced"))
    return _one(chance, (
        f"the {noun} is normal in size, with a normal {part}.",
        f"the {noun} is {state} and shows {disease} near the {part}.",
        f"the {noun} is {state}, with {disease}.",
        f"the {noun} lies in its usual place, the {part} is thin.",
        f"{adjective} {_one(chance, list(LESIONS))} close to the {part}, with {disease}.",
        f"{adjective} function is {course}, the {part} is thin.",
        f"{_one(chance, ('acute', 'chronic'))} {adjective} disease with {disease}.",
        f"{adjective} {disease} of the {part} is likely.",
    ))  # fmt: skip


def _of_light(chance: Chance) -> str:
    """Say how a lesion looks in one modality: the words for bright and dark differ by it."""
    name = _one(chance, list(MODALITIES))
    end, own = MODALITIES[name]
    light = _one(chance, list(LIGHTS))
    more, plain, level = LIGHTS[light]
    lesion, word, other = _one(chance, list(LESIONS)), _one(chance, own), _one(chance, ("muscle", "fat", "fluid"))
    return _one(chance, (
        f"on {name} the {lesion} is {light}{end}, {more} than {other} in the {word}.",
        f"a {light}{end} {plain} {lesion} on {name} with the {word}.",
        f"{light}{end} {word} on {name}, {level} and {plain}.",
    ))  # fmt: skip


def _of_number(chance: Chance) -> str:
    """Speak of one or of many: the article and the verb differ."""
    lesion, side, organ = _one(chance, list(LESIONS)), _one(chance, SIDES), _one(chance, list(ORGANS))
    size, border = _one(chance, list(SIZES)), _one(chance, ("smooth", "irregular", "spiculated"))
    if chance.random() < 0.5:
        return _one(chance, (
            f"a single {lesion} is seen in the {organ}.", f"one {size} {lesion} with a {border} border is present.",
            f"this {lesion} measures {int(chance.integers(3, 60))} mm and is {border}.",
            f"a solitary {lesion} lies on the {side}.",
        ))  # fmt: skip
    many = LESIONS[lesion]
    return _one(chance, (
        f"multiple {many} are seen in the {organ}.", f"several {size} {many} with {border} borders are present.",
        f"these {many} measure up to {int(chance.integers(3, 60))} mm and are {border}.",
        f"many {many} lie scattered on the {side}.",
    ))  # fmt: skip


def _of_size(chance: Chance) -> str:
    """Speak of a size or of its change; what is small is said with other numbers and words than what is large."""
    small = chance.random() < 0.5
    size = "small" if small else "large"
    what, side = _one(chance, (*LESIONS, "effusion", "fluid collection")), _one(chance, SIDES)
    mm = int(chance.integers(2, 9) if small else chance.integers(40, 120))
    kind = _one(chance, ("tiny", "subtle", "faint") if small else ("huge", "bulky", "extensive"))
    course = _one(chance, ("shrinking", "regressing", "healing") if small else ("growing", "progressing", "spreading"))
    return _one(chance, (
        f"a {size}, {kind} {what} of {mm} mm on the {side}.", f"there is a {size} {what}, {kind} at {mm} mm.",
        f"the {what} is now {SIZES[size]} than before and {course}.",
        f"{SIZES[size]} than on the previous scan, the {what} is {course}, now {mm} mm.",
        f"the {size} and {kind} {what} needs no treatment." if small else
        f"the {size} and {kind} {what} needs treatment.",
    ))  # fmt: skip


def _of_chest(chance: Chance) -> str:
    side = _one(chance, SIDES)
    degree = _one(chance, ("", "mildly ", "slightly ", "markedly "))
    return _one(chance, (
        f"the {side} hemidiaphragm is {degree}elevated.", f"the heart is {degree}enlarged.",
        f"the mediastinum is shifted to the {side}.", f"the {side} costophrenic angle is {degree}blunted.",
        f"the trachea is {degree}deviated to the {side}.", f"the {side} lung is clear.",
        "the cardiomediastinal silhouette is normal.", "the lungs are clear and well expanded.",
        f"the tip of the {_one(chance, LINES)} lies on the {side}.",
        f"the {_one(chance, LINES)} has been removed.", f"{_one(chance, LINES)} in place on the {side}.",
    ))  # fmt: skip


def _of_bone(chance: Chance) -> str:
    bone, side = _one(chance, BONES), _one(chance, SIDES)
    kind = _one(chance, ("healed", "acute", "displaced", "undisplaced", "pathological"))
    return _one(chance, (f"{kind} fracture of the {side} {bone}.", f"the {side} {bone} is intact.",
                         f"degenerative change of the {bone}.", f"no fracture of the {bone} is seen."))  # fmt: skip


def _of_time(chance: Chance) -> str:
    finding, months = _one(chance, (*CHEST, *LESIONS)), _one(chance, ("three", "six", "twelve"))
    return _one(chance, (
        f"the {finding} is {_one(chance, ('unchanged', 'new', 'stable', 'resolved'))} since the previous scan.",
        f"follow-up of the {finding} in {months} months is advised.",
        f"compared with the previous scan the {finding} has {_one(chance, ('increased', 'decreased'))}.",
        f"clinical correlation of the {finding} is advised within {months} weeks.",
    ))  # fmt: skip


FORMS: tuple[Form, ...] = (
    _present, _absent, _of_organ, _of_light, _of_number, _of_size, _of_chest, _of_bone, _of_time,
)  # fmt: skip
"""What a sentence may be about."""
_WEIGHTS = (10, 8, 26, 14, 14, 14, 6, 4, 4)
"""How often each is drawn; those that make pairs are the most."""
_SHARES = np.array(_WEIGHTS) / sum(_WEIGHTS)
