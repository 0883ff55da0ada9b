"""The words for what lies beyond the ends of the domain, and their codes in compiled loops; one vocabulary for all rooms."""

PERIODIC, OUTFLOW, FIXED, WALLS = range(4)
BOUNDARIES = {"periodic": PERIODIC, "outflow": OUTFLOW, "fixed": FIXED, "walls": WALLS}
