"""Find tiny defects in 3D scans of industrial parts (IEC3D-AD's GMANet on PyTorch Lightning).

Commands are modules: ``python -m gmanet.fit`` trains and measures, ``python -m gmanet.predict``
scores your own scans.  Importing this package loads nothing heavy.
"""

__version__ = "0.1.0"
