"""That nobody waits in vain: whether an answer is due, what is done when none comes, and what is said then."""
