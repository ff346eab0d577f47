"""reshard.py HF_DIR OUT N: the same model with its tensors spread over N safetensors files."""
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))
import make_models  # noqa: E402
import safetensors  # noqa: E402

source, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
    shutil.copy(source / name, out)
make_models.write_shards(out, safetensors.read(source / "model.safetensors"), "F32",
                         int(sys.argv[3]))
