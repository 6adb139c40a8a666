"""Runs and experiments: run folders, and the stages from clouds to figures."""
