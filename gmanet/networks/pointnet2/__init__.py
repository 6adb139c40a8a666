"""PointNet++ [Qi et al., NeurIPS 2017]: a hierarchy of levels, and the network over it."""
