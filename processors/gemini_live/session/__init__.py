"""The connections of a session: made, used, judged when they end, replaced; what waits to be sent."""
