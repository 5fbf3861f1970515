"""Recover two-layer neural networks from samples, with a certificate.

A network ``y = Σ_i a_i σ(w_i·x + b_i)`` is recovered from pairs ``(x, y)`` by :func:`recover`; the result carries the
network, a status whose text is the advice, and the certificate behind it.

Names are imported on first use, so that ``import twolayer`` and ``twolayer --help`` are quick.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from twolayer.activation import ACTIVATIONS, activation
    from twolayer.align import align, recovery_error
    from twolayer.decompose import DECOMPOSITIONS, decompose
    from twolayer.errors import InputError
    from twolayer.estimators import TwoLayerClassifier, TwoLayerRegressor
    from twolayer.evidence import Certificate, Status
    from twolayer.extract import Extraction, extract
    from twolayer.formats import EXPORTS, READERS, Reading, export_model, read_model
    from twolayer.inference.displays import TwoLayerDisplay
    from twolayer.instances import load_instance, save_instance
    from twolayer.links import LINKS
    from twolayer.methods import RECOVERIES
    from twolayer.moments import HermiteMoments
    from twolayer.network import TwoLayerNetwork
    from twolayer.papers.families import FAMILIES, make_instance
    from twolayer.papers.theories import THEORIES
    from twolayer.papers.verification import verify_instance
    from twolayer.planted import make_network
    from twolayer.recover import Result, recover
    from twolayer.reduction import Reduction, reduce
    from twolayer.risk import population_risk
    from twolayer.teachers import LAWS

__all__ = [
    "ACTIVATIONS",
    "DECOMPOSITIONS",
    "EXPORTS",
    "FAMILIES",
    "LAWS",
    "LINKS",
    "READERS",
    "RECOVERIES",
    "THEORIES",
    "Certificate",
    "Extraction",
    "HermiteMoments",
    "InputError",
    "Reading",
    "Reduction",
    "Result",
    "Status",
    "TwoLayerClassifier",
    "TwoLayerDisplay",
    "TwoLayerNetwork",
    "TwoLayerRegressor",
    "activation",
    "align",
    "decompose",
    "export_model",
    "extract",
    "load_instance",
    "make_instance",
    "make_network",
    "population_risk",
    "read_model",
    "recover",
    "recovery_error",
    "reduce",
    "save_instance",
    "verify_instance",
]

_HOME = {
    "ACTIVATIONS": "activation",
    "Certificate": "evidence",
    "DECOMPOSITIONS": "decompose",
    "EXPORTS": "formats",
    "Extraction": "extract",
    "FAMILIES": "papers.families",
    "HermiteMoments": "moments",
    "InputError": "errors",
    "LAWS": "teachers",
    "LINKS": "links",
    "READERS": "formats",
    "RECOVERIES": "methods",
    "Reading": "formats",
    "Reduction": "reduction",
    "Result": "recover",
    "Status": "evidence",
    "THEORIES": "papers.theories",
    "TwoLayerClassifier": "estimators",
    "TwoLayerDisplay": "inference.displays",
    "TwoLayerNetwork": "network",
    "TwoLayerRegressor": "estimators",
    "activation": "activation",
    "align": "align",
    "decompose": "decompose",
    "export_model": "formats",
    "extract": "extract",
    "load_instance": "instances",
    "make_instance": "papers.families",
    "make_network": "planted",
    "population_risk": "risk",
    "read_model": "formats",
    "recover": "recover",
    "recovery_error": "align",
    "reduce": "reduction",
    "save_instance": "instances",
    "verify_instance": "papers.verification",
}


class _Package(ModuleType):
    """The package itself: a public name wins over the submodule of the same name, whichever is imported first."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


class _Home(ModuleType):
    """The module of a public function of the same name, which hands on to that function what it offers.

    ``import twolayer.recover.result as m`` looks up ``recover`` in the package, finds the function, and looks up
    ``result`` in that: so the function has the public names and the submodules of its module as attributes, also
    those imported later.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._hand_on(name)

    def _hand_on(self, name: str) -> None:
        own = self.__name__.rpartition(".")[2]
        value = vars(self)[name]
        if name in self.__all__ or (isinstance(value, ModuleType) and value.__name__.startswith(self.__name__)):
            setattr(globals()[own], name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'twolayer' has no attribute {name!r}")
    home = import_module(f"twolayer.{_HOME[name]}")
    value = getattr(home, name)
    globals()[name] = value
    if name == _HOME[name]:
        home.__class__ = _Home
        for member in list(vars(home)):
            home._hand_on(member)
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


sys.modules[__name__].__class__ = _Package
