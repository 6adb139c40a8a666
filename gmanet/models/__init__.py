"""The paper's networks, loss and score."""
