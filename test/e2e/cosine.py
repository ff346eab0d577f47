"""cosine.py A.f32 B.f32 ROWS LIMIT: prints the cosine of all numbers and that of the worst row; fails
when the first is below LIMIT."""
import sys

import numpy as np

a, b = (np.fromfile(path, "<f4").astype(float).reshape(int(sys.argv[3]), -1)
        for path in sys.argv[1:3])
whole = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
rows = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
print(f"{whole:.6f}, of the worst step {rows.min():.6f}")
sys.exit(not whole >= float(sys.argv[4]))
