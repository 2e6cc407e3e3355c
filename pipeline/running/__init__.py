"""A plan that runs: the call, its nodes, the edges between them."""
