"""`python -m curator`."""

import sys

from curator.cli import main

if __name__ == "__main__":  # worker processes import this module under another name
    sys.exit(main())
