"""REST services as tools: requests from templates, and a client that calls nobody who is not named."""
