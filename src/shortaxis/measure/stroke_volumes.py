"""Both ventricles eject the same blood: where their stroke volumes differ greatly, a reader ought to know."""

from __future__ import annotations

from shortaxis.core.study import Note

# Percent of the mean; 100 is one three times the other. Of the 100 references of ACDC's training set 3 are beyond it, 12
# beyond 67 (one twice the other); their standard deviation is 46. Thick basal slices and the right ventricle's own phases
# alone part them by so much, so that a narrower bound would speak of every eighth reference.
WIDEST_PERCENT = 100.0


def difference_percent(lv_sv_ml: float | None, rv_sv_ml: float | None) -> float | None:
    """Right minus left stroke volume in percent of their mean; None where one is undefined or not positive.

    A ventricle that is larger at end-systole has no forward stroke volume to compare; notes of its own speak of that.
    """
    if lv_sv_ml is None or rv_sv_ml is None or min(lv_sv_ml, rv_sv_ml) <= 0:
        return None
    return 200.0 * (rv_sv_ml - lv_sv_ml) / (rv_sv_ml + lv_sv_ml)


def stroke_volume_notes(lv_sv_ml: float | None, rv_sv_ml: float | None) -> tuple[Note, ...]:
    """SA-W108 where the stroke volumes differ by more than `WIDEST_PERCENT` of their mean; else nothing."""
    difference = difference_percent(lv_sv_ml, rv_sv_ml)
    if difference is None or abs(difference) <= WIDEST_PERCENT:
        return ()
    larger, smaller = ("right", "left") if difference > 0 else ("left", "right")
    return (
        Note(
            "SA-W108",
            f"The {larger} ventricle's stroke volume exceeds the {smaller} one's by {abs(difference):.0f} % of their mean;"
            " without a shunt or a leaking valve they are equal.",
        ),
    )
