"""Networks that several detectors share."""
