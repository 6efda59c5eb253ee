# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/e2e/arrays.py: reads and writes the files of vae-lab export and import without any of its code: safetensors with json and struct,
# npz with NumPy.
#
#   arrays.py show FILE            one line an array: name, dtype, shape, SHA-256 of its elements
#   arrays.py meta FILE NAME       a text of a safetensors file's metadata
#   arrays.py digest FILE          SHA-256 of all elements in the order of the names
#   arrays.py edit FILE OUT EDIT…  copies a safetensors file; EDIT is one of
#       drop:NAME  rename:NAME:NEW  add:NAME  transpose:NAME  squeeze:NAME  nan:NAME  to:NAME:DTYPE  meta:none
#   arrays.py npz FILE OUT KIND    copies a safetensors file to npz; KIND: plain, fortran, big, packed, object
import hashlib, json, struct, sys


def read(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + n])
    meta = header.pop("__metadata__", {})
    data, end, arrays = raw[8 + n:], 0, []
    for name, a in header.items():
        begin, stop = a["data_offsets"]
        assert begin == end, "a gap"
        end = stop
        arrays.append([name, a["dtype"], a["shape"], data[begin:stop]])
    assert end == len(data) and (8 + n) % 8 == 0
    return meta, arrays


def write(path, meta, arrays):
    header, at = {"__metadata__": meta} if meta else {}, 0
    for name, dtype, shape, raw in arrays:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
        at += len(raw)
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(a[3] for a in arrays))


def transpose(shape, raw):
    rows, columns = shape
    return [columns, rows], b"".join(raw[4 * (i * columns + j):][:4] for j in range(columns) for i in range(rows))


def convert(raw, dtype):
    values = struct.unpack("<%df" % (len(raw) // 4), raw)
    if dtype == "BF16":
        return b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))
    return struct.pack("<%d%s" % (len(values), {"F64": "d", "F16": "e", "I64": "q"}[dtype]),
                       *(int(v) if dtype == "I64" else v for v in values))


def edit(a, edits):
    meta, arrays = a
    for e in edits:
        kind, name, more = (e.split(":") + [None])[:3]
        if kind == "meta":
            meta = None
        elif kind == "add":
            arrays.append([name, "F32", [1], b"\0\0\0\0"])
        elif kind == "drop":
            arrays = [x for x in arrays if x[0] != name]
        for x in arrays:
            if x[0] != name:
                continue
            if kind == "rename":
                x[0] = more
            elif kind == "transpose":
                x[2], x[3] = transpose(x[2], x[3])
            elif kind == "squeeze":
                x[2] = x[2][1:]
            elif kind == "nan":
                x[3] = struct.pack("<f", float("nan")) + x[3][4:]
            elif kind == "to":
                x[1], x[3] = more, convert(x[3], more)
    return meta, arrays


def to_npz(arrays, path, kind):
    import numpy
    out = {n: numpy.frombuffer(raw, "<f4").reshape(shape) for n, _, shape, raw in arrays}
    if kind == "fortran":
        out = {n: numpy.asfortranarray(x) for n, x in out.items()}
    elif kind == "big":
        out = {n: x.astype(">f4") for n, x in out.items()}
    elif kind == "object":
        out = {n: x.astype(object) for n, x in out.items()}
    (numpy.savez_compressed if kind == "packed" else numpy.savez)(path, **out)


def show(path):
    if path.endswith(".safetensors"):
        rows = [(n, d, tuple(s), raw) for n, d, s, raw in read(path)[1]]
    else:
        import numpy
        with numpy.load(path, allow_pickle=False) as f:
            rows = [(n, f[n].dtype.str, f[n].shape, f[n].tobytes()) for n in f.files]
    for name, dtype, shape, raw in rows:
        print(name, {"F32": "<f4"}.get(dtype, dtype), shape, hashlib.sha256(raw).hexdigest())


if __name__ == "__main__":
    command, path, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if command == "show":
        show(path)
    elif command == "meta":
        print(read(path)[0][rest[0]])
    elif command == "digest":
        print(hashlib.sha256(b"".join(x[3] for x in sorted(read(path)[1], key=lambda x: x[0].encode()))).hexdigest())
    elif command == "edit":
        write(rest[0], *edit(read(path), rest[1:]))
    elif command == "npz":
        to_npz(read(path)[1], *rest)
