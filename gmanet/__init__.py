"""Find tiny defects in 3D scans of industrial parts (IEC3D-AD's GMANet on PyTorch Lightning).

Commands are modules: ``python -m gmanet.fit`` trains and measures, ``python -m gmanet.predict``
scores your own scans.  Importing this package loads nothing heavy.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

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
