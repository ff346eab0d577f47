"""max_difference.py A.f32 B.f32 LIMIT: prints the largest difference; fails above LIMIT."""
import sys

import numpy as np

a, b = (np.fromfile(path, "<f4").astype(float) for path in sys.argv[1:3])
largest = np.abs(a - b).max() if a.shape == b.shape and a.size else np.inf
print(f"{largest:.3g}")
sys.exit(not largest <= float(sys.argv[3]))
