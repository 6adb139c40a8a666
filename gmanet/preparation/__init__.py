"""What ``python -m gmanet.prepare`` does with folders of scans and of partial views."""
