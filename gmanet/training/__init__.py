"""Training with Lightning: data module, trainer, callbacks, logger."""
