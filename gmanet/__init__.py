"""Find tiny defects in 3D scans of industrial parts (IEC3D-AD's GMANet on PyTorch Lightning).

From Python::

    detector = gmanet.fit(good_clouds)
    scores = detector.score(cloud)
    detector.save("nut.gmanet")
    detector = gmanet.load("nut.gmanet")

Commands are modules: ``python -m gmanet.fit`` trains and measures, ``python -m gmanet.predict``
scores your own scans.  Importing this package loads nothing heavy: names are imported when used.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from gmanet.cloud import Cloud
    from gmanet.datasets.catalog import open_data
    from gmanet.detectors.base import Scores
    from gmanet.detectors.stored import load
    from gmanet.formats import read_cloud
    from gmanet.runs.from_python import fit

__all__ = ["Cloud", "Scores", "__version__", "fit", "load", "open_data", "read_cloud"]

# Before anything loads OpenMP: threads that spin while they wait take a busy machine's cores from
# each other, and threads that sleep at once are slow on an idle one.  A thousand turns, some
# microseconds, cost neither.  What the user has set stays.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="1000")


def _leave_imports(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """End in one word after Ctrl-C while a command is still importing."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write("interrupted\n")
    sys.stderr.flush()
    os._exit(130)


if sys.argv[:1] == ["-m"]:  # python -m gmanet.COMMAND, and its imports take seconds
    sys.excepthook = _leave_imports

__version__ = "0.1.0"

_PLACES = {
    "Cloud": "gmanet.cloud",
    "Scores": "gmanet.detectors.base",
    "fit": "gmanet.runs.from_python",
    "load": "gmanet.detectors.stored",
    "open_data": "gmanet.datasets.catalog",
    "read_cloud": "gmanet.formats",
}
"""Name -> the module that it is imported from when it is used."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package: ``gmanet.fit`` stays the function after the command of that name is imported.

    Python sets a module as an attribute of its package; that of a public name is not wanted.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PLACES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
