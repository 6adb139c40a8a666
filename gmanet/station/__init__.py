"""The station: detectors that judge scans beside the line, of a folder or of an HTTP client."""
