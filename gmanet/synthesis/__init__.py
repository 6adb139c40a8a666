"""Synthesis of labeled abnormal twins from normal clouds (Section IV.B)."""
