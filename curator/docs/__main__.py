"""python -m curator.docs"""

import sys

from curator.docs import main

sys.exit(main(sys.argv[1:]))
