"""Wheels for pip, as small as it accepts them."""

import zipfile


def write_wheel(folder, name, files, compression=zipfile.ZIP_STORED):
    """A wheel of version 0.1 that holds some files: its path."""
    info = f"{name}-0.1.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    path = folder / f"{name}-0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for inside, content in contents.items():
            archive.writestr(inside, content)
    return path
