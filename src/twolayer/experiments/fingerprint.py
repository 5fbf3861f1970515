"""What a result depends on besides its cell: the code that made it, and the versions of what computes."""

import ast
import hashlib
import inspect
import platform
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import twolayer

__all__ = ["code_of", "versions"]

_DRAWN_ONLY = {
    f"twolayer.{name}" for name in ("pictures", *(f"experiments.{n}" for n in ("drawing", "figure", "table")))
}


def versions() -> dict[str, str]:
    """Return the versions of twolayer, Python, and the libraries that compute, by name."""
    libraries = {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}
    return {"twolayer": twolayer.__version__, "python": ".".join(platform.python_version_tuple()[:2]), **libraries}


def code_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return a digest of each module that `function` may run: module name → 16 hexadecimal digits.

    Of its own module, only the definitions that it reaches count, so that a picture may be redrawn in other colours
    without measuring anew; of the modules of this package that they import, and those import, everything. Comments,
    docstrings and spacing do not count.
    """
    path = Path(inspect.getfile(function))
    reached = _reached(_parsed(path), function.__name__)
    found = {function.__module__: _digest(reached)}
    pending = list(_imported(reached))
    while pending:
        name = pending.pop()
        if name not in found:
            digest, imported = _module(name)
            found[name] = digest
            pending += imported
    return dict(sorted(found.items()))


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    """Digest of a module of this package, and the modules that it imports."""
    statements = _parsed(_file_of(name)).body
    return _digest(statements), tuple(_imported(statements))


def _parsed(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                setattr(node, field, [one for one in statements if not _is_remark(one)])
    return tree


def _is_remark(statement: ast.AST) -> bool:
    """Whether a statement is but a text: a docstring."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _digest(statements: list[ast.stmt]) -> str:
    return hashlib.sha256("\n".join(map(ast.unparse, statements)).encode()).hexdigest()[:16]


def _reached(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The statements of a module that define what `name` uses, in their order."""
    wanted, kept = {name}, set[int]()
    while True:
        new = [k for k, statement in enumerate(tree.body) if k not in kept and wanted & set(_defined(statement))]
        if not new:
            return [tree.body[k] for k in sorted(kept)]
        kept.update(new)
        wanted |= {node.id for k in new for node in ast.walk(tree.body[k]) if isinstance(node, ast.Name)}


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module gives a meaning."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    else:
        stored = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
        yield from (node.id for node in stored if isinstance(node.ctx, ast.Store))


def _imported(statements: list[ast.stmt]) -> Iterator[str]:
    """Modules of this package that the statements import or name in a string, except those that only draw."""
    for node in (node for statement in statements for node in ast.walk(statement)):
        names = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names = {name for name in inner if _is_module(name)} or {node.module}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = {node.value.partition(":")[0]}  # what a table imports late, as "package.module:name"
        yield from sorted(name for name in names - _DRAWN_ONLY if _is_module(name))


def _is_module(name: str) -> bool:
    return re.fullmatch(r"twolayer(\.\w+)+", name) is not None and _file_of(name).exists()


def _file_of(name: str) -> Path:
    place = Path(twolayer.__file__).parent.joinpath(*name.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
