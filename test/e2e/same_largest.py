"""same_largest.py A.f32 B.f32 ROWS LIMIT: prints how many rows have their largest number in the same place;
fails below LIMIT."""
import sys

import numpy as np

a, b = (np.fromfile(path, "<f4").reshape(int(sys.argv[3]), -1) for path in sys.argv[1:3])
same = int((a.argmax(1) == b.argmax(1)).sum())
print(same)
sys.exit(same < int(sys.argv[4]))
