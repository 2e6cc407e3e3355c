"""Several personas in one call: who may hand over to whom, and what goes along. All of it is pure but ``switching``."""
