"""Lazy import of Open3D: the rest of the package runs without it.

Open3D 0.20 requires the system library libusb-1.0, which small machines lack.  The PyPI package
``libusb-package`` carries a copy under the same library name, so loading that copy first is enough.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from gmanet.errors import InputError

__all__ = ["load_open3d"]


def load_open3d() -> Any:
    """Return the module ``open3d``, with messages below errors turned off.

    Raises:
        InputError: Open3D is not installed, or a library of the system is missing.
    """
    if sys.platform == "linux" and "open3d" not in sys.modules:
        _load_libusb()
    try:
        module = importlib.import_module("open3d")
    except ModuleNotFoundError as error:
        raise InputError(
            f"Open3D: {error}, wanted the package (pip install open3d-cpu on Linux, else open3d)"
        ) from error
    except (ImportError, OSError) as error:
        raise InputError(
            f"Open3D: {error}, wanted the system's libraries (apt-get install libusb-1.0-0)"
        ) from error
    module.utility.set_verbosity_level(module.utility.VerbosityLevel.Error)
    return module


def _load_libusb() -> None:
    """Load the system's libusb or else the copy of ``libusb-package``; Open3D reports a failure."""
    package = importlib.util.find_spec("libusb_package")  # finds the folder without an import
    folders = (package and package.submodule_search_locations) or []
    copies = [str(path) for folder in folders for path in Path(folder).glob("libusb-1.0.so*")]
    for name in ["libusb-1.0.so.0", *copies]:
        try:
            ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return
