from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from blipdb.model.tokens import Scales, Tokens, pack, pack_batch, record_size, unpack, unpack_batch


def test_layout_is_scales_then_values() -> None:
    tokens = np.array([[1, -1], [127, -128], [0, 2]], np.int8)
    scales = np.array([1.0, 0.5, 0.0], np.float32)
    record = pack(tokens, scales)
    assert record.hex() == "0000803f0000003f0000000001ff7f800002"
    assert len(record) == record_size(3, 2)


@given(
    arrays(np.int8, (2, 3, 4)),
    arrays(np.float32, (2, 3), elements=st.floats(0, 1e9, width=32, allow_subnormal=False)),
)
def test_a_batch_comes_back(tokens: Tokens, scales: Scales) -> None:
    records = pack_batch(tokens, scales)
    found = unpack_batch(b"".join(records), 2, 3, 4)
    np.testing.assert_array_equal(found[0], tokens)
    np.testing.assert_array_equal(found[1], scales)
    one = unpack(memoryview(records[1]), 3, 4)
    np.testing.assert_array_equal(one[0], tokens[1])
    np.testing.assert_array_equal(one[1], scales[1])


def test_no_records() -> None:
    tokens, scales = unpack_batch(b"", 0, 3, 4)
    assert tokens.shape == (0, 3, 4)
    assert scales.shape == (0, 3)


def test_a_record_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="23 bytes are not 1 records of 24 bytes"):
        unpack(bytes(23), 3, 4)


def test_values_of_another_type_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tokens are float32 \(3, 4\)"):
        pack(np.zeros((3, 4), np.float32), np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"scales \(4,\)"):
        pack(np.zeros((3, 4), np.int8), np.zeros(4, np.float32))
