"""What is measured of each row."""

import pyarrow as pa

from tinystories.corpus.record import EXTRACTED, story_id
from tinystories.corpus.rows import MEASURES, measure


def test_each_measure_of_rows_that_are_odd() -> None:
    texts = [
        "  A cat\0 ran. Then he",
        "It was a cafÃ© \ufffd.",
        "Features: Dialogue",
        "Here is a story.\nTom ran.",
        "",
        "Ã ran.",
    ]
    rows = [dict.fromkeys(EXTRACTED.names) | {"story_id": story_id(t), "text": t, "partition": "train"} for t in texts]
    rows[5] |= {"story_id": "0" * 16, "tags": ["Twist", "Romance"], "features": ["Horror"], "source": "own.txt"}
    found = measure(pa.Table.from_pylist(rows, schema=EXTRACTED), known_tags=["Twist"], english=False)
    assert found.schema.equals(MEASURES)
    expected = {
        "characters": [19, 17, 18, 25, 0, 6], "words": [5, 5, 2, 6, 0, 2], "nul": [1, 0, 0, 0, 0, 0],
        "replacement": [0, 1, 0, 0, 0, 0], "mojibake": [0, 1, 0, 0, 0, 0], "instruction_only": [0, 0, 1, 0, 0, 0],
        "cut_off": [1, 0, 0, 0, 0, 0], "refusal": [0] * 6, "leaked_prompt": [0, 0, 1, 1, 0, 0],
        "other_language": [0] * 6, "id_differs": [0, 0, 0, 0, 0, 1], "unknown_tags": [0, 0, 0, 0, 0, 2],
        "unknown_names": [*[""] * 5, "Horror\nRomance"], "source": [*[""] * 5, "own.txt"],
        "identity": [int(story_id(text), 16) for text in texts],
    }  # fmt: skip
    assert {name: found[name].to_pylist() for name in expected} == expected
