"""As much of MessagePack as envelopes and errors need: maps and lists of texts, whole numbers, bytes, truth values, None."""

import struct


def write(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value)
    if isinstance(value, str):
        text = value.encode()
        return struct.pack(">BI", 0xDB, len(text)) + text
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, dict):
        items = (write(key) + write(item) for key, item in value.items())
        return struct.pack(">BI", 0xDF, len(value)) + b"".join(items)
    raise TypeError(f"{type(value)} is not written")


# What follows the first byte: the length of it, or the number itself.
_LENGTHS = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_LENGTHS |= {0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}
_NUMBERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}


def read(data):
    value, rest = _read(memoryview(data))
    return value


def _read(data):
    first, data = data[0], data[1:]
    if first <= 0x7F:
        return first, data
    if first >= 0xE0:
        return first - 0x100, data
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], data
    if first in _NUMBERS:
        return _unpack(_NUMBERS[first], data)
    if first in _LENGTHS:
        length, data = _unpack(_LENGTHS[first], data)
    else:
        length = first & (0x1F if first >= 0xA0 else 0x0F)
    if first in (0xC4, 0xC5, 0xC6):
        return bytes(data[:length]), data[length:]
    if 0xA0 <= first <= 0xBF or first in (0xD9, 0xDA, 0xDB):
        return str(data[:length], "utf-8"), data[length:]
    if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
        return _items(length, data)
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
        items, data = _items(2 * length, data)
        return dict(zip(items[::2], items[1::2])), data
    raise ValueError(f"0x{first:02x} is not read")


def _items(count, data):
    items = []
    for _ in range(count):
        item, data = _read(data)
        items.append(item)
    return items, data


def _unpack(form, data):
    size = struct.calcsize(form)
    return struct.unpack(form, data[:size])[0], data[size:]
