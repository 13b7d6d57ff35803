#!/usr/bin/env python3
"""What TA-Lib makes of the data that the repository carries: tests/fixtures/talib/*.tsv.

    python3 -m venv target/peers
    target/peers/bin/pip install TA-Lib==0.8.2 numpy==2.4.6
    target/peers/bin/python tests/peers/ta_lib.py

Each column is an expression of the rule language beside TA-Lib's values for the same. Its head says
which call that was, which columns set its scale, how many rows its window has and which row is the
first with a value; the values follow for some hundred rows, in full precision. A test evaluates the
expressions and compares (src/expr/talib_tests.rs). The unstable period is 0 throughout.
"""

import csv
import hashlib
import sys
from pathlib import Path

import numpy as np
import talib as ta

VERSION = "0.8.2"
ROOT = Path(__file__).resolve().parents[2]

# A name, the file, the symbol in it (if it has several), how many rows are taken, and which of them
# are made flat: every price the close of the first of them, and no volume.
SERIES = [
    ("btcusdt-daily", "btcusdt-daily.csv", None, 1246, None),
    ("aapl-daily", "us-equities-daily.csv", "AAPL", 1500, None),
    ("eurusd-1h", "eurusd-1h.csv", None, 1500, None),
    ("spy-1m", "spy-1m.csv", None, 1564, None),
    ("flat-in-the-middle", "btcusdt-daily.csv", None, 300, (100, 160)),
    ("flat-throughout", "btcusdt-daily.csv", None, 230, (0, 230)),
]


def columns(file, symbol, count, flat):
    with open(ROOT / "data" / file, newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if symbol in (None, row.get("symbol"))]
    names = ("open", "high", "low", "close", "volume")
    data = {name: np.array([float(row[name]) for row in rows[:count]]) for name in names}
    if flat:
        price = data["close"][flat[0]]
        for name, column in data.items():
            column[slice(*flat)] = 0.0 if name == "volume" else price
    return data


def cases(o, h, l, c, v):
    """(expression, TA-Lib's call, columns that set the scale, rows of the window, values)"""
    for n in (2, 3, 10, 50, 200):
        yield f"sma(close, {n})", f"SMA {n}", "close", n, ta.SMA(c, n)
    for n in (2, 5, 12, 26, 50):
        yield f"ema(close, {n})", f"EMA {n}", "close", n, ta.EMA(c, n)
    for n in (2, 10, 50):
        yield f"wma(close, {n})", f"WMA {n}", "close", n, ta.WMA(c, n)
    for n in (2, 20):
        yield f"dema(close, {n})", f"DEMA {n}", "close", n, ta.DEMA(c, n)
        yield f"tema(close, {n})", f"TEMA {n}", "close", n, ta.TEMA(c, n)
    for n in (2, 10, 30):
        yield f"kama(close, {n})", f"KAMA {n}", "close", n, ta.KAMA(c, n)
    for n in (2, 14, 30):
        yield f"rsi(close, {n})", f"RSI {n}", "close", n, ta.RSI(c, n)
    yield "sma(rsi(close, 14), 5)", "SMA 5 of RSI 14", "close", 19, ta.SMA(ta.RSI(c, 14), 5)
    for fast, slow, signal in ((12, 26, 9), (3, 10, 16)):
        names = (f"macd(close, {fast}, {slow}, {signal})",
                 f"macd_signal(close, {fast}, {slow}, {signal})",
                 f"macd_hist(close, {fast}, {slow}, {signal})")
        for name, values in zip(names, ta.MACD(c, fast, slow, signal)):
            yield name, f"MACD {fast} {slow} {signal}", "close", slow, values
    for k, smooth, d in ((14, 3, 3), (14, 1, 3), (5, 3, 2)):
        names = (f"stoch_k({k}, {smooth}, {d})", f"stoch_d({k}, {smooth}, {d})")
        for name, values in zip(names, ta.STOCH(h, l, c, k, smooth, 0, d, 0)):
            yield name, f"STOCH {k} {smooth} 0 {d} 0", "high low close", k, values
    for n in (5, 20):
        yield f"cci({n})", f"CCI {n}", "high low close", n, ta.CCI(h, l, c, n)
    for n in (1, 10):
        yield f"roc(close, {n})", f"ROC {n}", "close", n + 1, ta.ROC(c, n)
        yield f"momentum(close, {n})", f"MOM {n}", "close", n + 1, ta.MOM(c, n)
    yield "change(close, 5)", "MOM 5", "close", 6, ta.MOM(c, 5)
    for n in (5, 14):
        yield f"williams_r({n})", f"WILLR {n}", "high low close", n, ta.WILLR(h, l, c, n)
        yield f"mfi({n})", f"MFI {n}", "high low close", n + 1, ta.MFI(h, l, c, v, n)
        down, up = ta.AROON(h, l, n)
        yield f"aroon_up({n})", f"AROON {n}", "high", n + 1, up
        yield f"aroon_down({n})", f"AROON {n}", "low", n + 1, down
    for n in (2, 14):
        yield f"adx({n})", f"ADX {n}", "high low close", n, ta.ADX(h, l, c, n)
        yield f"plus_di({n})", f"PLUS_DI {n}", "high low close", n, ta.PLUS_DI(h, l, c, n)
        yield f"minus_di({n})", f"MINUS_DI {n}", "high low close", n, ta.MINUS_DI(h, l, c, n)
    for step, most in ((0.02, 0.2), (0.1, 0.3)):
        yield f"psar({step}, {most})", f"SAR {step} {most}", "high low", 2, ta.SAR(h, l, step, most)
    yield "true_range", "TRANGE", "high low close", 2, ta.TRANGE(h, l, c)
    for n in (1, 5, 14):
        yield f"atr({n})", f"ATR {n}", "high low close", n, ta.ATR(h, l, c, n)
    for n in (5, 20):
        yield f"stddev(close, {n})", f"STDDEV {n}", "close", n, ta.STDDEV(c, n)
        yield f"variance(close, {n})", f"VAR {n}", "close", n, ta.VAR(c, n)
        names = (f"bbands_upper(close, {n}, 2.5)", f"bbands_middle(close, {n})",
                 f"bbands_lower(close, {n}, 2.5)")
        for name, values in zip(names, ta.BBANDS(c, n, 2.5, 2.5)):
            yield name, f"BBANDS {n} 2.5 2.5", "close", n, values
        yield f"donchian_high({n})", f"MAX {n}", "high", n, ta.MAX(h, n)
        yield f"donchian_low({n})", f"MIN {n}", "low", n, ta.MIN(l, n)
        yield f"highest(close, {n})", f"MAX {n}", "close", n, ta.MAX(c, n)
        yield f"lowest(close, {n})", f"MIN {n}", "close", n, ta.MIN(c, n)
        yield f"sum(close, {n})", f"SUM {n}", "close", n, ta.SUM(c, n)
        yield f"linreg_slope(close, {n})", f"LINEARREG_SLOPE {n}", "close", n, ta.LINEARREG_SLOPE(c, n)
        yield f"linreg_value(close, {n})", f"LINEARREG {n}", "close", n, ta.LINEARREG(c, n)
        yield f"correlation(high, low, {n})", f"CORREL {n}", "high low", n, ta.CORREL(h, l, n)
        yield f"beta(low, high, {n})", f"BETA {n}", "high low", n + 1, ta.BETA(h, l, n)
    yield "obv", "OBV", "volume", 1, ta.OBV(c, v)
    yield "log(close)", "LN", "close", 1, ta.LN(c)
    yield "sqrt(close)", "SQRT", "close", 1, ta.SQRT(c)
    yield "floor(close)", "FLOOR", "close", 1, ta.FLOOR(c)
    yield "exp(close / 1000)", "EXP", "close", 1, ta.EXP(c / 1000)


def sampled(count):
    """The rows that are kept: those of most warm-ups, one in thirty, and the last."""
    return sorted({*range(50), *range(195, 205), *range(50, count, 30), *range(count - 20, count)})


def main():
    if ta.__version__ != VERSION:
        sys.exit(f"this is TA-Lib {ta.__version__}; the values are those of {VERSION}")
    for name, file, symbol, count, flat in SERIES:
        data = columns(file, symbol, count, flat)
        found = list(cases(*data.values()))
        first = [next(iter(np.flatnonzero(~np.isnan(values))), "") for *_, values in found]
        digest = hashlib.sha256((ROOT / "data" / file).read_bytes()).hexdigest()
        head = [
            f"# TA-Lib {ta.__version__} (C library {ta.__ta_version__.decode().split()[0]}), "
            "by tests/peers/ta_lib.py",
            f"# the first {count} bars" + (f" of {symbol}" if symbol else "") + f" in data/{file}"
            + (f", those from {flat[0]} to {flat[1] - 1} made flat" if flat else ""),
            f"# sha256 of that file: {digest}",
        ]
        table = [["", *(str(part) for part in parts)] for parts in zip(*(f[:4] for f in found))]
        for label, line in zip(("expression", "talib", "scale", "window"), table):
            line[0] = label
        table.append(["first", *map(str, first)])
        for row in sampled(count):
            cells = (values[row] for *_, values in found)
            # The shortest text that reads back as the same number.
            table.append([str(row), *("" if np.isnan(x) else repr(float(x)) for x in cells)])
        path = ROOT / "tests/fixtures/talib" / f"{name}.tsv"
        lines = head + ["\t".join(line) for line in table]
        path.write_text("".join(f"{line}\n" for line in lines))
        print(f"{path.relative_to(ROOT)}: {len(found)} columns, {len(table) - 5} rows")


if __name__ == "__main__":
    main()
