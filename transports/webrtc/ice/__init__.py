"""How packets find a caller: STUN checks answered, one port for all calls of a process. See RFC 8445."""
