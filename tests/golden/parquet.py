"""Writes parquet_*.parquet: images as Hugging Face stores them, and in other ways, for tests/data/parquet_test.ts.

Image i has the bytes (31 i + 7 j) mod 251, j = 0 ... 39 + 10 (i mod 17). Written with pyarrow 25.0.1:
python3 tests/golden/parquet.py
"""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))


def image(i):
    return bytes((31 * i + 7 * j) % 251 for j in range(40 + 10 * (i % 17)))


def write(name, table, **options):
    pq.write_table(table, os.path.join(here, f"parquet_{name}.parquet"), **options)


# As `datasets` writes it: a struct, a label with names in the metadata, row groups; row 7 has no bytes, row 11 is null.
count = 60
structs = [{"bytes": image(i), "path": f"{i}.png"} for i in range(count)]
structs[7] = {"bytes": None, "path": "elsewhere.png"}
structs[11] = None
features = {
    "id": {"dtype": "int64", "_type": "Value"},
    "picture": {"_type": "Image"},
    "label": {"names": ["cat", "dog", "cow"], "_type": "ClassLabel"},
}
table = pa.table(
    {
        "id": pa.array(range(count), pa.int64()),
        "picture": pa.array(structs, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "label": pa.array([-1 if i == 5 else i % 3 for i in range(count)], pa.int64()),
    }
).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
write("struct", table, row_group_size=25, compression="snappy")

# Plain bytes and names of classes, in one row group of several pages with an index of them.
count = 50
table = pa.table(
    {
        "other": pa.array([b"no image"] * count, pa.binary()),
        "img": pa.array([image(i) for i in range(count)], pa.binary()),
        "class": pa.array([["x", "y"][i % 2] if i != 3 else None for i in range(count)], pa.string()),
    }
)
write("binary", table, compression="zstd", write_page_index=True, data_page_size=700, write_batch_size=4, use_dictionary=["class"])

# Numbers as labels without names; gzip.
table = pa.table({"image": pa.array([image(i) for i in range(9)], pa.binary()), "label": pa.array([4, 0] * 4 + [1], pa.int32())})
write("gzip", table, compression="gzip")

# No labels; brotli.
write("brotli", pa.table({"image": pa.array([image(i) for i in range(9)], pa.binary())}), compression="brotli")

# No images.
write("none", pa.table({"text": pa.array(["a", "b"])}))
