"""A case's report is one file that shows everything, runs nothing foreign and reaches no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch
from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE
from shortaxis.core.study import Note, Origin
from shortaxis.report.html import render_case
from shortaxis.report.page import embedded_json, plain

PROVENANCE = {"model": {"name": "unet2d", "weights_sha256": "ab" * 32}, "input_sha256": "cd" * 32, "recipe": "tuned"}


class Tags(HTMLParser):
    """All tags with their attributes, in order, and all text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open[-1:]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def payload_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="case-data">(.*?)</script>', page, re.DOTALL)
    assert found

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    return json.loads(found[1], parse_constant=refuse)


def rendered(study: Any, measures: dict[str, Any]) -> str:
    return render_case(study, study.labels.array, ACDC, measures, PROVENANCE)


def test_the_page_names_no_address_and_its_policy_forbids_all_but_its_own_parts(study_of, measures_of) -> None:
    page = rendered(study_of(), measures_of())
    assert page.startswith("<!DOCTYPE html>")
    without_pictures = re.sub(r"[A-Za-z0-9+/=]{200,}", "", page)
    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|<link|<iframe|<object", without_pictures)
    for tag, attributes in Tags(page).seen:
        assert not any(name.startswith("on") or name in ("style", "src", "action") for name in attributes), tag
    (policy,) = [a["content"] for t, a in Tags(page).seen if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:;")


def test_the_policy_admits_exactly_the_style_and_the_script_that_are_inside(study_of, measures_of) -> None:
    page = html.unescape(rendered(study_of(), measures_of()))
    for kind, pattern in (("style-src", r"<style>(.*?)</style>"), ("script-src", r"<script>(.*?)</script>")):
        (content,) = re.findall(pattern, page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in page


def test_the_research_statement_and_the_notes_stand_above_the_numbers(study_of, measures_of) -> None:
    study = study_of(notes=(Note("SA-W001", "Spacing was rounded."),))
    notes = [{"code": "SA-W001", "text": "Spacing was rounded."}, {"code": "SA-W002", "text": "The apex is missing."}]
    text = Tags(rendered(study, measures_of(notes=notes))).text
    assert text.count("Spacing was rounded.") == 1
    assert text.index("Research use only. Not for diagnosis.") < text.index("The apex is missing.") < text.index("142")


def test_indices_have_units_and_missing_ones_their_reason(study_of, measures_of) -> None:
    text = Tags(rendered(study_of(), measures_of())).text
    assert "Ejection fraction 59.1 %" in text
    assert "End-diastolic volume 142 ml" in text
    assert "Cardiac output – the heart rate is not known" in text


def test_conventions_and_provenance_are_stated(study_of, measures_of) -> None:
    text = Tags(rendered(study_of(), measures_of(convention={"papillary_muscles": "in the cavity"}))).text
    assert "Papillary muscles: in the cavity" in text
    assert "Model / Weights sha256 " + "ab" * 32 in text


def test_pictures_outlines_and_curve_cover_every_frame_and_slice(study_of, measures_of) -> None:
    payload = payload_of(rendered(study_of(n_frames=6, n_slices=3), measures_of()))
    assert (payload["frames"], payload["slices"], len(payload["sheets"])) == (6, 3, 3)
    assert [len(frames) for frames in payload["rings"]] == [6, 6, 6]
    assert all(len(slices) == 3 and all(slices) for frames in payload["rings"] for slices in frames)
    assert payload["pixelMm"] == [1.5, 1.25]
    assert len(payload["frameX"]) == 6 and payload["timesMs"][1] == 40


def test_what_comes_from_files_can_open_no_tag(study_of, measures_of) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    measures = measures_of(
        case=evil,
        convention=evil,
        notes=[{"code": evil, "text": evil}],
        slices=[{evil: evil}],
        reasons={"lv.co_l_min": evil},
        **{evil: {evil: evil}},
    )
    study = study_of()
    page = render_case(study, study.labels.array, ACDC, measures, {evil: {evil: evil}})
    tags = [tag for tag, _ in Tags(page).seen]
    assert tags.count("script") == 2
    assert "img" not in tags


def test_json_inside_the_page_can_close_no_tag_and_holds_no_nan() -> None:
    text = str(
        embedded_json({"a": "</script><!--&\u2028", "b": plain([float("nan"), np.float32(np.inf), np.int64(3)])})
    )
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028", "b": [None, None, 3]}
    with pytest.raises(ValueError, match="JSON"):
        embedded_json({"a": float("nan")})


def test_a_single_frame_has_no_player_and_says_why_there_is_no_curve(study_of, measures_of) -> None:
    page = rendered(study_of(n_frames=1), measures_of(1))
    assert 'id="play"' not in page and 'id="frame"' not in page
    assert "No volume-time curve: there is one frame." in Tags(page).text


@pytest.mark.parametrize("measures", [{}, {"lv": None, "notes": None, "curve": None, "phases": None, "slices": None}])
def test_measures_may_be_missing_altogether(study_of, measures) -> None:
    text = Tags(rendered(study_of(n_slices=1), measures)).text
    assert "ellipse" in text and "No warnings were raised" in text


def test_unknown_spacing_is_said_and_pixels_are_taken_as_square(study_of, measures_of) -> None:
    page = rendered(study_of(spacing_mm=None), measures_of())
    payload = payload_of(page)
    assert "spacing unknown" in page
    assert payload["pixelKnown"] is False and payload["pixelMm"] == [1, 1]


def test_empty_labels_show_the_whole_image_without_outlines(study_of, measures_of) -> None:
    study = study_of()
    payload = payload_of(render_case(study, np.zeros_like(study.labels.array), ACDC, measures_of(), PROVENANCE))
    assert payload["heart"] == [0, 0, 60, 72]
    assert not any(rings for frames in payload["rings"] for slices in frames for rings in slices)


def test_a_model_without_right_ventricle_has_a_legend_and_a_curve_without_it(study_of, measures_of) -> None:
    study, measures = study_of(), measures_of()
    del measures["rv"], measures["curve"]["rv_ml"]
    page = render_case(study, np.minimum(study.labels.array, 2), LEFT_VENTRICLE, measures, PROVENANCE)
    assert "RV" not in Tags(page).text
    assert [line["key"] for line in payload_of(page)["lines"]] == ["lv"]


def test_scar_is_drawn_by_its_parts(study_of, measures_of) -> None:
    study = study_of(n_frames=1)
    page = render_case(study, study.labels.array, EMIDEC, measures_of(1), PROVENANCE)
    titles = [look["title"] for look in payload_of(page)["structures"]]
    assert titles == ["Healthy myocardium", "Infarct", "No-reflow", "LV cavity"]


def test_phases_are_shown_counted_from_one(study_of, measures_of) -> None:
    phases = {"ed_index": 0, "es_index": 3, "ed_number": 1, "es_number": 4, "found_es_index": 2, "source": "the file"}
    text = Tags(rendered(study_of(), measures_of(phases=phases))).text
    assert "End-systolic frame 4" in text
    assert "ES frame found from the volumes 3" in text


def test_a_frame_of_a_study_of_several_files_is_named_by_its_file(study_of, measures_of) -> None:
    study = study_of(n_frames=2)
    files = (Origin("p1_frame01", (0,), False), Origin("p1_frame12", (1,), False))
    phases = {"ed_index": 0, "es_index": 1, "ed_number": 1, "es_number": 2, "source": "given", "found_es_index": 1}
    text = Tags(rendered(replace(study, origins=files), measures_of(2, phases=phases))).text
    assert "End-systolic frame 2 (p1_frame12)" in text and "volumes 2 (p1_frame12)" in text
    assert "Phases taken from the scan or the command line" in text


def test_labels_of_another_shape_are_refused(study_of, measures_of) -> None:
    study = study_of()
    with pytest.raises(GridMismatch) as refusal:
        render_case(study, study.labels.array[:, :, :-1], ACDC, measures_of(), PROVENANCE)
    assert "(6, 3, 59, 72)" in str(refusal.value)
