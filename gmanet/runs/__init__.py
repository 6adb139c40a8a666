"""Runs: their folder, their experiments, and the stages from clouds to figures."""
