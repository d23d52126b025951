#!/usr/bin/env python3
"""Makes a database of a city's trees for Datasette: trees.py FILE"""

import random
import sqlite3
import sys

SPECIES = "Acer Aesculus Betula Carpinus Fagus Fraxinus Platanus Populus Quercus Robinia Tilia Ulmus"
COUNT = 120_000


def trees():
    chance = random.Random(1)  # the same trees each time
    for number in range(1, COUNT + 1):
        planted = chance.randint(1890, 2024)
        species = chance.choice(SPECIES.split())
        height = round(min(38, (2025 - planted) * chance.uniform(0.2, 0.5)), 1)
        yield number, species, planted, height, chance.randint(1, 22)


with sqlite3.connect(sys.argv[1]) as database:
    database.execute(
        "create table trees"
        " (id integer primary key, species text, planted integer, height real, district integer)"
    )
    database.executemany("insert into trees values (?, ?, ?, ?, ?)", trees())
    database.execute("create index trees_district on trees (district)")
    database.execute("create index trees_species on trees (species)")
