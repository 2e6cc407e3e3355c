"""From specs to a checked plan: graphs, what is wrong with them, which format flows where."""
