"""Pairs of augmented views a second from torchvision's DataLoader: the other side of `deno task bench pipeline`.

    python3 dataloader.py RECIPE.json SIZE BATCH SECONDS WORKERS torchvision|pillow SHARD.tar...

RECIPE.json holds a recipe of data/views/recipe.ts. Decoding and augmenting are Pillow's and torchvision's: transforms on
PIL images, then ToTensor and Normalize. The blur is torchvision's GaussianBlur, whose 23 x 23 taps take most of a view's
time at 224 pixels, or Pillow's, an approximation by boxes that many reproductions use. Prints one line of JSON.
"""

import io
import json
import random
import sys
import tarfile
import time

import torch
from PIL import Image, ImageFilter
from torchvision import transforms
from torchvision.transforms import InterpolationMode

recipe_path, size, batch, seconds, workers, blur_by, *shards = sys.argv[1:]
size, batch, seconds, workers = int(size), int(batch), float(seconds), int(workers)
with open(recipe_path) as file:
    recipe = json.load(file)


class PillowBlur:
    def __init__(self, sigma):
        self.sigma = sigma

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(random.uniform(*self.sigma)))


def view(v):
    bicubic = InterpolationMode.BICUBIC
    if "crop" in v:
        steps = [transforms.RandomResizedCrop(size, v["crop"]["area"], v["crop"]["ratio"], bicubic)]
    else:
        steps = [transforms.Resize(size, bicubic), transforms.CenterCrop(size)]
    if "flip" in v:
        steps.append(transforms.RandomHorizontalFlip(v["flip"]))
    if "jitter" in v:
        strengths = [v["jitter"][name] for name in ("brightness", "contrast", "saturation", "hue")]
        steps.append(transforms.RandomApply([transforms.ColorJitter(*strengths)], v["jitter"]["p"]))
    if "grayscale" in v:
        steps.append(transforms.RandomGrayscale(v["grayscale"]))
    if "blur" in v:
        taps = v["blur"].get("kernelSize", max(3, 2 * (size // 10 // 2) + 1))
        sigma = v["blur"]["sigma"]
        blur = PillowBlur(sigma) if blur_by == "pillow" else transforms.GaussianBlur(taps, sigma)
        steps.append(transforms.RandomApply([blur], v["blur"]["p"]))
    if "solarize" in v:
        steps.append(transforms.RandomSolarize(255 * v["solarize"]["threshold"], v["solarize"]["p"]))
    return transforms.Compose(steps + [transforms.ToTensor(), transforms.Normalize(recipe["mean"], recipe["std"])])


class Pairs(torch.utils.data.Dataset):
    def __init__(self):
        self.views = [view(v) for v in recipe["views"]]
        self.samples = []
        for shard in shards:
            with tarfile.open(shard) as archive:
                self.samples += [
                    (shard, member.offset_data, member.size)
                    for member in archive
                    if member.name.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))
                ]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        shard, offset, length = self.samples[index]
        with open(shard, "rb") as file:
            file.seek(offset)
            image = Image.open(io.BytesIO(file.read(length))).convert("RGB")
        return [view(image) for view in self.views]


torch.set_num_threads(1)
loader = torch.utils.data.DataLoader(
    Pairs(), batch_size=batch, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True
)
pairs, begin = 0, None
while begin is None or time.perf_counter() - begin < seconds:
    for first, _ in loader:
        if begin is None:
            begin = time.perf_counter()  # the Workers are there, and have begun
            continue
        pairs += len(first)
        if time.perf_counter() - begin >= seconds:
            break
elapsed = time.perf_counter() - begin
print(json.dumps({"pairs_per_second": pairs / elapsed, "torch": torch.__version__}))
