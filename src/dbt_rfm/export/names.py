"""Names of files that every file system takes, made of what people call their regions."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable

from dbt_rfm.mistake import Mistake

# What Windows refuses in a name, where the other systems refuse only the slash.
REFUSED = frozenset('<>:"/\\|?*')
# A name may have 255 bytes on Linux; dataset, date, hash and ending need some of them.
REGION_BYTES = 120


def file_stems(stem: str, regions: Iterable[str]) -> dict[str, str]:
    """Return the name of each region's files without an ending, the stem and the region: kunming_2024-11-02_五华区.

    A region's hash is added where two regions would get one name, or one that differs only in upper and lower case.
    Raises Mistake where even that does not tell two regions apart, which nobody's regions do by chance.
    """
    readable = {region: readable_name(region) for region in regions}
    taken = Counter(folded(name) for name in readable.values())
    stems = {
        region: f"{stem}_{name if taken[folded(name)] == 1 else f'{name}_{short_hash(region)}'}"
        for region, name in readable.items()
    }
    if len({folded(stem) for stem in stems.values()}) < len(stems):
        raise Mistake(f"two regions would have one file, {stem}_…: rename one of them")
    return stems


def readable_name(region: str) -> str:
    """Return the region with an underscore for what file systems refuse or nobody sees, shortened where it is long."""
    composed = unicodedata.normalize("NFC", region)
    kept = "".join(
        "_" if sign in REFUSED or sign.isspace() or unicodedata.category(sign).startswith("C") else sign
        for sign in composed
    )
    # Windows drops dots and spaces at the end.
    return kept.encode()[:REGION_BYTES].decode(errors="ignore").strip("._") or "region"


def folded(name: str) -> str:
    """Return what two names have in common that a file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def short_hash(region: str) -> str:
    """Return eight characters that depend on nothing but the region."""
    return hashlib.sha256(region.encode()).hexdigest()[:8]
