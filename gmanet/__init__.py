"""Find tiny defects in 3D scans of industrial parts (IEC3D-AD's GMANet on PyTorch Lightning).

From Python::

    detector = gmanet.fit(good_clouds)
    scores = detector.score(cloud)
    detector.save("nut.gmanet")
    detector = gmanet.load("nut.gmanet")

Commands are modules: ``python -m gmanet.fit`` trains and measures, ``python -m gmanet.predict``
scores your own scans.  The import of this package is fast: names are imported on their first use.
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

# These variables are read when OpenMP is loaded.  Waiting threads that spin slow down a busy
# machine, and threads that sleep at once are slow on an idle machine; a thousand spins, some
# microseconds, avoid both.  Variables that the user has set remain.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="1000")


def _leave_imports(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print one word instead of a traceback after Ctrl-C during the imports of a command."""
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
"""Public name -> module from which it is imported on its first use."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Module type of this package, in which ``gmanet.fit`` remains the function.

    Python sets each imported module as an attribute of its package, also ``gmanet/fit.py``; modules
    with a public name are not set.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PLACES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
