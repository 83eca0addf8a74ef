"""One panel of a picture of a patient: the image, the reference, right and wrong pixels, or the variance."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import Labels, Structure
from shortaxis.core.study import Study
from shortaxis.report.palette import LOOKS
from shortaxis.report.sprites import heart_box, to_grey, window_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Right, missed, invented, and one structure taken for another: apart for colour-blind readers, and none of them the colour
# of a ventricle or its muscle, which stand beside them.
AGREEMENT = {"right": "#009e73", "missed": "#d55e00", "invented": "#cc79a7", "wrong structure": "#ffffff"}
SAYS = {"right": "right (TP)", "missed": "missed (FN)", "invented": "invented (FP)"}
NAME_WIDTH = 22  # letters that fit over a panel
LEGEND = "Green: right. Orange: missed (FN). Pink: invented (FP). White: one structure taken for another."


@dataclass(frozen=True, eq=False)
class Masks:
    """What an entry found in a case, [frame, slice, row, col]: labels in the study's own numbers, and the variance."""

    labels: NDArray[np.uint8]
    variance: NDArray[np.float32] | None


def frame_of(study: Study, phase: str) -> int:
    """The frame of a phase; the first drawn one for any other."""
    index = {"ED": study.facts.ed_index, "ES": study.facts.es_index}.get(phase)
    return labels_of(study).annotated_frames()[0] if index is None else index


def labels_of(study: Study) -> Labels:
    """The study's labels. Raises LabelsMissing where it has none."""
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "draw labelled cases only")
    return study.labels


def agreement_picture(reference: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours [row, col, 4] of right, missed, invented and wrong pixels of two label planes; nothing where both are 0."""
    colours = {name: _rgb(colour) for name, colour in AGREEMENT.items()}
    picture = np.zeros((*reference.shape, 4), np.float32)
    where = {
        "right": (reference > 0) & (prediction == reference),
        "missed": (reference > 0) & (prediction == 0),
        "invented": (reference == 0) & (prediction > 0),
        "wrong structure": (reference > 0) & (prediction > 0) & (prediction != reference),
    }
    for name, pixels in where.items():
        picture[pixels] = (*colours[name], 0.45 if name == "right" else 0.85)
    return picture


def draw_image(axes: Axes, study: Study, frame: int, index: int) -> None:
    """The slice around the heart, its pixels as wide as they are in mm."""
    rows, cols = _window(study)
    grey = to_grey(study.image[frame, index, rows, cols], window_of(study.image[frame]))
    row_mm, col_mm = study.grid.pixel_mm or (1.0, 1.0)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, aspect=row_mm / col_mm, interpolation="bilinear")
    blank(axes)


def draw_reference(axes: Axes, study: Study, frame: int, index: int) -> None:
    """The slice with its reference structures."""
    draw_image(axes, study, frame, index)
    labels, (rows, cols) = labels_of(study), _window(study)
    plane = labels.array[frame, index, rows, cols]
    picture = np.zeros((*plane.shape, 4), np.float32)
    for structure in labels.scheme.structures:
        colour = LOOKS[structure].colour if structure in LOOKS else "#cccccc"
        picture[labels.scheme.mask(plane, structure)] = (*_rgb(colour), 0.6)
    axes.imshow(picture, aspect=axes.get_aspect(), interpolation="nearest")


def draw_agreement(axes: Axes, study: Study, frame: int, index: int, held: Masks) -> None:
    """The slice with what the masks have right and wrong."""
    draw_image(axes, study, frame, index)
    rows, cols = _window(study)
    planes = labels_of(study).array[frame, index, rows, cols], held.labels[frame, index, rows, cols]
    axes.imshow(agreement_picture(*planes), aspect=axes.get_aspect(), interpolation="nearest")


def draw_variance(axes: Axes, study: Study, frame: int, index: int, variance: NDArray[np.float32]) -> None:
    """The slice's variance, white where the frame's is highest."""
    rows, cols = _window(study)
    row_mm, col_mm = study.grid.pixel_mm or (1.0, 1.0)
    most = max(float(variance[frame].max()), 1e-6)
    axes.imshow(variance[frame, index, rows, cols], cmap="magma", vmin=0, vmax=most, aspect=row_mm / col_mm)
    blank(axes)


def _window(study: Study) -> tuple[slice, slice]:
    box = heart_box(labels_of(study).array, margin=0.25)
    return slice(box.row0, box.row1), slice(box.col0, box.col1)


def legend(figure: Figure, structures: Sequence[Structure] = ()) -> None:
    """What the colours mean, beneath the figure: the reference's structures, where they are shown, then right and wrong."""
    from matplotlib.patches import Patch

    shown = [(LOOKS[structure].colour, LOOKS[structure].title, 0.6) for structure in structures if structure in LOOKS]
    shown += [(colour, SAYS.get(name, name), 0.85) for name, colour in AGREEMENT.items()]
    patches = [Patch(facecolor=colour, edgecolor="#7f8a96", alpha=alpha, label=name) for colour, name, alpha in shown]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=7.5, frameon=False)


def blank(axes: Axes) -> None:
    """No ticks, no frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def head(line: NDArray[np.object_], names: Sequence[str]) -> None:
    """The columns' names over the first row, long ones in several lines."""
    for axes, name in zip(line, names, strict=True):
        axes.set_title(textwrap.fill(name, NAME_WIDTH), fontsize=8)


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue
