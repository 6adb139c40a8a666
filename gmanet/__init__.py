"""Find tiny defects in 3D scans of industrial parts (IEC3D-AD's GMANet on PyTorch Lightning).

Commands are modules: ``python -m gmanet.fit`` trains and measures, ``python -m gmanet.predict``
scores your own scans.  Importing this package loads nothing heavy.
"""

import os

# Before anything loads OpenMP: threads that spin while they wait take a busy machine's cores from
# each other, and threads that sleep at once are slow on an idle one.  A thousand turns, some
# microseconds, cost neither.  What the user has set stays.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="1000")

__version__ = "0.1.0"
