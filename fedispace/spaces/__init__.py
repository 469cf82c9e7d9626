"""The room as a social fact: its life cycle, roles and tickets."""
