"""How long two maps of 117 labels take to be held against each other, in one pass and label by label."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from medviz.imaging.judging.agreement import agreement
from medviz.imaging.judging.consequences import Consequences
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.judging.thresholds import consequences
from medviz.imaging.measure import label_table
from medviz.imaging.volume import Array, Stored, Volume
from medviz.messages import finished
from tests.benchmarks.measuring import Measured, percentiles, timed_ms

SIZE, LABELS = 256, 117


def measure() -> dict[str, list[Measured]]:
    """Measure counting, comparing, and what a threshold costs."""
    meant = organs()
    found = np.roll(meant, (1, 2, 0), (0, 1, 2))
    image = np.random.default_rng(0).integers(-1000, 1000, meant.shape).astype(np.int16)
    grids = [volume(one) for one in (found, meant, image)]
    one_pass, loop = best(lambda: dice_of(found, meant)), timed_ms(lambda: dice_loop(found, meant))
    rows = [
        Measured("Dice of all labels, one joint count", one_pass, at_most=500),
        Measured("Dice of all labels, label by label", loop, note="for comparison"),
        Measured("how much faster", loop / one_pass, "times", at_least=5),
        Measured("volume, mean, SD, box and centre of all labels", best(lambda: label_table(grids[1], grids[2]), 2)),
        Measured("the same, label by label", timed_ms(lambda: table_loop(meant, image)), note="for comparison"),
        Measured("all labels: Dice, HD95, ASSD, NSD, errors", timed_ms(lambda: compared(grids)) / 1000, "s"),
        Measured("HD95 alone, label by label by distance maps", hd95_loop_s(found, meant), "s", note="for comparison"),
    ]
    return {f"Judging: two maps of {SIZE}³ voxels and {LABELS} labels": rows, "Judging: thresholds": slider()}


def slider() -> list[Measured]:
    """Measure what a threshold costs, the first time and then."""
    noise = np.random.default_rng(1).standard_normal((SIZE,) * 3).astype(np.float32)
    smooth = ndimage.gaussian_filter(noise, 4.0)
    shares = np.asfortranarray(1 / (1 + np.exp(-4 * (smooth / smooth.std() - 2))), np.float32)
    kept: list[Consequences] = []
    once = timed_ms(lambda: kept.append(finished(consequences(volume(shares), shares > 0.6))))
    asked = [timed_ms(lambda threshold=threshold: kept[0].at(threshold)) for threshold in np.linspace(0, 1, 200)]
    return [
        Measured(f"all thresholds of {SIZE}³ voxels, pieces and calibration", once / 1000, "s"),
        *percentiles("volume, pieces and Dice at one of them", asked, {95: 50}),
    ]


def organs() -> Array:
    """A map of 117 labels of all shapes: the nearest of as many random places, in a head of background."""
    rng = np.random.default_rng(0)
    seeds = np.zeros((SIZE,) * 3, np.uint8)
    places = tuple(rng.integers(16, SIZE - 16, (3, LABELS)))
    seeds[places] = np.arange(1, LABELS + 1)
    far, nearest = ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    labels = seeds[tuple(nearest)]
    labels[far > 36] = 0
    return np.asfortranarray(labels)


def volume(voxels: Array) -> Volume:
    """A volume of 1 mm."""
    return Volume(voxels[np.newaxis], np.eye(4), Stored("made", voxels.shape, "RAS", np.eye(4), voxels.dtype))


def compared(grids: list[Volume]) -> object:
    """Compare in full."""
    return finished(agreement(grids[0], grids[1]))


def dice_loop(found: Array, meant: Array) -> dict[int, float]:
    """Do what is usually written."""
    made = {}
    for value in range(1, LABELS + 1):
        one, other = found == value, meant == value
        made[value] = 2.0 * (one & other).sum() / max(1, one.sum() + other.sum())
    return made


def table_loop(labels: Array, image: Array) -> list[tuple[float, ...]]:
    """Do what is usually written."""
    made = []
    for value in range(1, LABELS + 1):
        mask = labels == value
        values = image[mask]
        where = np.nonzero(mask)
        made.append((values.size, values.mean(), values.std(), *(axis.mean() for axis in where), where[0].max()))
    return made


def hd95_loop_s(found: Array, meant: Array, tried: int = 12) -> float:
    """Seconds that distance maps in each label's own box would take; from some of the labels."""

    def some() -> None:
        for value in range(1, tried + 1):
            box = ndimage.find_objects(((found == value) | (meant == value)).astype(np.uint8))[0]
            rims = [mask & ~ndimage.binary_erosion(mask) for mask in (found[box] == value, meant[box] == value)]
            away = [ndimage.distance_transform_edt(~rim) for rim in rims]
            np.percentile(away[0][rims[1]], 95)

    return timed_ms(some) / 1000 * LABELS / tried


def best(call: Callable[[], object], times: int = 3) -> float:
    """Return the least of some times in ms: what others do on this machine is no part of it."""
    return min(timed_ms(call) for _ in range(times))
