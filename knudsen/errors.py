"""The one exception for mistakes that a user can make, and the one warning."""


class InputError(ValueError):
    """A bad value, key or file given by the user; the message names it and says the remedy.

    The command line prints the message as its last line, without a traceback.
    """


class UnderResolvedWarning(UserWarning):
    """The velocity grid is too coarse or too narrow for the gas: conservation holds, transport coefficients do not."""
