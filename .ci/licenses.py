"""Whether every dependency has a license that deny.toml allows.

    cargo tree --workspace --all-features --target all --prefix none --format '{l}	{p}' | python3 .ci/licenses.py

`cargo deny check licenses` says the same; building it takes five minutes.
"""

import re
import sys
import tomllib

WORDS = {"AND": "and", "OR": "or", "/": "or", "(": "(", ")": ")"}


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression holds with only these licenses; `/` is how `OR` was once written."""
    tokens = re.findall(r"[()/]|[\w.+-]+(?: WITH [\w.+-]+)?", expression)
    return bool(tokens) and eval(" ".join(WORDS.get(token, str(token in allowed)) for token in tokens))


def main() -> None:
    with open("deny.toml", "rb") as file:
        allowed = set(tomllib.load(file)["licenses"]["allow"])
    # A workspace's packages may be repeated as `NAME (*)`, and blank lines stand between their trees.
    lines = sorted({line.removesuffix(" (*)\n").strip("\n") for line in sys.stdin} - {""})
    refused = [line for line in lines if not is_allowed(line.split("\t")[0], allowed)]
    for line in refused:
        license, package = line.split("\t")
        print(f"{package}: license {license!r} is not allowed", file=sys.stderr)
    sys.exit(bool(refused))


if __name__ == "__main__":
    main()
