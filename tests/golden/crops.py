"""Writes crops.json: boxes that torchvision's RandomResizedCrop.get_params draws on images where tries fail.

    python3 tests/golden/crops.py

Written with torch 1.13, torchvision 0.14. On a wide image most large areas do not fit, so the law of a box is
conditional on one of ten tries, and the central fall-back is seen. On an image of few pixels the rounding of a box is seen.
"""

import json
import pathlib

import torch
import torchvision
from torchvision.transforms import RandomResizedCrop

BOXES = 2000

torch.manual_seed(0)
cases = []
for width, height, area, ratio in [
    (640, 160, (0.08, 1.0), (3 / 4, 4 / 3)),
    (200, 700, (0.2, 1.0), (3 / 4, 4 / 3)),
    (3000, 2000, (0.08, 1.0), (3 / 4, 4 / 3)),
    (9, 6, (0.08, 1.0), (3 / 4, 4 / 3)),
]:
    image = torch.empty(3, height, width)
    boxes = [RandomResizedCrop.get_params(image, list(area), list(ratio)) for _ in range(BOXES)]
    # [top, left, height, width] one after the other
    cases.append(dict(width=width, height=height, area=area, ratio=ratio, boxes=[int(v) for box in boxes for v in box]))

here = pathlib.Path(__file__).parent
index = dict(written_with=dict(torch=torch.__version__, torchvision=torchvision.__version__), cases=cases)
(here / "crops.json").write_text(json.dumps(index, separators=(",", ":")).replace('{"width"', '\n{"width"') + "\n")
