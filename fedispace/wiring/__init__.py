"""Which part is given which others, area by area: here, and in `app.py`, everything is built.

Bottom to top, in the order of the layers: `base`, `federation`, `accounts`, `threads`, `spaces`; then what
joins them: `incoming` (the inbox and the documents), `api` and `web` (the doors), `work` (what runs by
itself).

A class here is an area. Its constructor builds the parts, each from the parts it names; what other areas need
is an attribute. A part gets parts, never an area: nothing below this package knows that it exists.
Nothing here decides anything.
"""
