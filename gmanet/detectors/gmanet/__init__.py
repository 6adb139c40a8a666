"""GMANet, the paper's method (Section IV): every idea has a file."""
