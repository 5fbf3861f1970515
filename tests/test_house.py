"""The house rules: imports run one way, the public surface is what it says, and the documents run as written."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kernels
import twolayer
from twolayer.entry import Entry

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "twolayer"

# Each room may import from the rooms above it, and from none on its own line. A new room takes its place here.
FLOORS = (
    {"errors"},
    {"entry", "equality", "names", "one_line", "plain", "arrays", "saliency"},
    {"files", "hermite", "links", "methods", "symtensor"},
    {"polynomial", "activation", "text_tables"},
    {"network", "tables"},
    {"risk", "align", "difference", "formats"},
    {"teachers"},
    {"planted"},
    {"rows"},
    {"solvers"},
    {"sources"},
    {"moments"},
    {"decompose"},
    {"model"},
    {"coordinates"},
    {"samples"},
    {"refine"},
    {"evidence"},
    {"search"},
    {"recover"},
    {"inference"},
    {"ridge"},
    {"estimators", "extract", "reduction"},
    {"instances", "pictures"},
    {"experiments"},
    {"papers"},
    {"display"},
    {"demo"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
PUBLIC_MODULES = [name for name in MODULES if not name.endswith("__main__")]


@cache
def imported_modules(name: str) -> frozenset[str]:
    """Every module that `name` imports anywhere in its text, absolute imports only."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are written in full"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {str(node.module)}
    return frozenset(found)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_fewer_than_400_lines(name):
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) < 400


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "twolayer"])
def test_imports_run_one_way(name):
    assert room(name) in FLOOR, f"{room(name)} has no floor yet: give it its place in FLOORS"
    allowed = {other for other in FLOOR if FLOOR[other] < FLOOR[room(name)]} | {room(name)}
    used = {room(other) for other in imported_modules(name) if other.startswith("twolayer.")}
    assert used <= allowed


def test_the_architecture_has_the_rooms_of_the_house_in_their_order():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)/?`", row)) for row in rows] == [rooms for rooms in FLOORS if rooms != {"__main__"}]


def room_of(module: str) -> str:
    return room(module) if module.startswith("twolayer.") else ""


def test_evidence_looks_and_never_refits():
    used = {other for name in MODULES if room_of(name) == "evidence" for other in imported_modules(name)}
    assert not {other for other in used if room_of(other) in {"search", "refine"}}


def test_the_core_imports_no_paper():
    core = [name for name in MODULES if FLOOR.get(room_of(name), 99) < FLOOR["papers"]]
    assert len(core) > 100
    assert not [name for name in core if any(room_of(other) == "papers" for other in imported_modules(name))]


TABLES = {"families", "figures", "theories", "verification", "report"}  # of the papers, which stand on top of them


def test_no_paper_imports_another():
    papers = {name: name.split(".")[2] for name in MODULES if name.startswith("twolayer.papers.")}
    for name, paper in papers.items():
        used = {papers[other] for other in imported_modules(name) if other in papers}
        assert paper in TABLES or used <= {paper}, f"{name} imports {used}"


def test_imports_have_no_cycle():
    graph = {name: imported_modules(name) & MODULES.keys() for name in MODULES if name != "twolayer"}
    assert list(TopologicalSorter(graph).static_order())


def test_the_library_imports_what_it_declares_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [need for needs in project["optional-dependencies"].values() for need in needs]
    declared = {re.split(r"[\[<>=]", need)[0] for need in [*project["dependencies"], *extras]}
    module_of = {"scikit-learn": "sklearn", "python-sat": "pysat"}
    allowed = {module_of.get(need, need) for need in declared} | sys.stdlib_module_names | {"twolayer"}
    used = {other.split(".")[0] for name in MODULES for other in imported_modules(name)}
    assert used <= allowed


def test_the_public_names_are_the_members():
    assert sorted(twolayer._HOME) == sorted(twolayer.__all__)
    assert set(dir(twolayer)) == {*twolayer.__all__, "__version__"}


@pytest.mark.parametrize("name", twolayer.__all__)
def test_each_public_name_is_documented_where_it_lives(name):
    home = importlib.import_module(f"twolayer.{twolayer._HOME[name]}")
    member = getattr(twolayer, name)
    assert member is getattr(home, name)
    assert name in home.__all__
    if isinstance(member, dict):
        assert all(isinstance(entry, Entry) and entry.summary for entry in member.values())
    else:
        assert inspect.getdoc(member)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_each_module_says_what_it_offers_and_documents_it(name):
    module = importlib.import_module(name)
    own = [member for member in vars(module).values() if getattr(member, "__module__", None) == name]
    offered = [getattr(module, member) for member in module.__all__] if own or hasattr(module, "__all__") else []
    assert module.__doc__
    assert all(inspect.getdoc(member) for member in offered if inspect.isroutine(member) or inspect.isclass(member))


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_public_name_wins_over_the_submodule_of_the_same_name():
    code = "import twolayer, twolayer.align, twolayer.network; from twolayer import activation; "
    assert python(code + "print(activation('relu'), callable(twolayer.align))") == "relu True"


SHADOWED = {
    "activation": ("activation.base", "Activation"),
    "align": ("align", "recovery_error"),
    "decompose": ("decompose.cp_fit", "Decomposition"),
    "extract": ("extract.outcome", "Extraction"),
    "recover": ("recover.result", "Result"),
}


def test_every_function_with_the_name_of_its_module_is_tried_below():
    assert {name for name, home in twolayer._HOME.items() if name == home} == set(SHADOWED)


@pytest.mark.parametrize("name", SHADOWED)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 3, 2, 0), (2, 0, 3, 1), (3, 1, 0, 2)])
def test_a_public_function_does_not_hide_its_module(name, order):
    submodule, member = SHADOWED[name]
    imports = [
        f"import twolayer.{submodule} as inner; assert inner is sys.modules['twolayer.{submodule}'] or '.' not in "
        f"'{submodule}'",
        f"import twolayer.{name} as outer; outer.{member}; outer.{name}",
        f"from twolayer.{name} import {member}, {name} as same; assert same is twolayer.{name}",
        f"from twolayer import {name} as function; assert callable(function)",
    ]
    code = "; ".join(["import pickle, inspect, sys, types, twolayer", *(imports[place] for place in order)])
    code += (
        f"; home = sys.modules['twolayer.{name}']; assert outer.{member} is home.{member}"
        f"; assert function is home.{name} and type(function) is types.FunctionType"
        "; assert pickle.loads(pickle.dumps(function)) is function and inspect.signature(function) and function.__doc__"
    )
    python(code)


def test_a_submodule_that_is_imported_later_is_found_too():
    code = (
        "import importlib, sys, types; from twolayer import decompose; home = sys.modules['twolayer.decompose']; "
        "late = types.ModuleType('twolayer.decompose.late'); home.late = late; assert decompose.late is late; "
        "home.private = 1; print(hasattr(decompose, 'private'), hasattr(decompose, 'np'))"
    )
    assert python(code) == "False False"


def test_importing_the_package_loads_nothing_heavy():
    assert python("import sys, twolayer; print('numpy' in sys.modules)") == "False"


# Each takes a tenth of a second or more to import, and no recovery needs it from the start.
HEAVY = ("scipy.stats", "scipy.optimize", "sklearn", "matplotlib", "joblib", "pandas", "onnx", "pyarrow", "rich")


@pytest.mark.parametrize("name", ["recover", "decompose", "extract", "TwoLayerNetwork", "HermiteMoments", "LAWS"])
def test_a_public_name_loads_nothing_heavy_that_it_does_not_need(name):
    code = f"import sys; from twolayer import {name}; print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    assert python(code) == "[]"


@pytest.mark.parametrize("command", ["list", "show network.npz"])
def test_a_command_that_computes_nothing_loads_no_part_of_scipy_that_computes(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    twolayer.TwoLayerNetwork([1.0], [[1.0, 2.0]]).save("network.npz")
    heavy = ("scipy.linalg", "scipy.special", "scipy.optimize", "scipy.stats", "sklearn", "matplotlib")
    code = f"import sys; from twolayer.cli import run; run({command.split()!r}); "
    assert python(code + f"print(sorted(set({heavy!r}) & sys.modules.keys()))").splitlines()[-1] == "[]"


def test_an_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="no attribute 'recovery'"):
        twolayer.recovery  # noqa: B018 - the access is the test


def test_the_newest_entry_of_the_changelog_is_this_version():
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == twolayer.__version__


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_hashed_and_names_no_registry(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    needs = text.replace("\\\n", " ").splitlines()
    assert needs
    assert all(re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", need) for need in needs)
    assert not re.search(r"://|--(extra-)?index|--find-links", text)


def test_what_a_change_must_pass_under_two_kernels_is_there():
    assert all((ROOT / "tests" / name).exists() for name in kernels.SHORT)


def test_what_is_changed_on_purpose_is_there_and_so_are_its_tests():
    settings = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))
    assert [name for name in settings["tests"] if not (SOURCE / name).exists()] == []
    tests = {name for names in settings["tests"].values() for name in names}
    assert [name for name in sorted(tests) if not (ROOT / "tests" / name).exists()] == []
    for one in settings["equivalent"]:
        lines = [line.strip() for line in (SOURCE / one["module"]).read_text(encoding="utf-8").splitlines()]
        assert one["old"] in lines, f"{one['module']} has no line {one['old']} any more"
        assert one["reason"]


def written_files() -> list[Path]:
    """Everything of the project that a person wrote."""
    folders = ("src", "tests", "docs", "benchmarks", ".ci")
    inside = [path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    return [path for path in [*inside, *ROOT.glob("*.*"), ROOT / "Makefile"] if path.is_file() and is_text(path)]


def is_text(path: Path) -> bool:
    return path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".cfg", ""} and path.name not in {
        ".DS_Store",
        ".git",
    }


LEFTOVERS = r"(?<![\w.])/(?:root|work|home|tmp|Users)/|\b(?:TO[D]O|FIX[M]E|XX[X])\b|\bissue #?\d|\bpypi\.or[g]"


def test_the_project_speaks_only_of_itself():
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in written_files()
        for match in re.finditer(LEFTOVERS, path.read_text(encoding="utf-8"))
    }
    assert len(written_files()) > 20
    assert not found


DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_document_runs_as_written(document, tmp_path, monkeypatch):
    """Blocks run in order in one empty folder; a shell block may use what a block before it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, object] = {}
    for language, code in FENCE.findall(document.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(code, document.name, "exec"), names)
        elif language == "sh":
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        elif language == "console":  # what to type in a clone; here, only that the targets exist
            targets = re.findall(r"^make (\w+)", code, re.MULTILINE)
            assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for target in targets)
        else:
            assert language == "text", f"{document.name}: a block of {language or 'no language'} is not tested"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert all((document.parent / link).exists() for link in links if "://" not in link)
