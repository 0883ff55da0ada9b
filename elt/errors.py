"""The exceptions of this room."""


class EltError(ValueError):
    """A run that cannot go on: bad settings, a store in use or not writable. The message says the remedy, in one line."""


class Damaged(Exception):
    """A file whose checksum or form is wrong; whoever reads sets it aside and makes it again."""
