"""``python -m knudsen``: the command line."""

import sys

from knudsen.experiments.app import main

if __name__ == "__main__":
    sys.exit(main())
