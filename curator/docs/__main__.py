"""`python -m curator.docs`."""

import sys

from curator.docs import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
