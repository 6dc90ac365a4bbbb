"""Keyed hashes in place of customer ids."""

from __future__ import annotations

import hmac
import os

from dbt_rfm.mistake import Mistake

KEY = "RFM_MASK_KEY"
KEY_LENGTH = 32
# 128 bits: with a thousand million customers two of them get one hash with a probability of about 10^-21.
HASH_BYTES = 16


class Mask:
    """HMAC-SHA-256 of a dataset's name and an id: the same in every release of a dataset, another in each dataset.

    So the months of one product can be joined, and two products cannot. Raises Mistake where the environment has no key
    of at least 32 characters. The key stays in here.
    """

    def __init__(self, dataset: str) -> None:
        """Take the key from the environment."""
        key = os.environ.get(KEY, "").strip()
        if len(key) < KEY_LENGTH:
            found = f"has {len(key)} characters" if key else "is not set"
            raise Mistake(
                f"--mask needs a key, but the environment variable {KEY} {found}, "
                f"expected at least {KEY_LENGTH} characters: "
                'python -c "import secrets; print(secrets.token_hex(32))" prints one; keep it, and keep it secret'
            )
        self._key = key.encode()
        self._dataset = dataset.encode()

    def __call__(self, customer_id: str) -> str:
        """Return 32 hexadecimal characters."""
        # No name of a dataset has a zero byte, so no two pairs of name and id make one message.
        message = self._dataset + b"\0" + customer_id.encode()
        return hmac.digest(self._key, message, "sha256")[:HASH_BYTES].hex()
