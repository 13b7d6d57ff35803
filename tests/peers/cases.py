"""The cases of a manifest, for the scripts that ask another engine about them.

A script reads the very manifest that papertape runs, translates its keys into the peer's own settings,
and writes what the peer made of every case: see README.md.
"""

import csv
import hashlib
import itertools
import math
import platform
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent


def merged(below, layer):
    """`layer` over `below`, table by table; a choice is replaced as a whole."""
    result = dict(below)
    for key, value in layer.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both and key != "sizing" else value
    return result


def sessions(manifest):
    """Name and merged tables of each session; its sweep is taken out and stands in `accounts`."""
    tables = tomllib.loads((HERE / manifest).read_text())
    for name, table in tables["session"].items():
        table = merged(tables["defaults"], table)
        axes = table.pop("sweep", {}).get("axes", {})
        # The symbols of each account.
        table["accounts"] = axes.get("symbols", [table.get("symbols")])
        table["symbols"] = list(itertools.chain.from_iterable(table["accounts"]))
        yield name, table


def bars(table, symbol):
    """Times and columns of one symbol in the session's range; what is empty is NaN."""
    with open(REPOSITORY / table["data"]["path"], newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("symbol", symbol) == symbol]
    range_ = table.get("range", {})
    first, last = str(range_.get("from", "")), str(range_.get("to", "9")) + "~"
    rows = [row for row in rows if first <= row["timestamp"] <= last]
    names = [name for name in rows[0] if name not in ("timestamp", "symbol")]
    columns = {name: [float(row[name] or math.nan) for row in rows] for name in names}
    return [row["timestamp"] for row in rows], columns


def mean(values, length):
    """The plain mean of the last `length` values."""
    windows = [values[i + 1 - length:i + 1] if i + 1 >= length else [] for i in range(len(values))]
    return [math.fsum(window) / length if window else math.nan for window in windows]


def extreme(values, length, which):
    """The highest or lowest (`which`: max or min) of the last `length` values before each."""
    return [which(values[i - length:i]) if i >= length else math.nan for i in range(len(values))]


def crosses_above(a, b):
    """Below before and above now."""
    return [i > 0 and a[i - 1] < b[i - 1] and a[i] > b[i] for i in range(len(a))]


def averages(bars, fast, slow):
    """Both crosses of two averages, and the averages themselves."""
    fast, slow = mean(bars["close"], fast), mean(bars["close"], slow)
    return crosses_above(fast, slow), crosses_above(slow, fast), [fast, slow]


def long_short(bars):
    up, down, used = averages(bars, 10, 20)
    return dict(enter_long=up, enter_short=down), used


def long_only(bars):
    up, down, used = averages(bars, 10, 20)
    return dict(enter_long=up, exit_long=down), used


def breakout(bars):
    high, low = extreme(bars["high"], 20, max), extreme(bars["low"], 10, min)
    close = bars["close"]
    up = [c > h for c, h in zip(close, high)]
    return dict(enter_long=up, exit_long=[c < l for c, l in zip(close, low)]), [high, low]


def dip(bars):
    rules, used = long_only(bars)
    scaled = lambda factor: [factor * c for c in bars["close"]]
    return rules | dict(limit=scaled(0.98), stop=scaled(0.93), target=scaled(1.08)), used


def limit(bars):
    rules, used = long_only(bars)
    return rules | dict(limit=[0.98 * close for close in bars["close"]]), used


def wait_and_see(bars):
    up, down, used = averages(bars, 10, 20)
    scaled = lambda factor: [factor * c for c in bars["close"]]
    return dict(enter_long=up, exit_long=down, trigger=scaled(1.01), stop=scaled(0.97)), used


# The sessions whose rules are not columns of the bars, each with its rules in Python.
WRITTEN = {
    "goog-long-short": long_short,
    "goog-close": long_short,
    "goog-long": long_only,
    "goog-next-open": long_only,
    "ibm-breakout": breakout,
    "ibm-trailing": breakout,
    "btc-dip": dip,
    "btc-limit": limit,
    "msft-bracket": long_short,
    "msft-fees": long_short,
    "aapl-trigger": wait_and_see,
    "aapl-trigger-close": wait_and_see,
    "btc-dip-trailing": dip,
    "msft-dip-end": dip,
    "aapl-scaled-in": breakout,
    "eurusd-margin": long_short,
    "spy-trailing": breakout,
    "spy-trailing-close": breakout,
    "eurusd-bracket": long_short,
    "shared-close": long_only,
    "shared-next-open": long_only,
    "shared-long-short": long_short,
    "shared-bracket": breakout,
    "shared-trailing": breakout,
    "shared-short-stops": long_short,
    "shared-cancel": long_short,
    "ibm-added": breakout,
}


def rules(name, table, bars):
    """The value of every rule at every close, and the indicators that rules wait for."""
    if name in WRITTEN:
        return WRITTEN[name](bars)
    written = table["strategy"]["rules"]
    flags = {rule: text.removesuffix(" == 1") for rule, text in written.items() if "==" in text}
    prices = {rule: bars[text] for rule, text in written.items() if "==" not in text}
    return {rule: [value == 1 for value in bars[name]] for rule, name in flags.items()} | prices, []


def number(value):
    """As many digits as it takes, and none that say nothing."""
    return repr(float(value)).removesuffix(".0")


class Expected:
    """The file of a session: what the peer made of each symbol."""

    def __init__(self, manifest, name, packages, inputs):
        self.path = HERE / manifest.removesuffix(".toml") / f"{name}.csv"
        self.lines = [
            "# " + ", ".join(f"{package} {version(package)}" for package in packages)
            + f", Python {platform.python_version()}",
            f"# python tests/peers/{Path(sys.argv[0]).name}",
        ]
        for path in inputs:
            digest = hashlib.sha256((REPOSITORY / path).read_bytes()).hexdigest()
            self.lines.append(f"# {path} sha256 {digest}")
        self.lines.append("# trade,symbol,side,units,entry_bar,entry_price,exit_bar,exit_price,profit")
        self.lines.append("# equity,symbol,first_bar,the close of it,of the next,...")

    def trade(self, symbol, side, units, entry_bar, entry_price, exit_bar, exit_price, profit):
        """A trade; an open one has neither exit nor profit."""
        values = [number(units), str(entry_bar), number(entry_price)]
        open_ = exit_bar is None
        values += ["", "", ""] if open_ else [str(exit_bar), number(exit_price), number(profit)]
        self.lines.append(",".join(["trade", symbol, side] + values))

    def equity(self, symbol, values):
        """The account at the close of every bar."""
        for first in range(0, len(values), 10):
            row = [number(value) for value in values[first:first + 10]]
            self.lines.append(",".join(["equity", symbol, str(first)] + row))

    def write(self):
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text("\n".join(self.lines) + "\n")
