"""How people come in: tickets, passes and keys, and how people of other servers prove who they are."""
