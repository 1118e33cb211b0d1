"""Prints what TensorBoard's own readers find in the folder of a run, as JSON."""

import json
import os
import sys

from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.plugins.projector.projector_plugin import _read_tensor_tsv_file

folder = os.path.join(sys.argv[1], "tensorboard")
# 0: all of them.
events = EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0}).Reload()
with open(os.path.join(folder, "projector_config.pbtxt")) as file:
    projector = text_format.Parse(file.read(), ProjectorConfig())
tags = events.Tags()
print(
    json.dumps(
        {
            "scalars": {
                tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in tags["scalars"]
            },
            "texts": {
                tag: [
                    [event.step, event.tensor_proto.string_val[0].decode()] for event in events.Tensors(tag)
                ]
                for tag in tags["tensors"]
            },
            "images": {
                tag: [[image.step, image.width, image.height] for image in events.Images(tag)]
                for tag in tags["images"]
            },
            "embeddings": {
                embedding.tensor_name: {
                    "shape": list(embedding.tensor_shape),
                    "read": list(_read_tensor_tsv_file(os.path.join(folder, embedding.tensor_path)).shape),
                }
                for embedding in projector.embeddings
            },
        }
    )
)
