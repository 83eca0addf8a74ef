"""What Monte-Carlo samples say of a case, gathered frame by frame: only counts and the variance map are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Study
from shortaxis.measure.uncertainty import frame_uncertainty
from shortaxis.measure.ventricles import Entry
from shortaxis.predict.cine import Drawn


class Spread:
    """Takes the draws of each frame as it is segmented; empty where nothing was sampled. Mutable: it gathers."""

    def __init__(self, study: Study, scheme: LabelScheme) -> None:
        self._shape, self._scheme = study.image.shape, scheme
        self._frames: dict[int, dict[str, Entry]] = {}
        self._samples = 0
        self.variance: NDArray[np.float32] | None = None

    def take(self, frame: int, drawn: Drawn) -> None:
        """Measure a frame's samples and keep its variance map."""
        if self.variance is None:
            self.variance = np.zeros(self._shape, np.float32)
        self.variance[frame] = drawn.variance
        self._samples = len(drawn.samples)
        self._frames[frame] = frame_uncertainty(drawn.mean, drawn.samples, drawn.variance, self._scheme)

    def told_in(self, measures: dict[str, Any]) -> dict[str, Any]:
        """The measures with a section `uncertainty`, and its reasons; unchanged where nothing was sampled.

        Of several frames end-diastole and end-systole are told, and the image's variance of each as a curve.
        """
        if not self._frames:
            return measures
        if len(self._frames) == 1:
            told = dict(next(iter(self._frames.values())))
        else:
            phases = {phase: measures["phases"][f"{phase}_index"] for phase in ("ed", "es")}
            told = {
                f"{phase}_{key}": entry
                for phase, frame in phases.items()
                if frame is not None
                for key, entry in self._frames[frame].items()
            }
        section = {"n_samples": self._samples, **{key: value for key, (value, _) in told.items()}}
        reasons = {f"uncertainty.{key}": why for key, (_, why) in told.items() if why}
        by_frame = [self._frames[frame]["image_variance"][0] for frame in sorted(self._frames)]
        curve = {**measures["curve"], "image_variance": by_frame}
        return {**measures, "curve": curve, "uncertainty": section, "reasons": {**measures["reasons"], **reasons}}
