"""Detectors: one file or one folder a method, one interface (:mod:`gmanet.detectors.base`)."""
