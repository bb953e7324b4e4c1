# SPDX-License-Identifier: MIT
"""fields.py -- hostile bytes for every field of every message, made from descriptors alone.

A request is written by hand, field by field, so that it can say what no library would write: a good value for each
field but one, and for that one whatever is bad. What is known of a field is its type, so a new field or method is
attacked from the day that it is declared.
"""
import random

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def tag(number, wire):
    return varint(number << 3 | wire)


def chunk(number, data):
    return tag(number, BYTES) + varint(len(data)) + data


def wire_of(field):
    if field.type in (field.TYPE_BYTES, field.TYPE_STRING, field.TYPE_MESSAGE):
        return BYTES
    assert field.type not in (field.TYPE_DOUBLE, field.TYPE_FLOAT, field.TYPE_FIXED64, field.TYPE_FIXED32,
                              field.TYPE_SFIXED64, field.TYPE_SFIXED32, field.TYPE_GROUP), "teach fields.py this type"
    return VARINT


def is_list(field):
    return field.label == field.LABEL_REPEATED


NUMBERS = [0, 1, 2, -1, 3, 7, 99, 2**31 - 1, -2**31, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, -2**63]
OVERLONG = [b"\x80\x00", b"\x80" * 9 + b"\x00", b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x7f", b"\x80" * 10 + b"\x00",
            b"\x80" * 100 + b"\x00"]
CUT = [b"", b"\x80", b"\xff" * 9, b"\xff" * 10]
TEXTS = [b"", b"\0", b"a", b"\0\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\0b", b"%s%n", b"../../x",
         "\u202e\U0001f600".encode(), b"x" * 300]
LIES = [1, 100, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]


def good(field, depth):
    """A value that makes sense, as it lies behind the tag."""
    if field.type == field.TYPE_MESSAGE:
        data = whole(field.message_type, depth - 1) if depth > 0 else b""
        return varint(len(data)) + data
    if field.type in (field.TYPE_BYTES, field.TYPE_STRING):
        return b"\x01k" if field.name != "range_end" else b"\x00"
    return b"\0"


def whole(message, depth, but=None):
    """A good message, without one of its fields, and without what excludes that one."""
    out, seen = b"", set()
    for field in message.fields:
        group = field.containing_oneof
        if field is but or (group and (group is getattr(but, "containing_oneof", None) or group.name in seen)):
            continue
        if group:
            seen.add(group.name)
        if field.name in ("range_end", "ignore_value", "ignore_lease"):
            continue
        if field.type == field.TYPE_MESSAGE and depth <= 0:
            continue
        out += tag(field.number, wire_of(field)) + good(field, depth)
    return out


def bad_values(field):
    """(name, the bytes from the tag on) for one field."""
    number, wire = field.number, wire_of(field)
    yield "not there", b""
    for other in range(8):
        if other != wire:
            yield f"wire type {other}", tag(number, other) + b"\1k" + bytes(8)
    yield "a tag alone", tag(number, wire)
    if wire == VARINT:
        for value in NUMBERS:
            yield f"number {value}", tag(number, VARINT) + varint(value)
        for data in OVERLONG:
            yield f"overlong {data.hex()}", tag(number, VARINT) + data
        for data in CUT:
            yield f"cut {data.hex()}", tag(number, VARINT) + data
        if is_list(field):
            yield "packed", chunk(number, bytes(range(100)))
            yield "packed and cut", chunk(number, b"\1\xff")
            yield "packed lie", tag(number, BYTES) + varint(1000) + b"\1"
    else:
        for data in TEXTS:
            yield f"text {data[:8].hex()}.{len(data)}", chunk(number, data)
        for size in LIES:
            yield f"lie {size}", tag(number, BYTES) + varint(size) + b"abc"
        yield "length cut", tag(number, BYTES) + b"\x80"
    yield "twice", (tag(number, wire) + good(field, 1)) * 2
    if is_list(field):
        yield "100000 times", (tag(number, wire) + good(field, 0)) * 100000
    yield "1000 times empty", (tag(number, wire) + b"\0") * 1000


def unknown_things():
    yield "an unknown number", tag(9999, VARINT) + b"\1"
    yield "unknown bytes", chunk(9999, b"x" * 10000)
    yield "unknown words", tag(9999, FIXED64) + bytes(8) + tag(9999, FIXED32) + bytes(4)
    yield "field 0", b"\0\0"
    yield "the last field", tag(2**29 - 1, VARINT) + b"\1"
    yield "a field too far", tag(2**29, VARINT) + b"\1"
    yield "a group", tag(9999, GROUP) + tag(1, VARINT) + b"\1" + tag(9999, END_GROUP)
    yield "an open group", tag(9999, GROUP)
    yield "an end without a group", tag(9999, END_GROUP)
    yield "groups crossed", tag(9998, GROUP) + tag(9999, GROUP) + tag(9998, END_GROUP) + tag(9999, END_GROUP)
    yield "10000 groups", tag(9999, GROUP) * 10000 + tag(9999, END_GROUP) * 10000
    yield "10000 open groups", tag(9999, GROUP) * 10000
    yield "nothing but ff", b"\xff" * 100
    yield "nothing but 0", bytes(100)


def hostile(message, depth=3, base_depth=2):
    """(name, bytes of the message) for every field of it."""
    yield "empty", b""
    yield "good", whole(message, base_depth)
    for name, data in unknown_things():
        yield name, whole(message, base_depth) + data
        yield name + " first", data + whole(message, base_depth)
    for field in message.fields:
        rest = whole(message, base_depth, field)
        for name, data in bad_values(field):
            yield f"{field.name}: {name}", rest + data
            if "cut" not in name and "lie" not in name:
                continue
            yield f"{field.name}: {name}, in the middle", data + rest
        if field.type == field.TYPE_MESSAGE and depth > 1:
            for name, data in hostile(field.message_type, depth - 1, base_depth - 1):
                yield f"{field.name}.{name}", rest + chunk(field.number, data)


def nested(message, path, times):
    """A message that holds itself by way of fields, so many times."""
    fields, at = [], message
    for name in path:
        fields.append(at.fields_by_name[name])
        at = fields[-1].message_type
    assert at is message
    # from the inside; lengths first, so that a deep one does not cost the square of its size
    heads, size = [], 0
    for _ in range(times):
        for field in reversed(fields):
            head = tag(field.number, BYTES) + varint(size)
            heads.append(head)
            size += len(head)
    return b"".join(reversed(heads))


def mutated(data, choice):
    """Some bytes changed, put in, left out or said twice."""
    data = bytearray(data)
    for _ in range(choice.choice([1, 1, 2, 5])):
        at = choice.randrange(len(data) + 1)
        kind = choice.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = choice.choice([0, 1, 0x7f, 0x80, 0xff, data[at] ^ 1 << choice.randrange(8)])
        elif kind == 1:
            data[at:at] = choice.randbytes(choice.choice([1, 2, 9]))
        elif kind == 2:
            del data[at:at + choice.choice([1, 2, 9])]
        else:
            data[at:at] = data[max(0, at - 8):at]
    return bytes(data)


def mutations(seeds, count, seed):
    choice = random.Random(seed)
    for i in range(count):
        yield f"mutation {seed}.{i}", mutated(choice.choice(seeds), choice)
