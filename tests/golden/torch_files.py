"""Writes torch/*.pth: what torch.save writes of a small model in every form, and pickles that must be refused.

    python3 tests/golden/torch_files.py

Written with torch 1.13. Values are k / 4 for k = -5, -4, … so that every floating-point type has them exactly.
"""

import builtins
import collections
import io
import os
import pathlib
import pickle
import struct
import zipfile

import torch

folder = pathlib.Path(__file__).parent / "torch"
folder.mkdir(exist_ok=True)


def values(*shape):
    count = int(torch.tensor(shape).prod()) if shape else 1
    return (torch.arange(count) - 5).float().div(4).reshape(shape)


state = collections.OrderedDict()
state["conv1.weight"] = values(4, 3, 2, 2)
state["bn1.running_mean"] = values(4)
state["bn1.num_batches_tracked"] = torch.tensor(7)
state["fc.bias"] = values()

storage = values(40)
views = {
    "transposed": values(3, 5).t(),
    "channels_last": values(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "offset": storage[8:20].view(3, 4),
    "shared": storage[30:],
    "expanded": values(3, 1).expand(3, 4),
    "empty": values(0, 3),
}
kinds = {
    "zip": state,
    "half": {name: value.half() if value.is_floating_point() else value for name, value in state.items()},
    "bfloat16": {name: value.bfloat16() if value.is_floating_point() else value for name, value in state.items()},
    "double": {name: value.double() if value.is_floating_point() else value for name, value in state.items()},
    "views": views,
    "parameters": {name: torch.nn.Parameter(value) for name, value in state.items() if value.is_floating_point()},
    "checkpoint": {"epoch": 3, "arch": "tiny", "loss": 0.5, "best": None, "done": True, "state_dict": state},
    "nested": {"encoder": {"conv1": {"weight": state["conv1.weight"]}}, "steps": [1, 2, (3, 2**70)]},
}
for name, value in kinds.items():
    torch.save(value, folder / f"{name}.pth")
torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(views, folder / "legacy_views.pth", _use_new_zipfile_serialization=False)
torch.save(state, folder / "protocol4.pth", pickle_protocol=4)


class Call:
    """Pickles as a call of `function` with `args`."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


refused = {
    "system": Call(os.system, "true"),
    "eval": Call(builtins.eval, "1"),
    "exec": {"conv1.weight": Call(builtins.exec, "pass")},
    "open": Call(open, "/etc/passwd"),
    "getattr": Call(builtins.getattr, "text", "upper"),
    "module": torch.nn.Linear(2, 2),
    "complex": {"weight": Call(complex, 1, 2)},
    "set": {"weight": {1, 2}},
    "bytes": {"weight": Call(bytearray, b"abc")},
}
for name, value in refused.items():
    torch.save(value, folder / f"refused_{name}.pth")


def archive(name, content):
    """A file as torch.save's, with this pickle."""
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr("archive/data.pkl", content)
        file.writestr("archive/data/0", struct.pack("<4f", 1, 2, 3, 4))


# Old instructions: INST, and a class of an extension registry.
archive("refused_inst.pth", b"(S'true'\nios\nsystem\n.")
archive("refused_extension.pth", b"\x80\x02\x82\x01.")
# A tensor beyond its storage, and one whose storage's type is called.
tensor = b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n"
identity = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04t"
archive("refused_beyond.pth", tensor + b"(" + identity + b"QK\x00K\x05\x85K\x01\x85tRs.")
archive("refused_called.pth", b"\x80\x02}X\x01\x00\x00\x00actorch\nFloatStorage\n)Rs.")
