"""Writes a CSV file of N rows of made-up reviews, to see how encoding fares with more rows than fit.

    python benches/peers/many_rows.py 3000000 rows.csv
"""

import random
import sys

WORDS = ("the a of and to in is it that this was for with as on movie film good bad great boring "
         "story actor plot really never ever quite rather price service delivery phone battery "
         "wonderful terrible unbelievably disappointing recommended expensive comfortable").split()


def main():
    rows, path = int(sys.argv[1]), sys.argv[2]
    random.seed(0)
    with open(path, "w") as file:
        file.write("label,text\n")
        for _ in range(rows):
            words = random.choices(WORDS, k=random.randint(8, 50))
            file.write(f'{random.randint(1, 5)},"{" ".join(words)}"\n')


if __name__ == "__main__":
    main()
