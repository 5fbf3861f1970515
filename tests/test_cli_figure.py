"""`twolayer figure` and `twolayer report` as their user meets them."""

import hashlib
import json
import os
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from command_line import assert_refused
from toy_figures import TOY, TROUBLE, ToyConfig, entry_of
from twolayer.experiments import SIZES, Table, configuration
from twolayer.experiments.measuring import cells_of
from twolayer.papers.figures import FIGURES, figure_named

FILES = ["figure.png", "figure.svg", "ledger.lock", "ledger.sqlite", "provenance.json", "table.csv"]


@pytest.fixture
def toy_cli(twolayer_cli, monkeypatch):
    """The command line with a toy among the figures."""
    monkeypatch.setitem(FIGURES, TOY.name, entry_of(TOY))
    yield twolayer_cli
    TROUBLE.update(at=None, raises=ValueError)


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


# --- figure ---


def test_figure_writes_table_pictures_and_provenance(toy_cli):
    outcome = toy_cli("figure toy-1 --out made")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "toy-1: 18 rows, <b>not bold</b>.",
        *(f"wrote made/{name}" for name in ("table.csv", "figure.svg", "figure.png", "provenance.json")),
    ]
    assert names_in("made") == FILES
    table = Table.read_csv("made/table.csv")
    assert table.columns == tuple(TOY.columns)
    assert len(table) == 18
    assert Path("made/figure.png").read_bytes().startswith(b"\x89PNG")


def test_the_provenance_says_what_made_it(toy_cli):
    Path("my.toml").write_text("sizes = [2]\nrate = 0.25\n")
    assert toy_cli("figure toy-1 --config my.toml --out made").code == 0
    told = json.loads(Path("made/provenance.json").read_text())
    assert told["command"] == "twolayer figure toy-1 --size smoke --config my.toml --out made"
    assert told["config"] == {"sizes": [2], "trials": 2, "rate": 0.25, "kind": "mean", "is_slow": False}
    assert {"twolayer", "python", "numpy", "scipy", "scikit-learn"} == told["versions"].keys()
    assert (told["cells"], told["failures"], told["verdict"]) == (4, [], "6 rows, <b>not bold</b>.")
    assert told["seeds"].endswith("without method")


def test_all_figures_go_to_folders_of_their_names(toy_cli, monkeypatch):
    for name in [name for name in FIGURES if name != TOY.name]:
        monkeypatch.delitem(FIGURES, name)
    assert toy_cli("figure all --out made").code == 0
    assert names_in("made/toy-1") == FILES
    assert toy_cli("figure toy-1").code == 0
    assert names_in("figures/smoke/toy-1") == FILES


def test_the_status_says_how_far_it_is_and_writes_nothing(toy_cli):
    assert toy_cli("figure toy-1 --out made --status").out.startswith("toy-1: 0 of 12 cells finished, 0 failed, 12 to")
    assert not Path("made").exists()
    TROUBLE["at"] = ("short", 3, 1)
    outcome = toy_cli("figure toy-1 --out made")
    assert outcome.code == 3
    assert (
        "failed at method=short, size=3, trial=1, rate=0.5, kind=mean, pause=0.0: ValueError: it went wrong"
        in outcome.err
    )
    assert "--retry" in outcome.err
    outcome = toy_cli("figure toy-1 --out made --status")
    assert outcome.code == 0
    assert outcome.out.startswith("toy-1: 11 of 12 cells finished, 1 failed, 0 to do")
    TROUBLE["at"] = None
    assert toy_cli("figure toy-1 --out made --retry").code == 0


@pytest.mark.parametrize("part", ["plot", "verdict"])
def test_what_fails_after_the_measuring_leaves_the_table_and_says_so(twolayer_cli, monkeypatch, part):
    def broken(table):
        raise IndexError(f"nothing\nfor {len(table)} rows")

    monkeypatch.setitem(FIGURES, TOY.name, entry_of(replace(TOY, **{part: broken})))
    outcome = twolayer_cli("figure toy-1 --out made")
    assert (outcome.code, outcome.out) == (3, "wrote made/table.csv\n")
    assert outcome.err == "toy-1: the table could not be drawn: IndexError: nothing for 18 rows\n"
    assert len(Table.read_csv("made/table.csv")) == 18
    assert names_in("made") == ["ledger.lock", "ledger.sqlite", "table.csv"]
    told = json.loads(twolayer_cli("figure toy-1 --out made --json").out)
    assert (told["fault"], told["verdict"]) == ("IndexError: nothing\nfor 18 rows", "")
    monkeypatch.setitem(FIGURES, TOY.name, entry_of(TOY))
    assert twolayer_cli("figure toy-1 --out made").code == 0
    monkeypatch.setitem(FIGURES, TOY.name, entry_of(replace(TOY, verdict=broken)))
    assert_refused(twolayer_cli("report made"), "made/table.csv cannot be put into words: IndexError")


def test_json_has_everything(toy_cli):
    told = json.loads(toy_cli("figure toy-1 --out made --json").out)
    assert (told["figure"], told["rows"], told["failures"]) == ("toy-1", 18, [])
    told = json.loads(toy_cli("figure toy-1 --out made --status --json").out)
    assert (told["cells"], told["finished"]) == (12, 12)


def test_ctrl_c_leaves_with_130_and_keeps_what_was_finished(toy_cli):
    TROUBLE.update(at=("long", 1, 0), raises=KeyboardInterrupt)
    outcome = toy_cli("figure toy-1 --out made")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "Error: interrupted\n")
    assert toy_cli("figure toy-1 --out made --status").out.startswith("toy-1: 6 of 12 cells finished")


def test_an_unknown_figure_is_refused_with_those_there_are(toy_cli):
    assert_refused(toy_cli("figure zhong-1a"), "unknown figure 'zhong-1a'", *FIGURES)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("size = [1]", ["no key 'size'", "sizes, trials, rate, kind, is_slow"]),
        ("sizes = [1, 0]", ["sizes[1]", "a list of at least 1, each a whole number, at least 1 and at most 1000"]),
        ("sizes = []", ["sizes:", "a list of at least 1"]),
        ("sizes = 3", ["sizes:", "a list"]),
        ("trials = 'two'", ["trials:", "a whole number, at least 1"]),
        ("trials = 31", ["trials must be at most ten times the number of sizes"]),
        ("rate = 1.0", ["rate:", "a number, above 0 and below 1"]),
        ("rate = nan", ["rate must be finite"]),
        ("kind = 'mode'", ["kind:", "one of mean, median"]),
        ("is_slow = 1", ["is_slow:", "true or false"]),
        ("rate = ", ["is not TOML"]),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_key_and_what_is_allowed(toy_cli, toml, words):
    Path("my.toml").write_text(toml)
    assert_refused(toy_cli("figure toy-1 --config my.toml --out made"), "my.toml", *words)
    assert not Path("made").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--size huge", ["smoke or paper"]),
        ("--config none.toml", ["none.toml"]),
        ("--out file/inside", ["file/inside"]),
        ("--out locked", ["locked"]),
        ("--jobs 0", ["--jobs"]),
        (f"--jobs {4 * os.cpu_count() + 1}", [f"at most {4 * os.cpu_count()}", f"found {4 * os.cpu_count() + 1}"]),
        ("--config pipe", ["cannot read pipe: it is not a regular file"]),
    ],
)
def test_wrong_options_are_refused(toy_cli, options, words):
    Path("file").write_text("")
    os.mkfifo("pipe")
    Path("locked/ledger.sqlite").mkdir(parents=True)
    assert_refused(toy_cli(f"figure toy-1 {options}"), *words)


def test_a_ledger_of_another_version_is_refused(toy_cli, monkeypatch):
    assert toy_cli("figure toy-1 --out made").code == 0
    before = Path("made/table.csv").read_bytes()
    monkeypatch.setattr("twolayer.experiments.fingerprint.version", lambda name: f"0.1-{name}")
    assert_refused(toy_cli("figure toy-1 --out made"), f"numpy {np.__version__} there, 0.1-numpy here", "not mixed")
    assert Path("made/table.csv").read_bytes() == before


def test_parquet_without_pyarrow_is_refused_before_anything_is_measured(toy_cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert_refused(toy_cli("figure toy-1 --out made --parquet"), "Parquet needs pyarrow")
    assert not Path("made").exists()


# --- report ---


class Tags(HTMLParser):
    """Tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def page(toy_cli):
    """The report of a toy, as text."""
    assert toy_cli("figure toy-1 --out made/toy").code == 0
    assert toy_cli("figure toy-1 --out made/other/toy").code == 0
    outcome = toy_cli("report made -o report.html")
    assert (outcome.code, outcome.out) == (0, "wrote report.html, 2 figures\n")
    return Path("report.html").read_text(encoding="utf-8")


def test_the_report_is_one_file_that_fetches_nothing(page):
    assert not re.search(r"https?:|//|@import|<script|<link|<iframe|javascript:", page)
    attributes = [(name, value) for _, attrs in Tags(page).found for name, value in attrs.items()]
    assert {value[0] for name, value in attributes if name in {"href", "src"}} == {"#"}
    assert not [name for name, _ in attributes if name.startswith("on")]
    assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';' in page


def test_the_report_has_everything_of_each_figure(page):
    text = " ".join(Tags(page).text)
    for words in (
        "A toy & nothing else",
        "nobody2026nothing, Figure 0",
        "Nothing is shown.",
        "18 rows, <b>not bold</b>.",
    ):
        assert words in text
    for words in (
        "sizes = [1, 2, 3]",
        "twolayer figure toy-1 --size smoke --out made/toy",
        "numpy",
        "SHA-256",
        "12 cells",
    ):
        assert words in text
    tags = [tag for tag, _ in Tags(page).found]
    assert text.count("method: which; size: how many draws;") == 2
    assert (tags.count("svg"), tags.count("table"), tags.count("section")) == (2, 2, 2)


def test_the_report_is_made_for_a_phone_too(page):
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in Tags(page).found
    assert "figure svg { width: 100%" in page
    assert page.count('<div class="wide"><table>') == 2
    assert page.count('<figure class="wide"><svg style="min-width: 207px"') == 2


def test_names_inside_the_pictures_are_unique_and_lead_somewhere(page):
    names = [attrs["id"] for _, attrs in Tags(page).found if "id" in attrs]
    assert len(set(names)) == len(names) > 10
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(names)


def test_the_axes_of_the_pictures_are_labelled_in_text(page):
    assert page.count(">size of the sample<") == 2
    assert page.count(">first draw<") == 2


def test_a_table_that_was_changed_is_refused(toy_cli):
    toy_cli("figure toy-1 --out made")
    table = Path("made/table.csv")
    table.write_text(table.read_text().replace("short", "shirt"))
    assert_refused(toy_cli("report made"), "made/table.csv is not the table that provenance.json")
    assert not Path("report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("provenance.json", "{}", "figure, title"),
        ("provenance.json", "[]", "not the provenance"),
        ("provenance.json", "{", "not the provenance"),
        ("provenance.json", '{"title": "\\ud800"}', "not the provenance"),
        ("figure.svg", "<p>", "is not an SVG picture"),
        ("figure.svg", "<p/>", "is no SVG picture: its outermost element is p"),
        ("table.csv", None, "table.csv"),
    ],
)
def test_a_damaged_figure_is_refused(toy_cli, name, content, words):
    toy_cli("figure toy-1 --out made")
    path = Path("made") / name
    path.unlink() if content is None else path.write_text(content)
    assert_refused(toy_cli("report made"), words)


@pytest.mark.parametrize("name", ["provenance.json", "table.csv", "figure.svg"])
def test_a_pipe_in_place_of_a_part_of_a_figure_is_refused_unopened(toy_cli, name):
    toy_cli("figure toy-1 --out made")
    Path("made", name).unlink()
    os.mkfifo(f"made/{name}")
    assert_refused(toy_cli("report made"), f"cannot read made/{name}: it is not a regular file")


def told_otherwise(**changed) -> None:
    path = Path("made/provenance.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize("seconds", [10**400, float("nan"), "1", None])
def test_a_time_that_is_no_number_is_refused(toy_cli, seconds):
    toy_cli("figure toy-1 --out made")
    told_otherwise(seconds_of_all_cells=seconds)
    assert_refused(toy_cli("report made"), "made/provenance.json", "seconds_of_all_cells missing or of another kind")


def test_a_table_with_a_cell_too_long_to_read_is_refused(toy_cli):
    toy_cli("figure toy-1 --out made")
    content = f"method\n{'x' * 200_000}\n".encode()
    Path("made/table.csv").write_bytes(content)
    told_otherwise(sha256_of_table=hashlib.sha256(content).hexdigest())
    assert_refused(toy_cli("report made"), "made/table.csv is not a table in UTF-8 text, or is damaged: field larger")


@pytest.mark.parametrize(("folder", "words"), [("empty", "there is no figure"), ("nowhere", "is no folder")])
def test_a_folder_without_figures_is_refused(toy_cli, folder, words):
    Path("empty").mkdir()
    assert_refused(toy_cli(f"report {folder}"), words)


# --- every figure ---


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_what_its_line_in_the_table_says(name):
    figure = figure_named(name)
    assert (figure.name, figure.summary) == (name, FIGURES[name].summary)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("size", SIZES)
def test_every_figure_has_a_grid_and_says_what_it_is(name, size):
    figure = figure_named(name)
    assert re.fullmatch(r"[a-z0-9-]+", figure.name)
    assert cells_of(figure, configuration(figure, size))
    assert figure.claim.endswith(".")
    assert all(figure.columns.values())


@pytest.mark.parametrize("name", FIGURES)
def test_every_configuration_comes_back_from_toml(name, tmp_path):
    import msgspec

    figure = figure_named(name)
    values = msgspec.to_builtins(figure.paper)
    path = tmp_path / "paper.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    assert configuration(figure, "smoke", path) == figure.paper


def test_a_size_between_is_a_size_with_changes(tmp_path):
    (tmp_path / "my.toml").write_text("trials = 3")
    assert configuration(TOY, "smoke", tmp_path / "my.toml") == ToyConfig(sizes=(1, 2, 3), trials=3)
