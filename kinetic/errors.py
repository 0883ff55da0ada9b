"""The one exception for mistakes that a user can make."""


class InputError(ValueError):
    """A bad value, key or file given by the user; the message names it and says the remedy.

    The command line prints the message as its last line, without a traceback.
    """
