"""Where the fields of a spec's records lie."""

SIZES = {"uint8": 1, "int8": 1, "uint32": 4, "uint64": 8, "int64": 8}


def lay_out(record: dict) -> list[tuple[int, int, dict]]:
    """Returns (offset, bytes, field) for each field; fields are naturally aligned, without holes."""
    rows, offset = [], 0
    for field in record["fields"]:
        size = SIZES[field["type"]]
        if offset % size:
            raise SystemExit(f"{record['name']}.{field['name']}: offset {offset} is not a multiple of {size}")
        total = size * field.get("count", 1)
        rows.append((offset, total, field))
        offset += total
    if offset != record["bytes"]:
        raise SystemExit(f"{record['name']}: fields take {offset} bytes, the spec says {record['bytes']}")
    return rows
